"""The contract of every store: the same tables give the same snapshot, and nothing is ever half there."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from graph.contract import TABLES
from graph.duckdb_store import DuckDBStore
from graph.errors import BadInput, StoreUnavailable
from graph.neo4j.session import Neo4jSession
from graph.neo4j.store import Neo4jStore
from graph.source import SourceDeclaration, Task
from graph.store import EcosystemStore, PublishedRings, PublishedScores
from graph.vocabulary import KindDeclaration
from tests.ecosystems import START, load, parties, random_trade, stage

AS_OF = date(2022, 6, 1)
HOSTILE = "`) DETACH DELETE n //\\u0060'\";--\n\t\x7f 供应商 é"


#: A fresh handle on the same store, as another job would have it.
Opener = Callable[[], EcosystemStore]


@pytest.fixture(params=["duckdb", "neo4j"])
def opener(request: pytest.FixtureRequest, tmp_path: Path) -> Opener:
    if request.param == "duckdb":
        return lambda: DuckDBStore(tmp_path / "ecosystem.duckdb")
    settings = request.getfixturevalue("neo4j_settings")
    return lambda: Neo4jStore(settings)


@pytest.fixture
def store(opener: Opener) -> EcosystemStore:
    return opener()


def every_table() -> dict[str, list[dict[str, Any]]]:
    """Rows of all tables, with nulls, hostile text, several versions and every column used somewhere."""
    people = parties(6, roles="merchant|buyer", country="DE", registered_on=date(2001, 2, 3))
    people[0] |= {"name": HOSTILE, "x_score of the `source`": 0.1 + 0.2, "x_b": -0.0, "on_platform": True}
    people[1] |= {"roles": None, "name": "", "size_band": "micro", "region": HOSTILE, "on_platform": False}
    people[2] |= {"purpose": "credit|fraud", "consent_until": date(2023, 1, 1), "industry": "C10"}
    people.append({"party_id": HOSTILE, "kind": "person", "roles": "guarantor"})
    people.append({**people[3], "country": "FR", "known_on": date(2021, 5, 5)})
    day = date(2021, 1, 1)
    invoice = {
        "seller_id": "P000", "buyer_id": "P001", "issued_on": day, "due_on": date(2021, 2, 1),
        "amount": 10**15, "currency": "EUR",
    }  # fmt: skip
    return {
        "parties": people,
        "identifiers": [{"party_id": "P001", "scheme": "VAT", "value": HOSTILE}],
        "links": [
            {"source_id": "P000", "target_id": "P003", "kind": "OWNS", "valid_from": day, "weight": 0.7},
            {"source_id": HOSTILE, "target_id": "P003", "kind": "GUARANTEES", "valid_from": day,
             "amount": 5, "currency": "EUR", "valid_to": date(2023, 1, 1)},
            {"source_id": "P004", "target_id": "P005", "kind": "works `with`", "valid_from": day},
        ],
        "invoices": [
            {"invoice_id": "I1", **invoice, "paid_on": date(2021, 3, 1), "goods": HOSTILE},
            {"invoice_id": "I2", **invoice, "amount": 7, "confirmed_on": date(2021, 1, 9)},
            {"invoice_id": "I2", **invoice, "amount": 9, "known_on": date(2021, 8, 1), "status": "void",
             "status_on": date(2021, 7, 31)},
            {"invoice_id": HOSTILE, **invoice, "buyer_id": HOSTILE, "corrects_invoice_id": "I1"},
        ],
        "payments": [
            {"payment_id": "Y1", "payer_id": "P001", "payee_id": "P000", "paid_on": date(2021, 3, 1),
             "amount": 4, "currency": "EUR", "invoice_id": "I1", "account": "a"},
        ],
        "shipments": [
            {"shipment_id": "S1", "shipper_id": "P000", "consignee_id": "P001", "carrier_id": "P005",
             "dispatched_on": day, "promised_on": date(2021, 1, 5), "delivered_on": date(2021, 1, 9),
             "value": 3, "currency": "EUR", "quantity": 1.5, "mode": "sea", "invoice_id": "I2"},
            {"shipment_id": "S2", "shipper_id": "P000", "consignee_id": "P002"},
        ],
        "financings": [
            {"financing_id": "F1", "invoice_id": "I1", "financier_id": "P004", "financed_on": day,
             "amount": 8, "currency": "EUR", "recourse": False, "advance_rate": 0.8, "limit": 100,
             "assignee_id": "P003", "due_on": date(2021, 2, 1), "repaid_on": date(2021, 2, 2)},
        ],
        "events": [
            {"event_id": "E1", "party_id": "P002", "counterparty_id": "P003", "kind": "application",
             "occurred_on": day, "status": "denied", "value": 2.5, "x_days": 3.0},
            {"event_id": "E2", "party_id": "P002", "kind": "complaint", "occurred_on": day},
        ],
        "stocks": [{"party_id": "P000", "on": day, "units": 3.25, "value": 9, "currency": "EUR"}],
        "outcomes": [
            {"outcome_id": "O1", "party_id": "P001", "kind": "default", "occurred_on": day, "value": 1}
        ],
        "splits": [{"party_id": "P001", "task": "t", "fold": 2, "part": "train"}],
        "fx": [{"currency": "USD", "on": day, "rate": 0.9}],
        "context": [{"industry": "*", "region": HOSTILE, "on": day, "name": "gdp", "value": 1.5}],
    }  # fmt: skip


DECLARATION = SourceDeclaration(
    "test",
    title=HOSTILE,
    link_kinds=(KindDeclaration("works `with`", symmetric=True),),
    tasks=(Task("late", "late_30", roles=("buyer",)),),
)


def scores(run_id: str, score: int, n: int = 6) -> PublishedScores:
    table = pa.table(
        {
            "party_id": pa.array([f"P{i:03d}" for i in range(n)]),
            "score": pa.array([score] * n, pa.int32()),
            "band": pa.array(["B"] * n),
            "pd": pa.array([None, *[0.01] * (n - 1)], pa.float64()),
            "percentile": pa.array([0.5] * n, pa.float64()),
            "inherited_points": pa.array([-3] * n, pa.int32()),
        }
    )
    return PublishedScores(run_id, AS_OF, "m" * 64, "s" * 64, table)


def keys_of(folder: Path, keys: pa.Table) -> Path:
    path = folder / f"keys-{len(list(folder.glob('keys-*')))}.parquet"
    pq.write_table(keys, path)
    return path


def rings(run_id: str, *members: str) -> PublishedRings:
    """A ring of each member alone, resting on invoice I1, all of one case."""
    day, ids = [date(2021, 1, 1)] * len(members), [f"ring-{member}" for member in members]
    n = len(members)
    ring = {
        "ring_id": ids, "typology": ["carousel"] * n, "title": ["Carousel"] * n, "severity": [0.5] * n,
        "expected_by_chance": [0.1] * n, "first_on": day, "last_on": day, "amount": [10**14] * n,
        "explanation": [HOSTILE] * n, "case_id": ["case"] * n,
    }  # fmt: skip
    case = {
        "case_id": ["case"], "status": ["open"], "note": [""], "severity": [0.5], "first_on": day[:1],
        "last_on": day[:1], "amount": [10**14], "typologies": ["carousel"],
    }  # fmt: skip
    return PublishedRings(
        run_id,
        AS_OF,
        "sha",
        rings=pa.table(ring),
        members=pa.table({"ring_id": ids, "party_id": list(members), "role": ["payer"] * n}),
        evidence=pa.table({"ring_id": ids, "table": ["invoices"] * n, "key": ["I1"] * n}),
        cases=pa.table(case),
    )


def ring_members(store: EcosystemStore, tmp_path: Path, settings: Any) -> list[str]:
    """Members of the rings that readers see, with the run they are of."""
    if isinstance(store, DuckDBStore):
        with duckdb.connect(str(tmp_path / "ecosystem.duckdb"), read_only=True) as connection:
            query = "SELECT party_id FROM published_ring_members JOIN published_ring_evidence USING (ring_id)"
            return sorted(row[0] for row in connection.execute(query).fetchall())
    with Neo4jSession(settings) as session:
        query = """MATCH (:Invoice {invoiceId: 'I1'})<-[:RESTS_ON]-(r:Ring)
                   MATCH (r)-[:INVOLVES {role: 'payer'}]->(p:Party)
                   MATCH (r)-[:PART_OF]->(:Case {caseId: 'case'}) RETURN p.partyId AS id ORDER BY id"""
        return [row["id"] for row in session.read(query)]


def test_rings_are_replaced_whole_and_verdicts_stay(
    opener: Opener, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    store = opener()
    settings = request.getfixturevalue("neo4j_settings") if isinstance(store, Neo4jStore) else None
    assert store.verdicts() == ()
    load(store, tmp_path, every_table(), DECLARATION)
    store.publish_rings(rings("one", "P001", HOSTILE))
    assert ring_members(store, tmp_path, settings) == sorted(["P001", HOSTILE])
    verdict = {"case_id": "case", "decision": "watch", "note": HOSTILE, "decided_at": "2022-01-01T00:00:00"}
    store.record_verdict({**verdict, "typologies": ["carousel"], "evidence": []})
    store.record_verdict(
        {**verdict, "decided_at": "2022-01-02T00:00:00", "typologies": [], "evidence": ["x"]}
    )
    store.publish_rings(rings("two", "P002", "P003"))
    assert ring_members(opener(), tmp_path, settings) == ["P002", "P003"]
    kept = opener().verdicts()
    assert [given["decided_at"][:10] for given in kept] == ["2022-01-01", "2022-01-02"]
    assert kept[0]["note"] == HOSTILE
    assert kept[1]["evidence"] == ["x"]
    opener().erase("P002")
    assert ring_members(opener(), tmp_path, settings) == ["P003"]


def test_an_empty_store_says_so(store: EcosystemStore) -> None:
    assert store.sources() == ()
    assert store.latest_day() is None
    with pytest.raises(BadInput, match="no parties"):
        store.read(AS_OF, None)


def test_the_same_tables_give_the_same_snapshot(tmp_path: Path, neo4j_settings: Any) -> None:
    stores: list[EcosystemStore] = [DuckDBStore(tmp_path / "e.duckdb"), Neo4jStore(neo4j_settings)]
    tables = every_table()
    for each in stores:
        load(each, tmp_path, tables, DECLARATION)
    assert stores[0].sources() == stores[1].sources() == (DECLARATION,)
    assert stores[0].latest_day() == stores[1].latest_day() == date(2021, 8, 1)
    for as_of, purpose in (
        (AS_OF, None),
        (AS_OF, "fraud"),
        (date(2021, 5, 4), None),
        (date(2023, 6, 1), "x"),
    ):
        taken = [each.read(as_of, purpose) for each in stores]
        assert taken[0].sha256 == taken[1].sha256
        assert taken[0].party_ids.equals(taken[1].party_ids)
        assert set(taken[0].relations) == set(taken[1].relations)
    assert set(stores[1].read(AS_OF, None).tables) == set(tables)


def test_every_version_is_found_by_its_key(store: EcosystemStore, tmp_path: Path) -> None:
    tables = every_table()
    load(store, tmp_path, tables, DECLARATION)
    with store.begin(DECLARATION) as transaction:
        for name, rows in tables.items():
            staged = pq.read_table(stage(tmp_path, name, rows))
            keys = staged.select(TABLES[name].key).group_by(list(TABLES[name].key)).aggregate([])
            for whole in (False, True):
                found = transaction.existing(name, keys_of(tmp_path, keys), whole=whole).read_all()
                order = [(column, "ascending") for column in (*TABLES[name].key, "known_on")]
                expected = staged if whole else staged.select((*TABLES[name].key, "known_on"))
                assert found.sort_by(order).to_pylist() == expected.sort_by(order).to_pylist(), name


def test_existing_finds_only_what_is_asked(store: EcosystemStore, tmp_path: Path) -> None:
    load(store, tmp_path, every_table(), DECLARATION)
    with store.begin(DECLARATION) as transaction:
        found = transaction.existing(
            "invoices", keys_of(tmp_path, pa.table({"invoice_id": ["I2", "I9", HOSTILE]}))
        ).read_all()
        assert sorted(found["invoice_id"].to_pylist()) == sorted(["I2", "I2", HOSTILE])
        days = [date(2023, 1, 1), date(2021, 1, 1)]
        found = transaction.existing(
            "fx", keys_of(tmp_path, pa.table({"currency": ["USD", "USD"], "on": days}))
        ).read_all()
        assert found["on"].to_pylist() == [date(2021, 1, 1)]


def test_a_later_version_supersedes(opener: Opener, tmp_path: Path) -> None:
    store = opener()
    tables = every_table()
    load(store, tmp_path, tables, DECLARATION)
    before = store.read(AS_OF, None).sha256
    later = {**tables["payments"][0], "amount": 5, "known_on": date(2022, 7, 1)}
    load(store, tmp_path, {"payments": [later]})
    assert store.read(AS_OF, None).sha256 == before
    for handle in (store, opener()):
        assert handle.read(date(2022, 7, 1), None).tables["payments"]["amount"].to_pylist() == [5]
    assert store.latest_day() == date(2022, 7, 1)
    assert [source.name for source in store.sources()] == ["test"]


def test_a_load_that_fails_leaves_the_earlier_state(opener: Opener, tmp_path: Path) -> None:
    store = opener()
    tables = every_table()
    load(store, tmp_path, tables, DECLARATION)
    before = store.read(AS_OF, None).sha256
    staged = stage(tmp_path, "parties", [{"party_id": "NEW", "kind": "company"}])
    with pytest.raises(ZeroDivisionError), store.begin(SourceDeclaration("other")) as transaction:
        _ = transaction.append("parties", staged), 1 / 0  # type: ignore[func-returns-value]
    assert opener().read(AS_OF, None).sha256 == before
    assert [source.name for source in opener().sources()] == ["test"]
    load(store, tmp_path, {"parties": [{"party_id": "NEW", "kind": "company"}]})
    assert "NEW" in opener().read(AS_OF, None).party_ids.to_pylist()


def test_one_load_at_a_time(opener: Opener, tmp_path: Path) -> None:
    """The second one is told so at once; the first one is not disturbed."""
    load(opener(), tmp_path, {"parties": parties(1)})
    failures: list[BaseException] = []

    def intrude() -> None:
        try:
            with opener().begin(DECLARATION):
                pass
        except BaseException as error:
            failures.append(error)

    with opener().begin(DECLARATION) as transaction:
        transaction.append("parties", stage(tmp_path, "parties", parties(3)[1:]))
        if isinstance(opener(), Neo4jStore):  # DuckDB's file lock is between processes
            thread = threading.Thread(target=intrude)
            thread.start()
            thread.join()
            assert isinstance(failures[0], StoreUnavailable)
    assert opener().read(AS_OF, None).n_parties == 3


def test_erasing_a_party_takes_every_row_that_names_it(opener: Opener, tmp_path: Path) -> None:
    store = opener()
    load(store, tmp_path, every_table(), DECLARATION)
    store.publish(scores("r", 500))
    assert store.read(AS_OF, None).n_parties == 7
    # Its version; three invoice versions and a payment; a shipment; an identifier, outcome and split.
    assert store.erase("P001") == 9
    assert store.erase("P001") == 0
    assert store.erase("nobody") == 0
    for handle in (store, opener()):
        left = handle.read(AS_OF, None)
        assert "P001" not in left.party_ids.to_pylist()
        assert left.tables["invoices"]["invoice_id"].to_pylist() == [HOSTILE]
    load(store, tmp_path, {"parties": parties(2)[1:]})
    assert opener().read(AS_OF, None).n_parties == 7


def test_the_same_trade_the_same_sha(neo4j_settings: Any, tmp_path: Path) -> None:
    tables = random_trade(200, 3_000, seed=1)
    shas = set()
    for store in (DuckDBStore(tmp_path / "e.duckdb"), Neo4jStore(neo4j_settings)):
        load(store, tmp_path, tables)
        shas.add(store.read(AS_OF, None).sha256)
    assert len(shas) == 1


def test_publishing_again_and_anew(store: EcosystemStore, tmp_path: Path) -> None:
    load(store, tmp_path, {"parties": parties(6)})
    for run in (scores("one", 700), scores("one", 700), scores("two", 400, n=3), replace(scores("two", 400))):
        store.publish(run)
    assert store.latest_day() == START
