"""Phantom shipments: invoices are financed for goods of which nothing shows that they ever moved.

An invoice is unproven where no shipment arrived for it in a time that its mode allows (``deliveries``), and
mature once it is ``patience_days`` old. Of each seller, buyer and kind of goods the unproven among the
financed mature invoices are held against the largest of three expected shares: of the industry's other
sellers of such goods, of the seller's invoices that were not financed, and of those to the same buyer (each
drawn towards the one before by ``prior`` invoices). The strength is n times the relative entropy of the
seen to the expected share (Chernoff's bound of the binomial tail, in nats), less the logarithm of the
number of ways to choose as many of the seller's buyers and less ``nats_each`` for every buyer but one; the
buyers that make it largest are the finding.

Published: FATF, *Trade-Based Money Laundering* (2006), phantom shipments; FATF and Egmont Group,
*Trade-Based Money Laundering: Trends and Developments* (2020); scan over subsets of buyers in the spirit of
Kulldorff, *A spatial scan statistic* (Communications in Statistics, 1997).

False friends: services (nobody ships them: neither the industry for such goods, nor the seller where it is
not financed), drop-shipping (another party ships, to the right consignee), papers that come late (an
invoice is not judged before it is mature).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import gammaln, rel_entr

from graph.relations import day_number
from graph.rings.arrays import Flags, Floats, Int64
from graph.rings.columns.deliveries import ARRIVED, IMPOSSIBLE, NOTHING, UNDER_WAY, Plausibility, arrivals
from graph.rings.columns.financings import Financed, evidence_of, financed_invoices
from graph.rings.columns.rows import days, matches, standing, text_codes
from graph.rings.columns.shuffles import redealt
from graph.rings.finding import Detection, Finding, Member
from graph.rings.typology import Naming, Typology
from graph.rings.wording import counted, listing, money, only_strongest, share, span
from graph.snapshot import Snapshot

CODE = "phantom_shipment"
#: Shares are kept so far from nought and one.
EDGE = 0.02


@dataclass(frozen=True)
class PhantomShipmentSettings(Plausibility):
    """``patience_days``: papers may take so long to come. ``prior``: invoices that an expected share is
    drawn by towards the more general one. ``nats_each``: what a further buyer must add. ``fewest``: unproven
    financed invoices of a finding. ``least_strength``: nats. ``most_findings``: the strongest are kept.
    """

    patience_days: int = 90
    prior: float = 3.0
    nats_each: float = 2.0
    fewest: int = 4
    least_strength: float = 3.0
    most_findings: int = 20_000


@dataclass(frozen=True)
class _Claims:
    """Mature standing invoices, in parallel arrays: ``row`` int64 position, what is known of its goods,
    whether it was financed, and the number of its unit: seller, goods and buyer."""

    row: Int64
    state: NDArray[np.int8]
    financed: Flags
    unit: Int64


@dataclass(frozen=True)
class _Units:
    """What each seller sold to each buyer of one kind of goods, in parallel arrays ascending by seller.

    ``line``: number of seller and goods; ``cell``: number of the seller's industry and goods; counts float64
    of invoices that were ``financed``, that were not (``others``), and of the unproven among each.
    """

    seller: Int64
    buyer: Int64
    line: Int64
    cell: Int64
    financed: Floats
    financed_unproven: Floats
    others: Floats
    others_unproven: Floats


def _numbered(*columns: Int64) -> tuple[Int64, Int64]:
    """(position of one row of each distinct combination, number of every row's combination), ascending."""
    order = np.lexsort(columns[::-1])
    changes = np.ones(len(order), np.bool_)
    if len(order):
        changes[1:] = np.any([column[order][1:] != column[order][:-1] for column in columns], axis=0)
    number = np.empty(len(order), np.int64)
    number[order] = np.cumsum(changes) - 1
    return order[changes], number


def _claims_by_unit(
    snapshot: Snapshot, financed: Financed, settings: PhantomShipmentSettings
) -> tuple[_Claims, _Units]:
    invoices = snapshot.tables["invoices"]
    mature = days(invoices["issued_on"]) <= day_number(snapshot.as_of) - settings.patience_days
    row = np.flatnonzero(mature & standing(invoices))
    seller, buyer = (
        invoices[name].to_numpy()[row].astype(np.int64) for name in ("seller_code", "buyer_code")
    )
    goods = text_codes(invoices["goods"])[row]
    one, unit = _numbered(seller, goods, buyer)
    advanced = np.zeros(invoices.num_rows, np.bool_)
    advanced[financed.invoice] = True
    claims = _Claims(row, arrivals(snapshot, settings)[row], advanced[row], unit)
    unproven = claims.state != ARRIVED

    def count(of: Flags) -> Floats:
        return np.bincount(unit, weights=of, minlength=len(one)).astype(np.float64)

    units = _Units(
        seller=seller[one],
        buyer=buyer[one],
        line=_numbered(seller[one], goods[one])[1],
        cell=_numbered(text_codes(snapshot.tables["parties"]["industry"])[seller[one]], goods[one])[1],
        financed=count(claims.financed),
        financed_unproven=count(claims.financed & unproven),
        others=count(~claims.financed),
        others_unproven=count(~claims.financed & unproven),
    )
    return claims, units


def _expected(units: _Units, prior: float) -> Floats:
    """Share of unproven invoices to be expected of each unit's financed ones; float64."""

    def within(number: Int64, counts: Floats) -> Floats:
        return np.bincount(number, weights=counts).astype(np.float64)[number]

    invoices, unproven = units.financed + units.others, units.financed_unproven + units.others_unproven
    everywhere = unproven.sum() / max(invoices.sum(), 1.0)
    elsewhere = within(units.cell, invoices) - within(units.line, invoices)
    elsewhere_unproven = within(units.cell, unproven) - within(units.line, unproven)
    industry = (elsewhere_unproven + prior * everywhere) / (elsewhere + prior)
    line, line_unproven = within(units.line, units.others), within(units.line, units.others_unproven)
    own = (line_unproven + prior * industry) / (line + prior)
    to_buyer = (units.others_unproven + prior * own) / (units.others + prior)
    return np.asarray(np.clip(np.maximum.reduce([industry, own, to_buyer]), EDGE, 1 - EDGE))


@dataclass(frozen=True)
class _Scan:
    """Of each seller: the most striking set of its units, ``units[first:last]``, and its strength."""

    seller: Int64
    units: Int64
    first: Int64
    last: Int64
    strength: Floats
    expected: Floats


def _scan(units: _Units, settings: PhantomShipmentSettings) -> _Scan:
    """Sellers whose financed invoices are unproven more often than expected, to some buyers at least."""
    expected = _expected(units, settings.prior)
    of = np.flatnonzero(units.financed > 0)
    excess = units.financed_unproven[of] / units.financed[of] - expected[of]
    of = of[np.lexsort((of, -units.financed[of], -excess, units.seller[of]))]
    sellers, first, size = np.unique(units.seller[of], return_index=True, return_counts=True)
    start = np.repeat(first, size)

    def running(values: Floats) -> Floats:
        total = np.concatenate([[0.0], np.cumsum(values)])
        return np.asarray(total[1:] - total[start])

    n, seen = running(units.financed[of]), running(units.financed_unproven[of])
    mean = running(units.financed[of] * expected[of]) / n
    ratio = seen / n
    entropy = n * (rel_entr(ratio, mean) + rel_entr(1 - ratio, 1 - mean))
    chosen, among = np.arange(len(of)) - start + 1.0, np.repeat(size, size).astype(np.float64)
    ways = gammaln(among + 1) - gammaln(chosen + 1) - gammaln(among - chosen + 1)
    striking = (ratio > mean) & (seen >= settings.fewest)
    strength = np.where(striking, entropy - ways - settings.nats_each * (chosen - 1), -np.inf)
    best = np.lexsort((-strength, start))[first]
    kept = np.flatnonzero(strength[best] >= settings.least_strength)
    return _Scan(sellers[kept], of, first[kept], best[kept] + 1, strength[best[kept]], mean[best[kept]])


@dataclass(frozen=True)
class _Doubtful:
    """Financed claims of which nothing shows that goods arrived, ascending by ``unit``: position in the
    table ``row``, ``state``; and the ``financings`` of them, ascending by invoice."""

    unit: Int64
    row: Int64
    state: NDArray[np.int8]
    financings: Financed

    @classmethod
    def of(cls, claims: _Claims, financings: Financed) -> _Doubtful:
        chosen = np.flatnonzero(claims.financed & (claims.state != ARRIVED))
        chosen = chosen[np.argsort(claims.unit[chosen], kind="stable")]
        financings = financings.only(np.argsort(financings.invoice, kind="stable"))
        return cls(claims.unit[chosen], claims.row[chosen], claims.state[chosen], financings)


def _finding(snapshot: Snapshot, doubtful: _Doubtful, units: _Units, scan: _Scan, k: int) -> Finding:
    """The finding of the k-th seller of the scan."""
    chosen = np.sort(scan.units[scan.first[k] : scan.last[k]])
    claims = matches(chosen, doubtful.unit)[1]
    invoice, state = np.sort(doubtful.row[claims]), doubtful.state[claims]
    financed = doubtful.financings.only(matches(invoice, doubtful.financings.invoice)[1])
    buyers = [Member(code, "buyer") for code in np.unique(financed.buyer).tolist()]
    return Finding(
        typology=CODE,
        members=tuple(sorted([Member(int(financed.seller[0]), "seller"), *buyers])),
        first_on=int(financed.issued_on.min()),
        last_on=int(financed.financed_on.max()),
        amount=int(financed.amount.sum()),
        strength=float(scan.strength[k]),
        evidence=evidence_of(snapshot, financed),
        facts={
            "financed": int(units.financed[chosen].sum()),
            "unproven": len(invoice),
            "nothing": int((state == NOTHING).sum()),
            "under_way": int((state == UNDER_WAY).sum()),
            "impossible": int((state == IMPOSSIBLE).sum()),
            "expected_share": float(scan.expected[k]),
        },
    )


def detect(snapshot: Snapshot, settings: PhantomShipmentSettings) -> Detection:
    """Sellers of whose financed invoices unexpectedly many lack a delivery. ``snapshot``: in order."""
    financed = financed_invoices(snapshot)
    claims, units = _claims_by_unit(snapshot, financed, settings)
    scan = _scan(units, settings)
    doubtful = _Doubtful.of(claims, financed)
    strongest = np.sort(np.argsort(-scan.strength, kind="stable")[: settings.most_findings])
    findings = tuple(_finding(snapshot, doubtful, units, scan, k) for k in strongest.tolist())
    return Detection(findings, only_strongest(settings.most_findings, len(scan.strength), "sellers"))


def shuffle(snapshot: Snapshot, random: np.random.Generator) -> Snapshot:
    """Every financing on any invoice of the same days, none twice: what is financed is left to chance."""
    return redealt(snapshot, random)


def explain(finding: Finding, naming: Naming, currency: str) -> str:
    """What the records show, in plain words."""
    facts = finding.facts
    seller, buyers = (listing(map(naming, finding.in_role(role))) for role in ("seller", "buyer"))
    said = (
        ("nothing", "have no shipment"),
        ("under_way", "have one that did not arrive"),
        ("impossible", "have one that arrived at an implausible time"),
    )
    states = [f"{int(facts[name]):,} {text}" for name, text in said if facts[name]]
    return (
        f"The records show {counted(int(facts['financed']), 'financed invoice')} from {seller} to {buyers} "
        f"{span(finding.first_on, finding.last_on)}. For {int(facts['unproven']):,} of them nothing shows "
        f"that goods arrived: {listing(states)}; by the seller's other invoices and its industry about "
        f"{share(float(facts['expected_share']))} would be expected. {money(finding.amount, currency)} were "
        "advanced on them. Services, goods shipped by others and papers kept elsewhere can look like this: "
        "delivery notes or the buyers' confirmations would settle it."
    )


TYPOLOGY = Typology(
    code=CODE,
    title="Phantom shipments",
    definition="A seller has invoices financed for which no plausible delivery is on record, far more often "
    "than its other invoices and its industry would suggest.",
    published="FATF, Trade-Based Money Laundering (2006), phantom shipments; FATF and Egmont Group, "
    "Trade-Based Money Laundering (2020).",
    false_friends="Services, which nobody ships; drop-shipping by another party to the right consignee; "
    "shipping papers that come weeks late.",
    tables=("invoices", "financings", "shipments"),
    settings=PhantomShipmentSettings(),
    detect=detect,
    shuffle=shuffle,
    explain=explain,
)
