"""The embedded store: one DuckDB file in the workspace, opened only for the time of a job."""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from typing import Any

import duckdb
import ibis
import pyarrow as pa

from graph import duckdb_rings
from graph.asof import StoredEcosystem, code_column, party_columns
from graph.contract import DUCKDB_TYPES, TABLES, Table
from graph.errors import StoreUnavailable
from graph.snapshot import Snapshot, build
from graph.source import SourceDeclaration
from graph.sql import quote
from graph.store import LoadTransaction, PublishedRings, PublishedScores

#: New files are written in the form of the oldest DuckDB that the project runs with: texts packed better
#: and faster than in the form of 1.0, which is the default.
_CONFIG: dict[str, str | bool | int | float | list[str]] = {"storage_compatibility_version": "v1.4.0"}


def _stored_columns(table: Table) -> dict[str, str]:
    """Column name to DuckDB type, as stored: party columns are codes, names live apart."""
    coded = set(party_columns(table))
    return {
        code_column(c.name) if c.name in coded else c.name: "INTEGER"
        if c.name in coded
        else DUCKDB_TYPES[c.type]
        for c in table.columns
        if not (table.name == "parties" and c.name == "name")
    }


def _schema_statements() -> Iterator[str]:
    yield "CREATE TABLE IF NOT EXISTS party_dictionary (code INTEGER, party_id VARCHAR)"
    yield "CREATE TABLE IF NOT EXISTS party_names (party_code INTEGER, known_on DATE, name VARCHAR)"
    yield "CREATE TABLE IF NOT EXISTS source_declarations (name VARCHAR PRIMARY KEY, declaration VARCHAR)"
    yield "CREATE TABLE IF NOT EXISTS versioned_tables (name VARCHAR PRIMARY KEY)"
    yield (
        "CREATE TABLE IF NOT EXISTS published_scores (run_id VARCHAR, as_of DATE, party_id VARCHAR,"
        " score INTEGER, band VARCHAR, pd DOUBLE, percentile DOUBLE, inherited_points INTEGER)"
    )
    for table in TABLES.values():
        columns = ", ".join(f"{quote(n)} {t}" for n, t in _stored_columns(table).items())
        yield f"CREATE TABLE IF NOT EXISTS {quote(table.name)} ({columns})"


def _create_schema(connection: duckdb.DuckDBPyConnection) -> None:
    """All tables or none: a process killed here leaves a file without tables, which is made anew."""
    connection.execute("BEGIN")
    for statement in _schema_statements():
        connection.execute(statement)
    connection.execute("COMMIT")


