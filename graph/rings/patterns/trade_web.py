"""Who trades with whom within a span, undirected, and how closed the communities of it are."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from graph.rings.arrays import Flags, Floats, Int64
from graph.rings.columns.flows import Flows
from graph.rings.patterns.communities import communities

#: A community that trades with nobody else counts as one that does so with this share of its money.
SMALLEST_OPENNESS = 0.01


@dataclass(frozen=True)
class Web:
    """Trade of a window between p parties, as positions in ``codes`` int64 [p], and k unordered pairs.

    ``left`` < ``right`` int64 [k]; ``sold`` / ``bought`` int64 [k] minor units from left to right and back;
    ``surprise`` float64 [k]; ``turnover`` int64 [p] bought and sold.
    """

    codes: Int64
    left: Int64
    right: Int64
    sold: Int64
    bought: Int64
    surprise: Floats
    turnover: Int64

    @property
    def amount(self) -> Int64:
        """Both directions together; int64 [k]."""
        return self.sold + self.bought


@dataclass(frozen=True)
class Measures:
    """Of c communities: ``size`` int64 members; float64: ``partners`` inside of a member on average,
    ``share`` of the members' turnover that is with each other, ``central`` share of that in which the most
    central member has a part, ``mixed`` share of the members that both buy and sell inside, ``strength``."""

    size: Int64
    partners: Floats
    share: Floats
    central: Floats
    mixed: Floats
    strength: Floats


def total(position: Int64, amount: Int64, length: int) -> Int64:
    """Exact sums of ``amount`` by position; int64 [length]."""
    found = np.zeros(length, np.int64)
    np.add.at(found, position, amount)
    return found


def web_of(flows: Flows) -> Web:
    """The web of some transfers."""
    codes, ends = np.unique(np.concatenate([flows.source, flows.target]), return_inverse=True)
    source, target = np.split(ends.astype(np.int64), 2)
    key = np.minimum(source, target) * len(codes) + np.maximum(source, target)
    pairs, pair = np.unique(key, return_inverse=True)
    left, right = pairs // len(codes), pairs % len(codes)
    sold = total(pair, np.where(source < target, flows.amount, 0), len(pairs))
    bought = total(pair, np.where(source < target, 0, flows.amount), len(pairs))
    turnover = total(left, sold + bought, len(codes)) + total(right, sold + bought, len(codes))
    partners = np.bincount(np.concatenate([left, right]), minlength=len(codes))
    surprise = np.maximum(np.log(2 * len(pairs) / (partners[left] * partners[right])), 0)
    return Web(codes.astype(np.int64), left, right, sold, bought, surprise, turnover)


def labels(web: Web, member_cost: float) -> tuple[Int64, Flags]:
    """(community of each party, -1 for those with fewer than two partners in it; pairs inside one)."""
    weight = web.amount / np.sqrt(web.turnover[web.left].astype(float) * web.turnover[web.right])
    label = communities(web.left, web.right, weight, member_cost)
    inside = label[web.left] == label[web.right]
    while True:
        ends = np.concatenate([web.left[inside], web.right[inside]])
        partners = np.bincount(ends, minlength=len(label))
        rare = inside & (np.minimum(partners[web.left], partners[web.right]) < 2)
        if not rare.any():
            return np.where(partners > 0, label, -1), inside
        inside &= ~rare


def measure(web: Web, label: Int64, inside: Flags) -> Measures:
    """Measures of the communities that ``labels`` found."""
    n, parties = int(label.max(initial=-1)) + 1, len(label)
    left, right, amount = web.left[inside], web.right[inside], web.amount[inside]
    of_pair, member = label[left], np.flatnonzero(label >= 0)
    of_member = label[member]
    sold = total(left, web.sold[inside], parties) + total(right, web.bought[inside], parties)
    bought = total(left, web.bought[inside], parties) + total(right, web.sold[inside], parties)
    most = np.zeros(n, np.int64)
    np.maximum.at(most, of_member, (sold + bought)[member])
    both = member[(sold > 0)[member] & (bought > 0)[member]]
    size, pairs = np.bincount(of_member, minlength=n), np.bincount(of_pair, minlength=n)
    inner, turnover = total(of_pair, amount, n), total(of_member, web.turnover[member], n)
    share = 2 * inner / np.maximum(turnover, 1)
    surprise = np.bincount(of_pair, web.surprise[inside], n) / np.maximum(pairs, 1)
    return Measures(
        size=size,
        partners=2 * pairs / np.maximum(size, 1),
        share=share,
        central=most / np.maximum(inner, 1),
        mixed=np.bincount(label[both], minlength=n) / np.maximum(size, 1),
        strength=(pairs - size + 1) * surprise * -np.log(np.clip(1 - share, SMALLEST_OPENNESS, 1)),
    )
