"""Figures of kept runs: means over runs, paired intervals over parties, and what all sets say together."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit
from sklearn.metrics import average_precision_score, roc_auc_score

from bench.quality_models import PLACEBO
from bench.quality_peers import GAT, PROPAGATION, SAGE
from bench.quality_runs import KeptRun
from gnn.champion.evaluation import DEFAULT, NETWORK
from gnn.champion.intervals import bootstrap_aucs, interval
from gnn.champion.metrics import calibration_line, expected_calibration_error

#: In the order of the tables. The best of ``RIVALS`` on a set is what the default has to beat there.
MODELS = ("null", "degree", PROPAGATION, "gbdt_own", SAGE, GAT, "gbdt_graph", NETWORK, DEFAULT, PLACEBO)
RIVALS = ("degree", PROPAGATION, "gbdt_own", SAGE, GAT, "gbdt_graph")

BEST = "best challenger"
RESAMPLES = 1_000
PERFECT_DRAWS = 400
DIGITS = 6

Vector = NDArray[np.float64]


@dataclass(frozen=True)
class SetFigures:
    """``figures``: what is kept as JSON; ``aucs``: AUC by model in each resample of parties, [resamples]."""

    figures: dict[str, Any]
    aucs: Mapping[str, Vector]


def _rounded(value: float | np.floating[Any]) -> float:
    return round(float(value), DIGITS)


def _by_run(runs: Sequence[KeptRun]) -> dict[str, Any]:
    """AUC and AP of every model in every run, with mean and standard deviation over runs."""
    found: dict[str, Any] = {}
    for name in MODELS:
        tests = [kept for kept in runs if name in kept.z]
        if not tests:
            continue
        figures: dict[str, Any] = {"runs": len(tests)}
        for metric, of in (("auc", roc_auc_score), ("ap", average_precision_score)):
            values = [float(of(test.labels, test.z[name])) for test in tests]
            figures[metric] = {
                "mean": _rounded(np.mean(values)),
                "sd": _rounded(np.std(values, ddof=1)) if len(values) > 1 else None,
                "by_run": [_rounded(value) for value in values],
            }
        found[name] = figures
    return found


def _calibration(labels: NDArray[np.int8], z: Vector) -> dict[str, float]:
    """Of the default on test rows; ``ece_perfect``: 95th percentile of a model whose PDs are true."""
    pd, generator = expit(z), np.random.default_rng(5)
    drawn = [
        expected_calibration_error((generator.random(len(pd)) < pd).astype(np.int8), pd)
        for _ in range(PERFECT_DRAWS)
    ]
    intercept, slope = calibration_line(labels, z)
    return {
        "ece": _rounded(expected_calibration_error(labels, pd)),
        "ece_perfect": _rounded(np.quantile(drawn, 0.95)),
        "intercept": _rounded(intercept),
        "slope": _rounded(slope),
        "bad_rate": _rounded(labels.mean()),
        "mean_pd": _rounded(pd.mean()),
    }


def set_figures(runs: Sequence[KeptRun], resamples: int = RESAMPLES) -> SetFigures:
    """Everything about one set. Differences: the default less each model within a run, meaned over runs.

    Parties are resampled, the same ones for every model and run; AUCs are meaned over runs in each resample.
    """
    everybody = np.unique(np.concatenate([kept.parties for kept in runs]))
    shared = set.intersection(*(set(kept.z) for kept in runs))
    names = [name for name in MODELS if name in shared]
    drawn = []
    for kept in runs:
        party = np.searchsorted(everybody, kept.parties).astype(np.int32)
        scores = {name: kept.z[name] for name in names}
        drawn.append(bootstrap_aucs(kept.labels, party, scores, resamples, len(everybody)))
    aucs = {name: np.mean([found[name] for found in drawn], axis=0) for name in names}
    models = _by_run(runs)
    calibrations = [_calibration(kept.labels, kept.z[DEFAULT]) for kept in runs]
    best = max((n for n in RIVALS if n in names), key=lambda n: float(models[n]["auc"]["mean"]))
    figures = {
        "runs": len(runs),
        "folds": len({kept.about["fold"] for kept in runs}),
        "cases": dict(runs[0].about["cases"]),
        "parties": len(everybody),
        "models": models,
        "best_challenger": best,
        "differences": {
            name: _difference(_less(models, name), aucs[DEFAULT] - aucs[name])
            for name in names
            if name != DEFAULT
        },
        "calibration": {
            key: _rounded(np.mean([found[key] for found in calibrations])) for key in calibrations[0]
        },
        "training": [dict(kept.about["facts"]) for kept in runs],
        "seconds": _seconds(runs, "seconds"),
        "cpu_seconds": _seconds(runs, "cpu_seconds"),
        "code": sorted({kept.about["code"] for kept in runs}),
    }
    return SetFigures(figures, aucs | {BEST: aucs[best]})


def _less(models: Mapping[str, Any], name: str) -> float:
    """Mean AUC of the default less that of another model."""
    return float(models[DEFAULT]["auc"]["mean"] - models[name]["auc"]["mean"])


def _difference(mid: float, drawn: Vector) -> list[float]:
    low, high = interval(drawn)
    return [_rounded(low), _rounded(mid), _rounded(high)]


def _seconds(runs: Sequence[KeptRun], clock: str) -> dict[str, float]:
    """Mean seconds of each step, of the runs that took it."""
    steps = [kept.about[clock] for kept in runs]
    names = dict.fromkeys(name for step in steps for name in step)
    return {name: round(float(np.mean([s[name] for s in steps if name in s])), 1) for name in names}


def pooled(found: Mapping[str, SetFigures]) -> dict[str, Any]:
    """(low, mid, high) of the mean over sets of default less model; every set counts the same.

    Resamples are drawn within each set and meaned across sets.
    """
    together: dict[str, Any] = {}
    for name in (BEST, *MODELS):
        sets = [key for key, one in found.items() if name in one.aucs and name != DEFAULT]
        if not sets:
            continue
        mids = []
        for key in sets:
            figures = found[key].figures
            other = figures["best_challenger"] if name == BEST else name
            mids.append(_less(figures["models"], other))
        drawn = np.mean([found[key].aucs[DEFAULT] - found[key].aucs[name] for key in sets], axis=0)
        together[name] = {"sets": sets, "auc": _difference(float(np.mean(mids)), drawn)}
    return together
