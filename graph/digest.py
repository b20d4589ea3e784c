"""Digests: of rows, equal wherever the same row is loaded, and of ids, by which parties are divided.

A row's digest is md5 over its canonical text: ``name=value`` of every non-null column in the contract's
order, then of the ``x_*`` columns by name, with the unit separator (U+001F, refused inside text) between
them. A column that is null leaves no trace, so that a row keeps its digest when another source adds
``x_*`` columns.
"""

from __future__ import annotations

import zlib

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from graph.contract import Table
from graph.sql import quote


def digest_sql(table: Table, open_columns: tuple[str, ...] = ()) -> str:
    """DuckDB expression for the digest of a row of ``table`` (32 hex digits)."""
    names = (*table.column_names, *sorted(open_columns))
    parts = ", ".join(f"'{name}=' || CAST({quote(name)} AS VARCHAR)" for name in names)
    return f"md5(concat_ws(chr(31), {parts}))"


def folds_of(party_ids: pa.StringArray, folds: int) -> NDArray[np.int8]:
    """Fold of each party by a hash of its id alone, int8 [n]: no other party can move it."""
    encoded = party_ids.cast(pa.binary()).to_pylist()
    hashes = np.fromiter(map(zlib.crc32, encoded), np.uint32, len(party_ids))
    # CRC is linear in its bits; a multiplication mixes them before the remainder is taken.
    mixed = (hashes.astype(np.uint64) * np.uint64(0x9E3779B97F4A7C15)) >> np.uint64(33)
    return (mixed % np.uint64(folds)).astype(np.int8)
