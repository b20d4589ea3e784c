"""Indicators as a whole: what is computed, what is not, and that nothing else can change it."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest

from graph.indicators import CATALOGUE, Indicators, _script, compute
from graph.rings.membership import SCHEMA
from graph.rings.typologies import TYPOLOGIES
from graph.snapshot import Snapshot
from tests.ecosystems import snapshot
from tests.graph.indicators.everything import AS_OF, everything


@pytest.fixture(scope="module")
def full(tmp_path_factory: pytest.TempPathFactory) -> Snapshot:
    """Rows in all tables."""
    return ringed(snapshot(tmp_path_factory.mktemp("full"), everything(), AS_OF))


def ringed(taken: Snapshot) -> Snapshot:
    """The snapshot with two rings of each typology, of a party each."""
    found = [
        {"ring_id": f"{t.code}-1", "party_code": code, "typology": t.code, "severity": severity}
        for t in TYPOLOGIES
        for code, severity in ((0, 0.25), (1, 0.75))
    ]
    return replace(taken, tables={**taken.tables, "rings": pa.Table.from_pylist(found, SCHEMA)})


@pytest.fixture(scope="module")
def indicators(full: Snapshot) -> Indicators:
    return compute(full)


def _bytes(found: Indicators) -> dict[str, bytes]:
    return {name: column.tobytes() for name, column in found.columns.items()}


def test_every_indicator_is_computed_where_all_tables_are_filled(
    full: Snapshot, indicators: Indicators
) -> None:
    assert indicators.absent == ()
    assert list(indicators.columns) == list(CATALOGUE)
    for name, column in indicators.columns.items():
        assert column.dtype == np.float32, name
        assert column.shape == (full.n_parties,), name
        assert not np.isinf(column).any(), name
        assert not np.isnan(column).all(), name
        assert len(np.unique(column[~np.isnan(column)])) > 1 or name == "place_party_count", name


def test_shares_lie_between_0_and_1(indicators: Indicators) -> None:
    unbounded = {"financed_share_of_sales_365d", "open_financing_share_of_sales_365d", "financing_limit_use"}
    unbounded |= {"overdue_payable_share_365d", "overdue_receivable_share_365d"}
    for name, column in indicators.columns.items():
        if CATALOGUE[name].unit == "share" and "change" not in name and name not in unbounded:
            known = column[~np.isnan(column)]
            low = -1 if name.endswith("_peer_difference") else 0
            assert (known >= low).all(), name
            assert (known <= 1).all(), name


def test_the_same_snapshot_gives_the_same_bytes(full: Snapshot, indicators: Indicators) -> None:
    assert _bytes(compute(full)) == _bytes(indicators)


def test_the_order_of_rows_does_not_matter(full: Snapshot, indicators: Indicators) -> None:
    rng = np.random.default_rng(1)
    shuffled = {
        name: table if name == "parties" else table.take(rng.permutation(table.num_rows))
        for name, table in full.tables.items()
    }
    assert _bytes(compute(replace(full, tables=shuffled))) == _bytes(indicators)


def test_what_becomes_known_later_changes_nothing(tmp_path: Path, indicators: Indicators) -> None:
    tables = everything()
    for name, rows in tables.items():
        late = {"paid_on", "confirmed_on", "delivered_on", "repaid_on", "valid_to"}
        kept = []
        for row in rows:
            if row["known_on"] > AS_OF:
                continue
            moved = {c: AS_OF + timedelta(days=999) for c in late & set(row) if row[c] and row[c] > AS_OF}
            kept.append(row | moved)
        tables[name] = kept
    assert _bytes(compute(ringed(snapshot(tmp_path, tables, AS_OF)))) == _bytes(indicators)


def test_a_source_lacks_the_indicators_of_tables_it_lacks(tmp_path: Path) -> None:
    tables = everything()
    some = {name: tables[name] for name in ("parties", "invoices", "events")}
    found = compute(snapshot(tmp_path, some, AS_OF))
    assert set(found.columns) | set(found.absent) == set(CATALOGUE)
    assert set(found.columns).isdisjoint(found.absent)
    for name in found.columns:
        assert set(CATALOGUE[name].tables) <= {"parties", "invoices", "events"}, name
    for name in found.absent:
        assert not set(CATALOGUE[name].tables) <= {"parties", "invoices", "events"}, name


def test_a_source_lacks_the_indicators_of_columns_and_kinds_it_lacks(tmp_path: Path) -> None:
    tables = everything()
    invoices = [row | {"due_on": None, "paid_on": None} for row in tables["invoices"]]
    events = [row | {"kind": "dispute"} for row in tables["events"]]
    some = {"parties": tables["parties"], "invoices": invoices, "events": events}
    found = compute(snapshot(tmp_path, some, AS_OF))
    assert {"paid_late_share_365d", "receivable_days_365d", "lawsuit_count_365d"} <= set(found.absent)
    assert {"sales_amount_365d", "dispute_count_365d", "disputes_per_invoice_365d"} <= set(found.columns)


def test_parties_alone_have_an_age_and_little_else(tmp_path: Path) -> None:
    found = compute(snapshot(tmp_path, {"parties": everything()["parties"]}, AS_OF))
    assert list(found.columns) == ["age_days", "industry_party_count", "place_party_count"]
    np.testing.assert_array_equal(found.coverage, ~np.isnan(found.columns["age_days"]))


def test_coverage_is_the_known_share_of_own_indicators(indicators: Indicators) -> None:
    own = [column for name, column in indicators.columns.items() if CATALOGUE[name].cause == "own"]
    expected = (~np.isnan(np.array(own))).mean(axis=0)
    np.testing.assert_allclose(indicators.coverage, expected, rtol=1e-6)
    assert 0.2 < indicators.coverage.mean() < 1


def test_only_amounts_depend_on_the_unit_of_money(full: Snapshot, indicators: Indicators) -> None:
    """Every amount times ten: indicators in minor units grow tenfold, no other one moves."""
    tenfold = {}
    for name, table in full.tables.items():
        for column in {"amount", "limit"} & set(table.column_names) | (
            {"value"} if name == "stocks" else set()
        ):
            scaled = pc.multiply(table[column], 10)
            table = table.set_column(table.column_names.index(column), column, scaled)
        tenfold[name] = table
    for name, column in compute(replace(full, tables=tenfold)).columns.items():
        factor = 10 if CATALOGUE[name].unit == "minor units" else 1
        np.testing.assert_allclose(
            column, factor * indicators.columns[name], rtol=1e-4, atol=1e-5, err_msg=name
        )


def test_what_is_written_once_knows_no_day(full: Snapshot, indicators: Indicators) -> None:
    written = _script.cache_info().misses
    later = compute(replace(full, as_of=AS_OF + timedelta(100)))
    again = compute(full)
    assert _script.cache_info().misses == written
    for name, column in indicators.columns.items():
        np.testing.assert_array_equal(again.columns[name], column)
    age = "days_since_first_sale"
    np.testing.assert_array_equal(later.columns[age], indicators.columns[age] + 100)
