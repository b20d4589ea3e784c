"""A load into Neo4j: row versions written batch by batch, seen by readers once its ``(:Load)`` commits."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from graph.contract import DUCKDB_TYPES, TABLES, Table, arrow_schema
from graph.errors import LoadRefused
from graph.neo4j.lease import Lease
from graph.neo4j.schema import LABELS, properties_of, property_name, version_label
from graph.neo4j.session import Neo4jSession
from graph.source import SourceDeclaration
from graph.sql import quote
from graph.store import Tell

BATCH_ROWS = 5_000
#: Index entries hold at most about 8,000 bytes; a key has up to four parts.
MAX_KEY_BYTES = 1_900


def key_hash(table: Table) -> str:
    """DuckDB expression: what a row is a version of, as 32 hex digits."""
    parts = ", ".join(
        f"CAST(CAST({quote(name)} AS {DUCKDB_TYPES[table.column(name).type]}) AS VARCHAR)"
        for name in table.key
    )
    return f"md5(CAST(to_json([{parts}]) AS VARCHAR))"


def _batches(sql: str, path: Path) -> Iterator[list[dict[str, Any]]]:
    """Rows of a query over a Parquet file as dictionaries, batch by batch."""
    with duckdb.connect(config={"threads": 1}) as connection:
        for batch in connection.execute(sql, [str(path)]).to_arrow_reader(BATCH_ROWS):
            yield batch.to_pylist()


def _offered(path: Path) -> list[str]:
    with duckdb.connect() as connection:
        found = connection.execute("DESCRIBE SELECT * FROM read_parquet(?)", [str(path)]).fetchall()
    return [row[0] for row in found]


class Neo4jLoad:
    """An open load under the writer's lease (see ``graph.store.LoadTransaction``)."""

    def __init__(self, session: Neo4jSession, lease: Lease, tell: Tell) -> None:
        self.load_id = uuid.uuid4().hex
        self._session = session
        self._lease = lease
        self._tell = tell
        self._batches = 0
        self._rows = 0
        self._latest: date | None = None
        self._open_columns: dict[str, None] = {}
        lease.write(
            "MERGE (l:Load {loadId: $load}) SET l.state = 'loading', l.startedAt = datetime()",
            load=self.load_id,
        )

    def existing(self, table: str, keys: Path, *, whole: bool = False) -> pa.RecordBatchReader:
        """See ``LoadTransaction.existing``."""
        contract = TABLES[table]
        schema = arrow_schema(contract, self._stored_open_columns(table) if whole else ())
        if not whole:
            schema = pa.schema([schema.field(name) for name in (*contract.key, "known_on")])
        return pa.RecordBatchReader.from_batches(schema, self._versions(contract, keys, schema))

    def _versions(self, contract: Table, keys: Path, schema: pa.Schema) -> Iterator[pa.RecordBatch]:
        """The columns of ``schema`` of every version of the things in ``keys``."""
        distinct = f"SELECT DISTINCT {key_hash(contract)} AS key FROM read_parquet(?)"  # noqa: S608
        for batch in _batches(distinct, keys):
            rows = self._session.read(
                f"""UNWIND $keys AS key
                    MATCH (v:{version_label(contract.name)}) WHERE v.versionKey STARTS WITH key
                    RETURN [name IN $names | v[name]] AS row""",
                keys=[row["key"] for row in batch],
                names=[property_name(name) for name in schema.names],
            )
            values = [[native(value) for value in row["row"]] for row in rows]
            yield pa.RecordBatch.from_pylist(
                [dict(zip(schema.names, row, strict=True)) for row in values], schema=schema
            )

    def _stored_open_columns(self, table: str) -> tuple[str, ...]:
        """The ``x_*`` columns that committed loads gave ``table``."""
        found = self._session.read(
            """MATCH (l:Load {state: 'committed'}) UNWIND l.openColumns AS name
               WITH name WHERE name STARTS WITH $table RETURN DISTINCT name ORDER BY name""",
            table=f"{table}.",
        )
        return tuple(row["name"].partition(".")[2] for row in found)

    def append(self, table: str, rows: Path, *, first_versions: bool = False) -> None:
        """See ``LoadTransaction.append``; ``LoadRefused`` where a key is too long for an index."""
        contract = TABLES[table]
        open_columns = tuple(name for name in _offered(rows) if name.startswith("x_"))
        properties = properties_of(contract, open_columns)
        self._check_keys(contract, rows)
        chosen = ", ".join(f"{quote(column)} AS {quote(name)}" for name, column in properties.items())
        version = f"{key_hash(contract)} || '|' || strftime(known_on, '%Y-%m-%d')"
        sql = f'SELECT {chosen}, {version} AS "versionKey" FROM read_parquet(?)'  # noqa: S608
        total, before = pq.read_metadata(rows).num_rows, self._rows
        for batch in _batches(sql, rows):
            self._tell(f"writing {table}", (self._rows - before) / total)
            self._lease.write(
                f"""UNWIND $rows AS row CREATE (v:{version_label(table)})
                    SET v = row, v.loadId = $load, v.loadBatch = $batch""",
                rows=batch,
                load=self.load_id,
                batch=self._batches,
            )
            self._batches += 1
            self._rows += len(batch)
            days = [row["knownOn"] for row in batch]
            self._latest = max(days if self._latest is None else [self._latest, *days])
        self._open_columns |= {f"{table}.{name}": None for name in open_columns}

    def commit(self, declaration: SourceDeclaration) -> None:
        """Flip the load: from here on every reader counts its rows."""
        self._lease.write(
            """MATCH (l:Load {loadId: $load})
               SET l.state = 'committed', l.tied = false, l.committedAt = datetime(), l.source = $name,
                   l.batches = $batches, l.rows = $rows, l.latestKnownOn = $latest,
                   l.openColumns = $open_columns
               MERGE (s:Source {name: $name}) SET s.declaration = $text""",
            load=self.load_id,
            name=declaration.name,
            text=declaration.to_json(),
            batches=self._batches,
            rows=self._rows,
            latest=self._latest,
            open_columns=list(self._open_columns) or None,
        )

    def _check_keys(self, contract: Table, rows: Path) -> None:
        """An identifier that no index can hold would fail halfway: refuse it first."""
        for name in indexed_columns(contract):
            with duckdb.connect() as connection:
                found = connection.execute(
                    f"SELECT {quote(name)} FROM read_parquet(?) "  # noqa: S608
                    f"WHERE strlen({quote(name)}) > {MAX_KEY_BYTES} LIMIT 1",
                    [str(rows)],
                ).fetchone()
            if found:
                raise too_long(contract.name, name, found[0])


