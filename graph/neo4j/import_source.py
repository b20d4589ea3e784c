"""An embedded store as an import reads it: SQL over its coded tables, and the numbers of nodes to come."""

# ruff: noqa: S608 -- names in the SQL are the contract's or quoted

from __future__ import annotations

import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from typing import Any

import duckdb

from graph import duckdb_rings
from graph.asof import code_column, coded_key, party_columns
from graph.contract import TABLES, Table
from graph.duckdb_store import cannot_be_opened
from graph.errors import BadInput
from graph.neo4j.load import BATCH_ROWS, MAX_KEY_BYTES, indexed_columns, too_long
from graph.neo4j.schema import LABELS
from graph.sql import literal, quote


@contextmanager
def opened_source(database: Path, spill: Path) -> Iterator[ImportSource]:
    """The store in the DuckDB file ``database``, read only; ``spill``: folder for what memory can't hold.

    Raises ``BadInput`` where it holds no parties, ``StoreUnavailable`` where another job holds it.
    """
    if not database.exists():
        raise BadInput(f"there is no store in {database}: run 'ecorisk load' first")
    config = {"preserve_insertion_order": "false", "temp_directory": str(spill)}
    with duckdb.connect(config=dict(config)) as connection:
        try:
            connection.execute(f"ATTACH {literal(str(database))} AS store (READ_ONLY)")
        except duckdb.IOException as error:
            raise cannot_be_opened(database, error) from error
        connection.execute("USE store")
        yield ImportSource(connection)


class ImportSource:
    """Tables that have rows, in the order of ``LABELS``. A row's ``place`` is its rowid in the store.

    Nodes are numbered: a party by its code, a row by its table's first number plus its place.
    """

    def __init__(self, connection: duckdb.DuckDBPyConnection) -> None:
        self._connection = connection
        self.run = connection.execute
        self.rows = {name: self.number(f"SELECT count(*) FROM {quote(name)}") for name in LABELS}
        if not self.rows["parties"]:
            raise BadInput("the store holds no parties: run 'ecorisk load' first")
        self.filled = [name for name in LABELS if self.rows[name]]
        found = self.run("SELECT name FROM versioned_tables").fetchall()
        self.versioned = {name for (name,) in found if name in self.filled}
        self._check_keys()
        self.first_node: dict[str, int] = {}
        self.first_batch: dict[str, int] = {}
        self.next_node = self.number("SELECT max(code) + 1 FROM party_dictionary")
        batch = 0
        for table in self.filled:
            self.first_node[table], self.first_batch[table] = self.next_node, batch
            places = self.number(f"SELECT max(rowid) + 1 FROM {quote(table)}")
            self.next_node += places
            batch += -(-places // BATCH_ROWS)
        for table in self.versioned:
            self._choose_current(TABLES[table])

    def _check_keys(self) -> None:
        """Refuse an identifier that the indexes made after the import could not hold."""
        columns = [("party_dictionary", "party_id")]
        for table in self.filled:
            coded = party_columns(TABLES[table])
            columns += [(table, name) for name in indexed_columns(TABLES[table]) if name not in coded]
        for table, name in columns:
            found = self.run(
                f"SELECT {quote(name)} FROM {quote(table)} "
                f"WHERE strlen({quote(name)}) > {MAX_KEY_BYTES} LIMIT 1"
            ).fetchone()
            if found:
                raise too_long(table.replace("party_dictionary", "parties"), name, found[0])

    def _choose_current(self, table: Table) -> None:
        key = ", ".join(map(quote, coded_key(table)))
        self.run(
            f"CREATE TEMP TABLE {quote('current_' + table.name)} AS "
            f"SELECT arg_max(rowid, known_on) AS place FROM {quote(table.name)} GROUP BY {key}"
        )

    def number(self, sql: str) -> int:
        """The one number that a query returns; 0 for null."""
        row = self.run(sql).fetchone()
        return int(row[0] or 0) if row else 0

    @cached_property
    def loads(self) -> Mapping[str, str]:
        """Source to the id of the load that stands for it; also as the temporary table ``loads``."""
        named = [f"SELECT source FROM {quote(table)}" for table in self.filled]
        found = self.run(" UNION ".join([*named, "SELECT name FROM source_declarations"])).fetchall()
        loads = {source: uuid.uuid4().hex for source in sorted(row[0] for row in found)}
        self.run("CREATE TEMP TABLE loads (source VARCHAR, load_id VARCHAR)")
        for source, load_id in loads.items():
            self.run("INSERT INTO loads VALUES ($1, $2)", [source, load_id])
        return loads

    def verdicts(self) -> tuple[Mapping[str, Any], ...]:
        """People's verdicts on cases, earliest first."""
        return duckdb_rings.verdicts(self._connection)

    def open_columns(self, table: str) -> list[str]:
        """The ``x_*`` columns of ``table``."""
        described = self.run(f"DESCRIBE {quote(table)}").fetchall()
        return [row[0] for row in described if row[0].startswith("x_")]

    def open_columns_of(self, table: str, source: str) -> list[str]:
        """The ``x_*`` columns that a source gave ``table``."""
        names = self.open_columns(table)
        if not names:
            return []
        counts = ", ".join(f"count({quote(name)})" for name in names)
        found = self.run(f"SELECT {counts} FROM {quote(table)} WHERE source = $1", [source]).fetchone()
        return [name for name, count in zip(names, found or (), strict=True) if count]

    def is_current(self, table: str) -> str:
        """SQL: whether the row at ``place`` is the last version of its thing."""
        return f"place IN (FROM {quote('current_' + table)})" if table in self.versioned else "true"

    def current(self, table: str) -> str:
        """SQL: the last version of everything in ``table``, coded, with its ``place``."""
        rows = f"SELECT rowid AS place, * FROM {quote(table)}"
        return f"(FROM ({rows}) WHERE {self.is_current(table)})"

    def decoded(self, table: Table) -> str:
        """SQL: all rows with the contract's columns, ``x_*`` columns and their ``place``."""
        coded = set(party_columns(table))
        selected = ["t.rowid AS place"]
        joins: list[str] = []
        for name in (*table.column_names, *self.open_columns(table.name)):
            if name in coded:
                dictionary, code = f"d{len(joins)}", quote(code_column(name))
                joins.append(f"LEFT JOIN party_dictionary {dictionary} ON {dictionary}.code = t.{code}")
                selected.append(f"{dictionary}.party_id AS {quote(name)}")
            elif table.name == "parties" and name == "name":
                on = "(n.party_code, n.known_on) = (t.party_code, t.known_on)"
                joins.append(f"LEFT JOIN party_names n ON {on}")
                selected.append("n.name")
            else:
                selected.append(f"t.{quote(name)}")
        return f"(SELECT {', '.join(selected)} FROM {quote(table.name)} t {' '.join(joins)})"