class DuckDBLoad:
    """A load inside one DuckDB transaction."""

    def __init__(self, connection: duckdb.DuckDBPyConnection) -> None:
        self.load_id = uuid.uuid4().hex
        self._connection = connection

    def existing(self, table: str, keys: Path, *, whole: bool = False) -> pa.RecordBatchReader:
        """See ``LoadTransaction.existing``."""
        contract = TABLES[table]
        coded = set(party_columns(contract))
        wanted = (
            (*contract.column_names, *self._open_columns(table)) if whole else (*contract.key, "known_on")
        )
        stored: dict[str, str] = {}
        joins: list[str] = []
        for name in wanted:
            stored[name] = f"t.{quote(name)}"
            if name in coded:
                stored[name] = f"d{len(joins)}.party_id"
                code = f"d{len(joins)}.code = t.{quote(code_column(name))}"
                joins.append(f"LEFT JOIN party_dictionary d{len(joins)} ON {code}")
            elif table == "parties" and name == "name":
                stored[name] = "n.name"
                joins.append(
                    "LEFT JOIN party_names n ON (n.party_code, n.known_on) = (t.party_code, t.known_on)"
                )
        selected = ", ".join(f"{sql} AS {quote(name)}" for name, sql in stored.items())
        same_key = " AND ".join(f"k.{quote(name)} = {stored[name]}" for name in contract.key)
        return self._connection.execute(
            f"SELECT {selected} FROM {quote(table)} t {' '.join(joins)} "  # noqa: S608
            f"SEMI JOIN read_parquet(?) k ON {same_key}",
            [str(keys)],
        ).to_arrow_reader()

    def _open_columns(self, table: str) -> list[str]:
        """The ``x_*`` columns that ``table`` has so far."""
        described = self._connection.execute(f"DESCRIBE {quote(table)}").fetchall()
        return [row[0] for row in described if row[0].startswith("x_")]

    def append(self, table: str, rows: Path, *, first_versions: bool = False) -> None:
        """See ``LoadTransaction.append``."""
        contract = TABLES[table]
        run = self._connection.execute
        offered = [r[0] for r in run("DESCRIBE SELECT * FROM read_parquet(?)", [str(rows)]).fetchall()]
        stored = self._open_columns(table)
        for name in offered:
            if name.startswith("x_") and name not in stored:
                run(f"ALTER TABLE {quote(table)} ADD COLUMN {quote(name)} DOUBLE")
        if table == "parties":
            self._extend_dictionary(rows)
        if not first_versions:
            self._mark_versioned(contract, rows)
        coded = party_columns(contract)
        columns: list[str] = []
        values: list[str] = []
        joins: list[str] = []
        for name in offered:
            if table == "parties" and name == "name":
                continue
            if name in coded:
                dictionary = f"d{len(joins)}"
                joins.append(
                    f"LEFT JOIN party_dictionary {dictionary} ON {dictionary}.party_id = r.{quote(name)}"
                )
                columns.append(quote(code_column(name)))
                values.append(f"{dictionary}.code")
            else:
                columns.append(quote(name))
                values.append(f"r.{quote(name)}")
        run(
            f"INSERT INTO {quote(table)} ({', '.join(columns)}) SELECT {', '.join(values)} "  # noqa: S608
            f"FROM read_parquet(?) r {' '.join(joins)}",
            [str(rows)],
        )

    def _extend_dictionary(self, rows: Path) -> None:
        self._connection.execute(
            """INSERT INTO party_dictionary
               SELECT (SELECT count(*) FROM party_dictionary) + row_number() OVER (ORDER BY party_id) - 1,
                      party_id
               FROM (SELECT DISTINCT party_id FROM read_parquet($1)
                     ANTI JOIN party_dictionary USING (party_id))""",
            [str(rows)],
        )
        self._connection.execute(
            """INSERT INTO party_names SELECT d.code, r.known_on, r.name FROM read_parquet($1) r
               JOIN party_dictionary d USING (party_id) WHERE r.name IS NOT NULL""",
            [str(rows)],
        )

    def _mark_versioned(self, contract: Table, rows: Path) -> None:
        """Remember that some key of the table has more than one version (before the rows are added)."""
        run = self._connection.execute
        if run("SELECT 1 FROM versioned_tables WHERE name = $1", [contract.name]).fetchone():
            return
        key = ", ".join(map(quote, contract.key))
        within = run(
            f"SELECT 1 FROM read_parquet($1) GROUP BY {key} HAVING count(*) > 1 LIMIT 1",  # noqa: S608
            [str(rows)],
        ).fetchone()
        if within or any(batch.num_rows for batch in self.existing(contract.name, rows)):
            run("INSERT INTO versioned_tables VALUES ($1)", [contract.name])


