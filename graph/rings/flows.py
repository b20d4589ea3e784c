"""Flows between parties as plain columns: what detectors of trade and payments run over."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from graph.asof import code_column
from graph.snapshot import Snapshot

#: Rows are shuffled among those of the same so many days: seasons and bursts stay where they are.
SHUFFLE_DAYS = 30


@dataclass(frozen=True)
class Flows:
    """m transfers, ascending by day, then row: from ``source`` to ``target`` int32 codes on ``day`` int32,
    ``amount`` int64 minor units; ``row`` int64 position in the snapshot's table ``table``."""

    table: str
    source: NDArray[np.int32]
    target: NDArray[np.int32]
    day: NDArray[np.int32]
    amount: NDArray[np.int64]
    row: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.source)

    def only(self, chosen: NDArray[np.bool_] | NDArray[np.integer]) -> Flows:
        """The chosen transfers, in the order given."""
        return Flows(
            self.table,
            self.source[chosen],
            self.target[chosen],
            self.day[chosen],
            self.amount[chosen],
            self.row[chosen],
        )


def days(column: pa.ChunkedArray, missing: int = -1) -> NDArray[np.int32]:
    """A date column as day numbers, ``missing`` where it is null."""
    return np.asarray(column.cast(pa.int32()).fill_null(missing).to_numpy(), np.int32)


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
    status = snapshot.tables["invoices"]["status"]
    undone = pc.is_in(status, pa.array(["void", "credit_note"])).to_numpy()
    return flows.only(~undone[flows.row] & (flows.amount > 0))


def payment_flows(snapshot: Snapshot) -> Flows:
    """Payments from payer to payee."""
    flows = _flows(snapshot, "payments", "payer_id", "payee_id", "paid_on")
    return flows.only(flows.amount > 0)


def keys(snapshot: Snapshot, table: str, rows: Sequence[int], key: str) -> list[str]:
    """Texts of the key column of some rows."""
    found: list[str] = snapshot.tables[table][key].take(pa.array(rows, pa.int64())).to_pylist()
    return found


def permuted(
    snapshot: Snapshot,
    table: str,
    columns: Sequence[str],
    day: str | None,
    random: np.random.Generator,
) -> Snapshot:
    """The snapshot with ``columns`` of ``table`` permuted together among rows of the same days.

    Every value stays as often as it was, in each span of ``SHUFFLE_DAYS`` of the column ``day`` (None: in
    the whole table). Relations and sha are left as they were: for detectors alone.
    """
    rows = snapshot.tables[table]
    span = np.zeros(rows.num_rows, np.int64) if day is None else days(rows[day]).astype(np.int64)
    block = span // SHUFFLE_DAYS
    order = np.argsort(block, kind="stable")
    # Adding a fraction to the block: within it, rows trade places at random.
    mixed = np.argsort(block[order] + random.random(rows.num_rows))
    taken = np.empty(rows.num_rows, np.int64)
    taken[order] = order[mixed]
    changed = rows
    for column in columns:
        position = changed.schema.get_field_index(column)
        changed = changed.set_column(position, column, rows[column].take(pa.array(taken)))
    return replace(snapshot, tables={**snapshot.tables, table: changed})
