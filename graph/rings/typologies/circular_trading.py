"""Circular trading: invoices that go round, from a seller over other traders back to that seller.

Definition: cycles of 2 to 6 invoices (see ``cycles``), issued one after the other within ``window_days``,
whose amounts differ by ``spread`` of the largest at most. Repetitions among the same members are one finding;
its strength (see ``rounds``) rises with the number of rounds, how closely amounts agree, and how little
business the members do otherwise.

Published: Mathews, Mehta, Rao, Babu, "An algorithmic approach to handle circular trading in commercial taxing
system", 2017; Mehta, Mathews, Kumar, Babu, Rao, "A graph theoretical approach for identifying fraudulent
transactions in circular trading", DATA ANALYTICS 2017. Cycles: Kumar and Calders 2018.

False friends: treasuries and netting within a group of companies (left out where links known from before the
first invoice put all members under one company); toll processing (goods come back worth more: the amounts
differ); goods that are returned (credit notes are no sale; an invoice that corrects another between the same
two parties is none either); partners who have long bought from each other (many invoices, of which some agree
by chance: that chance is reckoned with).
"""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from graph.rings import wording
from graph.rings.arrays import Flags
from graph.rings.columns.flows import Flows, invoice_flows
from graph.rings.columns.rows import positions
from graph.rings.columns.shuffles import permuted
from graph.rings.finding import Detection, Finding
from graph.rings.patterns.circulation import Kind, detect_circles, way_round
from graph.rings.patterns.cycles import Limits
from graph.rings.typology import Naming, Typology
from graph.snapshot import Snapshot

CODE = "circular_trading"
_KIND = Kind(
    typology=CODE, rows="invoice", roles=("origin", "trader"), at_stake=lambda amounts: int(amounts.sum())
)


def _corrections(snapshot: Snapshot, flows: Flows) -> Flags:
    """Which invoices correct an earlier one between the same two parties: goods taken back, no sale."""
    invoices = snapshot.tables["invoices"]
    correcting = np.flatnonzero(invoices["corrects_invoice_id"].is_valid().to_numpy(zero_copy_only=False))
    found = np.zeros(invoices.num_rows, np.bool_)
    corrected = positions(invoices["corrects_invoice_id"].take(pa.array(correcting)), invoices["invoice_id"])
    correcting, corrected = correcting[corrected >= 0], corrected[corrected >= 0]
    ends = np.sort(np.stack([invoices[c].to_numpy() for c in ("seller_code", "buyer_code")], axis=1), axis=1)
    found[correcting] = (ends[correcting] == ends[corrected]).all(axis=1)
    return found[flows.row]


def detect(snapshot: Snapshot, settings: Limits) -> Detection:
    """Circles of invoices, strongest first."""
    flows = invoice_flows(snapshot)
    flows = flows.only(~_corrections(snapshot, flows))
    return detect_circles(_KIND, snapshot, flows, settings, ())


def shuffle(snapshot: Snapshot, random: np.random.Generator) -> Snapshot:
    """Buyers permuted among invoices of the same span of days."""
    return permuted(snapshot, "invoices", "buyer_id", "issued_on", random)


def explain(finding: Finding, naming: Naming, currency: str) -> str:
    """What the records show, and what they do not."""
    facts, way = finding.facts, " to ".join(way_round(finding, naming))
    return (
        f"The records show invoices that went round {wording.times(int(facts['rounds']))} "
        f"{wording.span(finding.first_on, finding.last_on)}, from {way}, for "
        f"{wording.money(finding.amount, currency)} in all. Each round took at most "
        f"{wording.counted(int(facts['longest_round_days']), 'day')}, and within a round amounts differ by "
        f"{wording.share(float(facts['widest_spread']))} at most. From how often these parties invoice one "
        f"another and how much amounts vary, about {float(facts['expected_rounds']):.2g} such rounds would "
        "be expected. Processing on commission, an exchange of goods or a group that is not on record may "
        "look the same; the delivery papers would tell."
    )


TYPOLOGY = Typology(
    code=CODE,
    title="Circular trading",
    definition="Invoices of about the same amount that go from trader to trader and come back to the first "
    "seller, 2 to 6 steps within 60 days, more often than chance would bring it.",
    published="Mathews, Mehta, Rao, Babu 2017 and Mehta et al. 2017 on circular trading in tax returns; "
    "Kumar and Calders 2018 (2SCENT, PVLDB 11(11)) on the cycles.",
    false_friends="Group treasuries and netting, toll processing, returned goods, partners who have long "
    "bought from each other.",
    tables=("invoices",),
    settings=Limits(),
    detect=detect,
    shuffle=shuffle,
    explain=explain,
    least_strength=0.0,
)
