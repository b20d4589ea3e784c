"""How many rounds of boosting serve best on validation rows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import lightgbm as lgb
import numpy as np
from numpy.typing import NDArray

from gnn.learning.blend import calibrate, log_loss
from gnn.learning.rows import LabelledRows

#: Trees are added until validation loss is least, looked at after every so many.
STOP_EVERY = 25


@dataclass(frozen=True)
class Rounds:
    """Trees that are summed: ``count`` from ``start`` on, all that are left where -1."""

    start: int = 0
    count: int = -1


ALL = Rounds()


@dataclass(frozen=True)
class Stop:
    """The number of rounds with the least validation loss, and the calibration of their sum."""

    rounds: int
    slope: float
    intercept: float


def raw_mean(
    members: Sequence[lgb.Booster], values: NDArray[np.float32], rounds: Rounds = ALL
) -> NDArray[np.float64]:
    """Mean log-odds of ``members``, float64 [rows]; 0 without any."""
    total = np.zeros(len(values))
    for member in members:
        total += _predicted(member, values, rounds)
    return total / max(len(members), 1)


def raw_unseen(
    members: Sequence[lgb.Booster],
    values: NDArray[np.float32],
    held_out: NDArray[np.int8] | None,
    rounds: Rounds = ALL,
) -> NDArray[np.float64]:
    """Log-odds of each row by the member that was not shown its party, by all where none hold out."""
    if held_out is None or len(members) < 2:
        return raw_mean(members, values, rounds)
    raw = np.zeros(len(values))
    for number, member in enumerate(members):
        rows = held_out == number
        if rows.any():
            raw[rows] = _predicted(member, values[rows], rounds)
    return raw


def _predicted(member: lgb.Booster, values: NDArray[np.float32], rounds: Rounds) -> NDArray[np.float64]:
    raw: NDArray[np.float64] = member.predict(
        values, start_iteration=rounds.start, num_iteration=rounds.count, raw_score=True, num_threads=1
    )
    return raw


def best_stop(members: Sequence[lgb.Booster], rows: LabelledRows, values: NDArray[np.float32]) -> Stop:
    """Where ``members`` should end, judged on validation ``rows`` (their ``values`` [rows, columns])."""
    raw, best = np.zeros(len(rows.labels)), (np.inf, 0, 1.0, 0.0)
    trained = max((member.current_iteration() for member in members), default=1)
    for start in range(0, trained, STOP_EVERY):
        raw = raw + raw_unseen(members, values, rows.held_out, Rounds(start, STOP_EVERY))
        slope, intercept = calibrate(raw, rows.labels)
        loss = float(log_loss(intercept + slope * raw, rows.labels).mean())
        best = min(best, (loss, min(start + STOP_EVERY, trained), slope, intercept))
    return Stop(*best[1:])
