"""Intervals hold what they say they hold, where the truth is drawn from what they assume."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import expit

from gnn.model import Uncertainty
from gnn.precision import LEVEL, Unseen, hidden_centre, party_interval, spread_of, z_interval

log_odds = st.floats(-12, 12)
spreads = st.floats(0, 3)


@given(log_odds, spreads, st.floats(0.01, 3), st.floats(0, 0.9))
def test_intervals_hold_the_stated_rate_in_order(
    z: float, spread: float, unseen: float, share: float
) -> None:
    rate = z_interval(np.array([z]), np.array([spread]))
    own = party_interval(np.array([z]), np.array([spread]), Unseen(unseen, share))
    assert rate[0] <= z <= rate[1]
    assert np.isfinite(own[0])
    assert own[0] < own[1]
    smooth = party_interval(np.array([z]), np.array([spread]), Unseen(unseen, 0.0))
    assert smooth[1] - smooth[0] > rate[1] - rate[0]


@given(log_odds, st.floats(0.1, 3), st.floats(0, 0.9))
def test_hidden_log_odds_have_the_stated_mean_pd(z: float, unseen: float, share: float) -> None:
    centre = hidden_centre(np.array([z]), Unseen(unseen, share))[0]
    steps = np.linspace(-8, 8, 4001)
    weights = np.exp(-0.5 * steps**2)
    others = float((expit(centre + unseen * steps) * weights).sum() / weights.sum())
    certain = share * expit(z)
    assert certain + (1 - certain) * others == pytest.approx(float(expit(z)), rel=2e-3)


@pytest.mark.parametrize("share", [0.0, 0.4])
def test_the_party_interval_holds_as_many_hazards_as_it_says(share: float) -> None:
    rng, unseen = np.random.default_rng(5), Unseen(1.5, share)
    z = rng.normal(-3, 1, 20_000)
    hazard = hidden_centre(z, unseen) + unseen.spread * rng.normal(size=len(z))
    hazard[rng.random(len(z)) < share * expit(z)] = np.inf
    low, high = party_interval(z, np.zeros(len(z)), unseen)
    # Where more are certain than are left out above, these are held too.
    finite = np.isfinite(high)
    assert finite.mean() > 0.7
    held = (low <= hazard) & (hazard <= high)
    assert held[finite].mean() == pytest.approx(LEVEL, abs=0.01)
    assert share == 0 or held[~finite].mean() == pytest.approx((1 + LEVEL) / 2, abs=0.01)
    assert expit(hazard).mean() == pytest.approx(expit(z).mean(), rel=0.05)


def test_the_spread_is_that_of_the_drawn_weights() -> None:
    rng = np.random.default_rng(6)
    drawn = rng.normal(size=(5_000, 5)) @ rng.normal(size=(5, 5))
    columns = list(rng.normal(size=(4, 30)))
    found = spread_of(Uncertainty(np.cov(drawn, rowvar=False), 0.4, 0.3), columns)
    z = np.column_stack([np.ones(30), *columns]) @ drawn.T
    np.testing.assert_allclose(found, np.sqrt(z.var(axis=1, ddof=1) + 0.25), rtol=1e-9)
