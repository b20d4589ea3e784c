"""Pass-through: money comes in from many within days, and within days nearly all of it goes out again.

Looked at are payments of a party with *occasional* counterparties, those it exchanges money with in
``most_months`` spans of thirty days at most. For every day on which one pays in, the money of the next
``gather_days`` days is held against what goes out in these and the ``pass_days`` after; a burst passes on
between ``least_passed`` and ``most_passed`` of it and has ``fewest`` payers or payees. Its strength adds up
how unlikely so many payers and so many payees are at the party's own rate, over all time or around the burst,
whichever is larger (Chernoff's bound of the Poisson tail, in nats), and so small a difference between
in and out, less the logarithm of the days tried. Bursts of one party are one finding.

Published: gather-scatter and scatter-gather among the laundering patterns of Altman et al., *Realistic
Synthetic Financial Transactions for Anti-Money Laundering Models* (NeurIPS 2023); Starnini et al., *Smurf-
Based Anti-Money Laundering in Time-Evolving Transaction Networks* (ECML PKDD 2021); conservation of flow
through middle accounts: Li et al., *FlowScope* (AAAI 2020).

False friends: payroll and taxes (the same payees month after month), marketplaces and factors (as many
payers all year: their own rate), a peak of the season (customers are many, the suppliers who are paid are the
usual ones). A party with more than ``most_bursts`` bursts is taken to make its living that way.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass

import numba
import numpy as np

from graph.rings.arrays import Flags, Floats, Int32, Int64
from graph.rings.columns.flows import Flows, payment_flows
from graph.rings.columns.rows import bounds, evidence_rows
from graph.rings.columns.shuffles import SHUFFLE_DAYS, permuted
from graph.rings.finding import Detection, Finding, Member
from graph.rings.typology import Naming, Typology
from graph.rings.wording import counted, listing, money, only_strongest, share, span
from graph.snapshot import Snapshot

CODE = "pass_through"
#: Payments on one side of all parties: those of party p are rows ``[0][p]:[0][p + 1]``, by day; then of each
#: row the day, the counterparty and the amount.
Side = tuple[Int64, Int32, Int32, Int64]
#: Days before and after a burst that its party's rate around it is taken from.
AROUND_DAYS = 60
#: Differences between in and out are not told apart below this share.
EXACT_SHARE = 0.02
NAMES_LISTED = 5
#: Payments that a finding names as its evidence, at most: the latest.
MOST_EVIDENCE = 500


@dataclass(frozen=True)
class PassThroughSettings:
    """See the module. ``least_strength``: nats of a burst. ``most_findings``: the strongest are kept."""

    gather_days: int = 4
    pass_days: int = 6
    fewest: int = 4
    least_passed: float = 0.8
    most_passed: float = 1.05
    most_months: int = 3
    most_bursts: int = 6
    least_strength: float = 8.0
    most_findings: int = 20_000


@dataclass(frozen=True)
class _Bursts:
    """Bursts of parties, in parallel arrays: first day, money in and out, strength in nats."""

    party: Int64
    start: Int64
    received: Int64
    sent: Int64
    strength: Floats

    def only(self, chosen: Int64 | Flags) -> _Bursts:
        return _Bursts(**{name: values[chosen] for name, values in vars(self).items()})


def _occasional(flows: Flows, n_parties: int, most_months: int) -> Flags:
    """Whether the payer and the payee of each payment meet in ``most_months`` spans of days at most."""
    month = flows.day.astype(np.int64) // SHUFFLE_DAYS
    month -= month.min(initial=0)
    pair = flows.source.astype(np.int64) * n_parties + flows.target
    # Sorted rather than hashed: far faster on as many distinct values.
    met = np.sort(pair * (month.max(initial=0) + 1) + month)
    pairs = met[np.flatnonzero(np.diff(met, prepend=-1))] // (month.max(initial=0) + 1)
    often = np.unique(pairs[most_months:][pairs[most_months:] == pairs[: len(pairs) - most_months]])
    if not len(often):
        return np.ones(len(flows), np.bool_)
    return np.asarray(often[np.minimum(np.searchsorted(often, pair), len(often) - 1)] != pair)


@numba.njit(cache=True)  # type: ignore[untyped-decorator]
def _within(side: Side, party: int, first_day: int, end_day: int) -> tuple[int, int]:
    """Rows of the party from ``first_day`` until before ``end_day``: the first, and one past the last."""
    low, high = side[0][party], side[0][party + 1]
    mine = side[1][low:high]
    return low + np.searchsorted(mine, first_day), low + np.searchsorted(mine, end_day)


@numba.njit(cache=True)  # type: ignore[untyped-decorator]
def _crowd(side: Side, party: int, window: tuple[int, int], days: int, seen: Int64) -> tuple[int, int, float]:
    """Of a window (start, days) on one side of a party: distinct counterparties, money, and -ln of the chance
    of so many at its rate without the window, over all ``days`` or around it.

    ``seen``: int64 by counterparty, the last row it was met in on this side; written.
    """
    start, length = window
    first, last = _within(side, party, start, start + length)
    near_first, near_last = _within(side, party, start - AROUND_DAYS, start + AROUND_DAYS)
    distinct, total = 0, 0
    for row in range(first, last):
        total += side[3][row]
        other = side[2][row]
        # Rows of this window before this one were all marked in it.
        distinct += not first <= seen[other] < row
        seen[other] = row
    here, everywhere = last - first, side[0][party + 1] - side[0][party]
    overall = (everywhere - here + 0.5) * length / max(days - length, length)
    around = (near_last - near_first - here) * length / (2 * AROUND_DAYS - length)
    rate = max(overall, around)
    surprise = distinct * np.log(distinct / rate) - distinct + rate if distinct > rate else 0.0
    return distinct, total, surprise


@numba.njit(cache=True)  # type: ignore[untyped-decorator]
def _scan(
    ins: Side, outs: Side, lengths: tuple[int, int], bounds: tuple[int, float, float], days: int
) -> tuple[Floats, Int64, Int64]:
    """Strength, money in and money out of the burst that begins with each row of ``ins``; strength -inf
    where there is none. ``lengths``: days of money in and of money out; ``bounds``: fewest counterparties,
    least and most of the money passed on. A payment lies in as many windows as they have days, so that the
    work is in proportion to the payments, whatever the hubs."""
    fewest, least, most = bounds
    strength = np.full(len(ins[1]), -np.inf)
    received, sent = np.zeros(len(ins[1]), np.int64), np.zeros(len(ins[1]), np.int64)
    seen_in, seen_out = np.full(len(ins[0]), -1, np.int64), np.full(len(ins[0]), -1, np.int64)
    for party in range(len(ins[0]) - 1):
        tried = 0
        for row in range(ins[0][party], ins[0][party + 1]):
            start = ins[1][row]
            if row > ins[0][party] and ins[1][row - 1] == start:
                continue
            tried += 1
            first, last = _within(outs, party, start, start + lengths[1])
            came_last = _within(ins, party, start, start + lengths[0])[1]
            if first == last or max(last - first, came_last - row) < fewest:
                continue
            payers, came, one = _crowd(ins, party, (start, lengths[0]), days, seen_in)
            payees, went, other = _crowd(outs, party, (start, lengths[1]), days, seen_out)
            _, before, _ = _crowd(ins, party, (start - lengths[0], lengths[0]), days, seen_in)
            received[row], sent[row] = came, went
            # What came in just before would have to be passed on as well.
            passed = least * (came + before) <= went <= most * came
            if max(payers, payees) >= fewest and passed:
                apart = max(abs(came - went) / came, EXACT_SHARE)
                strength[row] = one + other - np.log(apart)
        strength[ins[0][party] : ins[0][party + 1]] -= np.log(max(tried, 1))
    return strength, received, sent


def _by_party(party: Int32, flows: Flows, other: Int32, n_parties: int) -> Side:
    """Payments of each party by day. ``flows``: by day."""
    order = np.argsort(party, kind="stable")
    return (
        bounds(np.bincount(party, minlength=n_parties)),
        flows.day[order],
        other[order],
        flows.amount[order],
    )


def _bursts(flows: Flows, n_parties: int, settings: PassThroughSettings) -> _Bursts:
    """The strongest bursts of each party that do not overlap, by party and day."""
    until = settings.gather_days + settings.pass_days
    ins = _by_party(flows.target, flows, flows.source, n_parties)
    outs = _by_party(flows.source, flows, flows.target, n_parties)
    limits = (settings.fewest, settings.least_passed, settings.most_passed)
    days = int(flows.day[-1] - flows.day[0]) + 1
    strength, received, sent = _scan(ins, outs, (settings.gather_days, until), limits, days)
    row = np.flatnonzero(strength >= settings.least_strength)
    party = np.searchsorted(ins[0], row, side="right") - 1
    bursts = _Bursts(party, ins[1][row].astype(np.int64), received[row], sent[row], strength[row])
    kept: list[int] = []
    taken: dict[int, list[int]] = defaultdict(list)
    for position in np.lexsort((bursts.start, -bursts.strength)).tolist():
        others, start = taken[int(bursts.party[position])], int(bursts.start[position])
        if all(abs(start - other) >= until for other in others):
            others.append(start)
            kept.append(position)
    return bursts.only(np.sort(np.array(kept, np.int64)))


def _finding(snapshot: Snapshot, flows: Flows, bursts: _Bursts, settings: PassThroughSettings) -> Finding:
    """The finding of one party. ``flows``: its payments with occasional counterparties."""
    party = int(bursts.party[0])
    until = settings.gather_days + settings.pass_days
    inside = np.zeros(len(flows), np.bool_)
    for start in bursts.start.tolist():
        since = flows.day - start
        length = np.where(flows.target == party, settings.gather_days, until)
        inside |= (since >= 0) & (since < length)
    rows = flows.only(inside)
    payers, payees = np.unique(rows.source), np.unique(rows.target)
    roles = {int(code): "payee" for code in payees} | {int(code): "payer" for code in payers}
    roles[party] = "middle"
    latest = rows.row[np.argsort(rows.day, kind="stable")[-MOST_EVIDENCE:]]
    return Finding(
        typology=CODE,
        members=tuple(Member(code, role) for code, role in sorted(roles.items())),
        first_on=int(rows.day.min()),
        last_on=int(rows.day.max()),
        amount=int(bursts.received.sum()),
        strength=float(bursts.strength.sum()),
        evidence=evidence_rows(snapshot, "payments", np.sort(latest)),
        facts={
            "bursts": len(bursts.party),
            "payers": len(payers) - (party in payers),
            "payees": len(payees) - (party in payees),
            "received": int(bursts.received.sum()),
            "sent": int(bursts.sent.sum()),
            "window_days": until,
        },
    )


def detect(snapshot: Snapshot, settings: PassThroughSettings) -> Detection:
    """Parties through which money of many passed within days. ``snapshot``: in order."""
    flows, n = payment_flows(snapshot), snapshot.n_parties
    flows = flows.only(flows.source != flows.target)
    flows = flows.only(_occasional(flows, n, settings.most_months))
    if not len(flows):
        return Detection(())
    bursts = _bursts(flows, n, settings)
    parties, number, count = np.unique(bursts.party, return_inverse=True, return_counts=True)
    starts = bounds(count)
    strength = np.bincount(number, weights=bursts.strength)
    found = np.flatnonzero(count <= settings.most_bursts)
    strongest = np.sort(found[np.argsort(-strength[found], kind="stable")[: settings.most_findings]])
    of_source, of_target = (np.argsort(codes, kind="stable") for codes in (flows.source, flows.target))
    findings = []
    for position in strongest.tolist():
        party = parties[position]
        rows = []
        for codes, order in ((flows.source, of_source), (flows.target, of_target)):
            first, last = np.searchsorted(codes, [party, party + 1], sorter=order)
            rows.append(order[first:last])
        mine = bursts.only(np.arange(starts[position], starts[position + 1]))
        findings.append(_finding(snapshot, flows.only(np.concatenate(rows)), mine, settings))
    return Detection(tuple(findings), only_strongest(settings.most_findings, len(found), "parties"))


def shuffle(snapshot: Snapshot, random: np.random.Generator) -> Snapshot:
    """Payees traded among the payments of the same days: who pays how much and when stays."""
    return permuted(snapshot, "payments", "payee_id", "paid_on", random)


def explain(finding: Finding, naming: Naming, currency: str) -> str:
    """What the records show, in plain words."""
    facts = finding.facts
    middle, payers, payees = (
        listing(map(naming, finding.in_role(role)), NAMES_LISTED) for role in ("middle", "payer", "payee")
    )
    received, sent = int(facts["received"]), int(facts["sent"])
    return (
        f"The records show {counted(int(facts['bursts']), 'time')} {span(finding.first_on, finding.last_on)} "
        f"when {middle} received money from many within days ({money(received, currency)} from "
        f"{counted(int(facts['payers']), 'payer')}: {payers}) and paid out {share(sent / received)} of it "
        f"within {counted(int(facts['window_days']), 'day')} of the first payment, to "
        f"{counted(int(facts['payees']), 'payee')}: {payees}. It hardly deals with them at other times. "
        "Collections for others, an escrow or a one-off sale can look like this: contracts behind the "
        "payments would settle it."
    )


TYPOLOGY = Typology(
    code=CODE,
    title="Pass-through",
    definition="Money comes in from many payers within days, and within days nearly all of it goes out to "
    "others, between parties that hardly deal with each other at other times.",
    published="Altman et al. (NeurIPS 2023), gather-scatter; Starnini et al. (ECML PKDD 2021); Li et al., "
    "FlowScope (AAAI 2020).",
    false_friends="Payroll and taxes, paid to the same month after month; marketplaces and factors, busy all "
    "year; a retailer that pays its usual suppliers after the peak of the season.",
    tables=("payments",),
    settings=PassThroughSettings(),
    detect=detect,
    shuffle=shuffle,
    explain=explain,
)
