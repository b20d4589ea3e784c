"""Weighing the parts of trees and network on validation rows, and calibrating the sum in log-odds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import brentq, minimize

#: Weights are drawn to the plain mean of two models with this strength (in units of log-loss).
PULL = 5.0
EVEN = 0.5

#: Inherited parts must lower the validation loss by more than so many standard errors: the one-sided 5 %.
GATE_ERRORS = 1.645
#: The same where windows overlap: members that each miss a third of the parties differ by more than that.
GATE_ERRORS_OVERLAPPING = 2.0

#: No log-odds are so far from 0.
_FAR = 100.0


@dataclass(frozen=True)
class Weights:
    """z = base + Σ weights·parts, calibration included."""

    base: float
    weights: tuple[float, ...]

    def z(self, parts: Sequence[NDArray[np.float64]]) -> NDArray[np.float64]:
        """Log-odds of rows, float64 [rows], from their centred parts."""
        z: NDArray[np.float64] = self.base + np.column_stack(parts) @ np.array(self.weights)
        return z


def log_loss(z: NDArray[np.float64], y: NDArray[np.int8]) -> NDArray[np.float64]:
    """Logistic loss of each row, float64 [rows]."""
    return np.logaddexp(0.0, z) - y * z


def sigmoid(z: NDArray[np.float64]) -> NDArray[np.float64]:
    """σ(z), without overflow, float64 [n]."""
    return 0.5 * (1.0 + np.tanh(0.5 * z))


def weigh(parts: Sequence[NDArray[np.float64]], y: NDArray[np.int8]) -> Weights:
    """Weights >= 0 of centred ``parts`` (each float64 [rows]) on validation rows, then a·z + b with a > 0."""
    x = np.column_stack(parts)

    def objective(p: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        z = p[0] + x @ p[1:]
        error = sigmoid(z) - y
        away = p[1:] - EVEN
        value = float(log_loss(z, y).sum() + PULL * (away**2).sum())
        return value, np.append(error.sum(), x.T @ error + 2 * PULL * away)

    start = np.append(np.log(y.mean() / (1 - y.mean())), np.full(x.shape[1], EVEN))
    bounds = [(None, None)] + [(0.0, None)] * x.shape[1]
    found = minimize(objective, start, jac=True, bounds=bounds, method="L-BFGS-B").x
    slope, offset = calibrate(found[0] + x @ found[1:], y)
    return Weights(base=float(slope * found[0] + offset), weights=tuple(float(slope * w) for w in found[1:]))


def calibrate(z: NDArray[np.float64], y: NDArray[np.int8]) -> tuple[float, float]:
    """(a, b) of the logistic regression of ``y`` on a·z + b, a > 0."""

    def objective(p: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        error = sigmoid(p[0] * z + p[1]) - y
        return float(log_loss(p[0] * z + p[1], y).sum()), np.array([error @ z, error.sum()])

    found = minimize(
        objective, np.array([1.0, 0.0]), jac=True, bounds=[(0.05, None), (None, None)], method="L-BFGS-B"
    )
    return float(found.x[0]), float(found.x[1])


def level(z: NDArray[np.float64], y: NDArray[np.int8]) -> float:
    """What log-odds ``z`` lack, so that their mean PD is the bad rate of ``y``, which holds both classes."""
    return float(brentq(lambda added: sigmoid(added + z).mean() - y.mean(), -_FAR, _FAR))


def halves(y: NDArray[np.int8], party: NDArray[np.integer]) -> NDArray[np.bool_]:
    """Which half of the parties each row belongs to, bool [rows], by a fixed draw.

    Parties with a bad outcome are dealt out evenly, so that both halves can be learnt from.
    """
    parties = int(party.max()) + 1
    bad = np.bincount(party, weights=y, minlength=parties) > 0
    order = np.random.default_rng(23).permutation(parties)
    order = order[np.argsort(bad[order], kind="stable")]
    side = np.zeros(parties, bool)
    side[order[::2]] = True
    half: NDArray[np.bool_] = side[party]
    return half


def cross_weighed(
    parts: Sequence[NDArray[np.float64]], y: NDArray[np.int8], party: NDArray[np.integer]
) -> NDArray[np.float64]:
    """Log-odds of rows by weights and calibration from the other half of the parties, float64 [rows].

    No row weighs itself. Where a half has one outcome only, all rows are weighed together.
    """
    side = halves(y, party)
    if any(len(np.unique(y[half])) < 2 for half in (side, ~side)):
        return weigh(parts, y).z(parts)
    z = np.empty(len(y))
    for half in (side, ~side):
        found = weigh([part[~half] for part in parts], y[~half])
        z[half] = found.z([part[half] for part in parts])
    return z


def cross_calibrated(
    raw: NDArray[np.float64], y: NDArray[np.int8], party: NDArray[np.integer]
) -> NDArray[np.float64]:
    """``raw`` log-odds calibrated on the other half of the parties, float64 [rows]; as ``cross_weighed``."""
    side = halves(y, party)
    if any(len(np.unique(y[half])) < 2 for half in (side, ~side)):
        slope, offset = calibrate(raw, y)
        return offset + slope * raw
    z = np.empty(len(y))
    for half in (side, ~side):
        slope, offset = calibrate(raw[~half], y[~half])
        z[half] = offset + slope * raw[half]
    return z


def gain_in_errors(
    without: NDArray[np.float64],
    with_parts: NDArray[np.float64],
    y: NDArray[np.int8],
    party: NDArray[np.integer],
) -> float:
    """Mean fall of the log-loss in units of its standard error, rows of a party counted together."""
    gain = log_loss(without, y) - log_loss(with_parts, y)
    _, index = np.unique(party, return_inverse=True)
    by_party = np.bincount(index, weights=gain)
    error = np.sqrt(len(by_party)) * by_party.std()
    return float(gain.sum() / error) if error > 0 else 0.0
