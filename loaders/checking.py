"""Checks on a load's typed tables: row rules, entities made distinct, duplicates, references, the store.

Works on tables named like the contract's, with ``_feed`` and ``_rid`` before the contract's columns, and
on the table ``faults``. Every step is set-based SQL.
"""

# ruff: noqa: S608  (identifiers are quoted or our own, texts are escaped literals)

from __future__ import annotations

from collections.abc import Collection, Sequence
from itertools import chain
from pathlib import Path

import duckdb
import ibis
import pyarrow as pa

from graph.source import SourceDeclaration
from graph.sql import literal, quote
from graph.store import LoadTransaction
from graph.validation import VIOLATION_COLUMNS, invalid_rows, row_rules, violations
from loaders.typedtables import IDENTITY, TypedTable, count

FAULTS = (
    "CREATE TABLE faults (tbl VARCHAR, _feed BIGINT, _rid BIGINT, col VARCHAR, value VARCHAR, reason VARCHAR,"
    " expected VARCHAR)"
)


def declared_kinds(table: str, declaration: SourceDeclaration) -> tuple[str, ...]:
    """Kinds that the source adds to the vocabulary of ``table``."""
    return {
        "parties": declaration.party_kinds,
        "links": tuple(kind.name for kind in declaration.link_kinds),
        "events": tuple(kind.name for kind in declaration.event_kinds),
        "outcomes": declaration.outcome_kinds,
    }.get(table, ())


