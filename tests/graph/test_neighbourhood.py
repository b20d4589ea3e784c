"""Neighbourhoods on plain arrays against networkx."""

from __future__ import annotations

import networkx as nx
import numpy as np
import scipy.sparse as sp
from hypothesis import given
from hypothesis import strategies as st

from graph.neighbourhood import Pairs, neighbourhood

N = 12
links = st.sets(
    st.tuples(st.integers(0, N - 1), st.integers(0, N - 1)).filter(lambda p: p[0] != p[1]), max_size=30
)


def both_ways(pairs: set[tuple[int, int]]) -> dict[str, Pairs]:
    rows, columns = np.array(sorted(pairs), int).reshape(-1, 2).T
    forward = sp.csr_matrix((np.arange(1, len(rows) + 1), (rows, columns)), shape=(N, N))

    def of(matrix: sp.csr_matrix) -> Pairs:
        matrix.sort_indices()
        return Pairs(matrix.indptr.astype(np.int64), matrix.indices.astype(np.int32), matrix.data)

    return {"A.out": of(forward), "A.in": of(forward.T.tocsr())}


@given(links, st.integers(0, N - 1), st.integers(1, 3))
def test_without_a_limit_it_is_everyone_within_the_hops(
    pairs: set[tuple[int, int]], start: int, hops: int
) -> None:
    found = neighbourhood(both_ways(pairs), start, hops, N)
    graph = nx.Graph(pairs)
    graph.add_node(start)
    distances = nx.single_source_shortest_path_length(graph, start, cutoff=hops)
    assert dict(zip(found.codes, found.hops, strict=True)) == dict(distances)
    assert found.complete
    among = {(a, b) for a, b in pairs if a in distances and b in distances}
    assert {(edge.source, edge.target) for edge in found.edges} == among
    assert len(found.edges) == len(among)


@given(links, st.integers(0, N - 1), st.integers(1, N))
def test_a_limit_keeps_the_closest_and_says_so(pairs: set[tuple[int, int]], start: int, limit: int) -> None:
    every = neighbourhood(both_ways(pairs), start, 3, N)
    found = neighbourhood(both_ways(pairs), start, 3, limit)
    assert len(found.codes) == min(limit, len(every.codes))
    assert sorted(found.hops) == found.hops
    assert found.hops == every.hops[: len(found.hops)]
    assert found.complete == (len(found.codes) == len(every.codes))


def test_the_heaviest_counterparties_come_first() -> None:
    pairs = {"A.out": Pairs(np.array([0, 3, 3, 3, 3]), np.array([1, 2, 3], np.int32), np.array([5, 900, 70]))}
    assert neighbourhood(pairs, 0, 1, 3).codes == [0, 2, 3]


def test_a_symmetric_pair_is_given_once() -> None:
    pairs = {"SAME": Pairs(np.array([0, 1, 2]), np.array([1, 0], np.int32), np.array([1, 1]))}
    edges = neighbourhood(pairs, 1, 1, 5).edges
    assert [(edge.source, edge.target) for edge in edges] == [(0, 1)]
