"""Dense blocks of a bipartite graph are found whole."""

from __future__ import annotations

from itertools import product

import numpy as np

from graph.rings.patterns.peeling import Shape, blocks, core


def test_the_core_is_what_every_vertex_has_enough_edges_in() -> None:
    left = np.array([0, 0, 1, 1, 2, 3])
    right = np.array([0, 1, 0, 1, 1, 2])
    assert core(left, right, 2).tolist() == [True] * 4 + [False] * 2
    assert core(left[:0], right[:0], 2).tolist() == []


def test_peeling_finds_a_planted_block_of_any_size() -> None:
    random = np.random.default_rng(3)
    for size in (3, 6, 15):
        planted = np.array(list(product(range(size), range(size))))
        noise = random.integers(size, size + 400, (500, 2))
        edges = np.unique(np.concatenate([planted, noise]), axis=0)
        left, right = (np.unique(side, return_inverse=True)[1] for side in edges.T)
        of_left, of_right = blocks(left, right, np.ones(len(left)), Shape(3, 3, 0.6))
        assert of_left[0] >= 0
        assert np.flatnonzero(of_left == of_left[0]).tolist() == list(range(size))
        assert np.flatnonzero(of_right == of_left[0]).tolist() == list(range(size))
