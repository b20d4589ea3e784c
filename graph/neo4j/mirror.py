"""The record read out of Neo4j into an embedded store, which makes the snapshot.

Heavy work runs on columns, never as Cypher; and one code makes every snapshot. Rows are fetched once a
process: a later read fetches the loads that came since.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from itertools import chain
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from graph.duckdb_store import DuckDBStore
from graph.neo4j.record import Wanted, fetch
from graph.neo4j.schema import LABELS
from graph.neo4j.scratch import ScratchFolder
from graph.neo4j.session import Neo4jSession, Row
from graph.snapshot import Snapshot
from graph.source import SourceDeclaration
from graph.store import Tell


@dataclass
class _Progress:
    """Tells how many of the rows to come are there."""

    tell: Tell
    total: int
    rows: int = 0

    def add(self, rows: int) -> None:
        self.rows += rows
        # Rows that were erased since are counted in the total.
        share = min(1.0, self.rows / max(self.total, 1))
        self.tell(f"fetched {self.rows:,} of {self.total:,} rows", share)


class Mirror:
    """A copy of the committed rows in a DuckDB file that lives as long as this object."""

    def __init__(self, base_currency: str | None, tell: Tell) -> None:
        self._base_currency = base_currency
        self._tell = tell
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
        committed = session.read(
            """MATCH (l:Load {state: 'committed'})
               RETURN l.loadId AS load, l.rows AS rows, coalesce(l.openColumns, []) AS columns
               ORDER BY load"""
        )
        loads = frozenset(row["load"] for row in committed)
        erasures = session.read("MATCH (l:Lease) RETURN sum(coalesce(l.erasures, 0)) AS n")[0]["n"]
        if erasures != self._erasures or not self._loads <= loads:
            self._start_anew()
        store = DuckDBStore(self._folder.path / "mirror.duckdb", self._base_currency)
        if new := [row for row in committed if row["load"] not in self._loads]:
            self._copy(session, store, new)
        self._loads = loads
        self._erasures = erasures
        return store

    def _start_anew(self) -> None:
        self._folder.clear()
        self._loads = frozenset()

    def _copy(self, session: Neo4jSession, store: DuckDBStore, new: Sequence[Row]) -> None:
        """Append the rows of new loads to the copy."""
        loads = tuple(row["load"] for row in new)
        opened = sorted({name for row in new for name in row["columns"]})
        progress = _Progress(self._tell, sum(row["rows"] for row in new))
        *others, last = sources_of(session)
        for declaration in others:
            with store.begin(declaration):
                pass
        with store.begin(last) as load:
            for table in LABELS:
                names = tuple(n.partition(".")[2] for n in opened if n.partition(".")[0] == table)
                staged = self._folder.path / f"{table}.parquet"
                if _stage(fetch(session, Wanted(table, loads, names)), staged, progress):
                    load.append(table, staged)
                    staged.unlink()


def _stage(portions: Iterator[pa.Table], staged: Path, progress: _Progress) -> bool:
    """Write rows to a Parquet file as they arrive; False where there are none."""
    first = next(portions, None)
    if first is None:
        return False
    with pq.ParquetWriter(staged, first.schema) as writer:
        for rows in chain([first], portions):
            writer.write_table(rows)
            progress.add(rows.num_rows)
    return True


def sources_of(session: Neo4jSession) -> tuple[SourceDeclaration, ...]:
    """Declarations of the committed sources, by name."""
    rows = session.read("MATCH (s:Source) RETURN s.declaration AS text ORDER BY s.name")
    return tuple(SourceDeclaration.from_json(row["text"]) for row in rows)
