"""How much a model's log-odds would move had other parties been observed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from gnn.columns.views import View
from gnn.learning.blend import PULL, sigmoid
from gnn.learning.fitted import Fitted, hold_out
from gnn.model import Blend, Uncertainty
from gnn.panels.panel import Origin, Panel
from gnn.tree_walk import total

RESAMPLES = 200
SEED = 20240607
_NEWTON_STEPS = 3
#: Rows of validation that are resampled at most.
_RESAMPLED_ROWS = 100_000
#: Rows on which members are compared: a mean over so many is exact enough.
_COMPARED_ROWS = 2_000


def resampled_weights(
    parts: Sequence[NDArray[np.float64]],
    y: NDArray[np.int8],
    party: NDArray[np.integer],
    served: NDArray[np.float64],
) -> NDArray[np.float64]:
    """Base and weights, calibration included, refitted on resampled parties, float64 [resamples, 1 + parts].

    Bayesian bootstrap (Rubin 1981): every party's rows weigh Exp(1). Warm-started Newton steps from the
    ``served`` ones, which stay the centre: what their gradient on the plain rows lacks of zero (their pull
    to even weights, their bounds) is taken off every resample alike.
    """
    x = np.column_stack([np.ones(len(y)), *parts])
    ridge = np.diag([0.0, *np.full(len(parts), 2 * PULL)])
    rest = x.T @ (sigmoid(x @ served) - y)
    _, index = np.unique(party, return_inverse=True)
    generator = np.random.default_rng(SEED)
    found = np.empty((RESAMPLES, len(served)))
    for resample in range(RESAMPLES):
        weight = generator.exponential(size=int(index.max()) + 1)[index]
        at = served
        for _ in range(_NEWTON_STEPS):
            p = sigmoid(x @ at)
            gradient = x.T @ (weight * (p - y)) - rest + ridge @ (at - served)
            hessian = (x * (weight * p * (1.0 - p))[:, None]).T @ x + ridge
            at = at - np.linalg.solve(hessian, gradient)
        found[resample, 0], found[resample, 1:] = at[0], np.maximum(at[1:], 0.0)
    return found


def jackknife_spread(members: Sequence[NDArray[np.float64]]) -> float:
    """Standard deviation, in log-odds, from the log-odds of rows by models that each lack a group of parties.

    Delete-a-group jackknife, (k - 1)/k · Σ (z_k - mean)² (Efron and Stein 1981), averaged over the rows.
    """
    z = np.stack(members)
    k = len(z)
    return float(np.sqrt((k - 1) / k * ((z - z.mean(axis=0)) ** 2).sum(axis=0).mean()))


def served_weights(blend: Blend) -> NDArray[np.float64]:
    """Base and weights in the order of ``RawParts.blended_columns``, float64 [5]."""
    return np.array(
        [blend.base, blend.own_trees, blend.inherited_trees, blend.own_network, blend.inherited_network]
    )


@dataclass
class Disagreement:
    """What models that each lack a fold of the parties say of the same rows, before it is weighed.

    The members, where training held parties out; else stage 1's ensembles in place of the own part.
    ``parts``: float64 [rows, 4] a model, in the order of ``RawParts.blended_columns``.
    """

    fitted: Fitted
    parts: list[NDArray[np.float64]] = field(default_factory=list)

    def look(self, origin: Origin, view: View) -> None:
        """Take a sample of a validation day's rows; a later day takes the place of an earlier one."""
        order = np.random.default_rng(SEED).permutation(len(origin.codes))[:_COMPARED_ROWS]
        rows = np.sort(origin.codes[order])
        fitted = self.fitted
        if hold_out(fitted.members):
            self.parts = [member.columns(view, rows) for member in fitted.members]
            return
        x = view.columns.of(rows)
        none = np.zeros(len(rows))
        own = [total(trees, x) for trees in fitted.prepared.stage_1]
        self.parts = [np.column_stack([s, none, fitted.network.own_weight * s, none]) for s in own]

    def spread(self, blend: Blend) -> float:
        """Of the log-odds that ``blend`` makes of the parts."""
        return jackknife_spread([part @ served_weights(blend)[1:] for part in self.parts])


def drift_of(cases: NDArray[np.int64], bad: NDArray[np.int64]) -> float:
    """Standard deviation of the change of the bad rate between two days, in log-odds, beyond chance.

    ``cases``, ``bad``: of each day. Between-day variance by moments (DerSimonian and Laird 1986), twice,
    since both days move. Days whose windows overlap move together, so it errs on the small side there.
    """
    rate = (bad + 0.5) / (cases + 1.0)
    log_odds, weight = np.log(rate / (1.0 - rate)), cases * rate * (1.0 - rate)
    mean = (weight @ log_odds) / weight.sum()
    beyond_chance = weight @ (log_odds - mean) ** 2 - (len(cases) - 1)
    scale = weight.sum() - (weight**2).sum() / weight.sum()
    return float(np.sqrt(2.0 * max(beyond_chance, 0.0) / scale)) if scale > 0 else 0.0


def _fewer(party: NDArray[np.integer]) -> NDArray[np.bool_]:
    """Rows of so many parties that about ``_RESAMPLED_ROWS`` remain, bool [rows], by a fixed draw.

    A bootstrap of a share of the parties has the whole one's covariance divided by that share.
    """
    parties, index = np.unique(party, return_inverse=True)
    share = min(1.0, _RESAMPLED_ROWS / len(party))
    drawn = np.random.default_rng(SEED).permutation(len(parties)) < share * len(parties)
    return drawn[index]


def uncertainty_of(
    blend: Blend, columns: Sequence[NDArray[np.float64]], panel: Panel, disagreement: Disagreement
) -> Uncertainty:
    """Uncertainty of a model whose validation rows have the centred ``columns`` that ``blend`` weighs."""
    y, party = panel.labels("valid"), panel.parties("valid")
    kept = _fewer(party)
    some = [column[kept] for column in columns]
    drawn = resampled_weights(some, y[kept], party[kept], served_weights(blend))
    covariance = np.cov(drawn, rowvar=False) * kept.mean()
    learned = [*panel.of("train"), *panel.of("valid")]
    cases = np.array([len(origin.labels) for origin in learned])
    bad = np.array([origin.labels.sum() for origin in learned], np.int64)
    return Uncertainty(covariance, disagreement.spread(blend), drift_of(cases, bad))
