"""Duplicate financing: money is advanced twice, or beyond its amount, on what looks like one claim.

Two conflicts count. *One invoice*: financings of it that are open at the same time add up to more than its
amount, or assign more than its amount to different assignees (what is assigned is the advance over the
advance rate). *Near-duplicates*: two financed invoices of the same seller and buyer within days of each
other, of nearly the same amount, their financings open at the same time. A conflict's surprise adds up
how seldom unrelated claims come as close in amount, day and number, and how seldom financiers change,
less the logarithm of the pairs compared; the conflicts of one seller are one finding.

Published: FATF and Egmont Group, *Trade-Based Money Laundering: Trends and Developments* (2020), multiple
invoicing; Wolfsberg Group, ICC and BAFT, *Trade Finance Principles* (2019); number distance: Levenshtein
(1966).

False friends: refinancing (the first is repaid when the second begins, give or take ``grace_days``),
participations (shares add up to the invoice at most), a row recorded twice (same financier, day and
amount), instalments and retainers (each of the invoices was delivered or paid by itself).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from graph.rings.arrays import Flags, Floats, Int64
from graph.rings.columns.deliveries import own_trail
from graph.rings.columns.financings import Financed, evidence_of, financed_invoices
from graph.rings.columns.shuffles import redealt
from graph.rings.finding import Detection, Finding, Member
from graph.rings.patterns.likeness import change_surprise, number_distance, surprise_of
from graph.rings.typology import Naming, Typology
from graph.rings.wording import counted, listing, money, only_strongest, span
from graph.snapshot import Snapshot

CODE = "duplicate_financing"
#: No financings.
NONE = np.empty(0, np.int64)


@dataclass(frozen=True)
class DuplicateFinancingSettings:
    """``tolerance``: share of the invoice that advances may exceed it by (rounding, exchange rates).
    ``grace_days``: a first financing repaid so long after the second began counts as refinanced.
    ``near_days`` / ``near_share``: the furthest that near-duplicates lie apart in days and in amount.
    ``least_surprise``: nats that two invoices must agree by to be held for near-duplicates.
    ``neighbours``: financings that each one is held against, nearest in time first.
    ``most_findings``: the strongest are kept; evidence is the latest of each (``financings``).
    """

    tolerance: float = 0.03
    grace_days: int = 5
    near_days: int = 30
    near_share: float = 0.02
    least_surprise: float = 10.0
    neighbours: int = 40
    most_findings: int = 20_000


@dataclass(frozen=True)
class _Conflicts:
    """Pairs of positions in the financings, the later one second, and the surprise of each in nats."""

    first: Int64
    second: Int64
    surprise: Floats
    same: Flags


def _both_open(financed: Financed, first: Int64, second: Int64, grace_days: int) -> Flags:
    later = np.maximum(financed.financed_on[first], financed.financed_on[second])
    sooner = np.minimum(financed.closed_on[first], financed.closed_on[second])
    return np.asarray(sooner > later + grace_days)


def _recorded_twice(financed: Financed, first: Int64, second: Int64) -> Flags:
    return np.asarray(
        (financed.financier[first] == financed.financier[second])
        & (financed.financed_on[first] == financed.financed_on[second])
        & (financed.amount[first] == financed.amount[second])
    )


def _assignments(
    snapshot: Snapshot, financed: Financed, most: NDArray[np.floating]
) -> Callable[[Int64, Int64], Flags]:
    """Tells of pairs whether they assign more than ``most`` of one claim, and to different parties."""
    rows = snapshot.tables["financings"]
    assignee = rows["assignee_code"].fill_null(-1).to_numpy()[financed.row]
    rate = rows["advance_rate"].fill_null(1.0).to_numpy()[financed.row]
    claimed = financed.amount / np.where((rate > 0) & (rate <= 1), rate, 1.0)

    def assigned_twice(first: Int64, second: Int64) -> Flags:
        known = np.minimum(assignee[first], assignee[second]) >= 0
        beyond = claimed[first] + claimed[second] > most[first]
        return np.asarray(known & (assignee[first] != assignee[second]) & beyond)

    return assigned_twice


def _on_one_invoice(
    snapshot: Snapshot, financed: Financed, settings: DuplicateFinancingSettings
) -> tuple[_Conflicts, bool]:
    """Conflicts on one invoice, and whether any invoice has more financings than are looked at."""
    most = financed.invoice_amount * (1 + settings.tolerance)
    assigned_twice = _assignments(snapshot, financed, most)
    order = np.lexsort((financed.financed_on, financed.invoice))
    outstanding = financed.amount[order].astype(np.float64)
    pairs, step = [(NONE, NONE, NONE.astype(np.bool_))], 0
    for step in range(1, settings.neighbours + 1):
        first, second = order[:-step], order[step:]
        near = np.flatnonzero(financed.invoice[first] == financed.invoice[second])
        if not len(near):
            break
        first, second = first[near], second[near]
        overlapping = _both_open(financed, first, second, settings.grace_days)
        overlapping &= ~_recorded_twice(financed, first, second)
        outstanding[near + step] += np.where(overlapping, financed.amount[first], 0)
        kept = np.flatnonzero(overlapping)
        pairs.append((first[kept], second[kept], assigned_twice(first[kept], second[kept])))
    of_financing = np.empty(len(financed))
    of_financing[order] = outstanding
    first, second, assigned = map(np.concatenate, zip(*pairs, strict=True))
    wrong = (of_financing[second] > most[second]) | assigned
    first, second = first[wrong], second[wrong]
    none = np.zeros(len(first), np.int64)
    surprise = surprise_of(none.astype(np.float64), none, none, settings.near_days)
    return _Conflicts(first, second, surprise, np.ones(len(first), np.bool_)), step == settings.neighbours


def _near_duplicates(
    snapshot: Snapshot, financed: Financed, settings: DuplicateFinancingSettings
) -> tuple[_Conflicts, bool]:
    """Conflicts between two invoices, and whether a pair has more financings than are looked at."""
    order = np.lexsort((financed.issued_on, financed.buyer, financed.seller))
    pairs, step = [(NONE, NONE)], 0
    compared = np.ones(snapshot.n_parties)
    for step in range(1, settings.neighbours + 1):
        first, second = order[:-step], order[step:]
        same = (
            (financed.seller[first] == financed.seller[second])
            & (financed.buyer[first] == financed.buyer[second])
            & (financed.issued_on[second] - financed.issued_on[first] <= settings.near_days)
        )
        if not same.any():
            break
        compared += np.bincount(financed.seller[first[same]], minlength=len(compared))
        larger = np.maximum(financed.invoice_amount[first], financed.invoice_amount[second])
        apart = np.abs(financed.invoice_amount[first] - financed.invoice_amount[second])
        close = same & (apart <= settings.near_share * larger)
        close &= financed.invoice[first] != financed.invoice[second]
        close &= _both_open(financed, first, second, settings.grace_days)
        pairs.append((first[close], second[close]))
    first, second = map(np.concatenate, zip(*pairs, strict=True))
    # Of many pairs that are held against each other some agree by chance, most of all where nobody else is
    # asked for money.
    known = change_surprise(financed, first, second) - np.log(compared[financed.seller[first]])
    conflicts = _without_own_trails(snapshot, financed, (first, second, known), settings)
    return conflicts, step == settings.neighbours


def _without_own_trails(
    snapshot: Snapshot,
    financed: Financed,
    pairs: tuple[Int64, Int64, Floats],
    settings: DuplicateFinancingSettings,
) -> _Conflicts:
    """The pairs of which one at least was neither delivered nor paid, and surprising enough with what is
    ``known`` of their surprise: ``pairs`` are first, second, known."""
    named, back = np.unique(financed.invoice[np.concatenate(pairs[:2])], return_inverse=True)
    trail = own_trail(snapshot, named)[back].reshape(2, -1)
    doubtful = ~trail.all(axis=0)
    first, second, known = pairs[0][doubtful], pairs[1][doubtful], pairs[2][doubtful]
    amounts = financed.invoice_amount
    apart = np.abs(amounts[first] - amounts[second]) / np.maximum(amounts[first], amounts[second])
    days_apart = np.abs(financed.issued_on[first] - financed.issued_on[second]).astype(np.int64)
    ids = snapshot.tables["invoices"]["invoice_id"]
    numbers = (ids.take(pa.array(financed.invoice[side])).to_pylist() for side in (first, second))
    surprise = known + surprise_of(apart, days_apart, number_distance(*numbers), settings.near_days)
    kept = surprise >= settings.least_surprise
    return _Conflicts(first[kept], second[kept], surprise[kept], np.zeros(int(kept.sum()), np.bool_))


def _finding(snapshot: Snapshot, financed: Financed, conflicts: _Conflicts, chosen: Int64) -> Finding:
    """The finding of one seller; ``chosen``: its conflicts."""
    involved = np.unique(np.concatenate([conflicts.first[chosen], conflicts.second[chosen]]))
    rows, same = financed.only(involved), conflicts.same[chosen]
    roles: dict[int, str] = {int(rows.seller[0]): "seller"}
    for codes, role in ((rows.buyer, "buyer"), (rows.financier, "financier")):
        for code in codes.tolist():
            roles.setdefault(code, role)
    invoices, first_of = np.unique(rows.invoice, return_index=True)
    # What was advanced on claims beyond their amount, or again on a near-duplicate.
    twice = np.unique(conflicts.second[chosen])
    return Finding(
        typology=CODE,
        members=tuple(Member(code, role) for code, role in sorted(roles.items())),
        first_on=int(min(rows.financed_on.min(), rows.issued_on.min())),
        last_on=int(rows.financed_on.max()),
        amount=int(financed.amount[twice].sum()),
        strength=float(conflicts.surprise[chosen].sum()),
        evidence=evidence_of(snapshot, rows),
        facts={
            "invoices": len(invoices),
            "financings": len(rows),
            "invoiced": int(rows.invoice_amount[first_of].sum()),
            "advanced": int(rows.amount.sum()),
            "same_invoice": len(np.unique(financed.invoice[conflicts.second[chosen[same]]])),
            "near_duplicates": int((~same).sum()),
        },
    )


def detect(snapshot: Snapshot, settings: DuplicateFinancingSettings) -> Detection:
    """Sellers whose claims were financed twice or beyond their amount. ``snapshot``: in order."""
    financed = financed_invoices(snapshot)
    same, cut_same = _on_one_invoice(snapshot, financed, settings)
    near, cut_near = _near_duplicates(snapshot, financed, settings)
    conflicts = _Conflicts(
        *(np.concatenate([getattr(same, name), getattr(near, name)]) for name in vars(same))
    )
    seller = financed.seller[conflicts.first]
    strength = np.bincount(seller, weights=conflicts.surprise, minlength=snapshot.n_parties)
    found = np.flatnonzero(strength > 0)
    sellers = np.sort(found[np.argsort(-strength[found], kind="stable")[: settings.most_findings]])
    order = np.argsort(seller, kind="stable")
    bounds = np.searchsorted(seller[order], [sellers, sellers + 1])
    cuts = []
    if cut_same or cut_near:
        cuts.append(f"a financing was held against {settings.neighbours} others of its invoice or pair only")
    cuts += only_strongest(settings.most_findings, len(found), "sellers")
    findings = tuple(
        _finding(snapshot, financed, conflicts, order[low:high]) for low, high in bounds.T.tolist()
    )
    return Detection(findings, tuple(cuts))


def shuffle(snapshot: Snapshot, random: np.random.Generator) -> Snapshot:
    """Every financing on any invoice of the same days, none twice: near-duplicates are left to chance."""
    return redealt(snapshot, random)


def explain(finding: Finding, naming: Naming, currency: str) -> str:
    """What the records show, in plain words."""
    seller, buyers, financiers = (
        listing(map(naming, finding.in_role(role))) for role in ("seller", "buyer", "financier")
    )
    facts = finding.facts
    same, near = int(facts["same_invoice"]), int(facts["near_duplicates"])
    parts = []
    if same:
        parts.append(
            f"on {counted(same, 'invoice')} financings that were open at the same time come to more than the "
            "invoice or assign it to more than one party"
        )
    if near:
        parts.append(
            f"{counted(near, 'pair')} of financed invoices nearly agree in amount, day or number while one "
            "of the two shows neither delivery nor payment of its own"
        )
    return (
        f"The records show {counted(int(facts['financings']), 'financing')} of "
        f"{counted(int(facts['invoices']), 'invoice')} from {seller} to {buyers} "
        f"{span(finding.first_on, finding.last_on)}, advanced by {financiers}: "
        f"{money(int(facts['advanced']), currency)} on claims of {money(int(facts['invoiced']), currency)}. "
        f"Of these, {' and '.join(parts)}. Refinancings that are recorded late, participations and invoices "
        "numbered anew can look like this: the assignments and the delivery papers would settle it."
    )


TYPOLOGY = Typology(
    code=CODE,
    title="Duplicate financing",
    definition="One invoice, or two that are nearly the same, financed more than once at the same time and "
    "for more than it is worth, or assigned to more than one party.",
    published="FATF and Egmont Group, Trade-Based Money Laundering (2020), multiple invoicing; Wolfsberg "
    "Group, ICC and BAFT, Trade Finance Principles (2019).",
    false_friends="Refinancing once the first financier was repaid; participations and syndicates; rows "
    "recorded twice; retainers and instalments of equal amounts, each delivered or paid.",
    tables=("invoices", "financings"),
    settings=DuplicateFinancingSettings(),
    detect=detect,
    shuffle=shuffle,
    explain=explain,
)
