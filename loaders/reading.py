"""Files into DuckDB: one relation a file of the mapping, every column under a neutral name.

A relation has ``_rid`` (BIGINT: which file, which row) and columns ``c0``, ``c1`` … in the order of
``RawTable.names``. Text formats are staged as text; Parquet is read in place.
"""

# ruff: noqa: S608  (identifiers are quoted or our own, texts are escaped literals)

from __future__ import annotations

import csv
import json
import re
import zipfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.csv as pa_csv
import pyarrow.parquet as pq

from graph.digest import quote
from graph.errors import LoadRefused
from loaders.faults import file_refused
from loaders.mapping import FileMapping
from loaders.textlines import BLOCK_BYTES, LineStream, Malformed

#: ``_rid`` = file number << FILE_SHIFT | row number << ROW_SHIFT | place among the unpivoted columns.
FILE_SHIFT, ROW_SHIFT = 52, 12
ROW_MASK = (1 << (FILE_SHIFT - ROW_SHIFT)) - 1


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

        ``_row`` is the row's number in its file.
        """
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
    suffixes = [suffix.lower() for suffix in path.suffixes if suffix.lower() != ".gz"]
    known = {".parquet": "parquet", ".tsv": "tsv", ".jsonl": "jsonl", ".ndjson": "jsonl", ".npz": "npz"}
    return known.get(suffixes[-1] if suffixes else "", "csv")


def stage(connection: duckdb.DuckDBPyConnection, mapping: FileMapping, path: Path, number: int) -> Staged:
    """Read ``path`` (the ``number``-th file of the load) into ``connection``; ``LoadRefused`` if unreadable."""
    if path.stat().st_size == 0:
        raise file_refused(path.name, "is empty (0 bytes)", "fetch it again", expected="at least one row")
    readers: dict[str, Callable[[duckdb.DuckDBPyConnection, FileMapping, Path, int], Staged]] = {
        "csv": _stage_csv,
        "tsv": _stage_csv,
        "jsonl": _stage_jsonl,
        "npz": _stage_npz,
        "parquet": _stage_parquet,
    }
    staged = readers[format_of(mapping, path)](connection, mapping, path, number)
    doubled = {name for name in staged.table.names if staged.table.names.count(name) > 1}
    if doubled:
        raise file_refused(path.name, f"has columns {sorted(doubled)} twice", "rename them in the file")
    return staged


def _relation(mapping: FileMapping, number: int) -> str:
    return quote(f"raw {mapping.name} {number}")


def _store(
    connection: duckdb.DuckDBPyConnection, relation: str, schema: pa.Schema, batches: Iterator[pa.RecordBatch]
) -> None:
    """Keep ``batches`` as the table ``relation``."""
    reader = pa.RecordBatchReader.from_batches(schema, batches)
    connection.register("incoming", reader)
    try:
        connection.execute(f"CREATE TABLE {relation} AS SELECT * FROM incoming")
    finally:
        connection.unregister("incoming")


def _row_ids(number: int, rows: np.ndarray) -> pa.Array:
    return pa.array((number << FILE_SHIFT) | (rows.astype(np.int64) << ROW_SHIFT))


def _physical(count: int) -> list[str]:
    return [f"c{position}" for position in range(count)]


def _header(stream: LineStream, mapping: FileMapping) -> tuple[list[str], bool]:
    """Column names, and whether the first line was their header."""
    line = stream.first_line()
    if stream.malformed and stream.malformed[0].line == 1:
        fault = stream.malformed[0]
        raise file_refused(
            stream.label,
            f"line 1 (the header) has a {fault.reason.replace('_', ' ')}",
            "set encoding (utf-16 has NUL characters in plain text) or quote in the mapping",
        )
    if not line:
        raise file_refused(stream.label, "holds no text", "fetch it again", expected="a header and rows")
    fields = next(csv.reader([line], delimiter=_delimiter(mapping, stream.path), quotechar=mapping.quote or None,
                             quoting=csv.QUOTE_MINIMAL if mapping.quote else csv.QUOTE_NONE))  # fmt: skip
    if mapping.header is True:
        return [name.strip() or f"column{i}" for i, name in enumerate(fields, start=1)], True
    stream.put_back(line)
    if mapping.header is False:
        return _physical(len(fields)), False
    return list(mapping.header), False


def _delimiter(mapping: FileMapping, path: Path) -> str:
    return mapping.delimiter or ("\t" if format_of(mapping, path) == "tsv" else ",")


def _stage_csv(
    connection: duckdb.DuckDBPyConnection, mapping: FileMapping, path: Path, number: int
) -> Staged:
    stream = LineStream(path, path.name, mapping)
    names, headed = _header(stream, mapping)
    physical = _physical(len(names))
    invalid: list[tuple[int, str, int]] = []

    def skip(row: pa_csv.InvalidRow) -> str:
        invalid.append((row.number, row.text, row.actual_columns))
        return "skip"

    options = {
        "read_options": pa_csv.ReadOptions(column_names=physical, block_size=BLOCK_BYTES, use_threads=False),
        "parse_options": pa_csv.ParseOptions(
            delimiter=_delimiter(mapping, path),
            quote_char=mapping.quote or False,
            double_quote=True,
            newlines_in_values=mapping.multiline,
            invalid_row_handler=skip,
        ),
        "convert_options": pa_csv.ConvertOptions(
            column_types=dict.fromkeys(physical, pa.string()),
            null_values=["", *mapping.nulls],
            strings_can_be_null=True,
            quoted_strings_can_be_null=True,
        ),
    }
    schema = pa.schema([("_rid", pa.int64()), *((name, pa.string()) for name in physical)])
    counted = _Numbering(stream, invalid, header_lines=int(headed))
    relation = _relation(mapping, number)

    def batches() -> Iterator[pa.RecordBatch]:
        try:
            for batch in pa_csv.open_csv(stream, **options):
                lines = counted.lines(batch.num_rows)
                yield pa.record_batch([_row_ids(number, lines), *batch.columns], schema=schema)
        except LoadRefused:
            raise
        except pa.ArrowInvalid as error:
            stream.error = stream.error or _csv_refused(path.name, error)
            raise

    try:
        _store(connection, relation, schema, batches())
    except Exception as error:
        if stream.error is not None:
            raise stream.error from error
        raise
    malformed = counted.malformed(len(names))
    if malformed and not stream.ends_with_newline and malformed[-1].line == counted.last_line:
        raise file_refused(
            path.name,
            f"ends in the middle of line {malformed[-1].line:,} ({malformed[-1].text[:60]!r})",
            "it was cut off: fetch it again",
            line=malformed[-1].line,
        )
    table = RawTable(relation, tuple(names), ("VARCHAR",) * len(names))
    return Staged(table, counted.good, malformed)


def _csv_refused(label: str, error: pa.ArrowInvalid) -> LoadRefused:
    if "Empty CSV" in str(error):
        return file_refused(
            label, "has a header and no rows", "fetch it again, or set min_rows: 0 in the mapping"
        )
    return file_refused(
        label, f"cannot be split into rows: {error}", "check delimiter, quote and multiline in the mapping"
    )


class _Numbering:
    """Physical line numbers of the records a CSV parser returns, which skips what it cannot split."""

    def __init__(self, stream: LineStream, invalid: list[tuple[int, str, int]], header_lines: int) -> None:
        self._stream, self._invalid, self._header_lines = stream, invalid, header_lines
        self.good = 0

    def _lines_of(self, records: np.ndarray) -> np.ndarray:
        """Physical lines of the parser's records (from 1), lines that were taken out counted in."""
        return _skip(records + self._header_lines, np.array(self._stream.removed, dtype=np.int64))

    def lines(self, count: int) -> np.ndarray:
        """Lines of the next ``count`` good records."""
        good = np.arange(self.good + 1, self.good + count + 1, dtype=np.int64)
        self.good += count
        bad = np.array([number for number, _, _ in self._invalid], dtype=np.int64)
        return self._lines_of(_skip(good, bad))

    def malformed(self, expected: int) -> list[Malformed]:
        """All malformed records of the file, by line."""
        numbers = np.array([number for number, _, _ in self._invalid], dtype=np.int64)
        lines = self._lines_of(numbers).tolist()
        ragged = [
            Malformed(line, text, "wrong_number_of_fields", f"{expected} fields, found {found}")
            for line, (_, text, found) in zip(lines, self._invalid, strict=True)
        ]
        return sorted([*ragged, *self._stream.malformed], key=lambda record: record.line)

    @property
    def last_line(self) -> int:
        return self._stream.lines_read


