"""The scale, and whole points that sum exactly."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from gnn.runs.scorecard import BANDS, band_of, pd_of, points_of, split_points, whole_points

log_odds = arrays(
    np.float64,
    st.tuples(st.integers(1, 8), st.integers(1, 9)),
    elements=st.floats(-40, 40, allow_subnormal=False),
)


def logit(pd: float) -> float:
    return float(np.log(pd / (1 - pd)))


@pytest.mark.parametrize(
    ("pd", "score"), [(1 / 21, 600), (1 / 41, 640), (1 / 11, 560), (0.5, 427), (0.9, 300), (0.0003, 895)]
)
def test_the_scale_has_600_at_20_to_1_and_40_points_double_the_odds(pd: float, score: int) -> None:
    scores, _ = split_points(np.array([[logit(pd)]]))
    assert scores.tolist() == [score]


@given(log_odds)
def test_points_sum_to_the_score_and_are_their_part_rounded_down_or_up(z: np.ndarray) -> None:
    scores, points = split_points(z)
    assert (points.sum(axis=1) == scores).all()
    assert ((scores >= 300) & (scores <= 900)).all()
    assert np.abs(points[:, 1:-1] - points_of(z[:, 1:])).max(initial=0) < 1
    unclamped = 600 - 40 * np.log2(20) + points_of(z).sum(axis=1)
    assert np.abs(np.clip(unclamped, 300, 900) - scores).max() <= 0.5 + 1e-9
    inside = (unclamped > 300) & (unclamped < 900)
    assert (points[inside, -1] == 0).all()


@given(log_odds)
def test_a_part_of_nothing_gets_no_points(z: np.ndarray) -> None:
    z[:, -1] = 0
    if z.shape[1] > 1:
        assert (split_points(z)[1][:, -2] == 0).all()


def test_largest_remainders_are_served_first_and_equal_ones_in_order() -> None:
    exact = np.array([[1.6, 1.3, 1.1], [0.5, 0.5, 0.0], [-0.4, 10.2, 0.2]])
    assert whole_points(exact, np.array([4, 1, 10])).tolist() == [[2, 1, 1], [1, 0, 0], [0, 10, 0]]


def test_clamping_is_an_entry_of_its_own() -> None:
    scores, points = split_points(np.array([[9.0, 1.0], [-9.0, -9.0], [0.0, 0.0]]))
    assert scores.tolist() == [300, 900, 427]
    assert points[0, -1] > 0 > points[1, -1]
    assert points[2, -1] == 0


@pytest.mark.parametrize(
    ("pd", "band"),
    [(0.0, "A"), (0.00499, "A"), (0.005, "B"), (0.0199, "B"), (0.02, "C"), (0.0499, "C"), (0.05, "D"),
     (0.1499, "D"), (0.15, "E"), (1.0, "E")],
)  # fmt: skip
def test_a_pd_on_a_limit_belongs_to_the_riskier_band(pd: float, band: str) -> None:
    assert BANDS[band_of(np.array([pd]))[0]] == band


@given(arrays(np.float64, 5, elements=st.floats(-1e6, 1e6)))
def test_pd_is_a_probability_that_rises_with_z(z: np.ndarray) -> None:
    pd = pd_of(np.sort(z))
    assert ((pd >= 0) & (pd <= 1)).all()
    assert (np.diff(pd) >= 0).all()
    assert pd_of(np.array([0.0]))[0] == 0.5
