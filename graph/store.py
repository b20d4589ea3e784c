"""The protocol that every store fulfils; one contract suite runs over all of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any, Protocol

import pyarrow

from graph.snapshot import Snapshot
from graph.source import SourceDeclaration

#: Stores that go by a name: the workspace's DuckDB file, and the workspace's local Neo4j server.
EMBEDDED, LOCAL_SERVER = "duckdb", "neo4j"

#: Is told what a store is doing and how much of it is done (0 to 1; None: nobody knows).
Tell = Callable[[str, float | None], None]


class LoadTransaction(Protocol):
    """An open load. Leaving its context without an exception commits all of it; anything else, none."""

    load_id: str

    def existing(self, table: str, keys: Path, *, whole: bool = False) -> pyarrow.RecordBatchReader:
        """Versions that the store holds of the things named in ``keys``.

        ``keys``: Parquet file that has the table's key columns. Returns the key columns and ``known_on``
        of every stored version of them; ``whole``: all of the contract's columns, then the ``x_*``
        columns that the store has. To be read before the transaction is asked for anything else.
        """
        ...

    def append(self, table: str, rows: Path, *, first_versions: bool = False) -> None:
        """Add checked rows: a Parquet file with the contract's columns and ``x_*`` columns.

        The rows are new versions: none of their (key, known_on) is in the store. ``first_versions``: it was
        seen that none of their keys is in the store, nor twice in ``rows``.
        """
        ...


@dataclass(frozen=True)
class PublishedScores:
    """A run's results by party, as they are written back to the store people explore.

    ``scores``: columns party_id, score (int32), band (text), pd (float64, null where uncalibrated),
    percentile (float64), inherited_points (int32); one row a scored party.
    """

    run_id: str
    as_of: date
    model_sha: str
    snapshot_sha: str
    scores: pyarrow.Table


@dataclass(frozen=True)
class PublishedRings:
    """Rings and cases of a day, as they are written back to the store people explore.

    ``rings``: ring_id, typology, title, severity (float64), expected_by_chance (float64), first_on, last_on
    (date32), amount (int64), explanation, case_id. ``members``: ring_id, party_id, role. ``evidence``:
    ring_id, table, key (text; parts joined by '|'). ``cases``: case_id, status, note, severity (float64),
    first_on, last_on (date32), amount (int64), typologies (joined by '|').
    """

    run_id: str
    as_of: date
    snapshot_sha: str
    rings: pyarrow.Table
    members: pyarrow.Table
    evidence: pyarrow.Table
    cases: pyarrow.Table


class EcosystemStore(Protocol):
    """Where an ecosystem's tables live. Every method leaves the earlier state or the whole new one."""

    def begin(self, declaration: SourceDeclaration) -> AbstractContextManager[LoadTransaction]:
        """Start a load; ``StoreUnavailable`` where another one is open."""
        ...

    def sources(self) -> tuple[SourceDeclaration, ...]:
        """Declarations of the sources loaded so far, by name."""
        ...

    def latest_day(self) -> date | None:
        """The last ``known_on`` of any row; None for an empty store."""
        ...

    def read(self, as_of: date, purpose: str | None) -> Snapshot:
        """The ecosystem as it could be known on ``as_of`` for ``purpose`` (None: no restriction)."""
        ...

    def publish(self, run: PublishedScores) -> None:
        """Make ``run`` the current one for readers of this store: all of it, or nothing."""
        ...

    def publish_rings(self, found: PublishedRings) -> None:
        """Replace the rings that readers of this store see: by all of ``found``, or not at all."""
        ...

    def record_verdict(self, verdict: Mapping[str, Any]) -> None:
        """Keep an analyst's verdict on a case (``graph.rings.cases.verdicts.Verdict.to_json``), for good."""
        ...

    def verdicts(self) -> tuple[Mapping[str, Any], ...]:
        """All verdicts, in the order in which they were given."""
        ...

    def erase(self, party_id: str) -> int:
        """Delete a party and every row that names it; returns the number of rows deleted."""
        ...
