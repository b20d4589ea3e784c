"""A staged file as a relation: every column under a neutral name, every row under one number.

A relation has ``_rid`` (BIGINT: which file, which row) and columns ``c0``, ``c1`` … in the order of
``RawTable.names``.
"""

# ruff: noqa: S608  (identifiers are quoted or our own, texts are escaped literals)

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import duckdb
import numpy as np
import pyarrow as pa

from graph.sql import quote
from loaders.mapping import FileMapping
from loaders.textlines import Malformed

#: ``_rid`` = file number << FILE_SHIFT | row number << ROW_SHIFT | place among the unpivoted columns.
FILE_SHIFT, ROW_SHIFT = 52, 12
ROW_MASK = (1 << (FILE_SHIFT - ROW_SHIFT)) - 1
#: DuckDB variable of the files' names by number.
FILE_NAMES = "file_names"

_PACKED = (".gz", ".bz2", ".xz", ".zip")
_FORMATS = {
    ".parquet": "parquet", ".pq": "parquet", ".tsv": "tsv", ".tab": "tsv", ".jsonl": "jsonl",
    ".ndjson": "jsonl", ".json": "json", ".npz": "npz",
}  # fmt: skip


@dataclass(frozen=True)
class RawTable:
    """A staged file. ``relation``: its SQL name; ``names`` / ``types``: source columns and DuckDB types.

    ``absent``: columns that one of several files lacks, with the name of that file.
    """

    relation: str
    names: tuple[str, ...]
    types: tuple[str, ...]
    absent: Mapping[str, str] = field(default_factory=dict)

    def physical(self, name: str) -> str | None:
        """SQL for the column called ``name`` (its case may differ where that is unambiguous).

        ``_row`` is the row's number in its file, ``_file`` the file's path in the source's folder.
        """
        if name == "_file" and name not in self.names:
            return f"getvariable('{FILE_NAMES}')[(_rid >> {FILE_SHIFT}) + 1]"
        if name == "_row" and name not in self.names:
            return f"((_rid >> {ROW_SHIFT}) & {ROW_MASK})"
        if name in self.names:
            return f"c{self.names.index(name)}"
        folded = [i for i, known in enumerate(self.names) if known.casefold() == name.casefold()]
        return f"c{folded[0]}" if len(folded) == 1 else None


@dataclass(frozen=True)
class Staged:
    """All that reading one physical file gave."""

    table: RawTable
    rows: int
    malformed: list[Malformed] = field(default_factory=list)


def format_of(mapping: FileMapping, path: Path) -> str:
    """The file's format, by its name where the mapping leaves it open."""
    if mapping.format != "auto":
        return mapping.format
    suffixes = [suffix.lower() for suffix in path.suffixes if suffix.lower() not in _PACKED]
    return _FORMATS.get(suffixes[-1] if suffixes else "", "csv")


def relation_name(mapping: FileMapping, number: int) -> str:
    """Quoted SQL name of the relation of the ``number``-th file."""
    return quote(f"raw {mapping.name} {number}")


def store_batches(
    connection: duckdb.DuckDBPyConnection, relation: str, schema: pa.Schema, batches: Iterator[pa.RecordBatch]
) -> None:
    """Keep ``batches`` as the table ``relation``."""
    reader = pa.RecordBatchReader.from_batches(schema, batches)
    connection.register("incoming", reader)
    try:
        connection.execute(f"CREATE TABLE {relation} AS SELECT * FROM incoming")
    finally:
        connection.unregister("incoming")


def row_ids(number: int, rows: np.ndarray) -> pa.Array:
    """``_rid`` of the rows of the ``number``-th file."""
    return pa.array((number << FILE_SHIFT) | (rows.astype(np.int64) << ROW_SHIFT))


def physical_names(count: int) -> list[str]:
    """``c0``, ``c1`` …"""
    return [f"c{position}" for position in range(count)]


def count_rows(connection: duckdb.DuckDBPyConnection, relation: str) -> int:
    """Rows of ``relation``."""
    row = connection.execute(f"SELECT count(*) FROM {relation}").fetchone()
    return int(row[0]) if row else 0


def column_types(connection: duckdb.DuckDBPyConnection, relation: str) -> tuple[str, ...]:
    """DuckDB types of the columns of ``relation`` after ``_rid``."""
    described = connection.execute(f"DESCRIBE SELECT * EXCLUDE (_rid) FROM {relation}").fetchall()
    return tuple(str(row[1]) for row in described)


def decoded_row(rid: int) -> int:
    """The row number (text: physical line) in ``rid``."""
    return (rid >> ROW_SHIFT) & ROW_MASK
