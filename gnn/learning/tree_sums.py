"""The sum over counterparties that comes nearest to what the trees of a relation say.

Trees are no sum over counterparties, so that they alone cannot say whose doing their part is. The network's
columns are (``gnn.columns.linear_columns``): the weights with which they follow the trees' part most closely
tell how far each counterparty moves it. Scores do not depend on them. The centres are what the average row
has, of every column: a sum that hardly varies, as how far two hops reach, may get a large weight, and only
what a party has beyond the average may be called its counterparties' doing.
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
    ``trees``: log-odds by relation, float64 [rows]. Centres are those of ``network``, and means of ``linear``
    where a column has none there.
    """
    return {name: _nearest(name, linear[name], part, network.read_outs[name]) for name, part in trees.items()}


def _nearest(
    name: str, columns: NDArray[np.float64], part: NDArray[np.float64], read_out: ReadOut
) -> ReadOut:
    near, both = linear_columns(name, 1), (*linear_columns(name, 1), *linear_columns(name, 2))
    x = columns[:, : len(both)]
    centred = np.array([column.centred for column in both])
    centres = np.concatenate((read_out.centres[1], read_out.centres[2]))
    centres[~centred] = np.nan_to_num(x[:, ~centred]).mean(axis=0)
    x = np.nan_to_num(x - centres, nan=0.0)
    spread = x.std(axis=0)
    varies = spread > _CONSTANT
    x = (x[:, varies] - x[:, varies].mean(axis=0)) / spread[varies]
    weights = np.zeros(len(both))
    curvature = x.T @ x / len(x) + RIDGE * np.eye(x.shape[1])
    weights[varies] = np.linalg.solve(curvature, x.T @ (part - part.mean()) / len(x)) / spread[varies]
    return ReadOut(weights=_by_hop(weights, len(near)), centres=_by_hop(centres, len(near)))


def _by_hop(values: NDArray[np.float64], near: int) -> dict[int, NDArray[np.float64]]:
    return {0: values[:0], 1: values[:near], 2: values[near:]}
