"""Whether stated odds are kept: the calibration line and the bad rate, with intervals over parties."""

from __future__ import annotations

from dataclasses import asdict, dataclass

import numpy as np
from numba import njit
from numpy.typing import NDArray
from scipy.special import expit

from gnn.champion.intervals import RESAMPLES, SEED, interval
from gnn.champion.metrics import calibration_line

#: Low end, figure on all rows, high end.
Span = tuple[float, float, float]

#: A line is drawn through no fewer bad, and no fewer good, outcomes.
MIN_CASES = 20

#: From the line of all rows Newton's method needs few steps to the one of a resample.
_STEPS = 25


@dataclass(frozen=True)
class Calibration:
    """``intercept`` and ``slope`` of the logistic regression of outcomes on stated log-odds (Cox 1958),
    (0, 1) where perfect, None for too few cases; ``observed``: the bad rate; each with its 95 % interval over
    parties. ``predicted``: the mean stated probability.
    """

    intercept: Span | None
    slope: Span | None
    observed: Span
    predicted: float

    def to_json(self) -> dict[str, object]:
        """Values by name, ``shifted`` among them; intervals as [low, mid, high]."""
        return {**asdict(self), "shifted": self.shifted}

    @property
    def shifted(self) -> bool:
        """Whether the bad rate has moved away from what calibration saw: stated odds are off as a whole."""
        low, _, high = self.observed
        return not low <= self.predicted <= high

    def sentence(self) -> str:
        """The same in one line, a shifted base rate first."""
        said = f"stated on average {self.predicted:.3f}, observed {with_interval(self.observed, 3)}"
        if self.slope is not None and self.intercept is not None:
            said += f"; slope {with_interval(self.slope)}, intercept {with_interval(self.intercept)}"
        return f"the base rate has moved since calibration: {said}" if self.shifted else said


def with_interval(span: Span | None, digits: int = 2) -> str:
    """A figure with its interval, for people; nothing where there is none."""
    if span is None:
        return ""
    low, mid, high = (f"{value:.{digits}f}" for value in span)
    return f"{mid} [{low}, {high}]"


@njit(cache=True)  # type: ignore[untyped-decorator]
def _weighted_line(
    z: NDArray[np.float64],
    labels: NDArray[np.int8],
    party: NDArray[np.int32],
    weight: NDArray[np.int64],
    start: NDArray[np.float64],
) -> tuple[float, float]:
    """(intercept, slope) with party weights by Newton's method; as ``metrics.calibration_line``."""
    a, b = start[0], start[1]
    for _ in range(_STEPS):
        g0, g1 = -1e-6 * a, -1e-6 * b
        h00, h01, h11 = 1e-6, 0.0, 1e-6
        for row in range(len(z)):
            w = weight[party[row]]
            if w == 0:
                continue
            p = 1.0 / (1.0 + np.exp(-(a + b * z[row])))
            error, v = w * (labels[row] - p), w * p * (1.0 - p)
            g0 += error
            g1 += error * z[row]
            h00 += v
            h01 += v * z[row]
            h11 += v * z[row] * z[row]
        determinant = h00 * h11 - h01 * h01
        if determinant <= 0.0:
            return np.nan, np.nan
        move_a = (h11 * g0 - h01 * g1) / determinant
        move_b = (h00 * g1 - h01 * g0) / determinant
        largest = max(abs(move_a), abs(move_b))
        shorten = min(1.0, 2.0 / max(largest, 1e-12))
        a += shorten * move_a
        b += shorten * move_b
        if largest < 1e-5:
            break
    return a, b


def calibration_of(
    labels: NDArray[np.int8],
    party: NDArray[np.int32],
    z: NDArray[np.float64],
    resamples: int = RESAMPLES,
    parties: int | None = None,
) -> Calibration:
    """Calibration of log-odds ``z`` [rows]; all rows of a party are drawn together.

    ``party`` int32 [rows]; ``parties``: how many there are to draw from (None: the highest number and below).
    """
    n_parties = int(party.max()) + 1 if parties is None else parties
    generator = np.random.default_rng(SEED)
    rows = np.bincount(party, minlength=n_parties)
    bad = np.bincount(party, weights=labels, minlength=n_parties).astype(np.int64)
    positives = int(labels.sum())
    # Along constant odds there is no line.
    drawn = min(positives, len(labels) - positives) >= MIN_CASES and float(np.ptp(z)) > 1e-9
    start = np.array(calibration_line(labels, z)) if drawn else np.zeros(2)
    rates, lines = np.full(resamples, np.nan), np.full((resamples, 2), np.nan)
    for resample in range(resamples):
        weight = np.bincount(generator.integers(0, n_parties, n_parties), minlength=n_parties)
        total = int(weight @ rows)
        if total:
            rates[resample] = int(weight @ bad) / total
        if drawn:
            lines[resample] = _weighted_line(z, labels, party, weight, start)
    low, high = interval(rates)
    spans = [(interval(lines[:, k]), float(start[k])) for k in (0, 1)] if drawn else []
    found = [(ends[0], mid, ends[1]) for ends, mid in spans]
    return Calibration(
        intercept=found[0] if drawn else None,
        slope=found[1] if drawn else None,
        observed=(low, positives / len(labels), high),
        predicted=float(expit(z).mean()),
    )
