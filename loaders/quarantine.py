"""Rejected rows: kept with file, row, column, value, reason, and the record as it was read."""

# ruff: noqa: S608  (identifiers are quoted or our own, texts are escaped literals)

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import duckdb
import pyarrow as pa

from graph.spreadsheet import FORMULA_STARTS, MARK
from graph.sql import literal, quote
from loaders.feeding import FeedPlan
from loaders.rawtables import FILE_SHIFT, ROW_MASK, ROW_SHIFT
from loaders.staging import Staging
from loaders.textlines import Malformed


def note_malformed(
    connection: duckdb.DuckDBPyConnection, table: str, feed: int, malformed: Sequence[tuple[int, Malformed]]
) -> None:
    """Note a fault of ``table`` for each record of its file that could not be split into columns."""
    if not malformed:
        return
    rows = pa.table(
        {
            "_rid": pa.array([rid for rid, _ in malformed], pa.int64()),
            "value": pa.array([record.text for _, record in malformed], pa.string()),
            "reason": pa.array([record.reason for _, record in malformed], pa.string()),
            "expected": pa.array([record.expected for _, record in malformed], pa.string()),
        }
    )
    connection.register("malformed", rows)
    connection.execute(
        f"INSERT INTO faults SELECT {literal(table)}, {feed}, _rid, '', value, reason, expected "
        "FROM malformed"
    )
    connection.unregister("malformed")


def write_quarantine(staging: Staging, plans: Sequence[FeedPlan], path: Path) -> Path | None:
    """Write every fault to ``path`` (CSV); None where there are none.

    Safe to open in a spreadsheet: a text that could pass for a formula, or begins with an apostrophe, has an
    apostrophe before it; taking one leading apostrophe away gives every text back.

    Columns: file, table, row_number (text files: the physical line), column, value, reason, expected,
    row (the record as JSON; null where it could not be split).
    """
    connection = staging.connection
    faulty = {row[0] for row in connection.execute("SELECT DISTINCT _feed FROM faults").fetchall()}
    if not faulty:
        return None
    records = []
    for plan in plans:
        if plan.number in faulty:
            pairs = ", ".join(
                f"{literal(name)}, CAST({plan.raw.physical(name)} AS VARCHAR)" for name in plan.raw.names
            )
            records.append(
                f"SELECT {plan.number} AS _feed, _rid, CAST(json_object({pairs}) AS VARCHAR) AS record "
                f"FROM {plan.raw.relation} "
                f"SEMI JOIN (SELECT _rid FROM faults WHERE _feed = {plan.number}) USING (_rid)"
            )
    files = pa.table(
        {"number": pa.array(range(len(staging.names)), pa.int64()), "file": pa.array(staging.names)}
    )
    connection.register("file_names", files)
    path.parent.mkdir(parents=True, exist_ok=True)
    texts = {"file": "n.file", "table": "f.tbl", "column": "f.col", "value": "f.value", "reason": "f.reason"}
    texts |= {"expected": "f.expected", "row": "r.record"}
    cells = {name: f"{_guarded(sql)} AS {quote(name)}" for name, sql in texts.items()}
    number = f"(f._rid >> {ROW_SHIFT}) & {ROW_MASK} AS row_number"
    listed = ", ".join((cells.pop("file"), cells.pop("table"), number, *cells.values()))
    connection.execute(
        f"COPY (SELECT {listed} FROM faults f JOIN file_names n ON n.number = f._rid >> {FILE_SHIFT} "
        f"LEFT JOIN ({' UNION ALL '.join(records)}) r ON r._feed = f._feed AND r._rid = f._rid "
        f"ORDER BY f._rid, f.tbl, f.col, f.reason) TO {literal(str(path))} "
        f"(FORMAT csv, HEADER, FORCE_QUOTE ({', '.join(map(quote, texts))}))"
    )
    connection.unregister("file_names")
    return path


def example(staging: Staging, table: str) -> str:
    """The first of the most frequent faults of ``table`` in words; ``faults`` holds one at least."""
    row = staging.connection.execute(
        "SELECT _rid, col, value, expected FROM faults WHERE tbl = $1 "
        "ORDER BY count(*) OVER (PARTITION BY reason, expected) DESC, _rid, col LIMIT 1",
        [table],
    ).fetchone()
    if row is None:
        return ""
    rid, column, value, expected = row
    shown = "nothing" if value is None else repr(value if len(value) <= 60 else f"{value[:60]}…")
    place = f"{staging.names[rid >> FILE_SHIFT]} row {(rid >> ROW_SHIFT) & ROW_MASK:,}"
    return f"{place}{', ' if column else ''}{column}: found {shown}, expected {expected}"


def _guarded(text: str) -> str:
    """SQL of ``text`` that no spreadsheet takes for a formula."""
    starts = f"{text} <> '' AND contains({literal(FORMULA_STARTS + MARK)}, left({text}, 1))"
    return f"CASE WHEN {starts} THEN {literal(MARK)} || {text} ELSE {text} END"
