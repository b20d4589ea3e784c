"""Components are those of a plain search."""

from __future__ import annotations

from typing import Literal

import networkx as nx
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from graph.rings.columns.components import components


@pytest.mark.parametrize("connection", ["weak", "strong"])
@given(edges=st.lists(st.tuples(st.integers(0, 8), st.integers(0, 8)), max_size=20))
def test_components_are_those_of_a_plain_search(
    connection: Literal["weak", "strong"], edges: list[tuple[int, int]]
) -> None:
    graph = nx.DiGraph(edges)
    graph.add_nodes_from(range(9))
    plain = getattr(nx, f"{connection}ly_connected_components")(graph)
    source, target = np.array(edges, np.int64).reshape(-1, 2).T
    label = components(source, target, 9, connection)
    assert {frozenset(np.flatnonzero(label == one).tolist()) for one in label} == set(map(frozenset, plain))
