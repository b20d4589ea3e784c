"""Flows between parties as plain columns: what detectors of trade and payments run over."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from graph.asof import code_column
from graph.rings.arrays import Flags, Int32, Int64, Ints
from graph.rings.columns.rows import days, standing
from graph.snapshot import Snapshot


@dataclass(frozen=True)
class Flows:
    """m transfers, ascending by day, then row: from ``source`` to ``target`` int32 codes on ``day`` int32,
    ``amount`` int64 minor units; ``row`` int64 position in the snapshot's table ``table``."""

    table: str
    source: Int32
    target: Int32
    day: Int32
    amount: Int64
    row: Int64

    def __len__(self) -> int:
        return len(self.source)

    def only(self, chosen: Flags | Ints) -> Flows:
        """The chosen transfers, in the order given."""
        return Flows(
            self.table,
            self.source[chosen],
            self.target[chosen],
            self.day[chosen],
            self.amount[chosen],
            self.row[chosen],
        )

    def largest(self, most: int) -> Flows:
        """The ``most`` transfers of the largest amounts, in the order they are in."""
        return self.only(np.sort(np.argsort(-self.amount, kind="stable")[:most]))


def _flows(snapshot: Snapshot, table: str, source: str, target: str, day: str) -> Flows:
    rows = snapshot.tables[table]
    when = days(rows[day])
    order = np.argsort(when, kind="stable")
    return Flows(
        table,
        rows[code_column(source)].to_numpy()[order].astype(np.int32),
        rows[code_column(target)].to_numpy()[order].astype(np.int32),
        when[order],
        rows["amount"].to_numpy()[order].astype(np.int64),
        order.astype(np.int64),
    )


def invoice_flows(snapshot: Snapshot) -> Flows:
    """Invoices from seller to buyer on the day of issue, without voided ones and credit notes."""
    flows = _flows(snapshot, "invoices", "seller_id", "buyer_id", "issued_on")
    return flows.only(standing(snapshot.tables["invoices"])[flows.row])


def payment_flows(snapshot: Snapshot) -> Flows:
    """Payments from payer to payee."""
    flows = _flows(snapshot, "payments", "payer_id", "payee_id", "paid_on")
    return flows.only(flows.amount > 0)
