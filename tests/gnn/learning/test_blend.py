"""Weights and calibration that are fitted crosswise: no row has a say in its own log-odds."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.special import expit

from gnn.learning.blend import calibrate, cross_calibrated, cross_weighed, halves, level, weigh

Drawn = tuple[list[np.ndarray], np.ndarray, np.ndarray]


@pytest.fixture(scope="module")
def drawn() -> Drawn:
    rng = np.random.default_rng(1)
    n = 3_000
    parts = [rng.normal(size=n), rng.normal(size=n)]
    party = rng.integers(0, n // 3, n).astype(np.int32)
    labels = (rng.random(n) < expit(-2.0 + 1.5 * parts[0] + 0.5 * parts[1])).astype(np.int8)
    return parts, labels, party


def test_halves_divide_parties_and_their_bad_ones_evenly(drawn: Drawn) -> None:
    _, labels, party = drawn
    side = halves(labels, party)
    assert not set(party[side].tolist()) & set(party[~side].tolist())
    bad = [len(set(party[half & (labels == 1)].tolist())) for half in (side, ~side)]
    assert abs(bad[0] - bad[1]) <= 1


def test_each_half_is_weighed_by_the_other(drawn: Drawn) -> None:
    parts, labels, party = drawn
    side = halves(labels, party)
    for half in (side, ~side):
        other = weigh([part[~half] for part in parts], labels[~half])
        expected = other.z([part[half] for part in parts])
        np.testing.assert_array_equal(cross_weighed(parts, labels, party)[half], expected)
        slope, offset = calibrate(parts[0][~half], labels[~half])
        found = cross_calibrated(parts[0], labels, party)[half]
        np.testing.assert_array_equal(found, offset + slope * parts[0][half])


def test_parts_of_pure_noise_gain_nothing_by_being_weighed() -> None:
    """Fitted on the rows themselves, forty columns of noise look like knowledge; crosswise they do not."""
    rng = np.random.default_rng(2)
    n = 400
    noise, labels = [rng.normal(size=n) for _ in range(40)], (rng.random(n) < 0.3).astype(np.int8)
    party = np.arange(n, dtype=np.int32)

    def auc(z: np.ndarray) -> float:
        return float((z[labels == 1][:, None] > z[labels == 0][None, :]).mean())

    assert auc(weigh(noise, labels).z(noise)) > 0.57
    assert auc(cross_weighed(noise, labels, party)) < 0.53


def test_where_a_half_has_one_outcome_all_rows_are_weighed_together(drawn: Drawn) -> None:
    parts, _, party = drawn
    labels = np.zeros(len(party), np.int8)
    labels[party == party[0]] = 1
    np.testing.assert_array_equal(cross_weighed(parts, labels, party), weigh(parts, labels).z(parts))


def test_at_its_level_the_mean_pd_is_the_bad_rate() -> None:
    rng = np.random.default_rng(3)
    z, y = rng.normal(2.0, 3.0, 500), (rng.random(500) < 0.07).astype(np.int8)
    assert expit(z + level(z, y)).mean() == pytest.approx(y.mean(), abs=1e-9)
