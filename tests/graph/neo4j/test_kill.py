"""kill -9 at random moments of a load and of a publication: the earlier state or the whole new one.

A load that was undone and is started again ends where one ends that nobody killed.
"""

from __future__ import annotations

import os
import random
import shutil
import subprocess
import sys
import time
from datetime import date
from pathlib import Path

import pytest

from graph.duckdb_store import DuckDBStore
from graph.neo4j.publication import CURRENT_RUN
from graph.neo4j.session import Neo4jSession, Neo4jSettings
from graph.neo4j.store import Neo4jStore
from graph.source import SourceDeclaration
from tests.ecosystems import load, parties, random_trade, stage
from tests.graph.neo4j.victim import PARTIES

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1200)]
ROUNDS = 20
#: Rounds before, in which the job may end: the second one tells how long it takes.
UNCUT = 2
AS_OF = date(2022, 6, 1)


def kill_in(settings: Neo4jSettings, arguments: list[str], delay_s: float | None) -> float:
    """Run the victim and kill it ``delay_s`` after it is ready (None: let it end); seconds it worked."""
    environment = {**os.environ, "VICTIM_URI": settings.uri, "VICTIM_PASSWORD": settings.password}
    command = [sys.executable, "-m", "tests.graph.neo4j.victim", *arguments]
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True) as victim:
        assert victim.stdout is not None
        assert victim.stdout.readline() == "ready\n"
        started = time.monotonic()
        if delay_s is None:
            assert victim.stdout.readline() == "done\n"
        else:
            time.sleep(delay_s)
            victim.kill()
        return time.monotonic() - started


def test_a_killed_load_is_whole_or_gone_and_starts_again(
    neo4j_settings: Neo4jSettings, tmp_path: Path
) -> None:
    rng = random.Random(1)
    embedded = tmp_path / "expected.duckdb"
    load(DuckDBStore(embedded), tmp_path, {"parties": parties(5)}, SourceDeclaration("first"))
    load(Neo4jStore(neo4j_settings), tmp_path, {"parties": parties(5)}, SourceDeclaration("first"))
    duration_s, outcomes = 0.0, []
    for number in range(UNCUT + ROUNDS):
        folder = tmp_path / str(number)
        folder.mkdir()
        tables = random_trade(300, 1_000, seed=number)
        known_on = {"known_on": date(2022, 1, 1 + number)}
        people = [{**row, **known_on} for row in tables["parties"]]
        invoices = [
            {**row, "invoice_id": f"{number // 2}-{row['invoice_id']}", **known_on}
            for row in tables["invoices"]
        ]
        staged = {
            "parties": stage(folder, "parties", people),
            "invoices": stage(folder, "invoices", invoices),
        }
        for name, path in staged.items():
            path.rename(folder / f"{name}.parquet")
        after = folder / "after.duckdb"
        shutil.copy(embedded, after)
        with DuckDBStore(after).begin(SourceDeclaration(f"s{number}")) as transaction:
            for name in staged:
                transaction.append(name, folder / f"{name}.parquet")
        delay_s = rng.uniform(0, duration_s) if number >= UNCUT else None
        arguments = ["load", str(folder), f"s{number}"]
        worked_s = kill_in(neo4j_settings, arguments, delay_s)
        duration_s = duration_s if number >= UNCUT else worked_s
        found = Neo4jStore(neo4j_settings).read(AS_OF, None).sha256
        expected = DuckDBStore(after).read(AS_OF, None).sha256
        outcomes.append(found == expected)
        if not outcomes[-1]:
            assert found == DuckDBStore(embedded).read(AS_OF, None).sha256
            check_what_people_see(neo4j_settings)
            kill_in(neo4j_settings, arguments, None)
            assert Neo4jStore(neo4j_settings).read(AS_OF, None).sha256 == expected
        embedded = after
        check_what_people_see(neo4j_settings)
    assert all(outcomes[:UNCUT])
    assert not all(outcomes), "no kill came in time to undo anything"


def check_what_people_see(settings: Neo4jSettings) -> None:
    """Nothing unfinished, every thing once, every invoice with both ends, flows that add up."""
    with Neo4jSession(settings) as session:
        assert not session.read("MATCH (l:Load) WHERE l.state <> 'committed' OR NOT l.tied RETURN l")
        assert not session.read(
            """MATCH (v:InvoiceVersion) WITH v.invoiceId AS id, max(v.knownOn) AS day, count(*) AS n
               OPTIONAL MATCH (i:Invoice {invoiceId: id})
               WITH id, day, collect(i) AS seen WHERE size(seen) <> 1 OR seen[0].knownOn <> day RETURN id"""
        )
        assert not session.read(
            """MATCH (i:Invoice) WHERE count{(i)<-[:ISSUED]-()} <> 1 OR count{(i)-[:BILLED_TO]->()} <> 1
               RETURN i"""
        )
        sums = session.read(
            """MATCH ()-[r:SUPPLIES]->() WITH sum(r.count) AS flows
               OPTIONAL MATCH (i:Invoice) RETURN flows, count(i) AS invoices"""
        )
        assert sums[0]["flows"] == sums[0]["invoices"]


def test_a_killed_publication_is_whole_or_gone(neo4j_settings: Neo4jSettings, tmp_path: Path) -> None:
    rng = random.Random(2)
    load(Neo4jStore(neo4j_settings), tmp_path, {"parties": parties(PARTIES)})
    duration_s, current, outcomes = 0.0, 0, []
    for number in range(UNCUT + ROUNDS):
        delay_s = rng.uniform(0, duration_s) if number >= UNCUT else None
        worked_s = kill_in(neo4j_settings, ["publish", "-", str(number)], delay_s)
        duration_s = duration_s if number >= UNCUT else worked_s
        Neo4jStore(neo4j_settings).latest_day()
        with Neo4jSession(neo4j_settings) as session:
            runs = session.read(f"{CURRENT_RUN} RETURN r.runId AS run, p.riskScore AS score, count(*) AS n")
        found = [tuple(row.values()) for row in runs]
        assert found in ([(str(k), 300 + k, PARTIES)] for k in (current, number))
        outcomes.append(found[0][0] == str(number))
        current = int(found[0][0])
    assert all(outcomes[:UNCUT])
    assert not all(outcomes), "no kill came in time to undo anything"
