"""Rows of the snapshot's tables: their columns as arrays, and what findings cite of them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from graph.asof import code_column, coded_key, party_columns
from graph.contract import TABLES
from graph.rings.arrays import Flags, Int32, Int64, Ints
from graph.rings.finding import EvidenceRow
from graph.snapshot import Snapshot


def days(column: pa.ChunkedArray, missing: int = -1) -> Int32:
    """A date column as day numbers, ``missing`` where it is null."""
    return np.asarray(column.cast(pa.int32()).fill_null(missing).to_numpy(), np.int32)


def text_codes(column: pa.ChunkedArray) -> Int64:
    """A text column as numbers from 0, equal where texts are; -1 where it is null."""
    indices = column.combine_chunks().dictionary_encode().indices
    return np.asarray(indices.fill_null(-1).to_numpy(), np.int64)


def standing(invoices: pa.Table) -> Flags:
    """Whether each invoice is a claim: not voided, no credit note, more than nothing."""
    off = pc.is_in(invoices["status"], value_set=pa.array(["void", "credit_note"]))
    return np.asarray(~off.to_numpy() & (invoices["amount"].to_numpy() > 0))


def positions(values: pa.ChunkedArray, among: pa.ChunkedArray) -> Int64:
    """Position of each value in ``among``, whose values are distinct; -1 where it is null or not there."""
    if len(values) >= len(among):
        found = pc.index_in(values, value_set=among.combine_chunks(), skip_nulls=True)
        return np.asarray(found.fill_null(-1).to_numpy(), np.int64)
    # A table of millions is not hashed for a few: those of it that are asked for are picked out first.
    there = np.flatnonzero(pc.is_in(among, value_set=values.unique(), skip_nulls=True).to_numpy())
    found = pc.index_in(values, value_set=among.take(pa.array(there)).combine_chunks(), skip_nulls=True)
    return np.asarray(np.append(there, -1)[found.fill_null(-1).to_numpy()])


def bounds(count: Int64) -> Int64:
    """Where the rows of each of n begin that have so many rows each, and the end; int64 [n + 1]."""
    return np.concatenate([[0], np.cumsum(count)])


def matches(wanted: Ints, ascending: Ints) -> tuple[Int64, Int64]:
    """(k, position) of every value in ``ascending`` that is ``wanted[k]``, for each k in turn."""
    return ranges(*(np.searchsorted(ascending, wanted, side) for side in ("left", "right")))


def ranges(low: Ints, high: Ints) -> tuple[Int64, Int64]:
    """(k, number) of every number from ``low[k]`` until before ``high[k]``, for each k in turn."""
    count = high - low
    k = np.repeat(np.arange(len(count)), count)
    before = np.cumsum(count) - count
    return k, np.arange(len(k)) - (before - low)[k]


def evidence_rows(snapshot: Snapshot, table: str, rows: Sequence[int] | Ints) -> tuple[EvidenceRow, ...]:
    """What a finding cites of rows of a table (by position): their keys as text, parties by their ids."""
    declared, held = TABLES[table], snapshot.tables[table]
    parties = set(map(code_column, party_columns(declared)))

    def texts(column: str) -> list[str]:
        values = held[column].take(pa.array(rows, pa.int64()))
        return list(map(str, (snapshot.party_ids.take(values) if column in parties else values).to_pylist()))

    return tuple(EvidenceRow(table, key) for key in zip(*map(texts, coded_key(declared)), strict=True))
