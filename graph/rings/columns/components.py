"""Sets of vertices that edges join."""

from __future__ import annotations

from typing import Literal

import numpy as np
from scipy import sparse
from scipy.sparse.csgraph import connected_components

from graph.rings.arrays import Int32, Ints


def components(
    source: Ints,
    target: Ints,
    n: int,
    connection: Literal["weak", "strong"] = "weak",
) -> Int32:
    """Label of the component of each of n vertices, int32 [n]; ``strong``: those that lead to each other."""
    graph = sparse.coo_array((np.ones(len(source), np.int8), (source, target)), shape=(n, n))
    return np.asarray(connected_components(graph, connection=connection)[1], np.int32)
