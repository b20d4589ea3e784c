"""Compact columns and how they become Parquet: text exists only a block of rows at a time."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray

from graph.contract import TABLES, arrow_schema
from loaders.synthetic.settings import SOURCE

#: A day that does not exist (not paid, not delivered): null in the files.
NEVER = np.int32(2**31 - 1)
BLOCK_ROWS = 1 << 19


@dataclass(frozen=True)
class Numbered:
    """Text made of a prefix and a zero-padded number; a negative number is null."""

    prefix: str
    numbers: NDArray[np.integer]
    width: int = 9


@dataclass(frozen=True)
class Chosen:
    """Text chosen from a few words by position; a negative position is null."""

    words: tuple[str, ...]
    positions: NDArray[np.integer]


@dataclass(frozen=True)
class Days:
    """Day numbers; ``NEVER`` is null."""

    values: NDArray[np.int32]


#: Plain arrays are numbers and flags; NaN is null. One text stands for every row.
Column = Numbered | Chosen | Days | NDArray[np.generic] | str


def party(codes: NDArray[np.integer]) -> Numbered:
    """Party ids of codes."""
    return Numbered("P", codes, 7)


def _block(column: Column, rows: slice) -> pa.Array:
    if isinstance(column, str):
        return pa.array([column] * (rows.stop - rows.start), pa.string())
    if isinstance(column, Days):
        values = column.values[rows]
        return pa.array(values, pa.int32(), mask=values == NEVER).cast(pa.date32())
    if isinstance(column, Numbered):
        numbers = column.numbers[rows]
        digits = pc.utf8_lpad(pa.array(numbers, mask=numbers < 0).cast(pa.string()), column.width, "0")
        return pc.binary_join_element_wise(column.prefix, digits, "")
    if isinstance(column, Chosen):
        positions = column.positions[rows]
        return pa.array(column.words).take(pa.array(positions.astype(np.int64), mask=positions < 0))
    return pa.array(column[rows], from_pandas=True)


def _length(columns: Mapping[str, Column]) -> int:
    for column in columns.values():
        if isinstance(column, Numbered):
            return len(column.numbers)
        if isinstance(column, Chosen):
            return len(column.positions)
        if isinstance(column, Days):
            return len(column.values)
        if not isinstance(column, str):
            return len(column)
    raise ValueError("no column has rows")


def write(path: Path, columns: Mapping[str, Column], schema: pa.Schema | None = None) -> None:
    """Columns as one Parquet file; columns of ``schema`` that are not given are null."""
    n = _length(columns)
    if schema is None:
        schema = pa.schema([(name, _block(column, slice(0, 0)).type) for name, column in columns.items()])
    with pq.ParquetWriter(path, schema, compression="zstd") as writer:
        for start in range(0, max(n, 1), BLOCK_ROWS):
            rows = slice(start, min(start + BLOCK_ROWS, n))
            arrays = [
                _block(columns[field.name], rows).cast(field.type)
                if field.name in columns
                else pa.nulls(rows.stop - rows.start, field.type)
                for field in schema
            ]
            writer.write_table(pa.Table.from_arrays(arrays, schema=schema))


def write_contract(folder: Path, name: str, columns: Mapping[str, Column]) -> None:
    """Rows of one of the contract's tables."""
    write(folder / f"{name}.parquet", {**columns, "source": SOURCE}, arrow_schema(TABLES[name]))
