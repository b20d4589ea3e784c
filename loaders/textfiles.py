"""Text files staged as text: CSV through a streaming parser, JSON line by line, line numbers kept."""

# ruff: noqa: S608  (identifiers are quoted or our own, texts are escaped literals)

from __future__ import annotations

import csv
import json
from collections.abc import Iterator
from pathlib import Path

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.csv as pa_csv

from graph.errors import LoadRefused
from graph.sql import literal, quote
from loaders.faults import file_refused
from loaders.mapping import FileMapping
from loaders.rawtables import (
    RawTable,
    Staged,
    count_rows,
    decoded_row,
    format_of,
    physical_names,
    relation_name,
    row_ids,
    store_batches,
)
from loaders.textlines import BLOCK_BYTES, LineStream, Malformed


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
    delimiter = _delimiter(mapping, stream.path)
    if mapping.quote:
        fields = next(
            csv.reader([line], delimiter=delimiter, quotechar=mapping.quote, escapechar=mapping.escape)
        )
    else:
        fields = line.split(delimiter)
    if mapping.header is True:
        return [name.strip() or f"column{i}" for i, name in enumerate(fields, start=1)], True
    stream.put_back(line)
    if mapping.header is False:
        return physical_names(len(fields)), False
    return list(mapping.header), False


def _delimiter(mapping: FileMapping, path: Path) -> str:
    if mapping.delimiter == "whitespace":
        return "\t"  # what a LineStream makes of it
    return mapping.delimiter or ("\t" if format_of(mapping, path) == "tsv" else ",")


def stage_csv(connection: duckdb.DuckDBPyConnection, mapping: FileMapping, path: Path, number: int) -> Staged:
    """Stage a delimited text file; records that cannot be split are returned as malformed."""
    stream = LineStream(path, path.name, mapping)
    names, headed = _header(stream, mapping)
    physical = physical_names(len(names))
    invalid: list[tuple[int, str, int]] = []

    def skip(row: pa_csv.InvalidRow) -> str:
        invalid.append((row.number, row.text, row.actual_columns))
        return "skip"

    options = {
        "read_options": pa_csv.ReadOptions(column_names=physical, block_size=BLOCK_BYTES, use_threads=False),
        "parse_options": pa_csv.ParseOptions(
            delimiter=_delimiter(mapping, path),
            quote_char=mapping.quote or False,
            double_quote=not mapping.escape,
            escape_char=mapping.escape or False,
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
    relation = relation_name(mapping, number)

    def batches() -> Iterator[pa.RecordBatch]:
        try:
            for batch in pa_csv.open_csv(stream, **options):
                lines = counted.lines(batch.num_rows)
                yield pa.record_batch([row_ids(number, lines), *batch.columns], schema=schema)
        except LoadRefused:
            raise
        except pa.ArrowInvalid as error:
            if "Empty CSV" in str(error):
                return
            stream.error = stream.error or _csv_refused(path.name, error)
            raise

    try:
        store_batches(connection, relation, schema, batches())
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


def stage_jsonl(
    connection: duckdb.DuckDBPyConnection, mapping: FileMapping, path: Path, number: int
) -> Staged:
    """One JSON object a line, or an array of them; nested values are kept as JSON text."""
    stream = LineStream(
        path, path.name, FileMapping(mapping.name, mapping.paths, encoding=mapping.encoding, quote=None)
    )
    schema = pa.schema([("_rid", pa.int64()), ("line", pa.string())])
    counted = _Numbering(stream, [], header_lines=0)

    def batches() -> Iterator[pa.RecordBatch]:
        for lines in _json_lines(stream, path, format_of(mapping, path)):
            rows = row_ids(number, counted.lines(len(lines)))
            yield pa.record_batch([rows, pa.array(lines, pa.string())], schema=schema)

    relation = relation_name(mapping, number)
    try:
        store_batches(connection, quote("lines"), schema, batches())
    except Exception as error:
        raise stream.error or error from error
    run = connection.execute
    run(f"CREATE TABLE {relation} AS SELECT _rid, line FROM lines "
        "WHERE json_valid(line) AND json_type(line) = 'OBJECT'")  # fmt: skip
    bad = run(f"SELECT _rid, line FROM lines ANTI JOIN {relation} USING (_rid) ORDER BY _rid").fetchall()
    run("DROP TABLE lines")
    names = [row[0] for row in run(
        f"SELECT key FROM (SELECT unnest(json_keys(line)) AS key, _rid FROM {relation}) "
        "GROUP BY key ORDER BY min(_rid), key"
    ).fetchall()]  # fmt: skip
    columns = "".join(
        f", nullif(json_extract_string(line, {_pointer(name)}), '') AS c{position}"
        for position, name in enumerate(names)
    )
    run(f"CREATE OR REPLACE TABLE {relation} AS SELECT _rid{columns} FROM {relation}")
    malformed = [Malformed(decoded_row(rid), text, "not_json", "one JSON object a line") for rid, text in bad]
    table = RawTable(relation, tuple(names), ("VARCHAR",) * len(names))
    malformed = sorted([*malformed, *stream.malformed], key=lambda record: record.line)
    return Staged(table, count_rows(connection, relation), malformed)


def _json_lines(stream: LineStream, path: Path, format_: str) -> Iterator[list[str]]:
    """Some objects at a time, each as a line of JSON. A ``json`` file is an array, or lines after all."""
    blocks = iter(stream.read_lines, [])
    if format_ == "jsonl":
        yield from blocks
        return
    lines = [line for block in blocks for line in block]
    text = "\n".join(lines)
    try:
        content = json.loads(text)
    except (ValueError, RecursionError) as error:
        if not text.lstrip().startswith("{"):
            stream.error = file_refused(
                path.name, f"is no JSON ({error})", "it may be cut off: fetch it again"
            )
            raise stream.error from error
        yield lines
        return
    if isinstance(content, dict):
        lists = [value for value in content.values() if isinstance(value, list)]
        content = lists[0] if len(lists) == 1 else [content]
    if not isinstance(content, list):
        stream.error = file_refused(
            path.name, "holds no list of objects", "give an array of objects, or one a line"
        )
        raise stream.error
    yield [json.dumps(record, ensure_ascii=False) for record in content]


def _pointer(name: str) -> str:
    return literal("/" + name.replace("~", "~0").replace("/", "~1"))
