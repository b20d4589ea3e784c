"""From a store to published rings: search, cases, verdicts, and the same again."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path

import duckdb
import numpy as np
import pytest

from graph.duckdb_store import DuckDBStore
from graph.errors import ArtifactMismatch, BadInput, NoPublishedRun
from graph.neo4j.session import Neo4jSession, Neo4jSettings
from graph.neo4j.store import Neo4jStore
from graph.rings.cases.job import give_verdict, judged_report, search_and_publish
from graph.rings.cases.report import RingReport, current_report
from graph.rings.detection import in_order
from graph.rings.typologies import TYPOLOGIES
from graph.snapshot import Snapshot
from graph.workspace import Workspace
from loaders import load
from loaders.synthetic import EcosystemSettings, generate

AS_OF = date(2025, 3, 1)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A loaded ecosystem of 900 parties with two planted rings of each typology."""
    folder = tmp_path_factory.mktemp("rings")
    generate(EcosystemSettings(parties=900, rings=2, invoices_per_party=6), folder / "tables")
    load("canonical", folder / "tables", DuckDBStore(folder / "ecosystem.duckdb"), folder)
    return folder


@pytest.fixture(scope="module")
def taken(folder: Path) -> Snapshot:
    return DuckDBStore(folder / "ecosystem.duckdb").read(AS_OF, None)


@pytest.fixture(scope="module")
def found(folder: Path, taken: Snapshot) -> tuple[Workspace, DuckDBStore, RingReport]:
    workspace, store = Workspace.open(folder), DuckDBStore(folder / "ecosystem.duckdb")
    return workspace, store, search_and_publish(store, workspace, taken)


Found = tuple[Workspace, DuckDBStore, RingReport]


def test_what_is_found_is_published_here_and_in_the_store(found: Found, taken: Snapshot) -> None:
    workspace, _, report = found
    assert report.rings
    assert current_report(workspace) == report
    assert RingReport.from_json(json.loads(json.dumps(report.to_json()))) == report
    with duckdb.connect(str(workspace.database), read_only=True) as connection:
        published = connection.execute("SELECT ring_id FROM published_rings").fetchall()
    assert {row[0] for row in published} == {ring.ring_id for ring in report.rings}
    assert len({ring.ring_id for ring in report.rings}) == len(report.rings)
    for ring in report.rings:
        assert ring.explanation
        assert ring.evidence
        assert {member.party_id for member in ring.members} <= set(taken.party_ids.to_pylist())
        for row in ring.evidence:
            assert row.table in taken.tables
    in_cases = sorted(ring_id for case in report.cases for ring_id in case.ring_ids)
    assert in_cases == sorted(ring.ring_id for ring in report.rings)


def test_the_order_of_rows_does_not_matter_and_nothing_is_drawn_twice(found: Found, taken: Snapshot) -> None:
    workspace, store, report = found
    random = np.random.default_rng(1)
    mixed = {
        name: table if name == "parties" else table.take(random.permutation(table.num_rows))
        for name, table in taken.tables.items()
    }
    shuffled = Snapshot(**{**vars(taken), "tables": mixed})
    assert in_order(shuffled).tables["invoices"].equals(in_order(taken).tables["invoices"])
    again = search_and_publish(store, workspace, shuffled)
    assert again == report


def test_one_typology_alone_is_not_published(found: Found, taken: Snapshot) -> None:
    workspace, store, report = found
    code = TYPOLOGIES[0].code
    alone = search_and_publish(store, workspace, taken, [code])
    assert {ring.typology for ring in alone.rings} <= {code}
    assert current_report(workspace).run_id == report.run_id
    with pytest.raises(BadInput, match=code):
        search_and_publish(store, workspace, taken, ["nonsense"])


def test_a_dismissed_case_stays_dismissed_in_the_next_search(found: Found, taken: Snapshot) -> None:
    workspace, store, report = found
    case = report.cases[0]
    give_verdict(store, workspace, case.case_id, "dismissed", "seen")
    assert judged_report(workspace, store).cases[0].status == "dismissed"
    again = search_and_publish(store, workspace, taken)
    assert {c.case_id: c.status for c in again.cases}[case.case_id] == "dismissed"
    assert [c.case_id for c in again.cases] == [c.case_id for c in report.cases]


def test_from_neo4j_come_the_same_rings_and_there_they_are_seen(
    tmp_path: Path, neo4j_settings: Neo4jSettings
) -> None:
    generate(EcosystemSettings(parties=500, rings=1, invoices_per_party=1), tmp_path / "tables")
    reports = []
    for store in (DuckDBStore(tmp_path / "ecosystem.duckdb"), Neo4jStore(neo4j_settings)):
        load("canonical", tmp_path / "tables", store, tmp_path)
        workspace = Workspace.open(tmp_path / type(store).__name__)
        reports.append(search_and_publish(store, workspace, store.read(AS_OF, None)))
    assert reports[0].rings
    assert reports[0] == reports[1]
    with Neo4jSession(neo4j_settings) as session:
        query = """MATCH (r:Ring)-[:PART_OF]->(:Case) MATCH (r)-[:INVOLVES]->(p:Party)
                   RETURN r.ringId AS ring, count(p) AS parties"""
        seen = {row["ring"]: row["parties"] for row in session.read(query)}
    assert seen == {ring.ring_id: len(ring.members) for ring in reports[0].rings}


def test_what_is_not_there_and_what_is_broken_is_told(tmp_path: Path) -> None:
    workspace = Workspace.open(tmp_path)
    with pytest.raises(NoPublishedRun, match="ecorisk rings"):
        current_report(workspace)
    workspace.publish_rings("broken", lambda folder: (folder / "rings.json").write_text("{}"))
    with pytest.raises(ArtifactMismatch, match="ecorisk rings"):
        current_report(workspace)
