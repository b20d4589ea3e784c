"""Tight communities: firms that come to trade mostly with each other, in all directions and without a centre.

**Definition.** Within half a year (``window_days``) at least ``least_share`` of what the members bought and
sold, they bought from and sold to each other; no member has a part in more than ``most_central`` of that; at
least ``least_mixed`` of them both buy and sell inside; the trade is ``least_growth`` times what it was among
the same firms in the half year before; and it is not trade within a declared group. Firms that deal with one
other member only are not members.

**Parameters.** See ``TightCommunitySettings``. Half years begin ``step_days`` apart; the first, which has
nothing before it to compare with, is history only.

**Published.** Communities: constant Potts model (Traag, Van Dooren, Nesterov 2011), by local moving as in
Louvain (Blondel et al. 2008); a pair weighs its amount by the geometric mean of both turnovers, as in
normalised cuts (Shi and Malik 2000). Closedness is one less conductance.

**Strength.** Members hang together by one pair less than there are members; each pair beyond that is a
coincidence of chance ``d_i d_j / (2 pairs)`` with everyone's number of partners given (Chung and Lu
2002). Strength is the number of those pairs times the mean of the negative logarithms, times that of
conductance.

**False friends.** An industrial park trades outward too; a declared group has an owner in the register; a
cooperative has a hub. A remote valley, a new franchise without links in the register, or a consortium that
works one large order look the same.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from graph.rings import wording
from graph.rings.arrays import Flags, Int64
from graph.rings.columns.flows import Flows, invoice_flows
from graph.rings.columns.ownership import Ownership, ownership_of
from graph.rings.columns.rows import evidence_rows
from graph.rings.columns.shuffles import rewired
from graph.rings.finding import Detection, Finding, Member
from graph.rings.patterns.overlaps import distinct
from graph.rings.patterns.trade_web import labels, measure, total, web_of
from graph.rings.typology import Naming, Typology
from graph.snapshot import Snapshot

CODE = "tight_community"


@dataclass(frozen=True)
class TightCommunitySettings:
    """Shares are of money. ``member_cost``: a community of n members holds together where their trade with
    each other is more than about n times this share of their turnover. ``fewest_partners``: inside, of a
    member on average: fewer make a circle, not a web. ``most_findings``: the strongest;
    ``most_evidence``: rows of a finding, the largest."""

    window_days: int = 180
    step_days: int = 90
    member_cost: float = 0.01
    fewest_members: int = 5
    fewest_partners: float = 3.0
    least_share: float = 0.5
    most_central: float = 0.5
    least_mixed: float = 0.6
    least_growth: float = 2.0
    most_findings: int = 20_000
    most_evidence: int = 500


@dataclass(frozen=True)
class _Community:
    """``members``: codes, ascending. ``flows``: the transfers between them. ``before``: minor units between
    them in the window before; ``share``: of their turnover that is inside; ``chance_share``: that would be
    if they chose partners by size."""

    members: tuple[int, ...]
    flows: Flows
    before: int
    share: float
    chance_share: float
    strength: float


def _inside(flows: Flows, of_party: Int64, chosen: Flags) -> tuple[Flows, Int64]:
    """(transfers within chosen communities, by community then day; the community of each)."""
    community = of_party[flows.source]
    kept = np.flatnonzero((community >= 0) & (community == of_party[flows.target]))
    kept = kept[chosen[community[kept]]]
    kept = kept[np.argsort(community[kept], kind="stable")]
    return flows.only(kept), community[kept]


def _communities_of(
    now: Flows, earlier: Flows, n_parties: int, settings: TightCommunitySettings
) -> Iterator[_Community]:
    """Tight communities of the window ``now`` that trade far more than in the window ``earlier``."""
    web = web_of(now)
    label, inside = labels(web, settings.member_cost)
    measures = measure(web, label, inside)
    chosen = (measures.size >= settings.fewest_members) & (measures.share >= settings.least_share)
    chosen &= (measures.central <= settings.most_central) & (measures.mixed >= settings.least_mixed)
    chosen &= (measures.partners >= settings.fewest_partners) & (measures.strength > 0)
    of_party = np.full(n_parties, -1, np.int64)
    of_party[web.codes] = label
    flows, community = _inside(now, of_party, chosen)
    past, past_community = _inside(earlier, of_party, chosen)
    amount = total(community, flows.amount, len(chosen))
    before = total(past_community, past.amount, len(chosen))
    chosen &= amount >= settings.least_growth * before
    everything = int(web.turnover.sum())
    for one in np.flatnonzero(chosen):
        members = web.codes[label == one]
        rows = np.arange(*np.searchsorted(community, (one, one + 1)))
        chance = float(web.turnover[label == one].sum() / everything)
        yield _Community(
            tuple(members.tolist()), flows.only(rows), int(before[one]), float(measures.share[one]), chance,
            float(measures.strength[one]),
        )  # fmt: skip


def _windows(flows: Flows, settings: TightCommunitySettings) -> Iterator[tuple[Flows, Flows]]:
    """(transfers of a window, of the one before it), from the last window back."""
    if not len(flows):
        return
    first, after = int(flows.day[0]), int(flows.day[-1]) + 1
    for end in range(after, first + 2 * settings.window_days - 1, -settings.step_days):
        days = (end - 2 * settings.window_days, end - settings.window_days, end)
        low, middle, high = np.searchsorted(flows.day, days)
        if high > middle:
            yield flows.only(np.arange(middle, high)), flows.only(np.arange(low, middle))


def _undeclared(community: _Community, ownership: Ownership, least_share: float) -> bool:
    """Whether enough of the members' trade is left without what flows between firms of one owner."""
    flows = community.flows
    ends = np.stack([flows.source, flows.target], axis=1).astype(np.int64)
    pairs, pair = np.unique(ends, axis=0, return_inverse=True)
    days = np.full(len(pairs), flows.day.min(), np.int32), np.full(len(pairs), flows.day.max(), np.int32)
    declared = ownership.joins(pairs, *days)[pair.reshape(-1)]
    left = int(flows.amount[~declared].sum()) / int(flows.amount.sum())
    return community.share * left >= least_share