def _skip(positions: np.ndarray, taken: np.ndarray) -> np.ndarray:
    """``positions`` (from 1) among what is left, as places in a list that holds ``taken`` too."""
    if not len(taken):
        return positions
    before = taken - np.arange(1, len(taken) + 1)
    return positions + np.searchsorted(before, positions - 1, side="right")


def _stage_jsonl(
    connection: duckdb.DuckDBPyConnection, mapping: FileMapping, path: Path, number: int
) -> Staged:
    """One JSON object a line; nested values are kept as JSON text."""
    stream = LineStream(
        path, path.name, FileMapping(mapping.name, mapping.paths, encoding=mapping.encoding, quote=None)
    )
    schema = pa.schema([("_rid", pa.int64()), ("line", pa.string())])
    counted = _Numbering(stream, [], header_lines=0)

    def batches() -> Iterator[pa.RecordBatch]:
        while lines := stream.read_lines():
            rows = _row_ids(number, counted.lines(len(lines)))
            yield pa.record_batch([rows, pa.array(lines, pa.string())], schema=schema)

    relation = _relation(mapping, number)
    try:
        _store(connection, quote("lines"), schema, batches())
    except Exception as error:
        raise stream.error or error from error
    run = connection.execute
    run(f"CREATE TABLE {relation} AS SELECT _rid, line FROM lines "
        "WHERE json_valid(line) AND json_type(line) = 'OBJECT'")  # fmt: skip
    bad = run(f"SELECT _rid, line FROM lines ANTI JOIN {relation} USING (_rid) ORDER BY _rid").fetchall()
    run("DROP TABLE lines")
    names = [row[0] for row in run(
        f"SELECT key FROM (SELECT unnest(json_keys(line)) AS key, _rid FROM {relation}) GROUP BY key ORDER BY min(_rid), key"
    ).fetchall()]  # fmt: skip
    columns = "".join(
        f", nullif(json_extract_string(line, {_pointer(name)}), '') AS c{position}"
        for position, name in enumerate(names)
    )
    run(f"CREATE OR REPLACE TABLE {relation} AS SELECT _rid{columns} FROM {relation}")
    malformed = [Malformed(decoded_row(rid), text, "not_json", "one JSON object a line") for rid, text in bad]
    table = RawTable(relation, tuple(names), ("VARCHAR",) * len(names))
    malformed = sorted([*malformed, *stream.malformed], key=lambda record: record.line)
    return Staged(table, _count(connection, relation), malformed)


