"""Two sessions: one writes, the other is told so or waits its turn; who stood still too long has lost it."""

from __future__ import annotations

import threading
import time
from datetime import date
from pathlib import Path

import pytest

from graph.duckdb_store import DuckDBStore
from graph.errors import StoreUnavailable
from graph.neo4j.lease import holder, writing
from graph.neo4j.session import Neo4jSession, Neo4jSettings
from graph.neo4j.store import Neo4jStore
from graph.source import SourceDeclaration
from tests.ecosystems import load, parties, random_trade, stage

AS_OF = date(2022, 6, 1)
LOADS = 4
LIMIT_S = 120


def test_two_sessions_take_turns_and_readers_go_on(neo4j_settings: Neo4jSettings, tmp_path: Path) -> None:
    """Each tries again until it is its turn: what stands in the end is what both gave, once."""
    batches: list[dict[str, list[dict[str, object]]]] = [{"parties": parties(40)}]
    invoices = random_trade(40, 120, seed=5)["invoices"]
    batches += [{"invoices": invoices[k::LOADS]} for k in range(LOADS)]
    embedded = DuckDBStore(tmp_path / "e.duckdb")
    for batch in batches:
        load(embedded, tmp_path, batch)
    load(Neo4jStore(neo4j_settings), tmp_path, batches[0])
    refused, failures, seen = [0], [], []

    def work(numbers: range) -> None:
        try:
            for number in numbers:
                folder = tmp_path / str(number)
                folder.mkdir()
                deadline = time.monotonic() + LIMIT_S
                while True:
                    try:
                        load(Neo4jStore(neo4j_settings), folder, batches[number])
                        break
                    except StoreUnavailable:
                        refused[0] += 1
                        assert time.monotonic() < deadline
                        time.sleep(0.02)
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=work, args=(range(1 + k, LOADS + 1, 2),)) for k in range(2)]
    for thread in threads:
        thread.start()
    while any(thread.is_alive() for thread in threads):
        seen.append(Neo4jStore(neo4j_settings).read(AS_OF, None).n_parties)
    for thread in threads:
        thread.join()
    assert failures == []
    assert set(seen) <= {40}
    assert Neo4jStore(neo4j_settings).read(AS_OF, None).sha256 == embedded.read(AS_OF, None).sha256
    with Neo4jSession(neo4j_settings) as session:
        counts = session.read("MATCH (i:Invoice) RETURN count(i) AS n, count(DISTINCT i.invoiceId) AS ids")
        assert tuple(counts[0].values()) == (120, 120)
        assert not session.read("MATCH (l:Load) WHERE l.state <> 'committed' OR NOT l.tied RETURN l")


def test_who_stood_still_too_long_is_told_and_undone(neo4j_settings: Neo4jSettings, tmp_path: Path) -> None:
    rows = stage(tmp_path, "parties", parties(3))

    def stand_still() -> None:
        with Neo4jStore(neo4j_settings).begin(SourceDeclaration("slow")) as transaction:
            transaction.append("parties", rows)
            with Neo4jSession(neo4j_settings) as session:
                session.write("MATCH (l:Lease) SET l.expiresAt = 0")
            load(Neo4jStore(neo4j_settings), tmp_path, {"parties": parties(1)}, SourceDeclaration("quick"))
            transaction.append("parties", rows)

    with pytest.raises(StoreUnavailable, match="took the Neo4j store over"):
        stand_still()
    store = Neo4jStore(neo4j_settings)
    assert [source.name for source in store.sources()] == ["quick"]
    assert store.read(AS_OF, None).n_parties == 1


def test_who_holds_the_lease(neo4j_settings: Neo4jSettings) -> None:
    with Neo4jSession(neo4j_settings) as session:
        assert holder(session) is None
        with writing(session):
            found = holder(session)
            assert found is not None
            assert found["pid"] > 0
        assert holder(session) is None
        session.write("MATCH (l:Lease) SET l.owner = 'x', l.pid = 2000000000, l.machine = 'elsewhere|'")
        session.write("MATCH (l:Lease) SET l.expiresAt = timestamp() + 60000")
        assert holder(session) is not None
        session.write("MATCH (l:Lease) SET l.expiresAt = timestamp() - 1")
        assert holder(session) is None
