from __future__ import annotations

import numpy as np
import pytest

from gnn.learning.boosting import BoostingSettings, exported, fit
from gnn.tree_walk import MAX_LEAVES, total, total_beyond, total_by_column
from gnn.trees import AVERAGED, LEAF, Trees, join

SETTINGS = BoostingSettings(rounds=40)
OWN, ENVIRONMENT, RELATION, OTHER = (np.isin(np.arange(6), at) for at in ([0, 1], [2], [3, 4], [5]))
MEETING = [[0, 1, 3, 4], [0, 1, 5], [2]]


def rows(n: int = 1500, missing: float = 0.2) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(2)
    x = rng.normal(size=(n, 6)).astype(np.float32)
    z = x[:, 0] + x[:, 1] + x[:, 2] + x[:, 3] * (x[:, 0] > 0) + x[:, 3] - x[:, 5] * (x[:, 1] > 0)
    x[rng.random(x.shape) < missing] = np.nan
    x[:, 4] = np.round(np.nan_to_num(x[:, 4]))  # a column that is never missing in training
    return x, (z > 0).astype(np.int8)


def test_parts_are_the_boosters_raw_score_although_own_columns_meet_those_of_relations() -> None:
    x, y = rows()
    booster = fit(x, y, MEETING, SETTINGS, 1)
    trees = exported(booster)
    alone = [total(trees.reading(known), x[:, known]) for known in (OWN, ENVIRONMENT)]
    beyond = []
    for relation in (RELATION, OTHER):
        both = OWN | relation
        beyond.append(total_beyond(trees.reading(both, among=relation), x[:, OWN], x[:, relation]))
    raw = booster.predict(x, raw_score=True)
    np.testing.assert_allclose(trees.base + np.sum(alone + beyond, axis=0), raw, atol=1e-9)
    assert all(np.ptp(part) > 0 for part in alone + beyond)
    meets = trees.reading(OWN | RELATION, among=RELATION).reading(np.array([True, True, False, False]))
    assert len(meets.roots), "no tree has an own column and one of a relation"


def test_what_is_not_known_is_averaged_over_the_training_rows_ways() -> None:
    """A tree by hand: first on column 0 (not known), then on column 1 below both sides."""
    trees = Trees(
        roots=np.array([0], np.int32),
        column=np.array([0, 1, LEAF, LEAF, 1, LEAF, LEAF], np.int32),
        threshold=np.array([0.0, 0.0, 0, 0, 5.0, 0, 0]),
        left=np.array([1, 2, -1, -1, 5, -1, -1], np.int32),
        right=np.array([4, 3, -1, -1, 6, -1, -1], np.int32),
        missing_left=np.ones(7, np.int8),
        share=np.array([0.25, 0.5, 0, 0, 0.5, 0, 0]),
        value=np.array([6.25, 2.0, 1.0, 3.0, 7.666666666666667, 5.333333333333333, 10.0]),
    )
    known = trees.reading(np.array([False, True]))
    x = np.array([[-1.0], [1.0], [9.0]], np.float32)
    expected = [0.25 * 1 + 0.75 * 16 / 3, 0.25 * 3 + 0.75 * 16 / 3, 0.25 * 3 + 0.75 * 10]
    np.testing.assert_allclose(known.base + total(known, x), expected)
    np.testing.assert_allclose(total_by_column(known, x).sum(1), total(known, x))


def test_own_parts_do_not_look_at_relations() -> None:
    x, y = rows()
    trees = exported(fit(x, y, MEETING, SETTINGS, 1))
    own = trees.reading(OWN)
    assert set(own.column) <= {AVERAGED, LEAF, 0, 1}
    assert AVERAGED in own.column
    np.testing.assert_allclose(total_by_column(own, x[:, OWN]).sum(1), total(own, x[:, OWN]), atol=1e-9)


def test_reading_in_two_steps_is_reading_at_once() -> None:
    x, y = rows()
    trees = exported(fit(x, y, MEETING, SETTINGS, 1))
    both = OWN | RELATION
    twice = trees.reading(both).reading(np.array([True, True, False, False]))
    np.testing.assert_array_equal(total(twice, x[:, OWN]), total(trees.reading(OWN), x[:, OWN]))


def test_a_missing_value_goes_where_the_booster_sends_it() -> None:
    x, y = rows()
    booster = fit(x, y, None, SETTINGS, 1)
    unseen = np.full_like(x[:50], np.nan)
    unseen[:, 0] = x[:50, 0]
    trees = exported(booster)
    np.testing.assert_allclose(
        trees.base + total(trees, unseen), booster.predict(unseen, raw_score=True), atol=1e-9
    )


def test_columns_sum_to_the_total_and_join_and_scale_are_linear() -> None:
    x, y = rows()
    first, second = (exported(fit(x, y, MEETING, SETTINGS, seed)) for seed in (1, 2))
    both = join([first, second.scaled(0.5)])
    expected = total(first, x) + 0.5 * total(second, x)
    np.testing.assert_allclose(total(both, x), expected, atol=1e-12)
    np.testing.assert_allclose(total_by_column(both, x).sum(1), expected, atol=1e-9)
    assert both.base == pytest.approx(first.base + 0.5 * second.base)


def test_a_trees_mean_is_its_root_so_parts_are_near_zero_in_training() -> None:
    x, y = rows()
    trees = exported(fit(x, y, MEETING, BoostingSettings(rounds=40, bagging=1.0), 1))
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
