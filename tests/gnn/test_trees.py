from __future__ import annotations

import numpy as np
import pytest

from gnn.learning.boosting import BoostingSettings, exported, fit
from gnn.trees import MAX_LEAVES, join, total, total_by_column

SETTINGS = BoostingSettings(rounds=40)
GROUPS = np.array([0, 0, 0, 1, 1, 2], np.int32)


def rows(n: int = 1500, missing: float = 0.2) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(2)
    x = rng.normal(size=(n, 6)).astype(np.float32)
    z = x[:, 0] + x[:, 1] + x[:, 3] * (x[:, 4] > 0) + x[:, 3] - x[:, 5]
    x[rng.random(x.shape) < missing] = np.nan
    x[:, 4] = np.round(np.nan_to_num(x[:, 4]))  # a column that is never missing in training
    return x, (z > 0).astype(np.int8)


def test_group_sums_are_the_boosters_raw_score() -> None:
    x, y = rows()
    booster = fit(x, y, GROUPS, SETTINGS, 1)
    trees = exported(booster, GROUPS)
    starts = (0, 3, 5)
    by_group = [
        total(trees.of_group(g, start), np.ascontiguousarray(x[:, g == GROUPS]))
        for g, start in enumerate(starts)
    ]
    raw = booster.predict(x, raw_score=True)
    np.testing.assert_allclose(trees.base + np.sum(by_group, axis=0), raw, atol=1e-9)
    assert all(np.ptp(part) > 0 for part in by_group)


def test_a_missing_value_goes_where_the_booster_sends_it() -> None:
    x, y = rows()
    booster = fit(x, y, None, SETTINGS, 1)
    unseen = np.full_like(x[:50], np.nan)
    unseen[:, 0] = x[:50, 0]
    trees = exported(booster)
    np.testing.assert_allclose(
        trees.base + total(trees, unseen), booster.predict(unseen, raw_score=True), atol=1e-9
    )


def test_a_tree_that_leaves_its_group_is_refused() -> None:
    x, y = rows()
    booster = fit(x, y, None, SETTINGS, 1)
    with pytest.raises(AssertionError, match="left its group"):
        exported(booster, GROUPS)


def test_columns_sum_to_the_total_and_join_and_scale_are_linear() -> None:
    x, y = rows()
    first, second = (exported(fit(x, y, GROUPS, SETTINGS, seed), GROUPS) for seed in (1, 2))
    both = join([first, second.scaled(0.5)])
    expected = total(first, x) + 0.5 * total(second, x)
    np.testing.assert_allclose(total(both, x), expected, atol=1e-12)
    np.testing.assert_allclose(total_by_column(both, x).sum(1), expected, atol=1e-9)
    assert both.base == pytest.approx(first.base + 0.5 * second.base)


def test_a_trees_mean_is_its_root_so_parts_are_near_zero_in_training() -> None:
    x, y = rows()
    trees = exported(fit(x, y, GROUPS, BoostingSettings(rounds=40, bagging=1.0), 1), GROUPS)
    assert abs(total(trees, x).mean()) < 1e-6


def test_every_row_ends_where_the_booster_says_also_with_the_most_leaves() -> None:
    """Deep, crooked trees, values on thresholds, and rows that fill no block."""
    x, y = rows(3001, missing=0.4)
    x = np.round(x, 1)
    booster = fit(x, y, None, BoostingSettings(rounds=30, leaves=MAX_LEAVES, min_child=2), 1)
    trees = exported(booster)
    for part in (x, x[:1], x[:65]):
        raw = booster.predict(part, raw_score=True)
        np.testing.assert_allclose(trees.base + total(trees, part), raw, atol=1e-9)
        np.testing.assert_allclose(trees.base + total_by_column(trees, part).sum(1), raw, atol=1e-9)


def test_more_leaves_than_bits_are_refused() -> None:
    x, y = rows()
    trees = exported(fit(x, y, None, BoostingSettings(rounds=1, leaves=MAX_LEAVES + 8, min_child=2), 1))
    with pytest.raises(ValueError, match="40 leaves"):
        total(trees, x)


def test_an_empty_ensemble_gives_nothing() -> None:
    x, _ = rows(5)
    empty = join([])
    assert empty.base == 0
    assert not total(empty, x).any()
