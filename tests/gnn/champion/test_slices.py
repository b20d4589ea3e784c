"""Bins are what they say, and their figures are those of their rows alone."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.console import Console
from scipy.special import expit
from sklearn.metrics import roc_auc_score

from gnn.champion.slices import DEGREE, FILE, SIZE, groupings, quintiles, slices, slices_table
from gnn.columns.features import raw_columns
from gnn.panels.panel import Panel


@settings(max_examples=50)
@given(st.lists(st.integers(0, 12), min_size=1, max_size=200))
def test_equal_values_share_a_bin_and_bins_ascend(values: list[int]) -> None:
    found = quintiles("degree", "counterparties", np.array(values, np.int64))
    assert len(found.labels) == int(found.bins.max()) + 1 <= 5
    order = np.argsort(values, kind="stable")
    assert (np.diff(found.bins[order].astype(int)) >= 0).all()
    for value in set(values):
        assert len(set(found.bins[np.array(values) == value].tolist())) == 1


def test_bins_of_distinct_values_are_fifths_with_their_ends() -> None:
    found = quintiles("size", "rows", np.arange(1, 101))
    assert found.labels == ("1 to 20", "21 to 40", "41 to 60", "61 to 80", "81 to 100")
    assert np.bincount(found.bins).tolist() == [20] * 5


def test_groupings_are_of_the_day_and_its_rows(panel_of_parts: Panel) -> None:
    origins = panel_of_parts.of("test")
    found = {grouping.name: grouping for grouping in groupings(origins)}
    codes, there = origins[0].codes, origins[0].snapshot
    degree = sum(relation.degree() for relation in there.relations.values())[codes]
    smallest = found[DEGREE].bins == 0
    assert degree[smallest].max() < degree[~smallest].min()
    assert found[SIZE].basis.endswith("traded")
    rows = raw_columns(there).rows[codes]
    if FILE in found:
        assert ((rows >= 5) == (found[FILE].bins == 1)).all()


def test_stated_size_bands_come_first(panel_of_parts: Panel) -> None:
    origin = panel_of_parts.of("test")[0]
    parties = origin.snapshot.tables["parties"]
    bands = [("micro", "large", None)[code % 3] for code in range(parties.num_rows)]
    position = parties.column_names.index("size_band")
    stated = parties.set_column(position, "size_band", pa.array(bands, pa.string()))
    snapshot = replace(origin.snapshot, tables={**origin.snapshot.tables, "parties": stated})
    found = groupings([replace(origin, snapshot=snapshot)])[0]
    assert found.labels == ("micro", "large", "not stated")
    assert [found.labels[number] for number in found.bins] == [
        ("micro", "large", "not stated")[code % 3] for code in origin.codes
    ]


@pytest.fixture(scope="module")
def drawn() -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(3)
    n = 6_000
    z = rng.normal(-1.5, 1.2, n)
    degree = rng.integers(0, 50, n)
    # Odds of the thinly linked are understated by half.
    labels = (rng.random(n) < expit(z + 0.7 * (degree < 10))).astype(np.int8)
    return labels, np.arange(n, dtype=np.int32), z, degree


def test_figures_are_those_of_the_bin(drawn: tuple[np.ndarray, ...]) -> None:
    labels, party, z, degree = drawn
    grouping = quintiles(DEGREE, "counterparties", degree)
    found = slices(labels, party, z, [grouping])
    assert [each.label for each in found] == list(grouping.labels)
    assert sum(each.n for each in found) == len(labels)
    assert sum(each.positives for each in found) == labels.sum()
    first = found[0]
    mine = grouping.bins == 0
    assert first.auc is not None
    assert first.auc[1] == pytest.approx(roc_auc_score(labels[mine], z[mine]))
    assert first.calibration.predicted == pytest.approx(expit(z[mine]).mean())
    threshold = np.quantile(z, 0.9)
    assert first.false_alarms == pytest.approx((z[mine & (labels == 0)] >= threshold).mean())


def test_a_bin_with_understated_odds_shows(drawn: tuple[np.ndarray, ...]) -> None:
    labels, party, z, degree = drawn
    first, *others = slices(labels, party, z, [quintiles(DEGREE, "counterparties", degree)])
    assert first.calibration.observed[0] > first.calibration.predicted
    assert first.calibration.intercept is not None
    assert first.calibration.intercept[0] > 0
    for each in others:
        low, _, high = each.calibration.observed
        assert low < each.calibration.predicted < high


def test_a_bin_of_one_class_has_no_auc(drawn: tuple[np.ndarray, ...]) -> None:
    _, party, z, degree = drawn
    labels = ((degree > 10) & (z > 0)).astype(np.int8)
    first = slices(labels, party, z, [quintiles(DEGREE, "counterparties", degree)])[0]
    assert (first.auc, first.calibration.slope) == (None, None)
    assert first.false_alarms is not None


def test_of_many_rows_some_are_drawn(drawn: tuple[np.ndarray, ...], monkeypatch: pytest.MonkeyPatch) -> None:
    labels, party, z, degree = drawn
    monkeypatch.setattr("gnn.champion.slices.MAX_ROWS", 3_000)
    found = slices(labels, party, z, [quintiles(DEGREE, "counterparties", degree)])
    assert sum(each.n for each in found) == 3_000
    for each in found:
        low, mid, high = each.auc or (0.0, 0.0, 0.0)
        assert low < mid < high


def test_people_get_a_row_a_bin(drawn: tuple[np.ndarray, ...]) -> None:
    labels, party, z, degree = drawn
    found = slices(labels, party, z, [quintiles(DEGREE, "counterparties", degree)])
    console = Console(width=200, record=True)
    console.print(slices_table(found))
    text = console.export_text()
    assert all(each.label in text for each in found)
