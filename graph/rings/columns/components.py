"""Sets of vertices that edges join."""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from scipy.sparse.csgraph import connected_components


def components(
    source: NDArray[np.integer],
    target: NDArray[np.integer],
    n: int,
    connection: Literal["weak", "strong"] = "weak",
) -> NDArray[np.int32]:
    """Label of the component of each of n vertices, int32 [n]; ``strong``: those that lead to each other."""
    graph = sparse.coo_array((np.ones(len(source), np.int8), (source, target)), shape=(n, n))
    return np.asarray(connected_components(graph, connection=connection)[1], np.int32)
