"""Communities of a graph: cliques are told apart, and no move is left that would gain."""

from __future__ import annotations

import networkx as nx
import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from graph.rings.patterns.communities import communities


@given(st.integers(2, 6), st.integers(4, 9), st.integers(0, 30))
def test_rings_of_cliques_are_told_apart(cliques: int, size: int, seed: int) -> None:
    graph = nx.ring_of_cliques(cliques, size) if cliques > 2 else nx.connected_caveman_graph(2, size)
    renamed = np.random.default_rng(seed).permutation(graph.number_of_nodes())
    left, right = (renamed[np.array(end)] for end in zip(*graph.edges, strict=True))
    label = communities(left, right, np.ones(len(left)), 0.6)
    for clique in range(cliques):
        assert len(set(label[renamed[clique * size : (clique + 1) * size]])) == 1
    assert len(set(label)) == cliques


@given(
    st.lists(st.tuples(st.integers(0, 12), st.integers(0, 12)), min_size=1, max_size=40), st.floats(0.05, 1)
)
def test_no_vertex_gains_by_moving(edges: list[tuple[int, int]], cost: float) -> None:
    pairs = sorted({(min(e), max(e)) for e in edges if e[0] != e[1]})
    if not pairs:
        return
    _, ends = np.unique(np.array(pairs).T, return_inverse=True)
    left, right = ends.reshape(2, -1)
    label = communities(left, right, np.ones(len(left)), cost)
    assert set(label) == set(range(len(set(label))))

    def worth(labels: np.ndarray) -> float:
        sizes = np.bincount(labels)
        return float((labels[left] == labels[right]).sum() - cost * (sizes * (sizes - 1) / 2).sum())

    # Better than all apart, and no community would be worth more in one piece with another.
    assert worth(label) >= worth(np.arange(len(label))) - 1e-9
    for one in set(label):
        for other in set(label):
            assert worth(np.where(label == one, other, label)) <= worth(label) + 1e-9
