"""The doctor finds what is wrong, says what to do, and changes nothing."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest

from graph.duckdb_store import DuckDBStore
from graph.errors import StoreUnavailable
from graph.neo4j.doctor import Check, Examination, Workplace, examine
from graph.neo4j.lease import writing
from graph.neo4j.migrations import SCHEMA_VERSION
from graph.neo4j.session import Neo4jSession, Neo4jSettings
from graph.neo4j.store import Neo4jStore
from tests.ecosystems import load, parties
from tests.graph.test_stores import DECLARATION, every_table

AS_OF = date(2022, 6, 1)


@pytest.fixture
def own(neo4j_settings: Neo4jSettings, tmp_path: Path) -> Workplace:
    for store in (DuckDBStore(tmp_path / "e.duckdb"), Neo4jStore(neo4j_settings)):
        load(store, tmp_path, every_table(), DECLARATION)
    return Workplace(tmp_path / "e.duckdb")


def look(settings: Neo4jSettings, own: Workplace, as_of: date | None = None) -> Examination:
    return examine(settings, own, as_of, lambda what, share: None)


def wrong(found: Examination) -> dict[str, Check]:
    return {check.name: check for check in found.checks if check.state == "wrong"}


def test_all_is_well(own: Workplace, neo4j_settings: Neo4jSettings) -> None:
    found = look(neo4j_settings, own, AS_OF)
    assert wrong(found) == {}
    assert found.well
    checks = {check.name for check in found.checks}
    assert checks >= {"version", "form", "constraints and indexes", "unfinished", "advertised address"}
    assert checks >= {*every_table(), f"snapshot as of {AS_OF}"}
    assert found.to_json()["well"] is True
    assert found.table().row_count == len(found.checks)
    alone = look(neo4j_settings, Workplace(own.database.with_name("none.duckdb")))
    assert alone.well
    assert "nothing to compare" in alone.checks[-1].advice


@pytest.mark.parametrize(
    ("query", "check", "says"),
    [
        ("MATCH (v:InvoiceVersion {invoiceId: 'I1'}) SET v.amount = v.amount - 1", "invoices", "others"),
        ("MATCH (v:PartyVersion {partyId: 'P000'}) SET v.`x_b` = null", "parties", "others"),
        ("MATCH (v:PartyVersion {partyId: 'P000'}) SET v.name = v.name + 'x'", "parties", "others"),
        ("MATCH (v:PaymentVersion) DETACH DELETE v", "payments", "lack"),
        ("MATCH (i:Invoice {invoiceId: 'I1'}) REMOVE i:Invoice", "invoices", "by hand"),
        ("MATCH (l:Load) SET l.tied = false", "unfinished", "next command"),
        ("MATCH (s:Schema) SET s.version = s.version + 1", "form", "upgrade"),
    ],
)
def test_what_is_wrong_is_found(
    own: Workplace, neo4j_settings: Neo4jSettings, query: str, check: str, says: str
) -> None:
    with Neo4jSession(neo4j_settings) as session:
        session.write(query)
    found = look(neo4j_settings, own)
    assert not found.well
    assert wrong(found).keys() == {check}
    assert says in wrong(found)[check].advice


def test_what_is_missing_is_found_and_not_made(own: Workplace, neo4j_settings: Neo4jSettings) -> None:
    with Neo4jSession(neo4j_settings) as session:
        session.alone("DROP CONSTRAINT ecorisk_stocks")
        session.write("MATCH (s:Schema) DELETE s")
        for _ in range(2):
            found = look(neo4j_settings, own)
            assert "ecorisk_stocks" in wrong(found)["constraints and indexes"].seen
            (form,) = [check for check in found.checks if check.name == "form"]
            assert (form.state, form.seen) == ("note", f"0 of {SCHEMA_VERSION}")
        Neo4jStore(neo4j_settings).latest_day()
        assert look(neo4j_settings, own).well


def test_a_job_at_work_is_no_fault(own: Workplace, neo4j_settings: Neo4jSettings) -> None:
    with Neo4jSession(neo4j_settings) as session, writing(session):
        session.write("CREATE (:Load {loadId: 'x', state: 'loading'})")
        found = look(neo4j_settings, own)
        assert found.well
        assert {"jobs", "unfinished"} <= {f.name for f in found.checks if f.state == "note"}


def test_an_address_that_leads_elsewhere(neo4j_server: Neo4jSettings, tmp_path: Path) -> None:
    own = Workplace(tmp_path / "none.duckdb")
    named = replace(neo4j_server, uri=neo4j_server.uri.replace("127.0.0.1", "localhost"))
    address = [f for f in look(named, own).checks if f.name == "advertised address"]
    assert [f.state for f in address] == ["ok"]


def test_a_server_that_does_not_answer(tmp_path: Path) -> None:
    with pytest.raises(StoreUnavailable):
        look(Neo4jSettings("bolt://127.0.0.1:1", "neo4j", "x"), Workplace(tmp_path / "none.duckdb"))


def test_more_in_one_than_in_the_other(own: Workplace, neo4j_settings: Neo4jSettings, tmp_path: Path) -> None:
    extra = [{**row, "party_id": f"Q{row['party_id']}"} for row in parties(2)]
    load(DuckDBStore(own.database), tmp_path, {"parties": extra})
    found = look(neo4j_settings, own, AS_OF)
    assert wrong(found).keys() == {"parties", f"snapshot as of {AS_OF}"}
