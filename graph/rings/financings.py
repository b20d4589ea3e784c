"""Financings beside the invoices they name: what detectors of invoice financing run over."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from graph.contract import TABLES
from graph.relations import EPOCH
from graph.rings.finding import EvidenceRow
from graph.rings.flows import SHUFFLE_DAYS, days, keys
from graph.snapshot import Snapshot

#: Financings that a finding names as its evidence, at most.
MOST_EVIDENCE = 500
Int64 = NDArray[np.int64]
Flags = NDArray[np.bool_]


@dataclass(frozen=True)
class Financed:
    """f financings that name an invoice which stands (neither void nor a credit note), in key order.

    ``row`` / ``invoice``: int64 positions in the tables; ``seller`` / ``buyer`` / ``financier`` int32 codes;
    ``financed_on`` / ``closed_on`` int32 days (the day after the snapshot's where nothing was repaid);
    ``issued_on`` int32; ``amount`` / ``invoice_amount`` int64 minor units.
    """

    row: Int64
    invoice: Int64
    seller: NDArray[np.int32]
    buyer: NDArray[np.int32]
    financier: NDArray[np.int32]
    financed_on: NDArray[np.int32]
    closed_on: NDArray[np.int32]
    issued_on: NDArray[np.int32]
    amount: Int64
    invoice_amount: Int64

    def __len__(self) -> int:
        return len(self.row)

    def only(self, chosen: Flags | Int64) -> Financed:
        """The chosen financings, in the order given."""
        return Financed(**{name: values[chosen] for name, values in vars(self).items()})


def as_of_day(snapshot: Snapshot) -> int:
    """Day number of the snapshot's day."""
    return (snapshot.as_of - EPOCH).days


def positions(values: pa.ChunkedArray, among: pa.ChunkedArray) -> Int64:
    """Position of each value in ``among``, -1 where it is null or not there."""
    found = pc.index_in(values, value_set=among.combine_chunks(), skip_nulls=True)
    return np.asarray(found.fill_null(-1).to_numpy(), np.int64)


def standing(invoices: pa.Table) -> Flags:
    """Whether each invoice is a claim: not voided, no credit note, more than nothing."""
    off = pc.is_in(invoices["status"], value_set=pa.array(["void", "credit_note"]))
    return np.asarray(~off.to_numpy() & (invoices["amount"].to_numpy() > 0))


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
        closed_on=days(rows["repaid_on"], missing=as_of_day(snapshot) + 1)[row],
        issued_on=days(invoices["issued_on"])[invoice],
        amount=amount[row],
        invoice_amount=invoices["amount"].to_numpy()[invoice],
    )


def _deal(wanted: Int64, offered: Int64, random: np.random.Generator) -> Int64:
    """For each of ``wanted`` a position in ``offered`` of the same group, none twice; -1: none is left."""
    shuffled = np.lexsort((random.random(len(offered)), offered))
    asking = np.lexsort((random.random(len(wanted)), wanted))
    groups = wanted[asking]
    rank = np.arange(len(groups)) - np.searchsorted(groups, groups)
    place = np.searchsorted(offered[shuffled], groups) + rank
    fits = place < np.searchsorted(offered[shuffled], groups, side="right")
    dealt = np.full(len(wanted), -1, np.int64)
    dealt[asking[fits]] = shuffled[place[fits]]
    return dealt


def redealt(snapshot: Snapshot, random: np.random.Generator) -> Snapshot:
    """The snapshot with every financing on any invoice of the same days, no invoice financed twice.

    Financiers, days and the share of the invoice that was advanced stay. For detectors alone.
    """
    rows, invoices = snapshot.tables["financings"], snapshot.tables["invoices"]
    financed = financed_invoices(snapshot)
    free = np.flatnonzero(standing(invoices))
    span = days(invoices["issued_on"]).astype(np.int64) // SHUFFLE_DAYS
    taken = np.full(len(financed), -1, np.int64)
    # Where a span runs out of invoices, any day's will do.
    for group in (span, np.zeros_like(span)):
        waiting = np.flatnonzero(taken < 0)
        dealt = _deal(group[financed.invoice[waiting]], group[free], random)
        taken[waiting[dealt >= 0]] = free[dealt[dealt >= 0]]
        free = np.delete(free, dealt[dealt >= 0])
    # More financings than invoices: the surplus names no invoice.
    named = positions(rows["invoice_id"], invoices["invoice_id"])
    named[financed.row] = taken
    amount = rows["amount"].to_numpy().copy()
    share = financed.amount / financed.invoice_amount
    amount[financed.row] = np.maximum(1, share * invoices["amount"].to_numpy()[taken]).astype(np.int64)
    ids = invoices["invoice_id"].take(pa.array(named, mask=named < 0))
    changed = {"invoice_id": ids, "amount": pa.array(amount)}
    for name, values in changed.items():
        rows = rows.set_column(rows.schema.get_field_index(name), name, values)
    return replace(snapshot, tables={**snapshot.tables, "financings": rows})


def evidence_of(snapshot: Snapshot, financed: Financed) -> tuple[EvidenceRow, ...]:
    """The latest ``MOST_EVIDENCE`` of the financings, and their invoices, each in key order."""
    latest = financed.only(np.argsort(financed.financed_on, kind="stable")[-MOST_EVIDENCE:])
    return tuple(
        EvidenceRow(table, (key,))
        for table, rows in (("financings", latest.row), ("invoices", latest.invoice))
        for key in keys(snapshot, table, np.unique(rows).tolist(), TABLES[table].key[0])
    )
