"""Cases small enough to know the answer by hand."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from graph.indicators import compute
from graph.source import SourceDeclaration
from graph.vocabulary import KindDeclaration
from tests.ecosystems import parties, snapshot

AS_OF = date(2023, 1, 1)
Row = dict[str, Any]


def invoice(age: int, amount: int = 100, seller: int = 0, buyer: int = 1, **columns: Any) -> Row:
    issued = AS_OF - timedelta(days=age)
    return {
        "seller_id": f"P{seller:03d}",
        "buyer_id": f"P{buyer:03d}",
        "issued_on": issued,
        "known_on": issued,
        "amount": amount,
        "currency": "EUR",
        **columns,
    }


def computed(
    folder: Path, rows: dict[str, list[Row]], n: int = 3, declaration: SourceDeclaration | None = None
) -> Any:
    """Columns by name, of parties P000 ... as of AS_OF; ids of rows are made here."""
    for name, key in (("invoices", "invoice_id"), ("events", "event_id"), ("outcomes", "outcome_id")):
        for k, row in enumerate(rows.get(name, ())):
            row.setdefault(key, f"{key}{k}")
    rows.setdefault("parties", parties(n, known_on=date(2015, 1, 1)))
    return compute(snapshot(folder, rows, AS_OF, declaration=declaration)).columns


def test_a_party_without_rows_is_unknown_not_0(tmp_path: Path) -> None:
    found = computed(tmp_path, {"invoices": [invoice(10)]})
    for name in ("sales_amount_365d", "sales_growth_365d", "buyer_count_365d", "days_since_last_activity"):
        assert np.isnan(found[name][2]), name
    assert found["sales_amount_365d"][0] == 100
    assert np.isnan(found["sales_amount_365d"][1])


def test_a_seller_that_stopped_sells_0(tmp_path: Path) -> None:
    found = computed(tmp_path, {"invoices": [invoice(400)]})
    assert found["sales_amount_365d"][0] == 0
    assert found["sales_growth_365d"][0] == -1
    assert found["buyer_retention_365d"][0] == 0
    for name in ("invoice_amount_mean_365d", "buyer_concentration_365d", "largest_invoice_share_365d"):
        assert np.isnan(found[name][0]), name


@pytest.mark.parametrize(
    ("age", "in_90", "in_365"), [(0, 1, 1), (89, 1, 1), (90, 0, 1), (364, 0, 1), (365, 0, 0)]
)
def test_windows_count_whole_days_back(tmp_path: Path, age: int, in_90: int, in_365: int) -> None:
    found = computed(tmp_path, {"invoices": [invoice(age)]})
    assert (found["sales_count_90d"][0], found["sales_count_365d"][0]) == (in_90, in_365)


def test_a_single_date_has_no_trend_or_volatility(tmp_path: Path) -> None:
    found = computed(tmp_path, {"invoices": [invoice(5), invoice(5)]})
    for name in ("sales_trend_364d", "sales_volatility_364d", "sales_seasonality_728d", "sales_growth_90d"):
        assert np.isnan(found[name][0]), name


def test_steady_sales_do_not_vary_and_have_no_season(tmp_path: Path) -> None:
    rows = [invoice(28 * k, amount=333) for k in range(26)]
    found = computed(tmp_path, {"invoices": rows})
    assert found["sales_volatility_728d"][0] == 0
    assert found["sales_trend_364d"][0] == pytest.approx(0, abs=1e-9)
    assert found["sales_idle_share_364d"][0] == 0
    assert np.isnan(found["sales_seasonality_728d"][0])


def test_sales_that_repeat_last_year_are_seasonal(tmp_path: Path) -> None:
    rows = [invoice(28 * k, amount=100 + 50 * (k % 13 == 3) + 7 * (k % 13)) for k in range(26)]
    found = computed(tmp_path, {"invoices": rows})
    assert found["sales_seasonality_728d"][0] == pytest.approx(1)


def test_growing_sales_trend_upwards(tmp_path: Path) -> None:
    rows = [invoice(28 * k, amount=1000 - 10 * k) for k in range(13)]
    found = computed(tmp_path, {"invoices": rows})
    assert found["sales_trend_364d"][0] == pytest.approx(10 / 940)


def test_concentration_of_equal_and_of_single_partners(tmp_path: Path) -> None:
    rows = [invoice(10, 500, buyer=b) for b in (1, 2, 3, 4)] + [invoice(20, 70, seller=5, buyer=6)]
    found = computed(tmp_path, {"invoices": rows}, n=7)
    assert found["buyer_concentration_365d"][0] == pytest.approx(0.25)
    assert found["buyer_concentration_365d"][5] == 1
    assert found["supplier_concentration_365d"][6] == 1


def test_huge_amounts_neither_overflow_nor_wrap(tmp_path: Path) -> None:
    rows = [invoice(k % 300, amount=10**15, buyer=1 + k % 2) for k in range(200)]
    found = computed(tmp_path, {"invoices": rows})
    assert found["sales_amount_365d"][0] == pytest.approx(2e17)
    assert found["buyer_concentration_365d"][0] <= 1


def test_an_unpaid_invoice_is_late_from_its_due_day_on(tmp_path: Path) -> None:
    due = {"due_on": AS_OF - timedelta(days=40)}
    paid = {"due_on": AS_OF - timedelta(days=10), "paid_on": AS_OF - timedelta(days=12)}
    found = computed(tmp_path, {"invoices": [invoice(60, **due), invoice(60, 300, **paid)]})
    assert found["paid_late_share_365d"][1] == 0.5
    assert found["paid_late_days_365d"][1] == 20
    assert found["overdue_payable_amount"][1] == 100
    assert found["overdue_payable_days"][1] == 40
    assert found["received_late_share_365d"][0] == 0.5
    assert np.isnan(found["paid_late_share_365d"][0])


def test_an_invoice_that_is_not_due_yet_says_nothing(tmp_path: Path) -> None:
    rows = [
        invoice(5, due_on=AS_OF + timedelta(days=25)),
        invoice(60, seller=1, buyer=2, due_on=AS_OF, paid_on=AS_OF),
    ]
    found = computed(tmp_path, {"invoices": rows})
    assert np.isnan(found["paid_late_share_365d"][1])
    assert np.isnan(found["overdue_payable_amount"][1])
    assert found["paid_late_share_365d"][2] == 0


def test_void_invoices_and_credit_notes_are_no_sales(tmp_path: Path) -> None:
    rows = [
        invoice(10, 700),
        invoice(10, 200, status="void", status_on=AS_OF),
        invoice(10, 100, status="credit_note", status_on=AS_OF),
    ]
    found = computed(tmp_path, {"invoices": rows})
    assert found["sales_amount_365d"][0] == 700
    assert found["dilution_share_365d"][0] == pytest.approx(0.3)
    assert found["void_share_365d"][0] == pytest.approx(1 / 3)


def test_declared_kinds_count_as_their_declaration_says(tmp_path: Path) -> None:
    kinds = (
        KindDeclaration("strike", relation=False, adverse=True),
        KindDeclaration("audit", relation=False, adverse_statuses=("failed",)),
    )
    day = AS_OF - timedelta(days=20)
    events = [
        {"party_id": "P000", "kind": kind, "status": status, "occurred_on": day, "known_on": day}
        for kind, status in (("strike", None), ("audit", "failed"), ("audit", "passed"), ("audit", None))
    ]
    found = computed(tmp_path, {"events": events}, declaration=SourceDeclaration("test", event_kinds=kinds))
    assert found["event_count_365d"][0] == 4
    assert found["adverse_event_count_365d"][0] == 2
    assert found["adverse_event_share_365d"][0] == pytest.approx(2 / 3)
    assert "application_count_365d" not in found


def test_absurd_event_values_are_cut_not_fatal(tmp_path: Path) -> None:
    day = AS_OF - timedelta(days=20)
    events = [{"party_id": "P000", "kind": "review", "value": 1e300, "occurred_on": day, "known_on": day}]
    assert computed(tmp_path, {"events": events})["review_rating_mean_365d"][0] == pytest.approx(1e9)


def _industry(n: int) -> list[Row]:
    return [row | {"industry": "I", "region": "R"} for row in parties(n, known_on=date(2015, 1, 1))]


def _outcome(party: int, value: int = 1) -> Row:
    day = AS_OF - timedelta(days=50)
    return {
        "party_id": f"P{party:03d}",
        "kind": "default",
        "value": value,
        "occurred_on": day,
        "known_on": day,
    }


def test_the_industry_rate_leaves_out_a_partys_own_cases(tmp_path: Path) -> None:
    """Whether a party failed itself moves the rate of others and never its own."""
    others = [_outcome(k) for k in (1, 7, 13)]
    rates = [
        computed(
            tmp_path / str(value),
            {"parties": _industry(40), "outcomes": [*map(dict, others), _outcome(0, value)]},
        )["industry_bad_outcome_rate"]
        for value in (0, 1)
    ]
    # 9 of the 40 parties are of the fold of P000; none of the three others is.
    assert rates[0][0] == rates[1][0] == pytest.approx(3 / 31)
    assert rates[1][1] > rates[0][1]


@settings(max_examples=8)
@given(st.lists(st.text("AZmé0", min_size=1, max_size=4), min_size=1, max_size=12, unique=True))
def test_parties_elsewhere_move_no_rate(names: list[str]) -> None:
    """Parties of no industry, sorted before, between and after the others, change nothing."""
    known = date(2015, 1, 1)
    strangers = [{"party_id": name, "kind": "company", "known_on": known} for name in names]
    strangers += [{**row, "party_id": row["party_id"] + "x"} for row in parties(len(names), known_on=known)]
    tables = {"parties": _industry(40), "outcomes": [_outcome(k) for k in (1, 7, 13, 20)]}
    with TemporaryDirectory() as folder:
        alone = computed(Path(folder) / "alone", dict(tables))["industry_bad_outcome_rate"]
        tables["parties"] = [*strangers, *tables["parties"]]
        among = computed(Path(folder) / "among", tables)["industry_bad_outcome_rate"]
    ids = sorted(str(row["party_id"]) for row in tables["parties"])
    np.testing.assert_array_equal(alone, among[[ids.index(f"P{k:03d}") for k in range(40)]])


def test_too_small_an_industry_tells_nothing(tmp_path: Path) -> None:
    found = computed(tmp_path, {"parties": _industry(5), "outcomes": [_outcome(0)]})
    assert np.isnan(found["industry_bad_outcome_rate"]).all()


def test_the_economy_is_that_of_the_partys_industry_and_region(tmp_path: Path) -> None:
    people = [
        row | {"industry": industry}
        for row, industry in zip(parties(3, known_on=date(2015, 1, 1)), ("food", "steel", None), strict=True)
    ]

    def orders(age: int, value: float) -> Row:
        day = AS_OF - timedelta(days=age)
        return {
            "industry": "food",
            "region": "*",
            "on": day,
            "known_on": day,
            "name": "orders",
            "value": value,
        }

    found = computed(
        tmp_path, {"parties": people, "context": [orders(500, 80), orders(400, 40), orders(5, 60)]}
    )
    assert found["economy_level"][0] == pytest.approx(0.5)
    assert found["economy_change_365d"][0] == pytest.approx(0.5)
    assert np.isnan(found["economy_level"][1:]).all()


def test_peers_are_those_of_the_industry_where_there_are_enough(tmp_path: Path) -> None:
    """30 firms of one industry, 10 of another: the latter are compared with all of the kind."""
    people = parties(41, known_on=date(2015, 1, 1))
    for k, row in enumerate(people):
        row["industry"] = "large" if k < 30 else "small"
    rows = [invoice(10, amount=1000 * (k + 1), seller=k, buyer=40) for k in range(40)]
    found = computed(tmp_path, {"parties": people, "invoices": rows}, n=41)
    difference = found["sales_amount_365d_peer_difference"]
    assert difference[0] == pytest.approx(1000 - 15_500)
    assert difference[39] == pytest.approx(40_000 - 20_500)
    percentile = found["sales_amount_365d_peer_percentile"]
    assert (percentile[0], percentile[29], percentile[39]) == (0, 1, 1)
    assert 0.4 < percentile[15] < 0.6
    assert np.isnan(percentile[40])


def test_too_few_peers_in_all_tell_nothing(tmp_path: Path) -> None:
    found = computed(tmp_path, {"invoices": [invoice(10)]})
    assert np.isnan(found["sales_amount_365d_peer_percentile"]).all()
