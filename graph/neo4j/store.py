"""The ecosystem's tables in Neo4j: the graph of record for teams and analysts."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from datetime import date
from typing import Any

from graph.errors import StoreUnavailable
from graph.neo4j import erasure, publication, rings
from graph.neo4j.exploration import tie_load
from graph.neo4j.lease import Lease, left_behind, writing
from graph.neo4j.load import Neo4jLoad, native, undo
from graph.neo4j.migrations import bring_up_to_date
from graph.neo4j.mirror import Mirror, sources_of
from graph.neo4j.session import Neo4jSession, Neo4jSettings, Transaction
from graph.snapshot import Snapshot
from graph.source import SourceDeclaration
from graph.store import LoadTransaction, PublishedRings, PublishedScores, Tell

UNFINISHED = """
    MATCH (l:Load) WHERE l.state = 'loading' OR NOT l.tied RETURN l.loadId AS id, l.state AS state
    UNION ALL
    MATCH (r:Run) WHERE r.state IN ['written', 'withdrawn'] RETURN r.runId AS id, r.state AS state"""


class Neo4jStore:
    """``EcosystemStore`` over a Neo4j server, connected only for the time of a call.

    Every call first finishes or undoes what a killed job left, unless a job is at work.
    """

    def __init__(
        self,
        settings: Neo4jSettings,
        base_currency: str | None = None,
        tell: Tell = lambda what, share: None,
    ) -> None:
        self._settings = settings
        self._tell = tell
        self._mirror = Mirror(base_currency, tell)
        self._ready = False

    @contextmanager
    def begin(self, declaration: SourceDeclaration) -> Iterator[LoadTransaction]:
        """See ``EcosystemStore.begin``: batches commit one by one, readers see them once the load commits."""
        with self._open() as session, writing(session) as lease:
            self._recover(session, lease)
            load = Neo4jLoad(session, lease, self._tell)
            try:
                yield load
                load.commit(declaration)
            except BaseException:
                with suppress(StoreUnavailable):  # the next job undoes what can't be undone now
                    undo(lease, load.load_id)
                raise
            tie_load(session, lease, load.load_id, self._tell)

    def sources(self) -> tuple[SourceDeclaration, ...]:
        """See ``EcosystemStore.sources``."""
        with self._open() as session:
            return sources_of(session)

    def latest_day(self) -> date | None:
        """See ``EcosystemStore.latest_day``."""
        with self._open() as session:
            found = session.read("MATCH (l:Load {state: 'committed'}) RETURN max(l.latestKnownOn) AS day")
        day: date | None = native(found[0]["day"])
        return day

    def read(self, as_of: date, purpose: str | None) -> Snapshot:
        """See ``EcosystemStore.read``; the first read of a process fetches all rows, and tells how far."""
        with self._open() as session:
            return self._mirror.read(session, as_of, purpose)

    def publish(self, run: PublishedScores) -> None:
        """See ``EcosystemStore.publish`` and ``graph.neo4j.publication``."""
        with self._open() as session, writing(session) as lease:
            self._recover(session, lease)
            publication.publish(session, lease, run)

    def publish_rings(self, found: PublishedRings) -> None:
        """See ``EcosystemStore.publish_rings`` and ``graph.neo4j.rings``."""
        with self._open() as session, writing(session) as lease:
            self._recover(session, lease)
            rings.publish_rings(session, lease, found)

    def record_verdict(self, verdict: Mapping[str, Any]) -> None:
        """See ``EcosystemStore.record_verdict``."""
        with self._open() as session, writing(session) as lease:
            self._recover(session, lease)
            rings.record_verdict(lease, verdict)

    def verdicts(self) -> tuple[Mapping[str, Any], ...]:
        """See ``EcosystemStore.verdicts``."""
        with self._open() as session:
            return rings.verdicts(session)

    def erase(self, party_id: str) -> int:
        """See ``EcosystemStore.erase``: one transaction."""
        with self._open() as session, writing(session) as lease:
            self._recover(session, lease)

            def work(transaction: Transaction) -> int:
                lease.renew(transaction)
                return erasure.erase(transaction, party_id)

            return session.transact(work)

    @contextmanager
    def _open(self) -> Iterator[Neo4jSession]:
        with Neo4jSession(self._settings) as session:
            if not self._ready:
                # A server that is not there is told at once; queries would be tried again for half a minute.
                session.verify()
                bring_up_to_date(session)
                if session.read(UNFINISHED) or left_behind(session):
                    # Where a job is at work, what is unfinished is its own. Taking a dead job's lease
                    # waits for the transaction it sent last, so that nothing of it comes later.
                    with suppress(StoreUnavailable), writing(session) as lease:
                        self._recover(session, lease)
                self._ready = True
            yield session

    def _recover(self, session: Neo4jSession, lease: Lease) -> None:
        """Undo loads that did not commit, complete those that did, settle a publication."""
        for row in session.read(UNFINISHED):
            if row["state"] == "loading":
                undo(lease, row["id"])
            elif row["state"] == "committed":
                tie_load(session, lease, row["id"], self._tell)
        publication.settle(lease)