class Checker:
    """The checks of one load, on its staging ``connection``."""

    def __init__(self, connection: duckdb.DuckDBPyConnection, folder: Path) -> None:
        self._connection, self.folder = connection, folder
        connection.execute(FAULTS)

    def check_rules(self, typed: TypedTable, declaration: SourceDeclaration) -> None:
        """Note every broken rule of every row; a column with a fault already is not judged twice."""
        rules = row_rules(typed.table, declared_kinds(typed.name, declaration), typed.open_columns)
        run = self._connection.execute
        invalid = ibis.to_sql(invalid_rows(typed.ibis_table(typed.name), rules), dialect="duckdb")
        run(f"CREATE OR REPLACE TABLE suspects AS {invalid}")
        if count(self._connection, "SELECT count(*) FROM suspects"):
            listed = violations(typed.ibis_table("suspects"), typed.table, rules, IDENTITY)
            columns = ", ".join(map(quote, VIOLATION_COLUMNS))
            run(
                f"INSERT INTO faults SELECT {literal(typed.name)}, _feed, _rid, {columns} "
                f"FROM ({ibis.to_sql(listed, dialect='duckdb')}) v WHERE NOT EXISTS (SELECT 1 FROM faults f "
                f"WHERE f.tbl = {literal(typed.name)} AND f._feed = v._feed AND f._rid = v._rid "
                'AND f.col = v."column")'
            )
        run("DROP TABLE suspects")
        self.remove_faulty(typed)

    def remove_faulty(self, typed: TypedTable) -> None:
        """Take rows that have a fault out of their table."""
        self._remove(typed, f"SELECT _feed, _rid FROM faults WHERE tbl = {literal(typed.name)}")

    def _remove(self, typed: TypedTable, rows: str) -> None:
        """Take ``rows`` (_feed, _rid) out of their table; without any, the table is not even read."""
        if self._connection.execute(f"SELECT 1 FROM ({rows}) LIMIT 1").fetchone():
            self._connection.execute(
                f"DELETE FROM {quote(typed.name)} WHERE (_feed, _rid) IN (SELECT (_feed, _rid) FROM ({rows}))"
            )

    def check_duplicates(self, typed: TypedTable) -> int:
        """Equal rows are kept once (their number is returned); rows of one version that differ all go."""
        run, name, key = self._connection.execute, quote(typed.name), typed.key
        repeated = quote(typed.repeated)
        run(f"CREATE TABLE {repeated} AS SELECT {key} FROM {name} GROUP BY {key} HAVING count(*) > 1")
        if not count(self._connection, f"SELECT count(*) FROM {repeated}"):
            return 0
        version = f"{key}, known_on"
        run(
            f"CREATE TABLE judged AS SELECT _feed, _rid, {self._shown_key(typed)} AS _shown, "
            f"min({typed.digest}) OVER same <> max({typed.digest}) OVER same AS _conflict, "
            f"row_number() OVER (PARTITION BY {version} ORDER BY _feed, _rid) AS _place "
            f"FROM {name} SEMI JOIN {repeated} USING ({key}) "
            f"WINDOW same AS (PARTITION BY {version}) QUALIFY count(*) OVER same > 1"
        )
        self._note(typed, "SELECT _feed, _rid, _shown FROM judged WHERE _conflict", typed.table.key[0],
                   "conflict_in_load", "one content for each key and known_on")  # fmt: skip
        self._remove(typed, "SELECT _feed, _rid FROM judged WHERE NOT _conflict AND _place > 1")
        equal = count(self._connection, "SELECT count(*) FROM judged WHERE NOT _conflict AND _place > 1")
        run("DROP TABLE judged")
        self.remove_faulty(typed)
        return equal

    @staticmethod
    def _shown_key(typed: TypedTable) -> str:
        parts = ", ".join(f"CAST({quote(column)} AS VARCHAR)" for column in typed.table.key)
        return f"concat_ws(' | ', {parts})"

    def _note(self, typed: TypedTable, rows: str, column: str, reason: str, expected: str) -> None:
        """Note a fault for each row of ``rows`` (_feed, _rid, value)."""
        self._connection.execute(
            f"INSERT INTO faults SELECT {literal(typed.name)}, _feed, _rid, {literal(column)}, value, "
            f"{literal(reason)}, {literal(expected)} FROM ({rows}) AS r(_feed, _rid, value)"
        )

    def check_references(self, tables: Collection[TypedTable], load: LoadTransaction) -> None:
        """Rows that name a party which is neither in these tables nor in the store are taken out."""
        named = [
            (typed, column.name)
            for typed in tables
            for column in typed.table.columns
            if column.references == "parties"
        ]
        if not self._name_unknown_parties(tables, named):
            return
        self._forget_stored_parties(load)
        for typed, column in named:
            self._note(
                typed,
                f"SELECT _feed, _rid, t.{quote(column)} FROM {quote(typed.name)} t "
                f"SEMI JOIN unknown_parties u ON u.party_id = t.{quote(column)}",
                column, "unknown_party", "a party of this load or of the store",
            )  # fmt: skip
        for typed in tables:
            self.remove_faulty(typed)

    def _name_unknown_parties(
        self, tables: Collection[TypedTable], named: Sequence[tuple[TypedTable, str]]
    ) -> int:
        """Make ``unknown_parties``: named, but not in the load's own ``parties``; returns their number."""
        if not named:
            return 0
        union = " UNION ALL ".join(f"SELECT {quote(c)} AS party_id FROM {quote(t.name)}" for t, c in named)
        own = "ANTI JOIN parties USING (party_id)" if any(t.name == "parties" for t in tables) else ""
        self._connection.execute(
            f"CREATE TABLE unknown_parties AS SELECT DISTINCT party_id FROM ({union}) {own} "
            "WHERE party_id IS NOT NULL"
        )
        return count(self._connection, "SELECT count(*) FROM unknown_parties")

    def _forget_stored_parties(self, load: LoadTransaction) -> None:
        """Leave in ``unknown_parties`` those that the store does not hold."""
        path = self.folder / "unknown_parties.parquet"
        self._connection.execute(f"COPY unknown_parties TO {literal(str(path))} (FORMAT parquet)")
        self._connection.register("stored", load.existing("parties", path))
        self._connection.execute(
            "DELETE FROM unknown_parties WHERE party_id IN (SELECT party_id FROM stored)"
        )
        self._connection.unregister("stored")
        path.unlink()

    def compare_with_store(self, typed: TypedTable, load: LoadTransaction) -> tuple[int, int]:
        """(unchanged, updated): rows the store has already go, rows it has otherwise are faults.

        What is left is in the file ``clean_rows``.
        """
        self._write_clean(typed)
        held = load.existing(typed.name, self.clean_rows(typed), whole=True)
        first = next((batch for batch in held if batch.num_rows), None)
        unchanged = 0
        if first is None:
            self._connection.execute("CREATE OR REPLACE TABLE met (_feed BIGINT, _rid BIGINT, _same BOOLEAN)")
        else:
            unchanged = self._settle_stored(
                typed, pa.RecordBatchReader.from_batches(held.schema, chain([first], held))
            )
            self._write_clean(typed)
        return unchanged, count(self._connection, self._updates_sql(typed))

    def _settle_stored(self, typed: TypedTable, held: pa.RecordBatchReader) -> int:
        """Judge rows by the stored versions of what they tell of, ``held``; (row, version) in ``met``."""
        run = self._connection.execute
        self._connection.register("held", held)
        same_key = " AND ".join(f"t.{quote(column)} = s.{quote(column)}" for column in typed.table.key)
        run(
            "CREATE OR REPLACE TABLE met AS SELECT t._feed, t._rid, t.known_on = s.known_on AS _same, "
            f"{self._same_content(typed, held.schema.names)} AS _equal "
            f"FROM held s JOIN {quote(typed.name)} t ON {same_key}"
        )
        self._connection.unregister("held")
        self._note(
            typed,
            f"SELECT _feed, _rid, {self._shown_key(typed)} FROM {quote(typed.name)} "
            "WHERE (_feed, _rid) IN (SELECT (_feed, _rid) FROM met WHERE _same AND NOT _equal)",
            typed.table.key[0],
            "conflict_with_store",
            "the stored content, or a later known_on for a correction (after a change of the mapping, "
            "a new workspace)",
        )
        self._remove(typed, "SELECT _feed, _rid FROM met WHERE _same AND _equal")
        self.remove_faulty(typed)
        return count(self._connection, "SELECT count(*) FROM met WHERE _same AND _equal")

    @staticmethod
    def _same_content(typed: TypedTable, stored: Sequence[str]) -> str:
        """Whether row ``t`` says what the stored row ``s`` says; a column that one of them lacks is null."""
        own = (*typed.table.column_names, *typed.open_columns)
        return " AND ".join(
            f"{f't.{quote(name)}' if name in own else 'NULL'} IS NOT DISTINCT FROM "
            f"{f's.{quote(name)}' if name in stored else 'NULL'}"
            for name in dict.fromkeys((*own, *stored))
        )

    @staticmethod
    def _updates_sql(typed: TypedTable) -> str:
        """Counts the versions of things that an earlier row, stored or in this load, told of before."""
        name, key = quote(typed.name), typed.key
        later = (
            f"SELECT _feed, _rid FROM {name} SEMI JOIN {quote(typed.repeated)} USING ({key}) "
            f"QUALIFY row_number() OVER (PARTITION BY {key} ORDER BY known_on) > 1"
        )
        stored = f"SELECT _feed, _rid FROM {name} SEMI JOIN met USING (_feed, _rid)"
        return f"SELECT count(*) FROM ({later} UNION {stored})"

    def clean_rows(self, typed: TypedTable) -> Path:
        """The file of rows that passed: Parquet with the contract's columns and ``x_*``."""
        return self.folder / f"{typed.name}.parquet"

    def _write_clean(self, typed: TypedTable) -> None:
        columns = ", ".join(map(quote, (*typed.table.column_names, *typed.open_columns)))
        self._connection.execute(
            f"COPY (SELECT {columns} FROM {quote(typed.name)}) "
            f"TO {literal(str(self.clean_rows(typed)))} (FORMAT parquet)"
        )
