"""What people see after a party was erased is what a store shows that never knew it."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from graph.neo4j.session import Neo4jSettings
from graph.neo4j.store import Neo4jStore
from tests.ecosystems import load, parties
from tests.graph.neo4j.test_exploration import ask

DAY, LATER = date(2021, 1, 1), date(2021, 6, 1)
FLOWS = """MATCH (a:Party)-[r]->(b:Party)
           RETURN type(r), a.partyId, b.partyId, r.count, r.amount ORDER BY type(r), a.partyId, b.partyId"""


@pytest.fixture
def store(neo4j_settings: Neo4jSettings, tmp_path: Path) -> Neo4jStore:
    """P000 sells, P002 carries, P003 finances, P001 will be gone; some versions name P001."""
    trade = {"issued_on": DAY, "amount": 5, "currency": "EUR", "seller_id": "P000"}
    shipment = {
        "shipper_id": "P000", "carrier_id": "P002", "dispatched_on": DAY, "value": 3, "currency": "EUR",
    }  # fmt: skip
    loan = {"financier_id": "P003", "financed_on": DAY, "amount": 2, "currency": "EUR"}
    event = {"occurred_on": DAY, "party_id": "P004"}
    tables = {
        "parties": parties(5),
        "invoices": [
            {"invoice_id": "kept", **trade, "buyer_id": "P002"},
            {"invoice_id": "gone", **trade, "buyer_id": "P001"},
            {"invoice_id": "back", **trade, "buyer_id": "P004"},
            {"invoice_id": "back", **trade, "buyer_id": "P001", "amount": 9, "known_on": LATER},
        ],
        "payments": [
            {"payment_id": "p", "payer_id": "P004", "payee_id": "P000", "paid_on": LATER, "amount": 1,
             "currency": "EUR", "invoice_id": "back"},
        ],
        "shipments": [
            {"shipment_id": "kept", **shipment, "consignee_id": "P004"},
            {"shipment_id": "gone", **shipment, "consignee_id": "P001"},
        ],
        "financings": [
            {"financing_id": "a", **loan, "invoice_id": "kept"},
            {"financing_id": "b", **loan, "invoice_id": "gone"},
        ],
        "events": [
            {"event_id": "e", **event, "kind": "dispute", "counterparty_id": "P000"},
            {"event_id": "e", **event, "kind": "lawsuit", "counterparty_id": "P001", "known_on": LATER},
        ],
    }  # fmt: skip
    found = Neo4jStore(neo4j_settings)
    load(found, tmp_path, tables)
    return found


def test_flows_between_others_are_summed_up_anew(store: Neo4jStore, neo4j_settings: Neo4jSettings) -> None:
    assert ["FINANCES", "P003", "P000", 2, 4] in ask(neo4j_settings, FLOWS)
    assert ["SHIPS_FOR", "P002", "P000", 2, 6] in ask(neo4j_settings, FLOWS)
    assert ["LAWSUIT", "P004", "P001", 1, None] in ask(neo4j_settings, FLOWS)
    assert store.erase("P001") == 5
    assert ask(neo4j_settings, FLOWS) == [
        ["DISPUTE", "P004", "P000", 1, None],
        ["FINANCES", "P003", "P000", 1, 2],
        ["PAYS", "P004", "P000", 1, 1],
        ["SHIPS_FOR", "P002", "P000", 1, 3],
        ["SHIPS_TO", "P000", "P004", 1, 3],
        ["SUPPLIES", "P000", "P002", 1, 5],
        ["SUPPLIES", "P000", "P004", 1, 5],
    ]


def test_the_last_version_that_is_left_is_seen(store: Neo4jStore, neo4j_settings: Neo4jSettings) -> None:
    store.erase("P001")
    assert ask(
        neo4j_settings,
        """MATCH (s)-[:ISSUED]->(i:Invoice {invoiceId: 'back'})-[:BILLED_TO]->(b)
           MATCH (i)<-[:PAYS]-(p) RETURN s.partyId, i.amount, b.partyId, p.paymentId""",
    ) == [["P000", 5, "P004", "p"]]
    assert ask(neo4j_settings, "MATCH (e:Event) RETURN e.kind") == [["dispute"]]
    assert ask(neo4j_settings, "MATCH (i:Invoice) RETURN i.invoiceId ORDER BY i.invoiceId") == [
        ["back"],
        ["kept"],
    ]
    assert ask(neo4j_settings, "MATCH (l:Load) RETURN l.rows, toString(l.latestKnownOn)") == [
        [11, "2020-01-01"]
    ]
