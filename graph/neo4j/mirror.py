"""The record read out of Neo4j into an embedded store, which makes the snapshot.

Heavy work runs on columns, never as Cypher; and one code makes every snapshot. Rows are fetched once a
process: a later read fetches the loads that came since.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from functools import cached_property
from itertools import islice

import pyarrow as pa
import pyarrow.parquet as pq

from graph.contract import TABLES, Column, arrow_schema
from graph.duckdb_store import DuckDBStore
from graph.neo4j.schema import LABELS, property_name, quoted, version_label
from graph.neo4j.scratch import ScratchFolder
from graph.neo4j.session import Neo4jSession, Row
from graph.snapshot import Snapshot
from graph.source import SourceDeclaration
from graph.store import LoadTransaction

CHUNK_ROWS = 50_000


class Mirror:
    """A copy of the committed rows in a DuckDB file that lives as long as this object."""

    def __init__(self, base_currency: str | None) -> None:
        self._base_currency = base_currency
        self._loads: frozenset[str] = frozenset()
        self._erasures = 0

    @cached_property
    def _folder(self) -> ScratchFolder:
        return ScratchFolder()

    def read(self, session: Neo4jSession, as_of: date, purpose: str | None) -> Snapshot:
        """The snapshot of what is committed in Neo4j now."""
        return self._follow(session).read(as_of, purpose)

    def _follow(self, session: Neo4jSession) -> DuckDBStore:
        """Bring the copy up to date; an erasure starts it anew, so that nothing erased stays in it."""
        loads = {
            row["load"]: row["columns"] or []
            for row in session.read(
                "MATCH (l:Load {state: 'committed'}) RETURN l.loadId AS load, l.openColumns AS columns"
            )
        }
        erasures = session.read("MATCH (l:Lease) RETURN sum(coalesce(l.erasures, 0)) AS n")[0]["n"]
        if erasures != self._erasures or not self._loads <= loads.keys():
            self._start_anew()
        store = DuckDBStore(self._folder.path / "mirror.duckdb", self._base_currency)
        new = sorted(loads.keys() - self._loads)
        if new:
            open_columns = sorted({name for load in new for name in loads[load]})
            self._copy(session, store, new, open_columns)
        self._loads = frozenset(loads)
        self._erasures = erasures
        return store

    def _start_anew(self) -> None:
        self._folder.clear()
        self._loads = frozenset()

    def _copy(
        self, session: Neo4jSession, store: DuckDBStore, loads: list[str], open_columns: list[str]
    ) -> None:
        *others, last = sources_of(session)
        for declaration in others:
            with store.begin(declaration):
                pass
        with store.begin(last) as load:
            for table in LABELS:
                names = [n.partition(".")[2] for n in open_columns if n.partition(".")[0] == table]
                self._copy_table(session, load, table, (loads, tuple(names)))

    def _copy_table(
        self,
        session: Neo4jSession,
        load: LoadTransaction,
        table: str,
        wanted: tuple[list[str], tuple[str, ...]],
    ) -> None:
        staged = self._folder.path / f"{table}.parquet"
        batches = _fetch(session, table, *wanted)
        first = next(batches, None)
        if first is None:
            return
        with pq.ParquetWriter(staged, first.schema) as writer:
            writer.write_batch(first)
            for batch in batches:
                writer.write_batch(batch)
        load.append(table, staged)
        staged.unlink()


def sources_of(session: Neo4jSession) -> tuple[SourceDeclaration, ...]:
    """Declarations of the committed sources, by name."""
    rows = session.read("MATCH (s:Source) RETURN s.declaration AS text ORDER BY s.name")
    return tuple(SourceDeclaration.from_json(row["text"]) for row in rows)


def _fetch(
    session: Neo4jSession, table: str, loads: list[str], open_columns: tuple[str, ...]
) -> Iterator[pa.RecordBatch]:
    """The table's rows of the given loads, chunk by chunk; no chunk where there are none."""
    schema = arrow_schema(TABLES[table], open_columns)
    returned = ", ".join(_value(column) for column in TABLES[table].columns)
    rows = session.stream(
        f"""MATCH (v:{version_label(table)}) WHERE v.loadId IN $loads AND v.loadBatch >= 0
            RETURN [{returned}] + [name IN $open_columns | v[name]] AS row""",
        loads=loads,
        open_columns=list(open_columns),
    )
    while chunk := list(islice(rows, CHUNK_ROWS)):
        yield _record_batch(chunk, schema)


def _value(column: Column) -> str:
    """A column's value; a date as its day number, which travels and is read several times faster."""
    value = f"v.{quoted(property_name(column.name))}"
    return f"duration.inDays(date('1970-01-01'), {value}).days" if column.type == "date" else value


def _record_batch(chunk: list[Row], schema: pa.Schema) -> pa.RecordBatch:
    columns = zip(*(row["row"] for row in chunk), strict=True)
    arrays = [
        pa.array(column, pa.int32()).cast(field.type)
        if field.type == pa.date32()
        else pa.array(column, field.type)
        for field, column in zip(schema, columns, strict=True)
    ]
    return pa.RecordBatch.from_arrays(arrays, schema=schema)
