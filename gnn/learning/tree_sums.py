"""The sum over counterparties that comes nearest to what the trees of a relation say.

Trees are no sum over counterparties, so that they alone cannot say whose doing their part is. The network's
columns are (``gnn.columns.linear_columns``): the weights with which they follow the trees' part most closely
tell how far each counterparty moves it. Scores do not depend on them.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from gnn.columns.linear_columns import linear_columns
from gnn.model import Network, ReadOut

Parts = Mapping[str, NDArray[np.float64]]

#: Squared norm of the weights of standardised columns against the mean squared error.
RIDGE = 0.01

#: Spread under which a column is constant.
_CONSTANT = 1e-9


def tree_sums(linear: Parts, trees: Parts, network: Network) -> dict[str, ReadOut]:
    """By relation, ridge least squares of the trees' part on the network's columns, over training rows.

    ``linear``: columns by relation, float64 [rows, columns], hop 1 before hop 2, NaN where unknown;
    ``trees``: log-odds by relation, float64 [rows]. Centres are those of ``network``.
    """
    return {name: _nearest(name, linear[name], part, network.read_outs[name]) for name, part in trees.items()}


def _nearest(
    name: str, columns: NDArray[np.float64], part: NDArray[np.float64], read_out: ReadOut
) -> ReadOut:
    near, far = (len(linear_columns(name, hop)) for hop in (1, 2))
    centres = np.concatenate((read_out.centres[1], read_out.centres[2]))
    x = np.nan_to_num(columns[:, : near + far] - centres, nan=0.0)
    spread = x.std(axis=0)
    varies = spread > _CONSTANT
    x = (x[:, varies] - x[:, varies].mean(axis=0)) / spread[varies]
    weights = np.zeros(near + far)
    curvature = x.T @ x / len(x) + RIDGE * np.eye(x.shape[1])
    weights[varies] = np.linalg.solve(curvature, x.T @ (part - part.mean()) / len(x)) / spread[varies]
    none = np.zeros(0)
    return ReadOut(
        weights={0: none, 1: weights[:near], 2: weights[near:]}, centres={**read_out.centres, 0: none}
    )
