"""Which counterparties of a firm that failed a new firm took over, and how rare that is in its industry."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from graph.rings.arrays import Floats, Int32, Int64
from graph.rings.columns.lives import Lives, Partners
from graph.rings.patterns.surprise import binomial_surprise


@dataclass(frozen=True)
class Span:
    """``last_days``: counterparties of the old firm's last days, and of the new firm's first, are compared;
    ``before_days``: by so much a relation may have begun before the failure."""

    last_days: int
    before_days: int


@dataclass(frozen=True)
class Takeovers:
    """Old and new firms, arrays [c]: ``taken`` of the old one's ``had`` and the new one's ``has``
    counterparties, int64; ``surprise`` in nats. ``relations`` int64 [2, r]: position in [c], ascending,
    and a relation of the new firm that was taken over."""

    old: Int32
    new: Int32
    taken: Int64
    had: Int64
    has: Int64
    surprise: Floats
    relations: Int64


@dataclass(frozen=True)
class Niches:
    """How many firms of each industry have each partner: ``key`` int64 ascending (industry x 2 n +
    partner), ``count`` int64; ``total`` relations by industry."""

    industry: Int64
    key: Int64
    count: Int64
    total: Int64

    @classmethod
    def of(cls, partners: Partners, industry: Int64) -> Niches:
        """From all relations."""
        place = industry[partners.firm]
        key, count = np.unique(place * 2 * partners.n + partners.partner, return_counts=True)
        return cls(industry, key, count, np.bincount(place, minlength=int(industry.max()) + 1))

    def having(self, industry: Int64, partner: Int64) -> Int64:
        """Firms of the industry that have the partner."""
        wanted = industry * 2 * len(self.industry) + partner
        place = np.minimum(np.searchsorted(self.key, wanted), len(self.key) - 1)
        return np.where(self.key[place] == wanted, self.count[place], 0)


def takeovers_of(
    pairs: tuple[Int32, Int32],
    partners: Partners,
    lives: Lives,
    niches: Niches,
    span: Span,
) -> Takeovers:
    """What each new firm of ``pairs`` (old, new) took over of the old one's counterparties.

    Surprise: minus the logarithm of the binomial chance of as many or more among the new firm's own, with
    the share of its industry's relations that lead to the old one's counterparties.
    """
    old, new = pairs
    at, relation = partners.rows_of(old)
    failed_on, begun_on = lives.failed_on[old[at]], lives.begun_on[new[at]]
    lately = (partners.last_on[relation] >= failed_on - span.last_days) & (
        partners.first_on[relation] <= failed_on
    )
    lately &= partners.partner[relation] // 2 != new[at]
    at, relation = at[lately], relation[lately]
    failed_on, begun_on, partner = failed_on[lately], begun_on[lately], partners.partner[relation]
    same = partners.find(new[at], partner)
    first = partners.first_on[same]
    taken = (same >= 0) & (first >= failed_on - span.before_days)
    taken &= first <= begun_on + span.last_days
    own_at, own = partners.rows_of(new)
    early = partners.first_on[own] <= lives.begun_on[new[own_at]] + span.last_days
    count = len(old)
    has, had = np.bincount(own_at[early], minlength=count), np.bincount(at, minlength=count)
    n_taken = np.bincount(at[taken], minlength=count)
    # How often firms of the new one's industry have these partners, the two of them left aside.
    industry = niches.industry[new]
    others = niches.having(industry[at], partner) - (niches.industry[old[at]] == industry[at]) - (same >= 0)
    total = np.maximum(niches.total[industry] - has - had, 1)
    chance = np.maximum(np.bincount(at, np.maximum(others, 0), minlength=count), 1.0) / total
    surprise = binomial_surprise(n_taken, has, chance)
    return Takeovers(old, new, n_taken, had, has, surprise, np.stack([at[taken], same[taken]]))
