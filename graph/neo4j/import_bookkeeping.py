"""What an import writes beside the rows: loads, sources, people's verdicts, and the form of it all."""

# ruff: noqa: S608 -- names in the SQL are the contract's or quoted, values are literals

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

from graph.neo4j.import_files import LIST_MARK, ImportFolder
from graph.neo4j.import_source import ImportSource
from graph.neo4j.load import BATCH_ROWS
from graph.neo4j.migrations import SCHEMA_VERSION
from graph.sql import literal, quote

#: Header to value.
Node = Mapping[str, Any]


def write_bookkeeping(source: ImportSource, files: ImportFolder) -> None:
    """Nodes of loads, sources and cases with their verdicts, and the form's version."""
    first = source.next_node
    verdicts = source.verdicts()
    last = {verdict["case_id"]: verdict for verdict in verdicts}  # what a case shows
    declared = source.run("SELECT name, declaration FROM source_declarations ORDER BY name").fetchall()
    labelled: list[tuple[str, list[Node]]] = [
        ("Load", [_load(source, name, load_id) for name, load_id in source.loads.items()]),
        ("Source", [{"name:string": name, "declaration:string": text} for name, text in declared]),
        ("Schema", [{"name:string": "ecorisk", "version:long": SCHEMA_VERSION}]),
        ("Case", [_case(verdict) for verdict in last.values()]),
        ("Verdict", [_verdict(verdict) for verdict in verdicts]),
    ]
    numbers: dict[str, range] = {}
    for label, nodes in labelled:
        numbers[label] = range(first, first + len(nodes))
        first += len(nodes)
        if nodes:
            numbered = [{":ID": n} | dict(node) for n, node in zip(numbers[label], nodes, strict=True)]
            files.nodes(label, _rows(numbered), label)
    case_number = dict(zip(last, numbers["Case"], strict=True))
    ties = [
        {":START_ID": case_number[verdict["case_id"]], ":END_ID": number}
        for verdict, number in zip(verdicts, numbers["Verdict"], strict=True)
    ]
    if ties:
        files.relationships("HAS_VERDICT", _rows(ties), "HAS_VERDICT")


def _load(source: ImportSource, name: str, load_id: str) -> Node:
    """What a load of this source's rows leaves of itself."""
    rows = batches = 0
    opened: list[str] = []
    days: list[date] = []
    for table in source.filled:
        found = source.run(
            f"SELECT count(*), count(DISTINCT rowid // {BATCH_ROWS}), max(known_on) "
            f"FROM {quote(table)} WHERE source = $1",
            [name],
        ).fetchone()
        if found and found[0]:
            rows, batches, days = rows + found[0], batches + found[1], [*days, found[2]]
            opened += [f"{table}.{column}" for column in source.open_columns_of(table, name)]
    (now,) = source.run("SELECT strftime(now() AT TIME ZONE 'UTC', '%Y-%m-%dT%H:%M:%S.%fZ')").fetchall()[0]
    return {
        "loadId:string": load_id, "state:string": "committed", "tied:boolean": True, "source:string": name,
        "startedAt:datetime": now, "committedAt:datetime": now, "batches:long": batches, "rows:long": rows,
        "latestKnownOn:date": max(days, default=None), "openColumns:string[]": LIST_MARK.join(opened) or None,
    }  # fmt: skip


def _case(verdict: Mapping[str, Any]) -> Node:
    return {
        "caseId:string": verdict["case_id"],
        "status:string": verdict["decision"],
        "note:string": verdict["note"],
    }


def _verdict(verdict: Mapping[str, Any]) -> Node:
    return {
        "caseId:string": verdict["case_id"],
        "decidedAt:string": verdict["decided_at"],
        "decision:string": verdict["decision"],
        "note:string": verdict["note"],
        "body:string": json.dumps(verdict),
    }


def _rows(rows: Sequence[Node]) -> str:
    """SQL of rows that have the same columns."""
    return " UNION ALL ".join(
        "SELECT " + ", ".join(f"{literal(value)} AS {quote(name)}" for name, value in row.items())
        for row in rows
    )
