"""How precise a score is: the 90 % interval of a PD, and where one party's own hazard may lie.

Log-odds of a party are linear in the blend's base and weights, so their variance over a bootstrap of parties
is one small quadratic form; the variance of what trees and network say comes on top::

    spread² = (1, parts)ᵀ · covariance · (1, parts) + spread of the members² + drift of the bad rate²
    PD      in σ(z ± 1.645·spread)

This is the interval of a *rate*: the share of bad outcomes among parties whose records look the same. The
hazard of one party among them also depends on what no record shows. One result a party cannot tell how much
that is, so it is assumed (``Unseen``): some of the bad outcomes to come are certain already, as where
accounts show distress late (Duffie and Lando 2001); the log-odds of the other parties are normal around what
the records say (a logistic-normal mixture). Together they have a mean PD as stated.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit, ndtri

if TYPE_CHECKING:
    # Serving reads intervals too, and has no need of models.
    from gnn.model import Uncertainty

#: Share of cases that an interval is made to hold.
LEVEL = 0.9
#: Where it begins and ends among all cases.
TAILS = (1.0 - LEVEL) / 2.0, (1.0 + LEVEL) / 2.0


@dataclass(frozen=True)
class Unseen:
    """What is assumed of hazards beyond all records.

    ``spread``: standard deviation of log-odds around what records say; ``certain_share``: of the bad
    outcomes to come, those that are certain already, whose parties are no part of that.
    """

    spread: float
    certain_share: float


#: Read from the synthetic ecosystem's truth; no data set of single results per party can tell it.
UNSEEN = Unseen(spread=1.75, certain_share=0.4)

_GRID = np.linspace(-40.0, 40.0, 1601)


def spread_of(uncertainty: Uncertainty, columns: Sequence[NDArray[np.float64]]) -> NDArray[np.float64]:
    """Standard deviation of log-odds, float64 [rows], from the four centred columns that are weighed."""
    x = np.column_stack([np.ones(len(columns[0])), *columns])
    by_weights = np.einsum("ij,jk,ik->i", x, uncertainty.covariance, x)
    spread: NDArray[np.float64] = np.sqrt(
        np.maximum(by_weights, 0.0) + uncertainty.spread**2 + uncertainty.drift**2
    )
    return spread


def z_interval(
    z: NDArray[np.float64], spread: NDArray[np.floating]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """(low, high) log-odds of the rate among parties that look the same, float64 [rows] each."""
    half = ndtri(TAILS[1]) * np.asarray(spread, np.float64)
    return z - half, z + half


@cache
def _mean_log_odds(spread: float) -> NDArray[np.float64]:
    """Log-odds of the mean PD of hidden log-odds N(c, spread²) for every centre c of ``_GRID``."""
    nodes, weights = np.polynomial.hermite_e.hermegauss(48)
    hidden = _GRID[:, None] + spread * nodes
    bad, good = (1.0 / (1.0 + np.exp(sign * hidden)) @ weights for sign in (-1.0, 1.0))
    log_odds: NDArray[np.float64] = np.log(bad) - np.log(good)
    return log_odds


def hidden_centre(z: NDArray[np.float64], unseen: Unseen = UNSEEN) -> NDArray[np.float64]:
    """Centres c of the hidden log-odds N(c, spread²) of parties whose end is open, float64 [rows].

    ``z``: log-odds of the mean PD of these and the certain ones together.
    """
    # (1 - share)·p / (1 - p) are the odds of what is left of p, among those who are left.
    open_ended = z + np.log1p(-unseen.certain_share)
    centre: NDArray[np.float64] = np.interp(open_ended, _mean_log_odds(unseen.spread), _GRID)
    return centre


def party_interval(
    z: NDArray[np.float64], spread: NDArray[np.floating], unseen: Unseen = UNSEEN
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """(low, high) log-odds of one party's own hazard, what no record shows included, float64 [rows] each.

    The middle ``LEVEL`` of the mixture; ``high`` is infinite where more than the rest above it are certain.
    """
    certain = unseen.certain_share * expit(z)
    low, high = (ndtri(np.minimum(tail / (1.0 - certain), 1.0)) for tail in TAILS)
    centre, total = hidden_centre(z, unseen), np.sqrt(np.asarray(spread, np.float64) ** 2 + unseen.spread**2)
    return centre + total * low, centre + total * high
