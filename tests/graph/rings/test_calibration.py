"""Chance is counted where shuffles reach, and carried on where they do not."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from graph.rings.calibration import Chance, allowed, severity_of

Strengths = st.lists(st.floats(0, 1e6), max_size=200)


@given(Strengths, st.integers(1, 30), Strengths)
def test_stronger_findings_are_never_expected_more_often(
    by_chance: list[float], shuffles: int, found: list[float]
) -> None:
    expected = Chance.of(by_chance, shuffles).expected(np.sort(found))
    assert (expected > 0).all()
    assert (np.diff(expected) <= 1e-12).all()


def test_where_shuffles_reach_their_findings_are_counted() -> None:
    chance = Chance.of([1.0, 2.0, 3.0, 4.0], shuffles=2)
    assert chance.expected(np.array([0.5, 2.0, 3.5])).tolist() == [2.0, 1.5, 0.5]
    # Never seen in two shuffles: once in three, at a guess.
    assert chance.expected(np.array([9.0])).tolist() == [pytest.approx(1 / 3)]
    assert Chance.of([], shuffles=20).expected(np.array([0.0])).tolist() == [pytest.approx(1 / 21)]


def test_beyond_them_an_exponential_tail_is_carried_on() -> None:
    random = np.random.default_rng(0)
    chance = Chance.of(random.exponential(2.0, 4_000).tolist(), shuffles=10)
    strength = np.array([20.0, 30.0])
    assert np.log(chance.expected(strength)) == pytest.approx(np.log(400 * np.exp(-strength / 2)), abs=2.5)


def test_severity_and_what_is_put_up_with() -> None:
    assert severity_of(np.array([10.0, 1.0, 0.01, 1e-4, 1e-9])).tolist() == [0, 0, 0.5, 1, 1]
    assert allowed(500) == allowed(10_000) == 0.2
    assert allowed(1_000_000) == pytest.approx(20)
