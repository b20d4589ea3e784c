"""Bootstrap intervals against scikit-learn and DeLong's variance."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import roc_auc_score

from gnn.champion.intervals import auc_differences, bootstrap_aucs, interval
from tests.gnn.champion.test_metrics import drawn


@settings(max_examples=30)
@given(st.integers(0, 10**6))
def test_bootstrap_of_whole_rows_centres_on_the_auc(seed: int) -> None:
    labels, z = drawn(300, seed)
    z = np.round(z, 1)
    party = np.arange(300, dtype=np.int32)
    differences = auc_differences(labels, party, {"a": z, "b": -z}, "a", resamples=20)
    assert differences["a"] == (0.0, 0.0, 0.0)
    expected = roc_auc_score(labels, z) - roc_auc_score(labels, -z)
    assert differences["b"][1] == pytest.approx(expected)


def test_interval_agrees_with_delong() -> None:
    labels, z = drawn(1_500, 5)
    party = np.arange(1_500, dtype=np.int32)
    low, high = interval(bootstrap_aucs(labels, party, {"m": z}, 1_000)["m"])
    bad, good = z[labels == 1], z[labels == 0]
    wins = (bad[:, None] > good[None, :]).astype(float)
    deviation = np.sqrt(wins.mean(1).var(ddof=1) / len(bad) + wins.mean(0).var(ddof=1) / len(good))
    assert high - low == pytest.approx(2 * 1.96 * deviation, rel=0.12)
    assert low < wins.mean() < high


def test_rows_of_a_party_are_drawn_together() -> None:
    labels, z = drawn(400, 6)
    repeated = np.repeat(np.arange(400, dtype=np.int32), 9)
    alone = bootstrap_aucs(labels, np.arange(400, dtype=np.int32), {"m": z}, 200)["m"]
    clustered = bootstrap_aucs(np.repeat(labels, 9), repeated, {"m": np.repeat(z, 9)}, 200)["m"]
    np.testing.assert_allclose(alone, clustered)
    taken_apart = bootstrap_aucs(
        np.repeat(labels, 9), np.arange(3_600, dtype=np.int32), {"m": np.repeat(z, 9)}, 200
    )["m"]
    assert taken_apart.std() < clustered.std() / 2


def test_the_same_models_give_the_same_interval_again() -> None:
    labels, z = drawn(500, 7)
    party = np.arange(500, dtype=np.int32)
    scores = {"a": z, "b": np.random.default_rng(0).normal(size=500)}
    assert auc_differences(labels, party, scores, "a", 50) == auc_differences(labels, party, scores, "a", 50)
