"""Financings beside the invoices they name: what detectors of invoice financing run over."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from graph.relations import day_number
from graph.rings.arrays import Flags, Int32, Int64
from graph.rings.columns.rows import days, evidence_rows, positions, standing
from graph.rings.finding import EvidenceRow
from graph.snapshot import Snapshot

#: Financings that a finding names as its evidence, at most.
MOST_EVIDENCE = 500


@dataclass(frozen=True)
class Financed:
    """f financings that name an invoice which stands (neither void nor a credit note), in key order.

    ``row`` / ``invoice``: int64 positions in the tables; ``seller`` / ``buyer`` / ``financier`` int32 codes;
    ``financed_on`` / ``closed_on`` int32 days (the day after the snapshot's where nothing was repaid);
    ``issued_on`` int32; ``amount`` / ``invoice_amount`` int64 minor units.
    """

    row: Int64
    invoice: Int64
    seller: Int32
    buyer: Int32
    financier: Int32
    financed_on: Int32
    closed_on: Int32
    issued_on: Int32
    amount: Int64
    invoice_amount: Int64

    def __len__(self) -> int:
        return len(self.row)

    def only(self, chosen: Flags | Int64) -> Financed:
        """The chosen financings, in the order given."""
        return Financed(**{name: values[chosen] for name, values in vars(self).items()})


def financed_invoices(snapshot: Snapshot) -> Financed:
    """The financings of invoices that stand."""
    rows, invoices = snapshot.tables["financings"], snapshot.tables["invoices"]
    invoice = positions(rows["invoice_id"], invoices["invoice_id"])
    amount = rows["amount"].to_numpy()
    row = np.flatnonzero((invoice >= 0) & (amount > 0))
    row = row[standing(invoices)[invoice[row]]]
    invoice = invoice[row]
    return Financed(
        row=row,
        invoice=invoice,
        seller=invoices["seller_code"].to_numpy()[invoice],
        buyer=invoices["buyer_code"].to_numpy()[invoice],
        financier=rows["financier_code"].to_numpy()[row],
        financed_on=days(rows["financed_on"])[row],
        closed_on=days(rows["repaid_on"], missing=day_number(snapshot.as_of) + 1)[row],
        issued_on=days(invoices["issued_on"])[invoice],
        amount=amount[row],
        invoice_amount=invoices["amount"].to_numpy()[invoice],
    )


def evidence_of(snapshot: Snapshot, financed: Financed) -> tuple[EvidenceRow, ...]:
    """The latest ``MOST_EVIDENCE`` of the financings, and their invoices, each in key order."""
    latest = financed.only(np.argsort(financed.financed_on, kind="stable")[-MOST_EVIDENCE:])
    return tuple(
        cited
        for table, rows in (("financings", latest.row), ("invoices", latest.invoice))
        for cited in evidence_rows(snapshot, table, np.unique(rows))
    )
