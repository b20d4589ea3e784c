"""Chance is counted where shuffles reach, and carried on where they do not."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from graph.rings.calibration import Chance, allowed, severity_of
from graph.rings.detection import FEWEST_SHUFFLES

Strengths = st.lists(st.floats(0, 1e6), max_size=200)


@given(Strengths, st.integers(1, 30), Strengths)
def test_stronger_findings_are_never_expected_more_often(
    by_chance: list[float], shuffles: int, found: list[float]
) -> None:
    floor = min([*found, 0.0])
    expected = Chance.of(by_chance, shuffles, floor).expected(np.sort(found))
    assert (expected > 0).all()
    assert (np.diff(expected) <= 1e-12).all()


def test_where_shuffles_reach_their_findings_are_counted() -> None:
    chance = Chance.of([1.0, 2.0, 3.0, 4.0], shuffles=2, floor=0.0)
    assert chance.expected(np.array([0.5, 2.0, 3.5])).tolist() == [2.0, 1.5, 0.5]


def test_where_shuffles_bring_hardly_any_strengths_are_taken_at_their_word() -> None:
    few = Chance.of([4.0], shuffles=2, floor=0.0)
    assert few.expected(np.array([4.0, 4.0 + 1e-9, 6.0])) == pytest.approx([0.5, 0.25, 0.25 * np.exp(-2)])
    none = Chance.of([], shuffles=20, floor=1.0)
    assert none.expected(np.array([1.0, 5.0])) == pytest.approx([0.025, 0.025 * np.exp(-4)])
    # The fewest shuffles are enough for a finding that none of them brings.
    assert Chance.of([], FEWEST_SHUFFLES, 0.0).expected(np.array([0.0]))[0] <= allowed(1)


def test_beyond_them_an_exponential_tail_is_carried_on() -> None:
    random = np.random.default_rng(0)
    chance = Chance.of(random.exponential(2.0, 4_000).tolist(), shuffles=10, floor=0.0)
    strength = np.array([20.0, 30.0])
    assert np.log(chance.expected(strength)) == pytest.approx(np.log(400 * np.exp(-strength / 2)), abs=2.5)


def test_severity_and_what_is_put_up_with() -> None:
    assert severity_of(np.array([10.0, 1.0, 0.01, 1e-4, 1e-9])).tolist() == [0, 0, 0.5, 1, 1]
    assert allowed(500) == allowed(10_000) == 0.2
    assert allowed(1_000_000) == pytest.approx(20)
