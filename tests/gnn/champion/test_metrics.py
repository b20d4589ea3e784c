"""Metrics against scikit-learn, closed forms and cases worked by hand."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.special import expit
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import average_precision_score, roc_auc_score

from gnn.champion.metrics import calibration_line, expected_calibration_error, lift, measure


def drawn(n: int, seed: int, shift: float = 1.0) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    labels = (rng.random(n) < 0.3).astype(np.int8)
    return labels, rng.normal(size=n) + shift * labels


def test_ranking_agrees_with_scikit_learn() -> None:
    labels, z = drawn(2_000, 1)
    found = measure(labels, z)
    assert found.auc == pytest.approx(roc_auc_score(labels, z))
    assert found.ap == pytest.approx(average_precision_score(labels, z))
    assert found.brier == pytest.approx(float(np.mean((expit(z) - labels) ** 2)))
    thresholds = np.quantile(z, np.linspace(0, 1, 4_001))
    ks = max((z[labels == 1] >= t).mean() - (z[labels == 0] >= t).mean() for t in thresholds)
    assert found.ks == pytest.approx(ks, abs=2e-3)


def test_a_constant_prediction_is_no_better_than_chance() -> None:
    labels, _ = drawn(999, 2)
    found = measure(labels, np.full(999, np.log(0.3 / 0.7)))
    assert (found.auc, found.ks) == (0.5, 0.0)
    assert found.ap == pytest.approx(labels.mean())
    assert found.lift5 == pytest.approx(1.0)


def test_lift_counts_ties_at_their_mean() -> None:
    labels = np.array([1, 0, 1, 0, 0, 0, 0, 0, 0, 0], np.int8)
    z = np.array([5.0, 5.0, 4, 3, 2, 1, 0, -1, -2, -3])
    assert lift(labels, z, 0.1) == pytest.approx(0.5 / 0.2)
    assert lift(labels, z, 0.3) == pytest.approx(2 / 3 / 0.2)


def test_calibration_error_of_known_distortion() -> None:
    rng = np.random.default_rng(3)
    truth = rng.uniform(0.05, 0.6, 200_000)
    labels = (rng.random(len(truth)) < truth).astype(np.int8)
    assert expected_calibration_error(labels, truth) < 0.005
    assert expected_calibration_error(labels, truth + 0.1) == pytest.approx(0.1, abs=0.005)


def test_calibration_line_is_the_logistic_regression() -> None:
    rng = np.random.default_rng(4)
    z = rng.normal(scale=2, size=50_000)
    labels = (rng.random(len(z)) < expit(0.5 + 0.7 * z)).astype(np.int8)
    intercept, slope = calibration_line(labels, z)
    oracle = LogisticRegression(C=np.inf, tol=1e-10).fit(z[:, None], labels)
    assert intercept == pytest.approx(oracle.intercept_[0], abs=1e-4)
    assert slope == pytest.approx(oracle.coef_[0, 0], abs=1e-4)


def test_calibration_line_of_a_constant_moves_the_base_rate_alone() -> None:
    labels = np.array([1, 0, 0, 0] * 50, np.int8)
    intercept, slope = calibration_line(labels, np.full(200, 2.0))
    assert slope == 1.0
    assert expit(intercept + 2.0) == pytest.approx(0.25, abs=1e-6)
