"""What a snapshot lets through, and what it must not."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import networkx as nx
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from graph.duckdb_store import DuckDBStore
from graph.errors import BadInput, UnknownParty
from graph.relations import HALF_LIFE_DAYS, day_number, transpose
from graph.source import SourceDeclaration
from graph.vocabulary import KindDeclaration
from tests.ecosystems import START, load, parties, random_trade, snapshot

AS_OF = date(2021, 6, 1)


def invoice(key: str = "I1", **columns: Any) -> dict[str, Any]:
    return {
        "invoice_id": key,
        "seller_id": "P000",
        "buyer_id": "P001",
        "issued_on": date(2021, 1, 1),
        "known_on": date(2021, 1, 1),
        "amount": 10_000,
        "currency": "EUR",
        **columns,
    }


def test_parties_are_coded_by_their_sorted_ids(tmp_path: Path) -> None:
    people = [{"party_id": p, "kind": "company"} for p in ("ö", "b", "a", "Z")]
    taken = snapshot(tmp_path, {"parties": people}, AS_OF)
    assert taken.party_ids.to_pylist() == ["Z", "a", "b", "ö"]
    assert taken.code("a") == 1
    with pytest.raises(UnknownParty):
        taken.code("nobody")


def test_a_later_version_supersedes_once_it_is_known(tmp_path: Path) -> None:
    rows = [invoice(), invoice(known_on=date(2021, 7, 1), amount=99)]
    for as_of, amount in ((AS_OF, 10_000), (date(2021, 7, 1), 99)):
        taken = snapshot(tmp_path / str(amount), {"parties": parties(2), "invoices": rows}, as_of)
        assert taken.tables["invoices"]["amount"].to_pylist() == [amount]


def test_later_facts_are_blank_until_their_day(tmp_path: Path) -> None:
    row = invoice(paid_on=date(2021, 7, 5), status="void", status_on=date(2021, 8, 1))
    tables = {"parties": parties(2), "invoices": [row]}
    early = snapshot(tmp_path / "early", tables, AS_OF).tables["invoices"].to_pylist()[0]
    late = snapshot(tmp_path / "late", tables, date(2021, 8, 1)).tables["invoices"].to_pylist()[0]
    assert (early["paid_on"], early["status"]) == (None, None)
    assert (late["paid_on"], late["status"]) == (date(2021, 7, 5), "void")


def test_lapsed_consent_and_other_purposes_hide_a_row(tmp_path: Path) -> None:
    rows = [
        invoice("lapsed", consent_until=date(2021, 5, 31)),
        invoice("fraud only", purpose="fraud|audit"),
        invoice("any"),
    ]
    tables = {"parties": parties(2), "invoices": rows}
    credit = snapshot(tmp_path / "a", tables, AS_OF, "credit").tables["invoices"]
    fraud = snapshot(tmp_path / "b", tables, AS_OF, "fraud").tables["invoices"]
    assert credit["invoice_id"].to_pylist() == ["any"]
    assert sorted(fraud["invoice_id"].to_pylist()) == ["any", "fraud only"]


def test_withdrawn_consent_does_not_bring_an_earlier_version_back(tmp_path: Path) -> None:
    rows = [invoice(), invoice(known_on=date(2021, 2, 1), consent_until=date(2021, 3, 1))]
    taken = snapshot(tmp_path, {"parties": parties(2), "invoices": rows}, AS_OF)
    assert "invoices" not in taken.tables


def test_rows_of_parties_not_yet_known_wait_for_them(tmp_path: Path) -> None:
    people = parties(2)
    people[1]["known_on"] = date(2022, 1, 1)
    taken = snapshot(tmp_path, {"parties": people, "invoices": [invoice()]}, AS_OF)
    assert taken.n_parties == 1
    assert not taken.relations


def test_amounts_are_converted_at_the_rate_of_their_day(tmp_path: Path) -> None:
    rates = [
        {"currency": "JPY", "on": date(2020, 6, 1), "rate": 0.01},
        {"currency": "JPY", "on": date(2021, 3, 1), "rate": 0.5},
    ]
    rows = [invoice(), invoice("I2", currency="JPY", amount=1_000)]
    taken = snapshot(tmp_path / "a", {"parties": parties(2), "invoices": rows, "fx": rates}, AS_OF)
    assert taken.base_currency == "EUR"
    # 1,000 yen (no minor unit) at .01 are 10 euros: 1,000 cents.
    assert sorted(taken.tables["invoices"]["amount"].to_pylist()) == [1_000, 10_000]
    later = {**rows[1], "invoice_id": "I3", "issued_on": date(2021, 3, 2), "known_on": date(2021, 3, 2)}
    taken = snapshot(
        tmp_path / "later", {"parties": parties(2), "invoices": [*rows, later], "fx": rates}, AS_OF
    )
    assert sorted(taken.tables["invoices"]["amount"].to_pylist()) == [1_000, 10_000, 50_000]
    with pytest.raises(BadInput, match="several currencies"):
        snapshot(tmp_path / "b", {"parties": parties(2), "invoices": rows}, AS_OF)


def test_amounts_without_a_rate_are_refused(tmp_path: Path) -> None:
    rows = [invoice(), invoice("I2", currency="JPY"), invoice("I3", currency="JPY")]
    rates = [{"currency": "JPY", "on": date(2021, 1, 2), "rate": 0.01}]
    with pytest.raises(BadInput, match="invoices: 2 amounts in JPY lie before the first fx rate"):
        snapshot(tmp_path, {"parties": parties(2), "invoices": rows, "fx": rates}, AS_OF)


def test_relations_count_cases_and_those_that_went_wrong(tmp_path: Path) -> None:
    due = date(2021, 2, 1)
    rows = [
        invoice("on time", due_on=due, paid_on=due),
        invoice("31 days late", due_on=due, paid_on=due + timedelta(days=31)),
        invoice("never paid", due_on=due),
        invoice("not yet due", due_on=date(2021, 7, 1)),
        invoice("void", status="void", due_on=due),
    ]
    taken = snapshot(tmp_path, {"parties": parties(3), "invoices": rows}, AS_OF)
    out, back = taken.relations["SUPPLIES.out"], taken.relations["SUPPLIES.in"]
    assert out.indices.tolist() == [1]
    assert back.indices.tolist() == [0]
    assert back.indptr.tolist() == [0, 0, 1, 1]
    for relation in (out, back):
        assert (relation.count[0], relation.matured[0], relation.bad[0]) == (4, 3, 2)
        assert relation.amount[0] == 40_000
        assert relation.last_on[0] == day_number(date(2021, 1, 1))


def test_what_a_row_says_of_its_pair_counts_half_after_the_half_life(tmp_path: Path) -> None:
    long_ago = AS_OF - timedelta(days=2 * HALF_LIFE_DAYS)
    rows = [
        invoice("today", issued_on=AS_OF, known_on=AS_OF, amount=300),
        invoice(
            "late, two half-lives ago",
            issued_on=long_ago,
            known_on=long_ago,
            due_on=long_ago + timedelta(days=10),
            amount=400,
        ),
    ]
    taken = snapshot(tmp_path, {"parties": parties(3, known_on=long_ago), "invoices": rows}, AS_OF)
    for relation in (taken.relations["SUPPLIES.out"], taken.relations["SUPPLIES.in"]):
        assert relation.amount.tolist() == [700]
        assert relation.recent_amount.tolist() == [400.0]
        assert relation.recent_strength.tolist() == [1.25]
        assert (relation.recent_matured.tolist(), relation.recent_bad.tolist()) == ([0.25], [0.25])


def test_nothing_is_wholly_forgotten(tmp_path: Path) -> None:
    """A pair of rows long past would else look as if it had none."""
    rows = {"parties": parties(3), "invoices": [invoice("long ago")]}
    relation = snapshot(tmp_path, rows, AS_OF + timedelta(days=40_000)).relations["SUPPLIES.out"]
    assert relation.recent_strength.tolist() == [1e-6]


def test_declared_kinds_make_relations(tmp_path: Path) -> None:
    declaration = SourceDeclaration(
        "test",
        link_kinds=(KindDeclaration("CO_WORKED", symmetric=True),),
        event_kinds=(KindDeclaration("inspection", "inspectors", "inspected", adverse_statuses=("failed",)),),
    )
    link = {
        "source_id": "P000",
        "target_id": "P002",
        "kind": "CO_WORKED",
        "valid_from": START,
        "weight": 2.5,
    }
    event = {
        "event_id": "E",
        "party_id": "P001",
        "counterparty_id": "P002",
        "kind": "inspection",
        "occurred_on": START,
        "status": "failed",
    }
    tables = {"parties": parties(3), "links": [link], "events": [event]}
    taken = snapshot(tmp_path, tables, AS_OF, declaration=declaration)
    assert sorted(taken.relations) == ["CO_WORKED", "INSPECTION.in", "INSPECTION.out"]
    shared = taken.relations["CO_WORKED"]
    assert shared.indices.tolist() == [2, 0]
    assert shared.strength.tolist() == [2.5, 2.5]
    assert taken.relations["INSPECTION.out"].bad.tolist() == [1]


def test_pairs_hold_the_sums_of_their_rows(tmp_path: Path) -> None:
    taken = snapshot(tmp_path, random_trade(12, 300, seed=3), AS_OF)
    relation, rows = taken.relations["SUPPLIES.out"], taken.tables["invoices"].to_pylist()
    sums: dict[tuple[int, int], tuple[int, int, int, int]] = {}
    for row in rows:
        seller, buyer, day = row["seller_code"], row["buyer_code"], day_number(row["issued_on"])
        if seller != buyer and row["status"] in (None, "open", "paid"):
            n, amount, first, last = sums.get((seller, buyer), (0, 0, day, day))
            sums[seller, buyer] = (n + 1, amount + row["amount"], min(first, day), max(last, day))
    sellers = np.repeat(np.arange(taken.n_parties), relation.degree())
    assert list(zip(sellers.tolist(), relation.indices.tolist(), strict=True)) == sorted(sums)
    measures = (relation.count, relation.amount, relation.first_on, relation.last_on)
    assert np.array_equal(np.stack(measures, axis=1), [sums[pair] for pair in sorted(sums)])


def test_sums_that_do_not_fit_are_refused(tmp_path: Path) -> None:
    rows = [invoice(str(k), amount=10**15) for k in range(9_300)]
    with pytest.raises(BadInput, match="add up to more than"):
        snapshot(tmp_path, {"parties": parties(2), "invoices": rows}, AS_OF)


def test_transposing_twice_gives_the_relation_back(tmp_path: Path) -> None:
    taken = snapshot(tmp_path, random_trade(20, 150, seed=1), AS_OF)
    out = taken.relations["SUPPLIES.out"]
    again = transpose(transpose(out, "x"), out.name)
    for (name, first), (_, second) in zip(out.arrays(), again.arrays(), strict=True):
        assert np.array_equal(first, second), name


def test_networkx_has_the_same_pairs(tmp_path: Path) -> None:
    taken = snapshot(tmp_path, random_trade(20, 150, seed=2), AS_OF)
    graph = taken.to_networkx()
    assert isinstance(graph, nx.MultiDiGraph)
    assert graph.number_of_nodes() == 20
    assert graph.number_of_edges() == taken.relations["SUPPLIES.out"].n_pairs
    out_degree = [graph.out_degree(p) for p in taken.party_ids.to_pylist()]
    assert out_degree == taken.relations["SUPPLIES.out"].degree().tolist()


def test_sha_does_not_depend_on_order_or_number_of_loads(tmp_path: Path) -> None:
    tables = random_trade(12, 60, seed=3)
    once = snapshot(tmp_path / "once", tables, AS_OF)
    store = DuckDBStore(tmp_path / "twice.duckdb")
    backwards = tables["invoices"][::-1]
    load(store, tmp_path, {"parties": tables["parties"][::-1], "invoices": backwards[:25]})
    load(store, tmp_path, {"invoices": backwards[25:]})
    assert store.read(AS_OF, None).sha256 == once.sha256
    other = [dict(row) for row in tables["invoices"]]
    early = next(row for row in other if row["issued_on"] < AS_OF)
    early["amount"] += 1
    changed = snapshot(tmp_path / "changed", {**tables, "invoices": other}, AS_OF)
    assert changed.sha256 != once.sha256


@settings(max_examples=25)
@given(seed=st.integers(0, 10_000), data=st.data())
def test_nothing_known_after_the_day_changes_the_snapshot(seed: int, data: st.DataObject) -> None:
    """The leak guard: rows, versions, parties and facts of later days leave the sha as it is."""
    tables = random_trade(8, 30, seed)
    changed = {name: [dict(row) for row in rows] for name, rows in tables.items()}
    later = st.dates(AS_OF + timedelta(days=1), AS_OF + timedelta(days=900))
    for row in changed["invoices"]:
        if row["known_on"] > AS_OF:
            row["amount"] = data.draw(st.integers(0, 10**9))
        if row["paid_on"] is None or row["paid_on"] > AS_OF:
            row["paid_on"] = data.draw(st.one_of(st.none(), later))
    known = data.draw(later)
    changed["invoices"].append({**changed["invoices"][0], "known_on": known, "amount": 1})
    changed["parties"].append({"party_id": "P999", "kind": "company", "known_on": known})
    changed["parties"].append({**changed["parties"][0], "known_on": known, "industry": "C"})
    changed["outcomes"] = [
        {
            "outcome_id": "O",
            "party_id": "P001",
            "kind": "default",
            "occurred_on": AS_OF,
            "known_on": known,
            "value": 1,
        }
    ]
    with TemporaryDirectory() as folder:
        before = snapshot(Path(folder) / "before", tables, AS_OF)
        after = snapshot(Path(folder) / "after", changed, AS_OF)
    assert after.sha256 == before.sha256
    for name, relation in before.relations.items():
        for (field, first), (_, second) in zip(
            relation.arrays(), after.relations[name].arrays(), strict=True
        ):
            assert np.array_equal(first, second), (name, field)
