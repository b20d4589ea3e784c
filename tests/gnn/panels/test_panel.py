"""What a panel may know: populations, labels and the days they belong to."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gnn.panels import panel as panels
from gnn.panels.panel import (
    Origin,
    Panel,
    build_panel,
    choose_task,
    known_outcomes,
    learned_together,
    population,
    require_evidence,
    thinned,
)
from gnn.panels.targets import results
from gnn.panels.tasks import BUILT_IN_TASKS
from graph.duckdb_store import DuckDBStore
from graph.errors import BadInput, Refused
from graph.relations import recency
from graph.source import PARTS, Part, SourceDeclaration, Task
from graph.vocabulary import KindDeclaration
from tests.ecosystems import START, load, parties, random_trade, snapshot

Row = dict[str, Any]
DAYS: dict[Part, tuple[date, ...]] = {
    "train": (date(2020, 3, 1), date(2020, 6, 1)),
    "valid": (date(2020, 9, 1),),
    "test": (date(2021, 1, 1), date(2021, 3, 1)),
}
DEFAULTS = Task("defaults", "default", horizon_days=100, as_of=DAYS)


def outcome(
    party: int, day: date, value: int = 1, known_on: date | None = None, kind: str = "default"
) -> Row:
    return {
        "outcome_id": f"{kind} {party} {day} {value}",
        "party_id": f"P{party:03d}",
        "kind": kind,
        "occurred_on": day,
        "known_on": known_on or day,
        "value": value,
    }


def store_of(folder: Path, tables: dict[str, list[Row]], *tasks: Task) -> DuckDBStore:
    folder.mkdir(parents=True, exist_ok=True)
    store = DuckDBStore(folder / "ecosystem.duckdb")
    load(store, folder, tables, SourceDeclaration("test", tasks=tasks))
    return store


def labelled(origin: Origin) -> dict[str, int]:
    ids = [origin.snapshot.party_ids[int(code)].as_py() for code in origin.codes]
    return dict(zip(ids, origin.labels.tolist(), strict=True))


def origin_of(panel: Panel, day: date) -> Origin:
    return next(origin for origin in panel.origins if origin.as_of == day)


def trade_with(outcomes: list[Row], n: int = 20) -> dict[str, list[Row]]:
    tables: dict[str, list[Row]] = random_trade(n, 300, 3)
    return {**tables, "outcomes": outcomes}


def test_the_window_begins_after_the_day_and_ends_with_the_horizon(tmp_path: Path) -> None:
    day = date(2021, 1, 1)
    found = [
        outcome(1, day),
        outcome(2, day + timedelta(1)),
        outcome(3, day + timedelta(100)),
        outcome(4, day + timedelta(101)),
        outcome(5, day + timedelta(50), value=0),
        outcome(6, day + timedelta(50), kind="fraud"),
    ]
    task = Task("defaults", "default", horizon_days=100, as_of=DAYS, once=False)
    labels = labelled(origin_of(build_panel(store_of(tmp_path, trade_with(found)), task), day))
    assert {party for party, label in labels.items() if label} == {"P002", "P003"}
    assert len(labels) == 20


def test_an_event_that_happens_once_ends_membership(tmp_path: Path) -> None:
    found = [outcome(1, date(2020, 8, 1)), outcome(2, date(2020, 8, 1), known_on=date(2020, 12, 1))]
    panel = build_panel(store_of(tmp_path, trade_with(found)), DEFAULTS)
    assert labelled(origin_of(panel, date(2020, 6, 1)))["P001"] == 1
    valid = labelled(origin_of(panel, date(2020, 9, 1)))
    assert "P001" not in valid
    assert "P002" in valid  # nobody knew yet
    assert "P002" not in labelled(origin_of(panel, date(2021, 1, 1)))


def test_stated_only_keeps_parties_with_a_statement_in_the_window(tmp_path: Path) -> None:
    day = date(2021, 1, 1)
    every = [
        outcome(p, d + timedelta(20), value=p % 2) for p in range(4) for days in DAYS.values() for d in days
    ]
    task = Task("d", "default", horizon_days=100, as_of=DAYS, stated_only=True, once=False)
    store = store_of(tmp_path, trade_with(every))
    assert labelled(origin_of(build_panel(store, task), day)) == {"P000": 0, "P001": 1, "P002": 0, "P003": 1}
    # At serving nobody can know who will be decided on.
    assert len(population(store.read(day, None), task)) == 20


def test_population_by_role_kind_and_activity(tmp_path: Path) -> None:
    people = parties(4)
    people[0]["roles"] = "buyer|carrier"
    people[1] |= {"roles": "supplier", "kind": "person"}
    people[2]["roles"] = "supplier"
    bill = {"seller_id": "P002", "buyer_id": "P000", "amount": 5, "currency": "EUR"}
    bills = [
        {**bill, "invoice_id": "old", "seller_id": "P001", "issued_on": date(2020, 1, 2)},
        {**bill, "invoice_id": "new", "issued_on": date(2020, 5, 2)},
    ]
    taken = snapshot(tmp_path, {"parties": people, "invoices": bills}, date(2020, 5, 31))

    def asked(**columns: Any) -> list[int]:
        return population(taken, Task("t", "default", **columns)).tolist()

    assert asked() == [0, 1, 2, 3]
    assert asked(roles=("carrier", "supplier")) == [0, 1, 2]
    assert asked(party_kinds=("person",)) == [1]
    assert asked(active_within_days=30) == [0, 2]
    assert asked(active_within_days=29) == []
    assert asked(active_within_days=400) == [0, 1, 2]


WITHOUT: list[Panel] = []


@settings(max_examples=6)
@given(
    party=st.integers(0, 19),
    happened=st.integers(0, 500),
    delay=st.integers(0, 200),
    value=st.sampled_from([0, 1]),
)
def test_nothing_known_after_the_first_test_day_reaches_training(
    tmp_path_factory: pytest.TempPathFactory, party: int, happened: int, delay: int, value: int
) -> None:
    """Leak guard: an outcome changes training and calibration only if it was known on the first test day,
    and the known outcomes of a day only if it was known on that day."""
    basis = [outcome(p, START + timedelta(37 * p)) for p in range(0, 20, 2)]
    basis += [outcome(p, START + timedelta(400 + p), value=0) for p in range(3)]
    extra = outcome(party, START + timedelta(happened), value, START + timedelta(happened + delay), "default")
    extra["outcome_id"] = "extra"
    task = Task("d", "default", horizon_days=100, as_of=DAYS, once=False)
    folder = tmp_path_factory.mktemp("leak")
    if not WITHOUT:
        WITHOUT.append(build_panel(store_of(folder / "a", trade_with(basis)), task))
    without = WITHOUT[0]
    added = build_panel(store_of(folder / "b", trade_with([*basis, extra])), task)
    for one, two in zip(without.origins, added.origins, strict=True):
        if extra["known_on"] > DAYS["test"][0] and one.part != "test":
            np.testing.assert_array_equal(one.labels, two.labels)
        if extra["known_on"] > one.as_of:
            np.testing.assert_array_equal(one.known.n, two.known.n)
            np.testing.assert_array_equal(one.known.bad, two.known.bad)
            assert one.snapshot.sha256 == two.snapshot.sha256
        if not one.as_of < extra["occurred_on"] <= one.as_of + timedelta(100):
            np.testing.assert_array_equal(one.labels, two.labels)


def test_windows_that_are_not_over_in_time_are_left_out_and_named(tmp_path: Path) -> None:
    days: dict[Part, tuple[date, ...]] = {
        "train": (date(2020, 3, 1), date(2020, 12, 1)),
        "valid": (date(2020, 9, 1),),
        "test": (date(2021, 1, 1), date(2021, 12, 1)),
    }
    days["valid"] = (date(2020, 12, 2),)
    days["train"] = (date(2020, 3, 1), date(2020, 11, 1))
    task = Task("d", "default", horizon_days=100, as_of=days)
    store = store_of(tmp_path, trade_with([outcome(1, date(2020, 4, 1))]))
    with pytest.raises(BadInput, match="no cases for valid"):
        build_panel(store, task)
    days["valid"] = (date(2020, 9, 1),)
    days["train"] = (date(2020, 3, 1), date(2020, 9, 1))
    days["test"] = (date(2020, 12, 15), date(2021, 1, 1), date(2021, 12, 1))
    panel = build_panel(store, Task("d", "default", horizon_days=100, as_of=days))
    assert [origin.as_of for origin in panel.of("test")] == [date(2020, 12, 15), date(2021, 1, 1)]
    assert len(panel.notes) == 1
    assert "2021-12-01" in panel.notes[0]
    first_test = panel.of("test")[0].as_of
    for origin in (*panel.of("train"), *panel.of("valid")):
        assert origin.as_of + timedelta(100) <= first_test


def test_days_are_derived_from_the_span_of_the_data(tmp_path: Path) -> None:
    task = Task("d", "default", horizon_days=60, once=False)
    panel = build_panel(store_of(tmp_path, trade_with([outcome(1, date(2020, 9, 1))])), task)
    train, valid, test = ([o.as_of for o in panel.of(p)] for p in ("train", "valid", "test"))
    horizon = timedelta(60)
    assert (len(train), len(valid), len(test)) == (6, 1, 3)
    assert max(train) + horizon <= valid[0]
    assert valid[0] + horizon <= test[0]
    assert min(train) >= START + timedelta(180)
    assert all(b - a == timedelta(30) for part in (train, test) for a, b in pairwise(part))
    # Random trade ends with payments some weeks after the last invoice.
    assert date(2021, 12, 1) < test[-1] + horizon < date(2022, 5, 1)


@pytest.mark.parametrize(("target", "beyond"), [("late_30", 30), ("dilution", 0), ("dormant", 0)])
def test_windows_end_where_the_rows_of_their_labels_do(tmp_path: Path, target: str, beyond: int) -> None:
    """Invoices of two years, and what happened to the parties for half a year more."""
    tables = trade_with([])
    last = max(row["issued_on"] for row in tables["invoices"])
    after = [last + timedelta(day) for day in range(1, 180)]
    tables["events"] = [
        {"event_id": f"E{day}", "party_id": "P001", "kind": "complaint", "occurred_on": day, "known_on": day}
        for day in after
    ]
    # An invoice that somebody entered late tells nothing of the others.
    stray = {"invoice_id": "late", "issued_on": after[-1], "due_on": after[-1], "known_on": after[-1]}
    tables["invoices"].append({**tables["invoices"][0], **stray, "paid_on": None})
    store = store_of(tmp_path, tables)
    panel = build_panel(store, BUILT_IN_TASKS[target])
    end = panel.of("test")[-1].as_of + timedelta(panel.task.horizon_days)
    assert timedelta(beyond - 30) < end - last <= timedelta(beyond)
    assert not panel.notes
    day = after[-1] - timedelta(180)
    named = replace(panel.task, as_of={**{o.part: (o.as_of,) for o in panel.origins}, "test": (day,)})
    (note,) = build_panel(store, named).notes
    assert f"test day {day}: its 180 days end on {after[-1]}" in note
    others = build_panel(store, Task("o", "default", 180, once=False))
    assert others.of("test")[-1].as_of + timedelta(180) == after[-1]


def test_a_short_history_gets_fewer_days_and_a_shorter_one_a_clear_word(tmp_path: Path) -> None:
    store = store_of(tmp_path, trade_with([outcome(1, date(2020, 9, 1))]))
    panel = build_panel(store, Task("d", "default", horizon_days=250, once=False))
    assert [len(panel.of(part)) for part in ("train", "valid", "test")] == [1, 1, 1]
    assert panel.of("train")[0].as_of + timedelta(250) <= panel.of("test")[0].as_of
    with pytest.raises(BadInput, match="shorten horizon_days"):
        build_panel(store, Task("d", "default", horizon_days=365, once=False))


def test_late_payment_needs_no_outcomes(tmp_path: Path) -> None:
    bill = {"seller_id": "P000", "amount": 5, "currency": "EUR", "issued_on": date(2020, 1, 1)}

    def due(buyer: int, day: date, paid: date | None, **columns: Any) -> Row:
        return {
            **bill, "invoice_id": f"{buyer} {day}", "buyer_id": f"P{buyer:03d}",
            "due_on": day, "paid_on": paid, **columns,
        }  # fmt: skip

    day = date(2020, 3, 1)
    bills = [
        due(1, date(2020, 2, 10), None),  # 30 days past due on 11 March
        due(2, date(2020, 2, 10), date(2020, 3, 11)),  # paid on the last day
        due(3, date(2020, 2, 10), date(2020, 3, 12)),
        due(4, date(2020, 1, 10), None),  # long late already
        due(5, date(2020, 2, 20), None, status="void"),
        due(6, date(2020, 8, 1), None),  # gets late after the horizon
        due(7, date(2020, 3, 20), None, issued_on=date(2020, 3, 10)),
    ]
    late_30 = choose_task((), "late_30", {})
    later = snapshot(tmp_path, {"parties": parties(9), "invoices": bills}, date(2021, 1, 1))
    found = results(later, late_30, day, day + timedelta(late_30.horizon_days))
    assert np.flatnonzero(found.bad).tolist() == [1, 3, 7]
    known = known_outcomes(later, late_30)
    assert (known.n > 0).tolist() == [False, True, True, True, True, False, True, True, False]
    np.testing.assert_allclose(known.bad, known.n * [0, 1, 0, 1, 1, 0, 1, 1, 0])
    assert known.n[6] == pytest.approx(recency((date(2021, 1, 1) - date(2020, 8, 1)).days))
    now = DuckDBStore(tmp_path / "ecosystem.duckdb").read(day, None)
    asked = [now.party_ids[int(code)].as_py() for code in population(now, late_30)]
    assert asked == ["P001", "P002", "P003", "P004", "P006"]  # all billed in the last 90 days
    assert np.flatnonzero(known_outcomes(now, late_30).bad).tolist() == [4]


def test_dilution_is_a_sellers_share_of_voids_and_credit_notes(tmp_path: Path) -> None:
    def bill(seller: int, k: int, **columns: Any) -> Row:
        return {
            "invoice_id": f"{seller}-{k}", "seller_id": f"P{seller:03d}", "buyer_id": "P009",
            "issued_on": date(2020, 3, 1) + timedelta(k), "amount": 100, "currency": "EUR", **columns,
        }  # fmt: skip

    bills = [bill(seller, k) for seller in range(3) for k in range(10)]
    bills.append(bill(1, 20, status="credit_note", amount=99, corrects_invoice_id="1-1"))
    bills += [bill(2, 20, status="credit_note", amount=51), bill(2, 21, status="void", amount=60)]
    dilution = choose_task((), "dilution", {})
    taken = snapshot(tmp_path, {"parties": parties(10), "invoices": bills}, date(2020, 12, 1))
    found = results(taken, dilution, date(2020, 2, 1), date(2020, 8, 1))
    assert found.stated.tolist() == [True] * 3 + [False] * 7
    assert np.flatnonzero(found.bad).tolist() == [2]
    lost = [recency((date(2020, 12, 1) - date(2020, 3, 1)).days - k) for k in (20, 21)]
    np.testing.assert_allclose(known_outcomes(taken, dilution).bad[:3], [0, lost[0], sum(lost)], rtol=1e-6)


def test_dormant_sellers_sold_within_the_horizon_and_then_no_more(tmp_path: Path) -> None:
    day = date(2020, 6, 1)

    def bill(seller: int, days: int, **columns: Any) -> Row:
        issued = day + timedelta(days)
        return {
            "invoice_id": f"{seller}:{days}", "seller_id": f"P{seller:03d}", "buyer_id": "P009",
            "issued_on": issued, "known_on": issued, "amount": 100, "currency": "EUR", **columns,
        }  # fmt: skip

    def shipment(shipper: int, days: int) -> Row:
        when = day + timedelta(days)
        return {
            "shipment_id": f"{shipper}:{days}", "shipper_id": f"P{shipper:03d}", "consignee_id": "P009",
            "dispatched_on": when, "known_on": when,
        }  # fmt: skip

    def event(party: int, days: int, kind: str) -> Row:
        when = day + timedelta(days)
        return {
            "event_id": f"{kind}:{party}:{days}", "party_id": f"P{party:03d}", "kind": kind,
            "occurred_on": when, "known_on": when,
        }  # fmt: skip

    tables = {
        "parties": parties(10),
        # 0 stops, 1 goes on, 2 stopped long ago, 3 only voids what it sells afterwards, 4 buys (as 9 does).
        "invoices": [
            bill(0, -10), bill(1, -89), bill(1, 90), bill(2, -90), bill(3, -5), bill(3, 5, status="void"),
            {**bill(4, 30), "seller_id": "P001", "buyer_id": "P004"},
        ],
        "shipments": [shipment(5, -1), shipment(6, -1), shipment(6, 91), shipment(1, 40)],
        "events": [event(7, 0, "sale"), event(7, 1, "sale"), event(8, -3, "return"), event(0, 9, "return")],
    }  # fmt: skip
    task = replace(choose_task((), "dormant", {}), horizon_days=90)
    declared = SourceDeclaration("test", event_kinds=(KindDeclaration("sale", relation=False),))
    later = snapshot(tmp_path, tables, date(2021, 6, 1), declaration=declared)
    now = DuckDBStore(tmp_path / "ecosystem.duckdb").read(day, None)
    asked = [now.party_ids[int(code)].as_py() for code in population(now, task)]
    assert asked == ["P000", "P001", "P003", "P005", "P006", "P007"]
    found = results(later, task, day, day + timedelta(90))
    assert found.stated.all()
    assert [name for name in asked if found.bad[int(name[1:])]] == ["P000", "P003", "P005", "P006"]
    known = known_outcomes(now, task)
    assert (known.n.tolist(), known.bad.tolist()) == (
        [1, 1, 1, 1, 0, 1, 1, 1, 0, 0], [0, 0, 1, 0, 0, 0, 0, 0, 0, 0]
    )  # fmt: skip
    restricted = replace(task, party_kinds=("person",))
    assert len(population(now, restricted)) == 0


def test_known_outcomes_count_statements_or_where_only_bad_ones_are_stated_evidence(tmp_path: Path) -> None:
    day = date(2021, 12, 31)
    both = [
        outcome(1, START),
        outcome(1, date(2020, 5, 1)),
        outcome(1, date(2020, 6, 1), 0),
        outcome(2, START, 0),
    ]
    stated = known_outcomes(snapshot(tmp_path / "both", trade_with(both, 5), day), DEFAULTS)
    first, later, good = (recency((day - when).days) for when in (START, date(2020, 5, 1), date(2020, 6, 1)))
    np.testing.assert_allclose(stated.n, [0, first + later + good, first, 0, 0], rtol=1e-6)
    np.testing.assert_allclose(stated.bad, [0, first + later, 0, 0, 0], rtol=1e-6)
    tables = trade_with([outcome(1, START), outcome(1, date(2020, 5, 1))], 5)
    tables["parties"] += [{"party_id": "P900", "kind": "company"}]
    bad_only = known_outcomes(snapshot(tmp_path / "bad", tables, day), DEFAULTS)
    assert (bad_only.n.tolist(), bad_only.bad.tolist()) == ([1, 1, 1, 1, 1, 0], [0, 1, 0, 0, 0, 0])


BY_SPLITS = Task(
    "ban", "ban", by_splits=True, fold=1, dated=False,
    as_of={"train": (date(2020, 1, 1),), "valid": (date(2020, 1, 2),), "test": (date(2020, 1, 3),)},
)  # fmt: skip


def splits_store(folder: Path) -> DuckDBStore:
    parts = ["train", "train", "train", "valid", "valid", "test", "test", "test", None, None]
    rows = [
        {"party_id": f"P{i:03d}", "task": "ban", "fold": fold, "part": part}
        for i, part in enumerate(parts)
        if part is not None
        for fold in (0, 1)
    ]
    for row in rows:
        if row["fold"] == 0:
            row["part"] = "train"
    known = {
        "train": date(2020, 1, 2),
        "valid": date(2020, 1, 3),
        "test": date(2020, 1, 4),
        None: date(2020, 1, 4),
    }
    outcomes = [
        outcome(i, known[part], value=int(i in (0, 4, 7, 8)), kind="ban") for i, part in enumerate(parts)
    ]
    return store_of(folder, {"parties": parties(10), "splits": rows, "outcomes": outcomes}, BY_SPLITS)


def test_a_task_by_splits_shows_each_part_only_the_labels_of_earlier_ones(tmp_path: Path) -> None:
    panel = build_panel(splits_store(tmp_path), BY_SPLITS)
    train, valid, test = panel.origins
    assert (labelled(train), labelled(valid), labelled(test)) == (
        {"P000": 1, "P001": 0, "P002": 0},
        {"P003": 0, "P004": 1},
        {"P005": 0, "P006": 0, "P007": 1},
    )
    assert [origin.own_labels_known for origin in panel.origins] == [True, False, False]
    assert train.known.n.tolist() == [1, 1, 1] + [0] * 7
    assert valid.known.n.tolist() == [1, 1, 1] + [0] * 7
    assert test.known.n.tolist() == [1] * 5 + [0] * 5
    assert test.known.bad.tolist() == [1, 0, 0, 0, 1] + [0] * 5
    # What is learned from in the end may know what test rows do.
    for together in learned_together(panel.of("train"), panel.of("valid")):
        assert together.own_labels_known
        np.testing.assert_array_equal(together.known.n, test.known.n)
        np.testing.assert_array_equal(together.known.bad, test.known.bad)
    # At serving all stated outcomes are known, and everyone is asked about.
    now = splits_store(tmp_path / "again").read(date(2020, 1, 4), None)
    assert known_outcomes(now, BY_SPLITS).n.tolist() == [1] * 10
    assert len(population(now, BY_SPLITS)) == 10


def test_who_has_no_stated_outcome_is_in_no_part_or_is_said_to_count_as_good(tmp_path: Path) -> None:
    rows = [{"party_id": f"P{i:03d}", "task": "ban", "fold": 1, "part": PARTS[i % 3]} for i in range(12)]
    stated = [outcome(i, date(2020, 1, 4), value=int(i < 3), kind="ban") for i in range(6)]
    tables = {"parties": parties(12), "splits": rows, "outcomes": stated}
    asked = replace(BY_SPLITS, stated_only=True)
    panel = build_panel(store_of(tmp_path / "stated", tables, asked), asked)
    assert [labelled(origin) for origin in panel.origins] == [
        {"P000": 1, "P003": 0},
        {"P001": 1, "P004": 0},
        {"P002": 1, "P005": 0},
    ]
    assert panel.of("test")[0].known.n.tolist() == [1, 1, 0, 1, 1] + [0] * 7
    assert panel.notes == ()
    panel = build_panel(store_of(tmp_path / "all", tables, BY_SPLITS), BY_SPLITS)
    assert [len(origin.codes) for origin in panel.origins] == [4, 4, 4]
    (note,) = panel.notes
    assert note.startswith("6 of 12 parties count as good")


def test_a_label_of_a_part_that_is_on_record_on_its_day_is_refused(tmp_path: Path) -> None:
    """It would be an indicator of itself, however well it was meant."""
    rows = [{"party_id": f"P{i:03d}", "task": "ban", "fold": 1, "part": PARTS[i % 3]} for i in range(12)]
    known = [date(2020, 1, 4)] * 11 + [date(2020, 1, 2)]
    stated = [outcome(i, day, value=int(i < 3), kind="ban") for i, day in enumerate(known)]
    tables = {"parties": parties(12), "splits": rows, "outcomes": stated}
    with pytest.raises(BadInput, match=r"2020-01-02, the day of valid, .* of 1 of .* after 2020-01-03"):
        build_panel(store_of(tmp_path, tables, BY_SPLITS), BY_SPLITS)


def test_choosing_a_task(tmp_path: Path) -> None:
    one, two = Task("one", "default"), Task("two", "fraud")
    trade = snapshot(tmp_path, random_trade(5, 20, 1), date(2022, 1, 1)).tables
    assert choose_task([SourceDeclaration("s", tasks=(one,))], None, {}) == one
    assert choose_task([SourceDeclaration("s", tasks=(one, two))], "two", {}) == two
    assert choose_task([SourceDeclaration("s", tasks=(one,))], "late_90", trade).outcome == "late_90"
    assert choose_task([], None, trade).outcome == "late_30"
    for declarations, name in (
        ([SourceDeclaration("s", tasks=(one, two))], None),
        ([SourceDeclaration("s", tasks=(one,))], "three"),
        ([SourceDeclaration("a", tasks=(one,)), SourceDeclaration("b", tasks=(one,))], "one"),
        ([], None),
    ):
        with pytest.raises(BadInput):
            choose_task(declarations, name, {})
    with pytest.raises(BadInput, match="by_splits: true"):
        choose_task([SourceDeclaration("s", dated=False)], None, trade)
    with pytest.raises(BadInput, match="dilution, dormant, late_30, late_90, one, two"):
        choose_task([SourceDeclaration("s", tasks=(one, two))], None, {})


def test_without_a_declared_task_the_outcomes_on_record_ask(tmp_path: Path) -> None:
    trade = random_trade(5, 20, 1)
    day = date(2020, 4, 1)
    trade["outcomes"] = [outcome(1, day), outcome(1, day + timedelta(9)), outcome(2, day, 0)]
    defaults = snapshot(tmp_path / "one", trade, date(2022, 1, 1)).tables
    task = choose_task([SourceDeclaration("s")], None, defaults)
    assert (task.name, task.outcome, task.once, task.stated_only) == ("default", "default", False, True)
    assert task.horizon_days == 2
    trade["outcomes"][1]["occurred_on"] = day + timedelta(300)
    longer = snapshot(tmp_path / "longer", trade, date(2022, 1, 1)).tables
    assert choose_task([], None, longer).horizon_days == 90
    assert choose_task([], "late_30", defaults).outcome == "late_30"
    trade["outcomes"] += [{**outcome(3, day), "outcome_id": "f", "kind": "fraud"}]
    several = snapshot(tmp_path / "two", trade, date(2022, 1, 1)).tables
    with pytest.raises(BadInput, match="default, dilution, dormant, fraud, late_30"):
        choose_task([], None, several)
    fraud = choose_task([], "fraud", several)
    assert (fraud.outcome, fraud.once, fraud.stated_only) == ("fraud", True, False)
    with pytest.raises(BadInput, match="no task 'fraud'"):
        choose_task([SourceDeclaration("s", tasks=(Task("one", "default"),))], "fraud", several)


def test_a_month_of_records_is_enough_for_a_horizon_of_days(tmp_path: Path) -> None:
    """As simulators give it: steps of an hour over 30 days."""
    tables = random_trade(40, 600, 1)
    for number, row in enumerate(tables["invoices"]):
        day = START + timedelta(number % 30)
        row |= {"issued_on": day, "known_on": day, "paid_on": None, "due_on": None}
    tables["outcomes"] = [outcome(1, START + timedelta(20))]
    panel = build_panel(store_of(tmp_path, tables), Task("d", "default", horizon_days=5, once=False))
    assert [len(panel.of(part)) for part in ("train", "valid", "test")] == [4, 1, 1]


def test_too_few_bad_outcomes_are_refused(tmp_path: Path) -> None:
    panel = build_panel(store_of(tmp_path, trade_with([outcome(1, date(2020, 4, 1))])), DEFAULTS)
    with pytest.raises(Refused, match="1 of 39 cases of the train part"):
        require_evidence(panel)
    labels = np.arange(20, dtype=np.int8) % 2
    enough = [replace(o, labels=np.resize(labels, len(o.codes))) for o in panel.origins for _ in range(3)]
    require_evidence(replace(panel, origins=tuple(enough)))
    one_class = [replace(o, labels=o.labels * (o.part != "valid")) for o in enough]
    with pytest.raises(Refused, match="valid"):
        require_evidence(replace(panel, origins=tuple(one_class)))


def test_an_empty_store_is_bad_input(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="empty"):
        build_panel(DuckDBStore(tmp_path / "e.duckdb"), DEFAULTS)


def test_thinning_keeps_rows_and_labels_together(tmp_path: Path) -> None:
    panel = build_panel(store_of(tmp_path, trade_with([outcome(3, date(2020, 4, 1))])), DEFAULTS)
    train = panel.of("train")
    assert thinned(train, 1_000) == train
    few = thinned(train, 11)
    assert sum(len(origin.codes) for origin in few) == 11
    for origin, all_rows in zip(few, train, strict=True):
        assert labelled(origin).items() <= labelled(all_rows).items()


def test_more_cases_than_it_takes_to_judge_are_drawn_and_it_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = store_of(tmp_path, trade_with([outcome(3, date(2020, 4, 1))]))
    every = build_panel(store, DEFAULTS)
    monkeypatch.setitem(panels.MOST_ROWS, "test", 9)
    few = build_panel(store, DEFAULTS)
    assert len(few.labels("test")) == 9 < len(every.labels("test"))
    assert few.labels("valid").tolist() == every.labels("valid").tolist()
    assert [note for note in few.notes if "drawn by a fixed seed" in note and note.startswith("test: 9 of")]
    assert not [note for note in every.notes if "drawn" in note]
    for origin, all_rows in zip(few.of("test"), every.of("test"), strict=True):
        assert labelled(origin).items() <= labelled(all_rows).items()


def test_parties_keep_their_number_over_the_days_of_a_part(tmp_path: Path) -> None:
    tables = trade_with([outcome(3, date(2021, 2, 1))])
    tables["parties"][0]["known_on"] = date(2021, 2, 1)  # code 0 is another party on each test day
    panel = build_panel(store_of(tmp_path, tables), DEFAULTS)
    rows = [
        origin.snapshot.party_ids[int(code)].as_py() for origin in panel.of("test") for code in origin.codes
    ]
    numbers = panel.parties("test").tolist()
    assert len(rows) == len(numbers) == len(panel.labels("test"))
    assert len(dict.fromkeys(zip(rows, numbers, strict=True))) == len(set(rows)) == len(set(numbers))


H2_FOLDER = Path(__file__).parents[4] / "shared" / "data" / "h2_labor_certification"


@pytest.mark.skipif(not H2_FOLDER.exists(), reason=f"{H2_FOLDER} is not there")
def test_the_h2_population_is_the_one_counted_in_the_raw_file(tmp_path: Path) -> None:
    """Employers known by 1 October with a decision in the year after, against one query of the raw file."""
    from loaders.loading import load as load_source

    store = DuckDBStore(tmp_path / "ecosystem.duckdb")
    load_source("h2_labor_certification", H2_FOLDER, store, tmp_path)
    task = choose_task(store.sources(), "employer_denied", {})
    task = replace(task, as_of={**task.as_of, "train": task.as_of["train"][-1:]})
    panel = build_panel(store, task)
    counted = [
        duckdb.execute(
            """WITH a AS (SELECT employer, visa, status, decision_date AS day FROM read_parquet($1))
               SELECT count(*), sum(bad) FROM (
                   SELECT employer, max((status = 'denied')::INT) AS bad FROM a
                   WHERE visa = 'H-2B' AND day > $2 AND day <= $2 + 365 GROUP BY employer)
               SEMI JOIN (SELECT employer FROM a WHERE day <= $2) USING (employer)""",
            [str(H2_FOLDER / "applications.parquet"), day],
        ).fetchone()
        for day in task.as_of["test"]
    ]
    found = [(len(origin.labels), int(origin.labels.sum())) for origin in panel.of("test")]
    # A handful of rows are quarantined for want of a key.
    np.testing.assert_allclose(found, counted, atol=5)
    labels = panel.labels("test")
    # The data's README counts 13,482 cases and 6.6 %, with history of H-2B alone.
    assert len(labels) == pytest.approx(13_482, rel=0.03)
    assert labels.mean() == pytest.approx(0.066, abs=0.004)
