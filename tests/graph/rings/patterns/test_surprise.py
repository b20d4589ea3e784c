"""Surprises of counts are minus the logarithms of their tails."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import binom

from graph.rings.patterns.surprise import LEAST_TAIL, binomial_surprise


def test_it_is_the_tail_of_the_binomial_law() -> None:
    seen, tries, chance = np.array([1, 3, 10]), np.array([4, 9, 10]), np.array([0.2, 0.5, 0.01])
    assert np.exp(-binomial_surprise(seen, tries, chance)) == pytest.approx(binom.sf(seen - 1, tries, chance))


def test_nothing_seen_is_no_surprise_and_none_is_endless() -> None:
    found = binomial_surprise(np.array([0, 1_000]), np.array([1_000, 1_000]), np.array([0.5, 0.0]))
    assert found.tolist() == [0.0, -np.log(LEAST_TAIL)]
