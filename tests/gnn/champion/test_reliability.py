"""Calibration with intervals, against scikit-learn and repeated draws from a known truth."""

from __future__ import annotations

import time

import numpy as np
import pytest
from scipy.special import expit
from sklearn.linear_model import LogisticRegression

from gnn.champion.intervals import SEED
from gnn.champion.reliability import calibration_of


def stated(n: int, seed: int, slope: float = 1.0, intercept: float = 0.0) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    z = rng.normal(-1.5, 1.3, n)
    return (rng.random(n) < expit(intercept + slope * z)).astype(np.int8), z


def test_each_resample_is_the_weighted_regression() -> None:
    labels, z = stated(600, 1)
    found = calibration_of(labels, np.arange(600, dtype=np.int32), z, resamples=1)
    weight = np.bincount(np.random.default_rng(SEED).integers(0, 600, 600), minlength=600)
    oracle = LogisticRegression(C=np.inf, tol=1e-10).fit(z[:, None], labels, sample_weight=weight)
    assert found.slope is not None
    assert found.intercept is not None
    assert found.slope[0] == found.slope[2] == pytest.approx(oracle.coef_[0, 0], abs=1e-4)
    assert found.intercept[0] == pytest.approx(oracle.intercept_[0], abs=1e-4)
    assert found.observed[0] == pytest.approx(weight @ labels / 600)


def test_intervals_cover_the_truth_as_often_as_they_say() -> None:
    covered = np.zeros(2)
    for seed in range(60):
        labels, z = stated(500, seed, slope=0.8, intercept=0.3)
        found = calibration_of(labels, np.arange(500, dtype=np.int32), z, resamples=200)
        assert found.slope is not None
        assert found.intercept is not None
        covered += [
            found.slope[0] <= 0.8 <= found.slope[2],
            found.intercept[0] <= 0.3 <= found.intercept[2],
        ]
    assert (covered >= 51).all()


def test_rows_of_a_party_are_drawn_together() -> None:
    labels, z = stated(400, 3)
    alone = calibration_of(labels, np.arange(400, dtype=np.int32), z, resamples=100)
    repeated = np.repeat(np.arange(400, dtype=np.int32), 6)
    together = calibration_of(np.repeat(labels, 6), repeated, np.repeat(z, 6), resamples=100)
    assert alone.slope is not None
    assert together.slope is not None
    np.testing.assert_allclose(alone.slope, together.slope, atol=1e-4)
    assert alone.observed == together.observed


def test_few_cases_and_constant_odds_have_no_line() -> None:
    labels, z = stated(400, 4)
    party = np.arange(400, dtype=np.int32)
    constant = calibration_of(labels, party, np.full(400, -1.0), resamples=20)
    assert constant.slope is None
    assert constant.predicted == pytest.approx(expit(-1.0))
    few = calibration_of((np.arange(400) < 19).astype(np.int8), party, z, resamples=20)
    assert (few.slope, few.intercept) == (None, None)
    assert few.observed[1] == 19 / 400


def test_five_hundred_lines_through_ten_thousand_rows_cost_seconds() -> None:
    labels, z = stated(10_000, 5)
    calibration_of(labels[:100], np.arange(100, dtype=np.int32), z[:100], resamples=1)
    started = time.process_time()
    calibration_of(labels, np.arange(10_000, dtype=np.int32), z, resamples=500)
    assert time.process_time() - started < 10.0
