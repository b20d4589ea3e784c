"""From log-odds to points: the scale, whole points that sum exactly, bands.

``score = 600 + 40·log2(odds_good / 20)``: 600 points are odds of 20 to 1 (PD 4.8 %), 40 points double them.
Higher = safer. 300 is a PD of 90 %, 900 one of .03 %.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

LOWEST, HIGHEST = 300, 900
BASE_SCORE, BASE_ODDS, POINTS_TO_DOUBLE_ODDS = 600, 20, 40

#: Points of one unit of log-odds of the bad outcome; negative, because higher scores are safer.
POINTS_PER_LOG_ODDS = -POINTS_TO_DOUBLE_ODDS / math.log(2)
#: Score at even odds (z = 0).
EVEN_ODDS_SCORE = BASE_SCORE - POINTS_TO_DOUBLE_ODDS * math.log2(BASE_ODDS)

BANDS = ("A", "B", "C", "D", "E")
#: PD at which each band but the first begins.
BAND_LIMITS = (0.005, 0.02, 0.05, 0.15)

#: What a run can say of a party.
STATUSES = ("scored", "insufficient_evidence", "outside_population")
SCORED, INSUFFICIENT_EVIDENCE, OUTSIDE_POPULATION = range(len(STATUSES))


def pd_of(z: NDArray[np.float64]) -> NDArray[np.float64]:
    """Probability of the bad outcome σ(z), without overflow, float64 [n]."""
    shrunk = np.exp(-np.abs(z))
    return np.where(z >= 0, 1.0 / (1.0 + shrunk), shrunk / (1.0 + shrunk))


def band_of(pd: NDArray[np.float64]) -> NDArray[np.int8]:
    """Position in ``BANDS``, int8 [n]; a PD on a limit belongs to the riskier band."""
    return np.searchsorted(BAND_LIMITS, pd, side="right").astype(np.int8)


def points_of(log_odds: NDArray[np.floating]) -> NDArray[np.float64]:
    """Exact (fractional) points of log-odds parts."""
    return np.asarray(log_odds, np.float64) * POINTS_PER_LOG_ODDS


def score_of(z: NDArray[np.float64]) -> NDArray[np.int64]:
    """Scores of log-odds, int64 [n], 300 to 900."""
    return np.rint(np.clip(EVEN_ODDS_SCORE + points_of(z), LOWEST, HIGHEST)).astype(np.int64)


def whole_points(exact: NDArray[np.float64], totals: NDArray[np.int64]) -> NDArray[np.int64]:
    """Largest remainder: whole numbers [n, k] near ``exact`` [n, k] whose rows sum to ``totals`` [n].

    ``totals`` must lie within half a point of the rows' exact sums. Each entry is its exact value rounded
    down or up; equal remainders are served in column order.
    """
    floors = np.floor(exact)
    missing = totals - floors.sum(axis=1).astype(np.int64)
    order = np.argsort(floors - exact, axis=1, kind="stable")
    rank = np.empty_like(order)
    np.put_along_axis(rank, order, np.arange(exact.shape[1])[None, :], axis=1)
    whole: NDArray[np.int64] = floors.astype(np.int64) + (rank < missing[:, None])
    return whole


def split_points(log_odds: NDArray[np.float64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Scores int64 [n] and points int64 [n, k + 1] of log-odds parts [n, k], the first of them the base.

    The last column of the points is what clamping to 300..900 adds; rows sum to the scores exactly.
    """
    exact = points_of(log_odds)
    exact[:, 0] += EVEN_ODDS_SCORE
    unclamped = exact.sum(axis=1)
    clamped = np.clip(unclamped, LOWEST, HIGHEST)
    scores = np.rint(clamped).astype(np.int64)
    return scores, whole_points(np.column_stack([exact, clamped - unclamped]), scores)
