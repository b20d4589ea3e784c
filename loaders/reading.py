"""Files into DuckDB, by format: text is staged as text, arrays as they are, Parquet is read in place."""

# ruff: noqa: S608  (identifiers are quoted or our own, texts are escaped literals)

from __future__ import annotations

import re
import zipfile
from collections.abc import Callable
from pathlib import Path

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from graph.sql import literal
from loaders.faults import file_refused
from loaders.mapping import FileMapping
from loaders.rawtables import (
    FILE_SHIFT,
    ROW_SHIFT,
    RawTable,
    Staged,
    column_types,
    format_of,
    physical_names,
    relation_name,
    row_ids,
    store_batches,
)
from loaders.textfiles import stage_csv, stage_jsonl


def stage(connection: duckdb.DuckDBPyConnection, mapping: FileMapping, path: Path, number: int) -> Staged:
    """Read ``path``, the ``number``-th file of the load; ``LoadRefused`` if it cannot be read."""
    if path.stat().st_size == 0:
        raise file_refused(path.name, "is empty (0 bytes)", "fetch it again", expected="at least one row")
    readers: dict[str, Callable[[duckdb.DuckDBPyConnection, FileMapping, Path, int], Staged]] = {
        "csv": stage_csv,
        "tsv": stage_csv,
        "jsonl": stage_jsonl,
        "json": stage_jsonl,
        "npz": _stage_npz,
        "parquet": _stage_parquet,
    }
    staged = readers[format_of(mapping, path)](connection, mapping, path, number)
    doubled = {name for name in staged.table.names if staged.table.names.count(name) > 1}
    if doubled:
        raise file_refused(
            path.name,
            f"has columns {sorted(doubled)} twice",
            "rename them, or say skip: 1 and header: [names]",
        )
    return staged


def _stage_npz(
    connection: duckdb.DuckDBPyConnection, mapping: FileMapping, path: Path, number: int
) -> Staged:
    """One array of the archive: columns ``row`` (from 0) and ``c0`` … ``cN``."""
    try:
        with np.load(path, allow_pickle=False) as archive:
            if mapping.array not in archive.files:
                raise file_refused(
                    path.name,
                    f"has no array {mapping.array!r}; it has {', '.join(archive.files)}",
                    "set array in the mapping",
                )
            array = archive[mapping.array]
    except (OSError, ValueError, EOFError, zipfile.BadZipFile) as error:
        raise file_refused(path.name, f"is no readable .npz archive ({error})", "fetch it again") from error
    matrix = array.reshape(len(array), -1) if array.ndim != 2 else array
    matrix = matrix.T if mapping.transpose else matrix
    rows = np.arange(len(matrix), dtype=np.int64)
    columns = [pa.array(np.ascontiguousarray(matrix[:, position])) for position in range(matrix.shape[1])]
    names = ["row", *(f"c{position}" for position in range(matrix.shape[1]))]
    data = pa.table(
        [row_ids(number, rows + 1), pa.array(rows), *columns], ["_rid", *physical_names(len(names))]
    )
    relation = relation_name(mapping, number)
    store_batches(connection, relation, data.schema, iter(data.to_batches()))
    return Staged(RawTable(relation, tuple(names), column_types(connection, relation)), len(rows))


def _stage_parquet(
    connection: duckdb.DuckDBPyConnection, mapping: FileMapping, path: Path, number: int
) -> Staged:
    try:
        with pq.ParquetFile(path) as file:
            names, rows = tuple(file.schema_arrow.names), file.metadata.num_rows
    except (pa.ArrowInvalid, OSError) as error:
        raise file_refused(
            path.name, f"is no readable Parquet file ({error})", "it may be cut off: fetch it again"
        ) from error
    relation = relation_name(mapping, number)
    physical = ", ".join((*physical_names(len(names)), "row_position"))
    exact = re.sub(r"([*?\[])", r"[\1]", str(path))
    source = f"read_parquet({literal(exact)}, file_row_number = true) AS t({physical})"
    nulls = ", ".join(literal(value) for value in mapping.nulls)
    plain = f"SELECT * FROM {source}"
    types = [str(row[1]) for row in connection.execute(f"DESCRIBE {plain}").fetchall()[:-1]]
    columns = [
        f"CASE WHEN c{i} IN ({nulls}) THEN NULL ELSE c{i} END AS c{i}"
        if nulls and kind == "VARCHAR"
        else f"c{i}"
        for i, kind in enumerate(types)
    ]
    connection.execute(
        f"CREATE VIEW {relation} AS SELECT ({number}::BIGINT << {FILE_SHIFT}) | "
        f"((row_position + 1) << {ROW_SHIFT}) AS _rid, {', '.join(columns)} FROM {source}"
    )
    return Staged(RawTable(relation, names, tuple(types)), rows)
