"""Intervals of differences between models, by a bootstrap over parties that is paired across models."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numba import njit
from numpy.typing import NDArray

RESAMPLES = 500
LEVEL = 0.95
SEED = 20240607


@njit(cache=True)  # type: ignore[untyped-decorator]
def _weighted_auc(
    order: NDArray[np.int64],
    new_value: NDArray[np.bool_],
    labels: NDArray[np.int8],
    party: NDArray[np.int32],
    weight: NDArray[np.int64],
) -> float:
    """AUC with party weights: rows in ascending order of score, ``new_value`` where a run of ties begins."""
    wins = below = bad = good = 0
    for position in range(len(order)):
        if new_value[position]:
            wins += bad * (2 * below + good)
            below += good
            bad = good = 0
        row = order[position]
        if labels[row]:
            bad += weight[party[row]]
        else:
            good += weight[party[row]]
    wins += bad * (2 * below + good)
    below += good
    total_bad = 0
    for row in range(len(order)):
        if labels[row]:
            total_bad += weight[party[row]]
    if total_bad == 0 or below == 0:
        return np.nan
    return wins / (2.0 * total_bad * below)


def bootstrap_aucs(
    labels: NDArray[np.int8],
    party: NDArray[np.int32],
    scores: Mapping[str, NDArray[np.float64]],
    resamples: int = RESAMPLES,
    parties: int | None = None,
) -> dict[str, NDArray[np.float64]]:
    """AUC of every model in every resample of parties, float64 [resamples] by name.

    All rows of a party are drawn together, and the same parties for every model. ``parties``: how many there
    are to draw from, where these rows are not all of them (None: the highest number and below); rows of equal
    numbering then see the same draws. Resamples in which a class is missing read NaN. Sums are of integers:
    the same bytes on every machine.
    """
    sorted_rows = {}
    for name, score in scores.items():
        order = np.argsort(score, kind="stable")
        sorted_rows[name] = order, np.concatenate([[False], np.diff(score[order]) != 0])
    parties = int(party.max()) + 1 if parties is None else parties
    generator = np.random.default_rng(SEED)
    aucs = {name: np.empty(resamples) for name in scores}
    for resample in range(resamples):
        weight = np.bincount(generator.integers(0, parties, parties), minlength=parties)
        for name, (order, new_value) in sorted_rows.items():
            aucs[name][resample] = _weighted_auc(order, new_value, labels, party, weight)
    return aucs


def interval(values: NDArray[np.float64], level: float = LEVEL) -> tuple[float, float]:
    """The central ``level`` of a bootstrap distribution (percentile interval)."""
    low, high = np.nanquantile(values, [(1 - level) / 2, (1 + level) / 2])
    return float(low), float(high)


def auc_differences(
    labels: NDArray[np.int8],
    party: NDArray[np.int32],
    scores: Mapping[str, NDArray[np.float64]],
    champion: str,
    resamples: int = RESAMPLES,
) -> dict[str, tuple[float, float, float]]:
    """(low, mid, high) of AUC(champion) - AUC(model) by model; mid is the difference on all rows.

    ``party`` int32 [rows] numbers the party of each row from 0.
    """
    aucs = bootstrap_aucs(labels, party, scores, resamples)
    # Party weights of one: the rows as they are.
    ones = np.ones(int(party.max()) + 1, np.int64)
    plain = {}
    for name, score in scores.items():
        order = np.argsort(score, kind="stable")
        new_value = np.concatenate([[False], np.diff(score[order]) != 0])
        plain[name] = _weighted_auc(order, new_value, labels, party, ones)
    found = {}
    for name in scores:
        low, high = interval(aucs[champion] - aucs[name])
        found[name] = (low, float(plain[champion] - plain[name]), high)
    return found


def difference_text(found: Sequence[float]) -> str:
    """(low, mid, high) of a difference as ``+mid [+low, +high]``."""
    low, mid, high = found
    return f"{mid:+.3f} [{low:+.3f}, {high:+.3f}]"
