"""What a store holds of a table, in a few numbers that both stores can work out where the rows are.

Rows fall into 256 groups by the hash of their key; of each group: how many rows, how many values of each
column, and the sum of each column's numbers, days and lengths of text. Two stores whose groups agree hold
the same rows, as far as sums can tell; the sha of a snapshot is the proof.
"""

# ruff: noqa: S608 -- names in the SQL are the contract's or quoted

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from graph.contract import TABLES, Column, Table
from graph.neo4j.import_source import ImportSource
from graph.neo4j.load import key_hash
from graph.neo4j.schema import LABELS, property_name, quoted, version_label
from graph.neo4j.session import Neo4jSession
from graph.sql import quote

#: Leading hex digits of a row's key hash.
PREFIX = 2


@dataclass(frozen=True)
class Fingerprint:
    """``rows``: versions; ``things``: current rows that people see; ``digest`` of the groups' numbers."""

    rows: int
    things: int
    digest: str


def fingerprint_of_source(source: ImportSource, table: str) -> Fingerprint:
    """Of a table of the embedded store."""
    contract = TABLES[table]
    opened = source.open_columns(table)
    numbers = [f"count({quote(c.name)})" for c in _columns(contract, opened)]
    numbers += [f"coalesce(sum({_number_in_sql(c)}), 0)::BIGINT" for c in contract.columns if _summed(c)]
    rows = source.run(
        f"SELECT left({key_hash(contract)}, {PREFIX}), [count(*), {', '.join(numbers)}] "
        f"FROM {source.decoded(contract)} GROUP BY 1"
    ).fetchall()
    return _fingerprint(rows, source.number(f"SELECT count(*) FROM {source.current(table)}"))


def fingerprint_of_graph(session: Neo4jSession, table: str, open_columns: Sequence[str]) -> Fingerprint:
    """Of the committed rows of a table in Neo4j; ``open_columns``: the ``x_*`` columns that count."""
    contract = TABLES[table]
    numbers = [f"count(v.{quoted(property_name(c.name))})" for c in contract.columns]
    numbers += [f"count(v[$opened[{n}]])" for n in range(len(open_columns))]
    numbers += [f"sum({_number_in_cypher(c)})" for c in contract.columns if _summed(c)]
    rows = session.read(
        f"""MATCH (l:Load {{state: 'committed'}}) WITH collect(l.loadId) AS loads
            MATCH (v:{version_label(table)}) WHERE v.loadId IN loads
            RETURN left(v.versionKey, {PREFIX}) AS prefix, [count(*), {", ".join(numbers)}] AS numbers""",
        opened=list(open_columns),
    )
    people = "()-[n {basis: 'links'}]->()" if table == "links" else f"(n:{LABELS[table]})"
    things = session.read(f"MATCH {people} RETURN count(n) AS n")[0]["n"]
    return _fingerprint(((row["prefix"], row["numbers"]) for row in rows), things)


def open_columns_of_graph(session: Neo4jSession) -> Mapping[str, list[str]]:
    """Table to the ``x_*`` columns that committed loads gave it."""
    found = session.read(
        """MATCH (l:Load {state: 'committed'}) UNWIND l.openColumns AS name
           RETURN DISTINCT name ORDER BY name"""
    )
    names = [row["name"].partition(".") for row in found]
    return {table: [name for of, _, name in names if of == table] for table in LABELS}


def _fingerprint(groups: Iterable[tuple[str, Sequence[Any]]], things: int) -> Fingerprint:
    ordered = sorted((prefix, [int(number) for number in numbers]) for prefix, numbers in groups)
    rows = sum(numbers[0] for _, numbers in ordered)
    return Fingerprint(rows, things, hashlib.sha256(repr(ordered).encode()).hexdigest())


def _columns(table: Table, opened: Iterable[str]) -> list[Column]:
    return [*table.columns, *map(table.column, opened)]


def _summed(column: Column) -> bool:
    return column.type != "float"


def _number_in_sql(column: Column) -> str:
    name = quote(column.name)
    if column.type == "text":
        return f"length({name})"
    return f"{name} - DATE '1970-01-01'" if column.type == "date" else f"{name}::BIGINT"


def _number_in_cypher(column: Column) -> str:
    name = f"v.{quoted(property_name(column.name))}"
    if column.type == "text":
        return f"size({name})"
    if column.type == "date":
        return f"duration.inDays(date('1970-01-01'), {name}).days"
    return f"CASE {name} WHEN true THEN 1 ELSE 0 END" if column.type == "bool" else name
