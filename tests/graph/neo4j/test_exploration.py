"""What analysts find in Neo4j after a load, a correction, a publication and an erasure."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

import pytest

from graph.neo4j.session import Neo4jSession, Neo4jSettings
from graph.neo4j.store import Neo4jStore
from tests.ecosystems import load, parties
from tests.graph.test_stores import DECLARATION, HOSTILE, every_table, scores


def ask(settings: Neo4jSettings, query: str, **parameters: Any) -> list[list[Any]]:
    with Neo4jSession(settings) as session:
        return [list(row.values()) for row in session.read(query, **parameters)]


@pytest.fixture
def loaded(neo4j_settings: Neo4jSettings, tmp_path: Path) -> Neo4jSettings:
    load(Neo4jStore(neo4j_settings), tmp_path, every_table(), DECLARATION)
    return neo4j_settings


def test_parties_say_what_their_last_version_says(loaded: Neo4jSettings) -> None:
    assert ask(loaded, "MATCH (p:Party) RETURN count(p)") == [[7]]
    assert ask(loaded, "MATCH (p:Party {partyId: 'P003'}) RETURN p.country, p:Merchant, p:Carrier") == [
        ["FR", True, False]
    ]
    assert ask(
        loaded, "MATCH (v:PartyVersion)-[:VERSION_OF]->(:Party {partyId: 'P003'}) RETURN count(v)"
    ) == [[2]]
    assert ask(loaded, "MATCH (p:Party:Guarantor) RETURN p.partyId") == [[HOSTILE]]
    assert ask(loaded, "MATCH (p:Party {name: $name}) RETURN p.partyId", name=HOSTILE) == [["P000"]]


def test_one_node_a_thing_and_all_its_ties(loaded: Neo4jSettings) -> None:
    assert ask(loaded, "MATCH (i:Invoice) RETURN i.invoiceId, i.amount ORDER BY i.amount") == [
        ["I2", 9],
        ["I1", 10**15],
        [HOSTILE, 10**15],
    ]
    assert ask(
        loaded,
        """MATCH (s:Party)-[:ISSUED]->(i:Invoice {invoiceId: 'I1'})-[:BILLED_TO]->(b:Party)
           MATCH (i)<-[:PAYS]-(:Payment)-[:PAID_TO]->(payee) MATCH (i)<-[:FINANCES]-(f:Financing)
           MATCH (f)<-[:PROVIDED]-(bank) MATCH (i)<-[:CORRECTS]-(note:Invoice)
           RETURN s.partyId, b.partyId, payee.partyId, bank.partyId, note.invoiceId""",
    ) == [["P000", "P001", "P000", "P004", HOSTILE]]
    assert ask(
        loaded, "MATCH (:Invoice {invoiceId: 'I2'})<-[:FULFILS]-(s)-[:CARRIED_BY]->(c) RETURN c.partyId"
    )


def test_flows_and_links_join_parties(loaded: Neo4jSettings) -> None:
    flows = ask(
        loaded,
        """MATCH (a:Party)-[r]->(b:Party)
           RETURN type(r), a.partyId, b.partyId, r.count, r.amount, r.lateShare, r.kind
           ORDER BY type(r), b.partyId""",
    )
    everything = 10**15
    assert flows == [
        ["APPLICATION", "P002", "P003", 1, None, None, "application"],
        ["FINANCES", "P004", "P000", 1, 8, 1.0, None],
        ["GUARANTEES", HOSTILE, "P003", None, 5, None, "GUARANTEES"],
        ["OWNS", "P000", "P003", None, None, None, "OWNS"],
        ["PAYS", "P001", "P000", 1, 4, None, None],
        ["SHIPS_FOR", "P005", "P000", 1, 3, 1.0, None],
        ["SHIPS_TO", "P000", "P001", 1, 3, 1.0, None],
        ["SHIPS_TO", "P000", "P002", 1, None, None, None],
        ["SUPPLIES", "P000", "P001", 1, everything, 1.0, None],
        ["SUPPLIES", "P000", HOSTILE, 1, everything, None, None],
        ["WORKS_WITH", "P004", "P005", None, None, None, "works `with`"],
    ]


def test_a_correction_moves_what_is_seen(loaded: Neo4jSettings, tmp_path: Path) -> None:
    """A later version with another seller and amount: old ties and flows go, what named the invoice stays."""
    invoice = next(row for row in every_table()["invoices"] if row["invoice_id"] == "I1")
    later = {**invoice, "seller_id": "P002", "amount": 50, "known_on": date(2022, 1, 1)}
    link = {**every_table()["links"][0], "weight": 0.1, "known_on": date(2022, 1, 1)}
    person = {"party_id": "P000", "kind": "company", "roles": "carrier", "known_on": date(2022, 1, 1)}
    load(Neo4jStore(loaded), tmp_path, {"parties": [person], "invoices": [later], "links": [link]})
    assert ask(
        loaded,
        """MATCH (s:Party)-[:ISSUED]->(i:Invoice {invoiceId: 'I1'})<-[:PAYS]-(y) MATCH (i)<-[:CORRECTS]-(n)
           RETURN s.partyId, i.amount, y.paymentId, n.invoiceId""",
    ) == [["P002", 50, "Y1", HOSTILE]]
    assert ask(
        loaded, "MATCH (a)-[r:SUPPLIES]->(b) RETURN a.partyId, b.partyId, r.amount ORDER BY r.amount"
    ) == [
        ["P002", "P001", 50],
        ["P000", HOSTILE, 10**15],
    ]
    assert ask(loaded, "MATCH (a)-[r:FINANCES]->(b:Party) RETURN a.partyId, b.partyId") == [["P004", "P002"]]
    assert ask(loaded, "MATCH ()-[r:OWNS]->() RETURN r.weight") == [[0.1]]
    assert ask(
        loaded,
        "MATCH (p:Party {partyId: 'P000'}) RETURN labels(p), p.name, p.country, p['x_score of the `source`']",
    ) == [[["Party", "Carrier"], None, None, None]]
    ties = ask(
        loaded,
        "MATCH (v:InvoiceVersion {invoiceId: 'I1'}) RETURN v:Invoice, count{(v)--()} ORDER BY v.knownOn",
    )
    assert ties == [[False, 0], [True, 5]]


def test_an_older_version_that_comes_late_changes_nothing_seen(loaded: Neo4jSettings, tmp_path: Path) -> None:
    invoice = next(row for row in every_table()["invoices"] if row["invoice_id"] == "I2")
    old = {**invoice, "amount": 1, "known_on": date(2020, 12, 1)}
    load(Neo4jStore(loaded), tmp_path, {"invoices": [old], "parties": [
        {**parties(1)[0], "country": "IT", "known_on": date(2019, 1, 1)}]})  # fmt: skip
    assert ask(loaded, "MATCH (i:Invoice {invoiceId: 'I2'}) RETURN i.amount") == [[9]]
    assert ask(loaded, "MATCH (p:Party {partyId: 'P000'}) RETURN p.country") == [["DE"]]


def test_what_people_write_themselves_stays(loaded: Neo4jSettings, tmp_path: Path) -> None:
    with Neo4jSession(loaded) as session:
        session.write("MATCH (p:Party {partyId: 'P000'}) SET p.watched = true CREATE (p)-[:NOTED]->(:Note)")
    Neo4jStore(loaded).publish(scores("r", 480))
    person = {"party_id": "P000", "kind": "company", "known_on": date(2022, 1, 1)}
    load(Neo4jStore(loaded), tmp_path, {"parties": [person]})
    assert ask(
        loaded, "MATCH (p:Party {partyId: 'P000'})-[:NOTED]->() RETURN p.watched, p.riskScore, p.runId"
    ) == [[True, 480, "r"]]


def test_hostile_text_is_only_text(loaded: Neo4jSettings) -> None:
    """Nothing was deleted, no label or type was made of data, and the text came back as it was."""
    assert ask(loaded, "MATCH (n:Identifier) RETURN n.value, n.partyId") == [[HOSTILE, "P001"]]
    labels = {row[0] for row in ask(loaded, "CALL db.labels()")}
    types = {row[0] for row in ask(loaded, "CALL db.relationshipTypes()")}
    assert all(name.isascii() and name.replace("_", "").isalnum() for name in labels | types)
    assert Neo4jStore(loaded).erase(HOSTILE) == 3
    assert ask(loaded, "MATCH (p:Party) RETURN count(p)") == [[6]]