def _finding(snapshot: Snapshot, community: _Community, most_evidence: int) -> Finding:
    flows = community.flows
    return Finding(
        typology=CODE,
        members=tuple(Member(code, "member") for code in community.members),
        first_on=int(flows.day.min()),
        last_on=int(flows.day.max()),
        amount=int(flows.amount.sum()),
        strength=community.strength,
        evidence=evidence_rows(snapshot, "invoices", flows.largest(most_evidence).row),
        facts={
            "invoices": len(flows),
            "share_inside": community.share,
            "share_by_chance": community.chance_share,
            "amount_before": community.before,
        },
    )


def detect(snapshot: Snapshot, settings: TightCommunitySettings) -> Detection:
    """Tight communities, window by window. ``snapshot``: in order."""
    found: list[_Community] = []
    for now, earlier in _windows(invoice_flows(snapshot), settings):
        found += _communities_of(now, earlier, snapshot.n_parties, settings)
    ownership = ownership_of(snapshot)
    found = [one for one in found if _undeclared(one, ownership, settings.least_share)]
    found.sort(key=lambda one: (-one.strength, one.members))
    kept = distinct(found, lambda one: one.members, settings.most_findings)
    cut = len(kept) == settings.most_findings
    return Detection(
        tuple(_finding(snapshot, one, settings.most_evidence) for one in kept),
        (f"more than {settings.most_findings:,} communities: only the strongest are kept",) if cut else (),
    )


def shuffle(snapshot: Snapshot, random: np.random.Generator) -> Snapshot:
    """Buyers of whole pairs of trade permuted among pairs that began at about the same time."""
    return rewired(snapshot, "invoices", "seller_id", "buyer_id", "issued_on", random)


def explain(finding: Finding, naming: Naming, currency: str) -> str:
    """What the records show, in one paragraph."""
    facts = finding.facts
    before = int(facts["amount_before"])
    grown = (
        f"after {wording.money(before, currency)} in the half year before"
        if before
        else "after none at all in the half year before"
    )
    return (
        f"The records show {wording.counted(len(finding.members), 'firm')} "
        f"({wording.listing(map(naming, finding.in_role('member')))}) that did "
        f"{wording.share(float(facts['share_inside']))} of their business with each other "
        f"{wording.span(finding.first_on, finding.last_on)}, where partners chosen by size alone would make "
        f"it {wording.share(float(facts['share_by_chance']))}: "
        f"{wording.counted(int(facts['invoices']), 'invoice')} over "
        f"{wording.money(finding.amount, currency)}, {grown}. No owner that they share is on record, and no "
        f"one firm is at the centre. A joint order or a remote market can look the same; what was traded, "
        f"and with whom it ended up, would tell."
    )


TYPOLOGY = Typology(
    code=CODE,
    title="Tight community with abnormal internal trade",
    definition=(
        "Five or more firms that within half a year come to do most of their business with each other, in "
        "all directions and far more than before, without a centre and without an owner on record that they "
        "share."
    ),
    published=(
        "Traag, Van Dooren, Nesterov (2011): Narrow scope for resolution-limit-free community detection. "
        "Physical Review E 84."
    ),
    false_friends=(
        "Industrial parks (they trade outward), declared groups, cooperatives around a hub; remote markets, "
        "franchises without links on record, consortia on one large order."
    ),
    tables=("invoices",),
    settings=TightCommunitySettings(),
    detect=detect,
    shuffle=shuffle,
    explain=explain,
)