def _pointer(name: str) -> str:
    return literal("/" + name.replace("~", "~0").replace("/", "~1"))


def literal(value: str) -> str:
    """``value`` as an SQL text literal."""
    return "'" + value.replace("'", "''") + "'"


def _count(connection: duckdb.DuckDBPyConnection, relation: str) -> int:
    row = connection.execute(f"SELECT count(*) FROM {relation}").fetchone()
    return int(row[0]) if row else 0


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
    data = pa.table([_row_ids(number, rows + 1), pa.array(rows), *columns], ["_rid", *_physical(len(names))])
    relation = _relation(mapping, number)
    _store(connection, relation, data.schema, iter(data.to_batches()))
    return Staged(RawTable(relation, tuple(names), column_types(connection, relation)), len(rows))


def column_types(connection: duckdb.DuckDBPyConnection, relation: str) -> tuple[str, ...]:
    """DuckDB types of the columns of ``relation`` after ``_rid``."""
    described = connection.execute(f"DESCRIBE SELECT * EXCLUDE (_rid) FROM {relation}").fetchall()
    return tuple(str(row[1]) for row in described)


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
    relation = _relation(mapping, number)
    physical = ", ".join((*_physical(len(names)), "row_position"))
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
        f"CREATE VIEW {relation} AS SELECT ({number}::BIGINT << {FILE_SHIFT}) | ((row_position + 1) << {ROW_SHIFT}) "
        f"AS _rid, {', '.join(columns)} FROM {source}"
    )
    return Staged(RawTable(relation, names, tuple(types)), rows)


def decoded_row(rid: int) -> int:
    """The row number (text: physical line) in ``rid``."""
    return (rid >> ROW_SHIFT) & ROW_MASK


def as_json(value: object) -> str:
    """``value`` as one line of JSON."""
    return json.dumps(value, ensure_ascii=False, default=str)
