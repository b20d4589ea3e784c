"""The bootstrap and the jackknife against what repeated draws of the data show."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.special import expit

from gnn.columns.views import view_of
from gnn.learning import uncertainty
from gnn.learning.blend import weigh
from gnn.learning.uncertainty import drift_of, jackknife_spread, resampled_weights
from gnn.model import Model, Uncertainty
from gnn.panels.panel import Panel
from gnn.precision import spread_of, z_interval
from gnn.scoring import raw_parts, score

TRUE = np.array([-1.0, 0.6, 0.5, 0.4, 0.7])


def drawn(seed: int, n: int, per_party: int = 1) -> tuple[list[NDArray[np.float64]], NDArray[np.int8]]:
    """Four columns and labels of the true weights; ``per_party`` rows are copies of one another."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(n, 4))
    y = (rng.random(n) < expit(TRUE[0] + x @ TRUE[1:])).astype(np.int8)
    return list(np.repeat(x, per_party, axis=0).T), np.repeat(y, per_party)


def served(columns: list[NDArray[np.float64]], y: NDArray[np.int8]) -> NDArray[np.float64]:
    found = weigh(columns, y)
    return np.array([found.base, *found.weights])


def test_the_interval_holds_the_true_rate_as_often_as_it_says() -> None:
    """Sixty validation sets of one truth: how often does the interval at each of ten places hold it?"""
    places = list(np.random.default_rng(1).normal(size=(4, 10)))
    truth = TRUE[0] + np.column_stack(places) @ TRUE[1:]
    held = []
    for seed in range(60):
        columns, y = drawn(seed, 600)
        at = served(columns, y)
        covariance = np.cov(resampled_weights(columns, y, np.arange(len(y)), at), rowvar=False)
        spread = spread_of(Uncertainty(covariance, 0.0, 0.0), places)
        low, high = z_interval(at[0] + np.column_stack(places) @ at[1:], spread)
        held.append((low <= truth) & (truth <= high))
    assert 0.82 < np.mean(held) < 0.97


def test_the_served_weights_are_the_centre() -> None:
    columns, y = drawn(1, 2_000)
    at = served(columns, y)
    found = resampled_weights(columns, y, np.arange(len(y)), at)
    np.testing.assert_allclose(found.mean(axis=0), at, atol=0.02)
    assert (found[:, 1:] >= 0).all()


def test_copies_of_a_partys_rows_tell_nothing_new() -> None:
    """Nine rows a party are one party's word: counted as nine they would look three times as sure."""
    columns, y = drawn(2, 500, per_party=9)
    at, party = served(columns, y), np.repeat(np.arange(500), 9)
    by_party = resampled_weights(columns, y, party, at).std(axis=0)
    by_row = resampled_weights(columns, y, np.arange(len(y)), at).std(axis=0)
    np.testing.assert_allclose(by_party / by_row, 3.0, rtol=0.2)


def test_a_column_of_zeros_stays_without_weight() -> None:
    columns, y = drawn(3, 400)
    columns[1] = np.zeros(400)
    at = served(columns, y)
    at[2] = 0.0
    found = resampled_weights(columns, y, np.arange(400), at)
    assert (found[:, 2] == 0).all()


def test_the_jackknife_knows_the_error_of_a_mean() -> None:
    rng = np.random.default_rng(4)
    estimates = []
    for _ in range(400):
        groups = rng.normal(size=(5, 40))
        lacking = [np.array([np.delete(groups, k, axis=0).mean()]) for k in range(5)]
        estimates.append(jackknife_spread(lacking) ** 2)
    assert np.mean(estimates) == pytest.approx(1 / 200, rel=0.1)
    assert jackknife_spread([np.ones(3)] * 4) == 0.0


def test_a_share_of_very_many_parties_tells_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    columns, y = drawn(8, 8_000)
    at, party = served(columns, y), np.arange(8_000)
    whole = np.cov(resampled_weights(columns, y, party, at), rowvar=False)
    monkeypatch.setattr(uncertainty, "_RESAMPLED_ROWS", 2_000)
    kept = uncertainty._fewer(party)
    assert kept.sum() == 2_000
    some = resampled_weights([column[kept] for column in columns], y[kept], party[kept], at)
    np.testing.assert_allclose(np.diag(np.cov(some, rowvar=False) * kept.mean()), np.diag(whole), rtol=0.35)


def test_days_that_differ_by_chance_alone_do_not_drift() -> None:
    rng = np.random.default_rng(7)
    cases = np.full(6, 3_000)
    still = [drift_of(cases, rng.binomial(cases, 0.05)) for _ in range(300)]
    assert np.median(still) < 0.05
    moved = []
    for _ in range(300):
        rate = expit(-3.0 + 0.4 * rng.normal(size=6))
        moved.append(drift_of(cases, rng.binomial(cases, rate)) ** 2)
    assert np.sqrt(np.mean(moved)) == pytest.approx(0.4 * np.sqrt(2), rel=0.15)
    assert drift_of(np.array([50]), np.array([3])) == 0.0


def test_a_trained_model_states_its_spread(trained: Model, panel_of_parts: Panel) -> None:
    test = panel_of_parts.of("test")[0]
    found = score(trained, test.snapshot, test.known, test.codes)
    assert trained.uncertainty.spread > 0
    assert (found.spread[test.codes] >= trained.uncertainty.spread).all()
    view = view_of(trained.preparation, test.snapshot, test.known)
    raw = raw_parts(trained.preparation, trained.trees, trained.network, view, test.codes)
    columns = raw.centred(trained.centres, len(trained.preparation.schema.own)).blended_columns()
    np.testing.assert_allclose(found.spread[test.codes], spread_of(trained.uncertainty, columns), rtol=1e-9)
    others = np.setdiff1d(np.arange(test.snapshot.n_parties), test.codes)
    assert (found.spread[others] == 0).all()
