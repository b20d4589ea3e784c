"""The form of a store is brought up to date, step by step, under the lease; a later one is refused."""

from __future__ import annotations

from pathlib import Path

import pytest

from graph.errors import StoreUnavailable
from graph.neo4j.lease import Lease, writing
from graph.neo4j.migrations import (
    MIGRATIONS,
    SCHEMA_VERSION,
    Migration,
    bring_up_to_date,
    missing_statements,
    stored_version,
)
from graph.neo4j.session import Neo4jSession, Neo4jSettings
from graph.neo4j.store import Neo4jStore
from tests.ecosystems import load, parties


def test_versions_are_in_order_without_a_gap() -> None:
    assert [migration.version for migration in MIGRATIONS] == list(range(1, SCHEMA_VERSION + 1))


def test_a_new_store_and_one_without_a_version_get_the_present_one(
    neo4j_settings: Neo4jSettings, tmp_path: Path
) -> None:
    load(Neo4jStore(neo4j_settings), tmp_path, {"parties": parties(2)})
    with Neo4jSession(neo4j_settings) as session:
        assert (stored_version(session), missing_statements(session)) == (SCHEMA_VERSION, {})
        session.write("MATCH (s:Schema) DELETE s")
        session.alone("DROP CONSTRAINT ecorisk_stocks")
        session.alone("DROP INDEX ecorisk_links_load")
        assert missing_statements(session).keys() == {"ecorisk_stocks", "ecorisk_links_load"}
        assert Neo4jStore(neo4j_settings).latest_day() is not None
        assert (stored_version(session), missing_statements(session)) == (SCHEMA_VERSION, {})


def test_a_later_form_is_refused_and_left_alone(neo4j_settings: Neo4jSettings) -> None:
    with Neo4jSession(neo4j_settings) as session:
        session.write("CREATE (:Schema {name: 'ecorisk', version: $v})", v=SCHEMA_VERSION + 1)
        for use in (Neo4jStore(neo4j_settings).latest_day, Neo4jStore(neo4j_settings).sources):
            with pytest.raises(StoreUnavailable, match="upgrade ecorisk"):
                use()
        assert stored_version(session) == SCHEMA_VERSION + 1


def test_steps_run_once_in_order_and_go_on_where_one_was_cut_off(neo4j_settings: Neo4jSettings) -> None:
    ran: list[int] = []
    cut = {3}

    def step(version: int) -> Migration:
        def run(_: Neo4jSession, lease: Lease) -> None:
            ran.append(version)
            lease.write("MERGE (s:Step {version: $v})", v=version)
            if version in cut:
                cut.discard(version)
                raise KeyboardInterrupt

        return Migration(version, "a step", run)

    steps = tuple(map(step, range(1, 5)))
    with Neo4jSession(neo4j_settings) as session:
        with pytest.raises(KeyboardInterrupt):
            bring_up_to_date(session, steps)
        assert (ran, stored_version(session)) == ([1, 2, 3], 2)
        bring_up_to_date(session, steps)
        bring_up_to_date(session, steps)
        assert (ran, stored_version(session)) == ([1, 2, 3, 3, 4], 4)
        assert session.read("MATCH (s:Step) RETURN count(s) AS n")[0]["n"] == 4


def test_steps_wait_for_nobody_who_writes(neo4j_settings: Neo4jSettings) -> None:
    """A job at work is not disturbed: the second one is told so at once."""
    with Neo4jSession(neo4j_settings) as session:
        bring_up_to_date(session)
        later = (*MIGRATIONS, Migration(SCHEMA_VERSION + 1, "later", lambda session, lease: None))
        with writing(session):
            bring_up_to_date(session)
            with pytest.raises(StoreUnavailable, match="another job"):
                bring_up_to_date(session, later)
        bring_up_to_date(session, later)
        assert stored_version(session) == SCHEMA_VERSION + 1
