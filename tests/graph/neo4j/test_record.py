"""The record is read whole, each row once, whatever the batches and sessions; and one hears how far it is."""

from __future__ import annotations

import threading
from collections import Counter
from datetime import date
from pathlib import Path

import pyarrow as pa
import pytest

from graph.errors import StoreUnavailable
from graph.neo4j import load as neo4j_load
from graph.neo4j.record import ANSWER_BATCHES, SESSIONS, Wanted, fetch
from graph.neo4j.schema import version_label
from graph.neo4j.session import Neo4jSession, Neo4jSettings
from graph.neo4j.store import Neo4jStore
from graph.source import SourceDeclaration
from tests.ecosystems import load, parties

AS_OF = date(2022, 6, 1)
BATCH_ROWS = 7
#: More answers than sessions, the last one not full.
N = BATCH_ROWS * ANSWER_BATCHES * (SESSIONS + 2) - 3


@pytest.fixture(autouse=True)
def _small_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(neo4j_load, "BATCH_ROWS", BATCH_ROWS)


def loads_of(session: Neo4jSession) -> tuple[str, ...]:
    return tuple(row["id"] for row in session.read("MATCH (l:Load) RETURN l.loadId AS id"))


def reading_threads() -> list[str]:
    return [thread.name for thread in threading.enumerate() if thread.name.startswith("neo4j-read")]


def test_every_row_once_with_all_its_values(neo4j_settings: Neo4jSettings, tmp_path: Path) -> None:
    rows = [
        {**row, "x_n": float(n) if n % 3 else None, "name": None if n % 2 else f"n{n}", "on_platform": n > 5,
         "registered_on": date(1960 + n % 90, 2, 28)}
        for n, row in enumerate(parties(N))
    ]  # fmt: skip
    store = Neo4jStore(neo4j_settings)
    load(store, tmp_path, {"parties": rows[: N // 2]}, SourceDeclaration("a"))
    load(store, tmp_path, {"parties": rows[N // 2 :]}, SourceDeclaration("b"))
    with Neo4jSession(neo4j_settings) as session:
        tables = list(fetch(session, Wanted("parties", loads_of(session), ("x_n",))))
        assert max(table.num_rows for table in tables) <= ANSWER_BATCHES * BATCH_ROWS
        assert list(fetch(session, Wanted("invoices", loads_of(session)))) == []
        assert list(fetch(session, Wanted("parties", ("nobody's",)))) == []
    found = pa.concat_tables(tables).sort_by("party_id").to_pylist()
    assert [{name: row[name] for name in rows[0]} for row in found] == rows


def test_reading_that_stops_or_fails_leaves_no_thread(neo4j_settings: Neo4jSettings, tmp_path: Path) -> None:
    load(Neo4jStore(neo4j_settings), tmp_path, {"parties": parties(N)})
    with Neo4jSession(neo4j_settings) as session:
        portions = fetch(session, Wanted("parties", loads_of(session)))
        assert next(portions).num_rows > 0
        assert reading_threads() != []
        portions.close()
        assert reading_threads() == []
        session.write(
            f"MATCH (v:{version_label('parties')}) WHERE v.loadBatch = $last SET v.registeredOn = 'never'",
            last=-(-N // BATCH_ROWS) - 1,
        )
        portions = fetch(session, Wanted("parties", loads_of(session)))
        assert next(portions).num_rows > 0
        with pytest.raises(StoreUnavailable, match="refused a request"):
            list(portions)
        assert reading_threads() == []


def test_one_hears_how_far_it_is(neo4j_settings: Neo4jSettings, tmp_path: Path) -> None:
    heard: list[tuple[str, float | None]] = []
    store = Neo4jStore(neo4j_settings, tell=lambda what, share: heard.append((what, share)))
    load(store, tmp_path, {"parties": parties(N)})
    batches = -(-N // BATCH_ROWS)
    assert Counter(what for what, _ in heard) == {"writing parties": batches, "tying parties": batches}
    assert all(share is not None and 0 <= share < 1 for _, share in heard)

    heard.clear()
    store.read(AS_OF, None)
    shares = [share for _, share in heard if share is not None]
    assert len(shares) == len(heard) == SESSIONS + 2
    assert shares == sorted(shares)
    assert heard[-1] == (f"fetched {N:,} of {N:,} rows", 1.0)

    heard.clear()
    store.read(AS_OF, None)
    assert heard == []
    later = [{**row, "known_on": date(2021, 1, 1)} for row in parties(3)]
    load(Neo4jStore(neo4j_settings), tmp_path, {"parties": later})
    store.read(AS_OF, None)
    assert heard == [("fetched 3 of 3 rows", 1.0)]
