"""Carousel: payments that go round, so that money comes back to its payer within days or weeks.

Definition: cycles of 2 to 6 payments (see ``cycles``) within ``window_days`` whose amounts differ by
``spread`` of the largest at most. Repetitions among the same members are one finding; its strength (see
``rounds``) rises with the number of rounds, how closely amounts agree, and how few other payments the members
make and receive.

Published: FATF, "Professional Money Laundering", 2018, and "Trade-Based Money Laundering: Trends and
Developments", 2020, describe round-tripping and carousels of payments; time-respecting cycles with bounded
amounts are the pattern of the cycles in Altman et al., "Realistic synthetic financial transactions for
anti-money laundering models", NeurIPS 2023, and are enumerated after Kumar and Calders 2018.

False friends, left out: sweeps within a group of companies (links known from before the first payment put
all members under one company); refunds (the seller has credited the payer before); loans repaid (a link
``LENDS_TO`` in force, or a lender by trade); trade: circles all of whose payments settle an invoice of the
payee, unless ``papered`` asks for them (circular trading looks at the invoices). A deposit that is returned
leaves no such trace and looks the same once; it does not come back each month.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from graph.rings import wording
from graph.rings.arrays import Flags, Int64
from graph.rings.columns.flows import Flows, payment_flows
from graph.rings.columns.rows import days, matches, positions
from graph.rings.columns.shuffles import permuted
from graph.rings.columns.ties import ties_of
from graph.rings.finding import Detection, Finding
from graph.rings.patterns.circulation import Kind, detect_circles, way_round
from graph.rings.patterns.cycles import Cycles, Limits
from graph.rings.typology import Naming, Typology
from graph.snapshot import Snapshot

CODE = "carousel"
_KIND = Kind(
    typology=CODE,
    rows="payment",
    roles=("payer", "conduit"),
    at_stake=lambda amounts: int(amounts.min(axis=1).sum()),
)
#: A refund follows the credit note it pays within so many days.
REFUND_DAYS = 120


@dataclass(frozen=True)
class CarouselSettings(Limits):
    """``papered``: circles all of whose payments settle invoices count as well."""

    window_days: int = 45
    papered: bool = False


@dataclass(frozen=True)
class _Papers:
    """What is on record beside the payments: ``seller`` and ``buyer`` [i] of invoices.

    ``invoice``: position there by payment of the table, -1: none. Credit notes [c] as sorted ``pair`` keys
    (seller · n + buyer) with day and amount.
    """

    n_parties: int
    seller: Int64
    buyer: Int64
    invoice: Int64
    credit_pair: Int64
    credit_day: Int64
    credit_amount: Int64

    def settles(self, flows: Flows, rows: Int64) -> Flags:
        """Which payments name an invoice of theirs: by the payee, to the payer."""
        if not len(self.seller):
            return np.zeros(rows.shape, np.bool_)
        named = self.invoice[flows.row[rows]]
        invoice = np.maximum(named, 0)
        own = (self.seller[invoice] == flows.target[rows]) & (self.buyer[invoice] == flows.source[rows])
        return np.asarray((named >= 0) & own)

    def refunds(self, flows: Flows, rows: Int64) -> Flags:
        """Which payments follow a credit note of the payer for the payee, of that amount at least."""
        once, place = np.unique(rows, return_inverse=True)
        pair = flows.source[once].astype(np.int64) * self.n_parties + flows.target[once]
        first, last = (np.searchsorted(self.credit_pair, pair, side=side) for side in ("left", "right"))
        found = np.zeros(len(once), np.bool_)
        for at in np.flatnonzero(last > first):
            notes, on = slice(first[at], last[at]), int(flows.day[once[at]])
            before = (self.credit_day[notes] <= on) & (self.credit_day[notes] >= on - REFUND_DAYS)
            found[at] = (before & (self.credit_amount[notes] >= flows.amount[once[at]])).any()
        return np.asarray(found[place].reshape(rows.shape))


def _papers(snapshot: Snapshot, flows: Flows, cycles: Cycles) -> _Papers:
    n, payments, nothing = snapshot.n_parties, snapshot.tables["payments"], np.zeros(0, np.int64)
    invoice = np.full(payments.num_rows, -1)
    if "invoices" not in snapshot.tables:
        return _Papers(n, nothing, nothing, invoice, nothing, nothing, nothing)
    invoices = snapshot.tables["invoices"]
    # Only of the payments that go round: millions of texts are not joined for a few.
    used = flows.row[np.unique(cycles.rows[cycles.rows >= 0])]
    invoice[used] = positions(payments["invoice_id"].take(pa.array(used)), invoices["invoice_id"])
    seller, buyer = (invoices[column].to_numpy().astype(np.int64) for column in ("seller_code", "buyer_code"))
    credited = np.flatnonzero(
        pc.equal(invoices["status"], "credit_note").fill_null(False).to_numpy(zero_copy_only=False)
    )
    pair = seller[credited] * n + buyer[credited]
    credited, pair = credited[order := np.argsort(pair, kind="stable")], pair[order]
    return _Papers(
        n, seller, buyer, invoice, pair,
        days(invoices["issued_on"])[credited].astype(np.int64), invoices["amount"].to_numpy()[credited],
    )  # fmt: skip


def _with_papers(snapshot: Snapshot, papered: bool, flows: Flows, cycles: Cycles) -> Flags:
    """Cycles with a refund in them and, unless ``papered``, those whose payments all settle invoices."""
    papers = _papers(snapshot, flows, cycles)
    there, rows = cycles.rows >= 0, np.maximum(cycles.rows, 0)
    refunded = (papers.refunds(flows, rows) & there).any(axis=1)
    settled = (papers.settles(flows, rows) | ~there).all(axis=1)
    return np.asarray(refunded | (settled & (not papered)))


def _loans(snapshot: Snapshot, flows: Flows, cycles: Cycles) -> Flags:
    """Cycles of two between a lender and its borrower."""
    first, n = cycles.rows[:, 0], snapshot.n_parties
    roles = snapshot.tables["parties"]["roles"].fill_null("")
    lends = pc.match_substring(roles, "financier").to_numpy(zero_copy_only=False)
    source, target = flows.source[first], flows.target[first]
    excused = lends[source] | lends[target]
    if "links" in snapshot.tables:
        ties = ties_of(snapshot, ("LENDS_TO",))
        one, other = np.minimum(ties.source, ties.target), np.maximum(ties.source, ties.target)
        key = one.astype(np.int64) * n + other
        ties, key = ties.only(order := np.argsort(key, kind="stable")), key[order]
        # Either way: what is repaid may be drawn again.
        wanted = np.minimum(source, target).astype(np.int64) * n + np.maximum(source, target)
        cycle, tie = matches(wanted, key)
        on = flows.day[first][cycle]
        excused[cycle[(ties.since[tie] <= on) & (ties.until[tie] >= on)]] = True
    return np.asarray(excused & (cycles.length == 2))


def detect(snapshot: Snapshot, settings: CarouselSettings) -> Detection:
    """Circles of payments, strongest first."""
    excuses = partial(_with_papers, snapshot, settings.papered), partial(_loans, snapshot)
    return detect_circles(_KIND, snapshot, payment_flows(snapshot), settings, excuses)


def shuffle(snapshot: Snapshot, random: np.random.Generator) -> Snapshot:
    """Payees permuted among payments of the same span of days.

    What settled an invoice no longer does, and counts: chance is made too much of rather than too little.
    """
    return permuted(snapshot, "payments", "payee_id", "paid_on", random)


def explain(finding: Finding, naming: Naming, currency: str) -> str:
    """What the records show, and what they do not."""
    facts, way = finding.facts, way_round(finding, naming)
    return (
        f"The records show money that came back to {way[0]} {wording.times(int(facts['rounds']))} "
        f"{wording.span(finding.first_on, finding.last_on)}, paid from {' to '.join(way)}: "
        f"{wording.money(finding.amount, currency)} in all. Each time it took at most "
        f"{wording.counted(int(facts['longest_round_days']), 'day')}, and amounts on the way differ by "
        f"{wording.share(float(facts['widest_spread']))} at most. From how often these parties pay one "
        f"another and how much amounts vary, about {float(facts['expected_rounds']):.2g} such rounds would "
        "be expected. Loans, deposits or a group that are not on record may look the same; the contracts "
        "behind the payments would tell."
    )


TYPOLOGY = Typology(
    code=CODE,
    title="Carousel of payments",
    definition="Payments of about the same amount that come back to the first payer over 1 to 5 others "
    "within 45 days, more often than chance would bring it.",
    published="FATF 2018 (Professional Money Laundering) and 2020 (Trade-Based Money Laundering); Altman et "
    "al. 2023; Kumar and Calders 2018 (2SCENT, PVLDB 11(11)) on the cycles.",
    false_friends="Sweeps within a group, refunds after a credit note, loans repaid, deposits returned.",
    tables=("payments",),
    settings=CarouselSettings(),
    detect=detect,
    shuffle=shuffle,
    explain=explain,
    least_strength=0.0,
)
