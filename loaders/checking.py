"""Checks on a load's typed tables: row rules, entities made distinct, duplicates, references, the store.

Works on tables named like the contract's, with ``_feed`` and ``_rid`` before the contract's columns, and
on the table ``faults``. Every step is set-based SQL.
"""

# ruff: noqa: S608  (identifiers are quoted or our own, texts are escaped literals)

from __future__ import annotations

from pathlib import Path

import duckdb
import ibis

from graph.digest import quote
from graph.source import SourceDeclaration
from graph.store import ROW_DIGEST, LoadTransaction
from graph.validation import VIOLATION_COLUMNS, invalid_rows, row_rules, violations
from loaders.rawtables import literal
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
        self._connection.execute(
            f"DELETE FROM {quote(typed.name)} WHERE (_feed, _rid) IN "
            f"(SELECT (_feed, _rid) FROM faults WHERE tbl = {literal(typed.name)})"
        )

    def check_duplicates(self, typed: TypedTable) -> int:
        """Equal rows are kept once (their number is returned); rows of one version that differ all go."""
        run, name, key = self._connection.execute, quote(typed.name), typed.key
        version = f"{key}, known_on"
        run(
            f"CREATE TABLE doubled AS SELECT _feed, _rid, {version}, {typed.digest} AS _digest FROM {name} "
            f"SEMI JOIN (SELECT {version} FROM {name} GROUP BY {version} HAVING count(*) > 1) "
            f"USING ({version})"
        )
        run(
            f"CREATE TABLE judged AS SELECT _feed, _rid, {self._shown_key(typed)} AS _shown, "
            f"min(_digest) OVER same <> max(_digest) OVER same AS _conflict, "
            f"row_number() OVER (PARTITION BY {version} ORDER BY _feed, _rid) AS _place FROM doubled "
            f"WINDOW same AS (PARTITION BY {version})"
        )
        self._note(typed, "SELECT _feed, _rid, _shown FROM judged WHERE _conflict", typed.table.key[0],
                   "conflict_in_load", "one content for each key and known_on")  # fmt: skip
        run(
            f"DELETE FROM {name} WHERE (_feed, _rid) IN "
            "(SELECT (_feed, _rid) FROM judged WHERE NOT _conflict AND _place > 1)"
        )
        equal = count(self._connection, "SELECT count(*) FROM judged WHERE NOT _conflict AND _place > 1")
        run("DROP TABLE doubled")
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

    def check_references(self, typed: TypedTable, load: LoadTransaction) -> None:
        """Rows that name a party which is neither in this load nor in the store are taken out."""
        name = quote(typed.name)
        for column in typed.table.columns:
            if column.references != "parties":
                continue
            quoted = quote(column.name)
            unknown = (
                f"SELECT DISTINCT {quoted} AS party_id FROM {name} WHERE {quoted} IS NOT NULL "
                f"AND {quoted} NOT IN (SELECT party_id FROM known_parties)"
            )
            self._learn_stored_parties(unknown, load)
            self._note(
                typed,
                f"SELECT _feed, _rid, {quoted} FROM {name} WHERE {quoted} IS NOT NULL "
                f"AND {quoted} NOT IN (SELECT party_id FROM known_parties)",
                column.name, "unknown_party", "a party of this load or of the store",
            )  # fmt: skip
        self.remove_faulty(typed)

    def _learn_stored_parties(self, unknown: str, load: LoadTransaction) -> None:
        path = self.folder / "unknown_parties.parquet"
        self._connection.execute(f"COPY ({unknown}) TO {literal(str(path))} (FORMAT parquet)")
        if not count(self._connection, f"SELECT count(*) FROM read_parquet({literal(str(path))})"):
            return
        stored = load.existing("parties", path)
        self._connection.register("stored", stored)
        self._connection.execute("INSERT INTO known_parties SELECT DISTINCT party_id FROM stored")
        self._connection.unregister("stored")

    def know_parties(self, present: bool) -> None:
        """Remember the load's own valid parties for ``check_references``."""
        rows = (
            "SELECT DISTINCT party_id FROM parties"
            if present
            else "SELECT NULL::VARCHAR AS party_id WHERE false"
        )
        self._connection.execute(f"CREATE TABLE known_parties AS {rows}")

    def compare_with_store(self, typed: TypedTable, load: LoadTransaction) -> tuple[int, int]:
        """(unchanged, updated): rows the store has already go, rows it has otherwise are faults."""
        run, name, key = self._connection.execute, quote(typed.name), typed.key
        path = self.folder / f"{typed.name}_keys.parquet"
        run(f"COPY (SELECT DISTINCT {key} FROM {name}) TO {literal(str(path))} (FORMAT parquet)")
        held = load.existing(typed.name, path)
        path.unlink()
        self._connection.register("held", held)
        run("CREATE OR REPLACE TABLE stored_versions AS SELECT * FROM held")
        self._connection.unregister("held")
        unchanged = self._settle_stored(typed) if held.num_rows else 0
        return unchanged, count(self._connection, self._updates_sql(typed))

    def _settle_stored(self, typed: TypedTable) -> int:
        run, name = self._connection.execute, quote(typed.name)
        same = " AND ".join(
            f"t.{quote(column)} = s.{quote(column)}" for column in (*typed.table.key, "known_on")
        )
        run(
            f"CREATE TABLE met AS SELECT t._feed, t._rid, t._shown, t._digest = s.{ROW_DIGEST} AS _equal "
            f"FROM (SELECT *, {typed.digest} AS _digest, {self._shown_key(typed)} AS _shown FROM {name} "
            f"SEMI JOIN stored_versions USING ({typed.key}, known_on)) t JOIN stored_versions s ON {same}"
        )
        self._note(
            typed,
            "SELECT _feed, _rid, _shown FROM met WHERE NOT _equal",
            typed.table.key[0],
            "conflict_with_store",
            "the stored content, or a later known_on for a correction",
        )
        run(f"DELETE FROM {name} WHERE (_feed, _rid) IN (SELECT (_feed, _rid) FROM met WHERE _equal)")
        unchanged = count(self._connection, "SELECT count(*) FROM met WHERE _equal")
        run("DROP TABLE met")
        self.remove_faulty(typed)
        return unchanged

    @staticmethod
    def _updates_sql(typed: TypedTable) -> str:
        """Counts the versions of things that an earlier row, stored or in this load, told of before."""
        name, key = quote(typed.name), typed.key
        later = (
            f"SELECT _feed, _rid FROM {name} "
            f"SEMI JOIN (SELECT {key} FROM {name} GROUP BY {key} HAVING count(*) > 1) "
            f"USING ({key}) QUALIFY row_number() OVER (PARTITION BY {key} ORDER BY known_on) > 1"
        )
        stored = f"SELECT _feed, _rid FROM {name} SEMI JOIN stored_versions USING ({key})"
        return f"SELECT count(*) FROM ({later} UNION {stored})"

    def write_clean(self, typed: TypedTable) -> Path:
        """The rows that passed, as Parquet with the contract's columns, ``x_*`` and ``row_digest``."""
        path = self.folder / f"{typed.name}.parquet"
        columns = ", ".join(map(quote, (*typed.table.column_names, *typed.open_columns)))
        self._connection.execute(
            f"COPY (SELECT {columns}, {typed.digest} AS {ROW_DIGEST} FROM {quote(typed.name)}) "
            f"TO {literal(str(path))} (FORMAT parquet)"
        )
        return path