def indexed_columns(table: Table) -> list[str]:
    """Columns of text that an index holds: the key's, and those that name a party or an invoice."""
    return [c.name for c in table.columns if c.type == "text" and (c.name in table.key or c.references)]


def too_long(table: str, column: str, value: str) -> LoadRefused:
    """The error for an identifier that no index can hold."""
    return LoadRefused(
        f"{table}.{column}: {value[:40]!r}… is longer than {MAX_KEY_BYTES} bytes, more than "
        "Neo4j can index: shorten the identifier in the source"
    )


def native(value: Any) -> Any:
    """A property as Python's own type (the driver has a date class of its own)."""
    return value.to_native() if hasattr(value, "to_native") else value


def undo(lease: Lease, load_id: str) -> None:
    """Delete every row of a load that did not commit, then its node; may be cut off and run again."""
    for table in LABELS:
        query = (
            f"MATCH (v:{version_label(table)} {{loadId: $load}}) WHERE v.loadBatch >= 0 "
            "WITH v LIMIT $limit DETACH DELETE v RETURN count(*) AS deleted"
        )
        while lease.write(query, load=load_id, limit=BATCH_ROWS)[0]["deleted"]:
            pass
    lease.write("MATCH (l:Load {loadId: $load}) DELETE l", load=load_id)
