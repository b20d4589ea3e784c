"""A published run is all there or not there, for readers at any moment and after any death."""

from __future__ import annotations

import subprocess
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from graph.errors import StoreUnavailable
from graph.neo4j import publication
from graph.neo4j.lease import writing
from graph.neo4j.session import Neo4jSession, Neo4jSettings, Transaction
from graph.neo4j.store import Neo4jStore
from tests.ecosystems import load, parties
from tests.graph.test_stores import scores

N = 1_000
CURRENT = f"""{publication.CURRENT_RUN}
               RETURN r.runId AS run, count(p) AS n, min(p.riskScore) AS low, max(p.riskScore) AS high"""


@pytest.fixture
def settings(neo4j_settings: Neo4jSettings, tmp_path: Path) -> Neo4jSettings:
    load(Neo4jStore(neo4j_settings), tmp_path, {"parties": parties(N)})
    return neo4j_settings


def current(session: Neo4jSession) -> list[dict[str, Any]]:
    return [dict(row) for row in session.read(CURRENT)]


def test_results_stand_on_the_parties(settings: Neo4jSettings) -> None:
    store = Neo4jStore(settings)
    store.publish(scores("one", 700, n=N))
    store.publish(scores("one", 700, n=N))
    store.publish(scores("two", 400, n=10))
    with Neo4jSession(settings) as session:
        assert current(session) == [{"run": "two", "n": 10, "low": 400, "high": 400}]
        found = session.read(
            "MATCH (p:Party) WHERE p.riskScore IS NOT NULL RETURN count(p) AS n, count(p.riskPd) AS pd"
        )
        assert [dict(row) for row in found] == [{"n": 10, "pd": 9}]
        runs = session.read(
            "MATCH (r:Run) RETURN r.runId AS id, r.state AS state, r.parties AS n ORDER BY id"
        )
        assert [tuple(row.values()) for row in runs] == [("one", "superseded", N), ("two", "published", 10)]


def test_bands_are_labels_for_styles(settings: Neo4jSettings) -> None:
    store = Neo4jStore(settings)
    two = scores("two", 700, n=10)
    bands = pa.array([None, "C", *"ABBDEEBA"])
    store.publish(scores("one", 700, n=N))
    store.publish(replace(two, scores=two.scores.set_column(2, "band", bands)))
    with Neo4jSession(settings) as session:
        found = session.read(
            """MATCH (p:Party) UNWIND labels(p) AS label WITH p, label WHERE label STARTS WITH 'Risk'
               RETURN p.partyId AS id, p.riskBand AS band, label ORDER BY id"""
        )
        assert len(current(session)) == 1
    assert [(row["id"], row["label"]) for row in found] == [
        (f"P{i:03d}", f"Risk{band}") for i, band in enumerate(bands.to_pylist()) if band
    ]


def test_readers_see_a_whole_run_or_none(settings: Neo4jSettings) -> None:
    store = Neo4jStore(settings)
    store.publish(scores("run-0", 300, n=N))
    seen: list[tuple[str, int, int, int]] = []
    watching, done = threading.Event(), threading.Event()

    def watch() -> None:
        with Neo4jSession(settings) as session:
            while not done.is_set():
                seen.extend(tuple(row.values()) for row in current(session))  # type: ignore[misc]
                watching.set()

    watcher = threading.Thread(target=watch)
    watcher.start()
    assert watching.wait(timeout=60)
    for k in range(1, 6):
        store.publish(scores(f"run-{k}", 300 + k, n=N))
    done.set()
    watcher.join()
    assert {row[0] for row in seen} >= {"run-0"}
    assert set(seen) <= {(f"run-{k}", N, 300 + k, 300 + k) for k in range(6)}


def test_a_publication_that_fails_leaves_the_earlier_run(
    settings: Neo4jSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = Neo4jStore(settings)
    store.publish(scores("one", 700, n=N))
    broken = scores("two", 400, n=N)
    table = broken.scores.set_column(0, "party_id", [[str(i) for i in range(N)]]).drop_columns(["band"])
    with pytest.raises(KeyError):
        store.publish(type(broken)("two", broken.as_of, "m", "s", table))
    with Neo4jSession(settings) as session:
        assert current(session) == [{"run": "one", "n": N, "low": 700, "high": 700}]


@pytest.mark.parametrize("cut_after_results", [False, True])
def test_the_next_job_settles_a_publication_that_was_cut_off(
    settings: Neo4jSettings, monkeypatch: pytest.MonkeyPatch, cut_after_results: bool
) -> None:
    """The states a kill can leave: before the one large transaction, and after it."""
    Neo4jStore(settings).publish(scores("one", 700, n=N))

    def killed(*_: Any) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch, Neo4jSession(settings) as session, writing(session) as lease:
        patch.setattr(publication, "settle", killed)
        if not cut_after_results:
            patch.setattr(publication, "_write_results", killed)
        with pytest.raises(KeyboardInterrupt):
            publication.publish(session, lease, scores("two", 400, n=N))
        assert current(session) == []
    assert Neo4jStore(settings).latest_day() is not None
    with Neo4jSession(settings) as session:
        expected = ("two", 400) if cut_after_results else ("one", 700)
        assert current(session) == [{"run": expected[0], "n": N, "low": expected[1], "high": expected[1]}]


def test_what_a_dead_job_sent_last_is_waited_for(settings: Neo4jSettings) -> None:
    """Killed while the server commits: the next job sees the state after it, not the one before."""
    Neo4jStore(settings).publish(scores("one", 700, n=N))
    with subprocess.Popen(["true"]) as dead:
        pass
    withdrawn = threading.Event()

    def last_words(transaction: Transaction) -> None:
        transaction.run("MATCH (l:Lease) SET l.touched = timestamp()")
        transaction.run("MATCH (r:Run {state: 'published'}) SET r.state = 'withdrawn'")
        withdrawn.set()
        time.sleep(1.0)

    with Neo4jSession(settings) as session, ThreadPoolExecutor(1) as server, writing(session):
        session.write("MATCH (l:Lease {name: 'writer'}) SET l.pid = $pid", pid=dead.pid)
        late = server.submit(session.transact, last_words)
        assert withdrawn.wait(10.0)
        assert Neo4jStore(settings).latest_day() is not None
        late.result()
        assert current(session) == [{"run": "one", "n": N, "low": 700, "high": 700}]


def test_no_run_is_published_beside_a_load(settings: Neo4jSettings) -> None:
    with (
        Neo4jSession(settings) as session,
        writing(session),
        pytest.raises(StoreUnavailable, match="another job"),
    ):
        Neo4jStore(settings).publish(scores("one", 700))
