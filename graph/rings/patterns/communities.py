"""Communities of an undirected weighted graph, of a size that does not depend on that of the graph.

The constant Potts model (Traag, Van Dooren and Nesterov, "Narrow scope for resolution-limit-free community
detection", Physical Review E 84, 2011): a community is worth the weight inside it less ``cost`` for each
pair of its members. Modularity cannot see small communities in a large graph, this can. It is raised as
Louvain does (Blondel, Guillaume, Lambiotte and Lefebvre 2008): each vertex moves to the neighbouring
community where it is worth most, until none moves; then communities are the vertices of the next level.
"""

from __future__ import annotations

import numba
import numpy as np
from scipy import sparse

from graph.rings.arrays import Floats, Int32, Int64

#: Levels of communities of communities; visits of each vertex on one level.
MOST_LEVELS = 8
MOST_VISITS = 20


def communities(left: Int64, right: Int64, weight: Floats, cost: float) -> Int64:
    """The community of each vertex, counted from 0 without gaps; same edges, same communities.

    ``left`` / ``right``: int64 [edges], each unordered pair of different vertices at most once, vertices
    counted from 0 without gaps; ``weight``: above 0.
    """
    n = int(max(left.max(initial=-1), right.max(initial=-1))) + 1
    graph = sparse.csr_array((weight, (left, right)), shape=(n, n))
    graph = (graph + graph.T).tocsr()
    found, members = np.arange(n), np.ones(n, np.int64)
    for _ in range(MOST_LEVELS):
        moved = _moved(graph.indptr, graph.indices, graph.data, members, cost)
        labels, moved = np.unique(moved, return_inverse=True)
        found = moved[found]
        if len(labels) == len(members):
            break
        members = np.bincount(moved, members).astype(np.int64)
        into = sparse.csr_array(
            (np.ones(len(moved)), (np.arange(len(moved)), moved)), shape=(len(moved), len(labels))
        )
        graph = (into.T @ graph @ into).tocsr()
        graph.setdiag(0)
        graph.eliminate_zeros()
    return np.asarray(found, np.int64)


@numba.njit(cache=True)  # type: ignore[untyped-decorator]
def _moved(
    indptr: Int32,
    indices: Int32,
    weights: Floats,
    members: Int64,
    cost: float,
) -> Int64:
    """Communities of one level: each vertex is visited again after a neighbour has moved."""
    n = len(members)
    community, size = np.arange(n), members.copy()
    inside = np.zeros(n)
    queue, queued = np.arange(n), np.ones(n, np.bool_)
    first, waiting, visits = 0, n, MOST_VISITS * n
    while waiting and visits:
        vertex = queue[first]
        first, waiting, visits = (first + 1) % n, waiting - 1, visits - 1
        queued[vertex] = False
        own = community[vertex]
        for position in range(indptr[vertex], indptr[vertex + 1]):
            inside[community[indices[position]]] += weights[position]
        best, worth = own, inside[own] - cost * members[vertex] * (size[own] - members[vertex])
        for position in range(indptr[vertex], indptr[vertex + 1]):
            other = community[indices[position]]
            value = inside[other] - cost * members[vertex] * size[other]
            if other != own and value > worth + 1e-12:
                best, worth = other, value
        for position in range(indptr[vertex], indptr[vertex + 1]):
            inside[community[indices[position]]] = 0.0
        inside[own] = 0.0
        if best == own:
            continue
        size[own] -= members[vertex]
        size[best] += members[vertex]
        community[vertex] = best
        for position in range(indptr[vertex], indptr[vertex + 1]):
            other = indices[position]
            if not queued[other] and community[other] != best:
                queue[(first + waiting) % n] = other
                queued[other] = True
                waiting += 1
    return community
