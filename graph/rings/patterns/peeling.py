"""Dense blocks of a bipartite graph by greedy peeling, popular counterparties discounted (FRAUDAR).

Hooi, Song, Beutel, Shah, Shin and Faloutsos, "FRAUDAR: Bounding Graph Fraud in the Face of Camouflage",
KDD 2016: the vertex whose edges weigh least is taken away again and again, edges to popular vertices
weighing little, and the set of most weight per vertex on the way is a block. FRAUDAR then takes the block's
edges out and starts anew. Here one pass finds several: vertices are put back in reverse, those put back so
far fall into components, and a component is a block where it is denser than any block within it.
"""

from __future__ import annotations

import heapq
from dataclasses import dataclass

import numba
import numpy as np

from graph.rings.arrays import Flags, Floats, Int64


@dataclass(frozen=True)
class Shape:
    """What counts as a block: vertices on either side at least, and edges of all possible ones."""

    fewest_left: int
    fewest_right: int
    least_density: float


def core(left: Int64, right: Int64, fewest: int) -> Flags:
    """Edges left when vertices with fewer than so many edges are taken away until none is; bool [edges]."""
    kept = np.ones(len(left), np.bool_)
    while True:
        here = np.flatnonzero(kept)
        rare = np.bincount(left[here])[left[here]] < fewest
        rare |= np.bincount(right[here])[right[here]] < fewest
        if not rare.any():
            return kept
        kept[here[rare]] = False


def blocks(left: Int64, right: Int64, weight: Floats, shape: Shape) -> tuple[Int64, Int64]:
    """The block of each vertex of either side, -1 where it is in none.

    ``left`` / ``right``: int64 [edges], each pair at most once, both counted from 0 without gaps.
    """
    n_left, n_right = int(left.max(initial=-1)) + 1, int(right.max(initial=-1)) + 1
    ends = np.concatenate([left, right + n_left])
    order = np.argsort(ends, kind="stable")
    indptr = np.searchsorted(ends[order], np.arange(n_left + n_right + 1))
    others = np.concatenate([right + n_left, left])[order]
    weights = np.concatenate([weight, weight])[order]
    taken = _peel(indptr, others, weights)
    found = _label(
        indptr, others, weights, taken[::-1].copy(), n_left,
        (shape.fewest_left, shape.fewest_right, shape.least_density),
    )  # fmt: skip
    return found[:n_left], found[n_left:]


@numba.njit(cache=True)  # type: ignore[untyped-decorator]
def _peel(indptr: Int64, others: Int64, weights: Floats) -> Int64:
    """Vertices in the order in which the one of least weight is taken away."""
    n = len(indptr) - 1
    mass = np.zeros(n)
    for vertex in range(n):
        mass[vertex] = weights[indptr[vertex] : indptr[vertex + 1]].sum()
    heap = [(mass[vertex], vertex) for vertex in range(n)]
    heapq.heapify(heap)
    gone = np.zeros(n, np.bool_)
    taken = np.empty(n, np.int64)
    count = 0
    while count < n:
        held, vertex = heapq.heappop(heap)
        if gone[vertex] or held != mass[vertex]:
            continue
        gone[vertex] = True
        taken[count] = vertex
        count += 1
        for position in range(indptr[vertex], indptr[vertex + 1]):
            other = others[position]
            if not gone[other]:
                mass[other] -= weights[position]
                heapq.heappush(heap, (mass[other], other))
    return taken


@numba.njit(cache=True)  # type: ignore[untyped-decorator]
def _label(
    indptr: Int64,
    others: Int64,
    weights: Floats,
    returned: Int64,
    n_left: int,
    shape: tuple[int, int, float],
) -> Int64:
    """Put the vertices back in the order ``returned``; the block of each vertex, -1 for none.

    Component t is the one that the t-th vertex joins: components make a forest, children before parents.
    """
    n = len(returned)
    position_of = np.full(n, -1, np.int64)
    root = np.arange(n)
    parent = np.full(n, -1, np.int64)
    lefts, rights, edges = np.zeros(n, np.int64), np.zeros(n, np.int64), np.zeros(n, np.int64)
    mass, densest = np.zeros(n), np.zeros(n)
    is_block = np.zeros(n, np.bool_)
    for t in range(n):
        vertex = returned[t]
        position_of[vertex] = t
        lefts[t], rights[t] = int(vertex < n_left), int(vertex >= n_left)
        for position in range(indptr[vertex], indptr[vertex + 1]):
            child = position_of[others[position]]
            if child < 0:
                continue
            edges[t] += 1
            mass[t] += weights[position]
            while root[child] != child:
                root[child] = root[root[child]]
                child = root[child]
            if child != t:
                root[child], parent[child] = t, t
                lefts[t] += lefts[child]
                rights[t] += rights[child]
                edges[t] += edges[child]
                mass[t] += mass[child]
                densest[t] = max(densest[t], densest[child])
        density = mass[t] / (lefts[t] + rights[t])
        if (
            lefts[t] >= shape[0]
            and rights[t] >= shape[1]
            and edges[t] >= shape[2] * lefts[t] * rights[t]
            and density >= densest[t]
        ):
            is_block[t], densest[t] = True, density
    block = np.full(n, -1, np.int64)
    found = np.full(n, -1, np.int64)
    for t in range(n - 1, -1, -1):
        above = block[parent[t]] if parent[t] >= 0 else -1
        block[t] = above if above >= 0 else t if is_block[t] else -1
        found[returned[t]] = block[t]
    return found