class DuckDBStore:
    """``EcosystemStore`` over one DuckDB file; another process's open file is ``StoreUnavailable``."""

    def __init__(self, path: Path, base_currency: str | None = None) -> None:
        self._path = path
        self._base_currency = base_currency

    @contextmanager
    def _open(self, *, write: bool) -> Iterator[duckdb.DuckDBPyConnection]:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        try:
            connection = duckdb.connect(
                str(self._path), read_only=not write and self._path.exists(), config=_CONFIG
            )
            if not connection.execute("SELECT 1 FROM duckdb_tables() WHERE NOT temporary LIMIT 1").fetchone():
                connection.close()
                connection = duckdb.connect(str(self._path), config=_CONFIG)
                _create_schema(connection)
        except (duckdb.IOException, duckdb.ConnectionException) as error:
            raise cannot_be_opened(self._path, error) from error
        try:
            yield connection
        finally:
            connection.close()

    @contextmanager
    def _transaction(self) -> Iterator[duckdb.DuckDBPyConnection]:
        with self._open(write=True) as connection:
            connection.execute("BEGIN")
            try:
                yield connection
            except BaseException:
                connection.execute("ROLLBACK")
                raise
            connection.execute("COMMIT")

    @contextmanager
    def begin(self, declaration: SourceDeclaration) -> Iterator[LoadTransaction]:
        """See ``EcosystemStore.begin``: one DuckDB transaction, committed at the end."""
        with self._transaction() as connection:
            yield DuckDBLoad(connection)
            connection.execute(
                "INSERT OR REPLACE INTO source_declarations VALUES ($1, $2)",
                [declaration.name, declaration.to_json()],
            )

    def sources(self) -> tuple[SourceDeclaration, ...]:
        """See ``EcosystemStore.sources``."""
        with self._open(write=False) as connection:
            return _declarations(connection)

    def latest_day(self) -> date | None:
        """See ``EcosystemStore.latest_day``."""
        latest = " UNION ALL ".join(f"SELECT max(known_on) AS day FROM {quote(n)}" for n in TABLES)  # noqa: S608
        with self._open(write=False) as connection:
            row = connection.execute(f"SELECT max(day) FROM ({latest})").fetchone()  # noqa: S608
        return row[0] if row else None

    def read(self, as_of: date, purpose: str | None) -> Snapshot:
        """See ``EcosystemStore.read``."""
        with self._open(write=False) as connection:
            return build(
                _stored_ecosystem(connection),
                as_of=as_of,
                purpose=purpose,
                base_currency=self._base_currency,
            )

    def publish(self, run: PublishedScores) -> None:
        """See ``EcosystemStore.publish``."""
        with self._transaction() as connection:
            connection.register("incoming", run.scores)
            connection.execute("DELETE FROM published_scores")
            connection.execute(
                """INSERT INTO published_scores
                   SELECT $1, $2, party_id, score, band, pd, percentile, inherited_points FROM incoming""",
                [run.run_id, run.as_of],
            )

    def publish_rings(self, found: PublishedRings) -> None:
        """See ``EcosystemStore.publish_rings``."""
        with self._transaction() as connection:
            duckdb_rings.publish_rings(connection, found)

    def record_verdict(self, verdict: Mapping[str, Any]) -> None:
        """See ``EcosystemStore.record_verdict``."""
        with self._transaction() as connection:
            duckdb_rings.record_verdict(connection, verdict)

    def verdicts(self) -> tuple[Mapping[str, Any], ...]:
        """See ``EcosystemStore.verdicts``."""
        with self._open(write=False) as connection:
            return duckdb_rings.verdicts(connection)

    def erase(self, party_id: str) -> int:
        """See ``EcosystemStore.erase``."""
        deleted = 0
        with self._open(write=True) as connection:
            found = connection.execute(
                "SELECT code FROM party_dictionary WHERE party_id = $1", [party_id]
            ).fetchone()
            if found is None:
                return 0
            connection.execute("BEGIN")
            for table in TABLES.values():
                columns = [quote(code_column(name)) for name in party_columns(table)]
                if columns:
                    condition = " OR ".join(f"{column} = $1" for column in columns)
                    row = connection.execute(
                        f"DELETE FROM {quote(table.name)} WHERE {condition}",  # noqa: S608
                        [found[0]],
                    ).fetchone()
                    deleted += row[0] if row else 0
            connection.execute("DELETE FROM party_names WHERE party_code = $1", [found[0]])
            connection.execute("DELETE FROM published_scores WHERE party_id = $1", [party_id])
            duckdb_rings.erase_rings(connection, party_id)
            # The code stays taken (codes are positions in time of arrival); the id it stood for is gone.
            connection.execute("UPDATE party_dictionary SET party_id = NULL WHERE code = $1", [found[0]])
            connection.execute("COMMIT")
            connection.execute("CHECKPOINT")
        return deleted


def cannot_be_opened(path: Path, error: Exception) -> StoreUnavailable:
    """The error for a file that DuckDB doesn't open."""
    return StoreUnavailable(
        f"{path} cannot be opened: another job may hold it; wait for it to end. ({error})"
    )


def _declarations(connection: duckdb.DuckDBPyConnection) -> tuple[SourceDeclaration, ...]:
    rows = connection.execute("SELECT declaration FROM source_declarations ORDER BY name").fetchall()
    return tuple(SourceDeclaration.from_json(row[0]) for row in rows)


def _stored_ecosystem(connection: duckdb.DuckDBPyConnection) -> StoredEcosystem:
    backend = ibis.duckdb.from_connection(connection)
    filled = [
        name
        for name in TABLES
        if connection.execute(f"SELECT 1 FROM {quote(name)} LIMIT 1").fetchone()  # noqa: S608
    ]
    versioned = connection.execute("SELECT name FROM versioned_tables").fetchall()
    return StoredEcosystem(
        tables={name: backend.table(name) for name in filled},
        dictionary=backend.table("party_dictionary"),
        versioned=frozenset(row[0] for row in versioned),
        declarations=_declarations(connection),
    )
