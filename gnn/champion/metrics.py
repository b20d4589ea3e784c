"""How good predictions are: ranking, calibration, and what the riskiest hold."""

from __future__ import annotations

from dataclasses import asdict, dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit
from sklearn.metrics import average_precision_score, brier_score_loss, roc_auc_score, roc_curve

Labels = NDArray[np.int8]
Floats = NDArray[np.float64]

ECE_BINS = 10
LIFT_SHARE = 0.05


@dataclass(frozen=True)
class Metrics:
    """``auc``, ``ap`` (average precision), ``ks`` (Kolmogorov-Smirnov), ``brier``, ``ece`` (expected
    calibration error, 10 bins of equal mass), ``lift5`` (bad rate of the riskiest 5 % over the bad rate)."""

    auc: float
    ap: float
    ks: float
    brier: float
    ece: float
    lift5: float

    def to_json(self) -> dict[str, float]:
        """Values by name."""
        return asdict(self)


def measure(labels: Labels, z: Floats) -> Metrics:
    """Metrics of log-odds ``z`` [n] against ``labels`` 0/1 [n], both classes present."""
    pd = expit(z)
    false_rate, true_rate, _ = roc_curve(labels, z)
    return Metrics(
        auc=float(roc_auc_score(labels, z)),
        ap=float(average_precision_score(labels, z)),
        ks=float(np.max(true_rate - false_rate)),
        brier=float(brier_score_loss(labels, pd)),
        ece=expected_calibration_error(labels, pd),
        lift5=lift(labels, z),
    )


def expected_calibration_error(labels: Labels, pd: Floats, bins: int = ECE_BINS) -> float:
    """Mean |bad rate - mean PD| over bins of equal mass; rows of equal PD share a bin's fate evenly.

    Naeini et al. 2015, with bins of equal mass instead of equal width.
    """
    order = np.argsort(pd, kind="stable")
    sorted_pd, sorted_labels = pd[order], _evened(labels[order].astype(np.float64), pd[order])
    error = sum(
        abs(float(np.sum(part_labels - part_pd)))
        for part_labels, part_pd in zip(
            np.array_split(sorted_labels, bins), np.array_split(sorted_pd, bins), strict=True
        )
    )
    return error / len(labels)


def lift(labels: Labels, z: Floats, share: float = LIFT_SHARE) -> float:
    """Bad rate among the riskiest ``share`` over the bad rate of all; ties count at their mean."""
    top = int(np.ceil(share * len(labels)))
    order = np.argsort(-z, kind="stable")
    riskiest = _evened(labels[order].astype(np.float64), z[order])[:top]
    return float(riskiest.mean() / labels.mean())


def _evened(values: Floats, keys: Floats) -> Floats:
    """``values`` replaced by their mean over runs of equal ``keys`` (sorted)."""
    run = np.concatenate([[0], np.cumsum(np.diff(keys) != 0)])
    mean: Floats = np.bincount(run, weights=values) / np.bincount(run)
    evened: Floats = mean[run]
    return evened


def calibration_line(labels: Labels, z: Floats, *, steps: int = 50) -> tuple[float, float]:
    """(intercept, slope) of the logistic regression of ``labels`` on ``z`` (Cox 1958).

    (0, 1) is perfect calibration. A feather-light ridge (1e-6) keeps separable data finite. For constant
    ``z`` the slope stays 1 and the intercept moves the mean.
    """
    constant = float(np.ptp(z)) < 1e-12
    beta = np.array([0.0, 1.0])
    columns = np.column_stack([np.ones_like(z), z])
    for _ in range(steps):
        fitted = expit(columns @ beta)
        weight = fitted * (1 - fitted)
        gradient = columns.T @ (labels - fitted) - 1e-6 * beta
        hessian = (columns * weight[:, None]).T @ columns + 1e-6 * np.eye(2)
        if constant:
            move = np.array([gradient[0] / hessian[0, 0], 0.0])
        else:
            move = np.linalg.solve(hessian, gradient)
        # Newton overshoots far from the optimum: no step is longer than 2 in log-odds.
        beta = beta + move * min(1.0, 2.0 / max(float(np.abs(move).max()), 1e-12))
        if float(np.abs(move).max()) < 1e-10:
            break
    return float(beta[0]), float(beta[1])
