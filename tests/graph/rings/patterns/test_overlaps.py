"""What is seen twice is told once, the first time."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from graph.rings.patterns.overlaps import distinct


@given(st.lists(st.frozensets(st.integers(0, 9), min_size=1), max_size=12), st.integers(1, 12))
def test_those_kept_are_those_of_a_plain_search(found: list[frozenset[int]], most: int) -> None:
    plain: list[frozenset[int]] = []
    for one in found:
        if all(2 * len(one & kept) < min(len(one), len(kept)) for kept in plain):
            plain.append(one)
    assert distinct(found, sorted, most) == plain[:most]
