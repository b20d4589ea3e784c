"""The record read out of Neo4j as columns, over several sessions at once.

The batches in which rows were written are asked for a few at a time, and of each of them every column is
one list: that costs server and client a fraction of what a record a row does.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from itertools import groupby
from operator import itemgetter

import pyarrow as pa

from graph.contract import TABLES, Column, arrow_schema
from graph.neo4j.schema import property_name, quoted, version_label
from graph.neo4j.session import Neo4jSession

#: Sessions that read at a time: one core of the server each, as long as the client keeps up.
SESSIONS = 3
#: Batches of one answer: some 20,000 rows.
ANSWER_BATCHES = 4


@dataclass(frozen=True)
class Wanted:
    """Rows of a table: those of the given loads, with these ``x_*`` columns beside the contract's."""

    table: str
    loads: tuple[str, ...]
    open_columns: tuple[str, ...] = ()

    @property
    def schema(self) -> pa.Schema:
        return arrow_schema(TABLES[self.table], self.open_columns)


def fetch(session: Neo4jSession, wanted: Wanted) -> Iterator[pa.Table]:
    """The rows, some at a time and in no particular order; nothing where there are none."""
    waiting: deque[Future[pa.Table]] = deque()
    with ThreadPoolExecutor(SESSIONS, thread_name_prefix="neo4j-read") as pool:
        try:
            for load, batches in _portions(session, wanted):
                waiting.append(pool.submit(_read, session, wanted, load, batches))
                if len(waiting) > SESSIONS:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        finally:
            for future in waiting:
                future.cancel()


def _portions(session: Neo4jSession, wanted: Wanted) -> Iterator[tuple[str, list[int]]]:
    """Loads and some of their batches: what one query asks for."""
    found = session.read(
        f"""{_versions(wanted.table)} WHERE v.loadId IN $loads AND v.loadBatch >= 0
            RETURN DISTINCT v.loadId AS load, v.loadBatch AS batch ORDER BY load, batch""",
        loads=list(wanted.loads),
    )
    for load, rows in groupby(found, itemgetter("load")):
        batches = [row["batch"] for row in rows]
        for start in range(0, len(batches), ANSWER_BATCHES):
            yield load, batches[start : start + ANSWER_BATCHES]


def _read(session: Neo4jSession, wanted: Wanted, load: str, batches: list[int]) -> pa.Table:
    columns = ", ".join(f"[v IN rows | {_value(column)}]" for column in TABLES[wanted.table].columns)
    found = session.read(
        f"""{_versions(wanted.table)} WHERE v.loadId = $load AND v.loadBatch IN $batches
            WITH v.loadBatch AS batch, collect(v) AS rows
            RETURN [{columns}] + [name IN $open_columns | [v IN rows | v[name]]] AS columns""",
        load=load,
        batches=batches,
        open_columns=list(wanted.open_columns),
    )
    return pa.Table.from_batches(
        [_record_batch(row["columns"], wanted.schema) for row in found], wanted.schema
    )


def _versions(table: str) -> str:
    """Every version of the table's rows, by load and batch."""
    label = version_label(table)
    return f"MATCH (v:{label}) USING INDEX v:{label}(loadId, loadBatch)"


def _value(column: Column) -> str:
    """A column's value; a date as its day number, which travels and is read several times faster."""
    value = f"v.{quoted(property_name(column.name))}"
    return f"duration.inDays(date('1970-01-01'), {value}).days" if column.type == "date" else value


def _record_batch(columns: list[list[object]], schema: pa.Schema) -> pa.RecordBatch:
    arrays = [
        pa.array(column, pa.int32()).cast(field.type)
        if field.type == pa.date32()
        else pa.array(column, field.type)
        for field, column in zip(schema, columns, strict=True)
    ]
    return pa.RecordBatch.from_arrays(arrays, schema=schema)
