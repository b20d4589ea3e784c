"""How alike two claims are."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from graph.rings.patterns.likeness import DIGITS_BY_CHANCE, number_distance, surprise_of


def plain_distance(one: str, other: str) -> int:
    """Levenshtein's recursion as it is written down."""
    row = list(range(len(other) + 1))
    for i, a in enumerate(one, 1):
        row, above = [i], row
        for j, b in enumerate(other, 1):
            row.append(min(above[j] + 1, row[-1] + 1, above[j - 1] + (a != b)))
    return row[-1]


@given(st.lists(st.tuples(st.text("AB1", max_size=7), st.text("AB1", max_size=7)), max_size=5))
def test_number_distance_is_levenshteins_up_to_chance(pairs: list[tuple[str, str]]) -> None:
    found = number_distance([one for one, _ in pairs], [other for _, other in pairs])
    assert found.tolist() == [min(plain_distance(*pair), DIGITS_BY_CHANCE) for pair in pairs]


def test_closer_is_stranger() -> None:
    apart, days, digits = np.array([0.0, 0.01, 0.0, 0.0]), np.array([0, 0, 9, 0]), np.array([0, 0, 0, 2])
    surprise = surprise_of(apart, days, digits, 30)
    assert (surprise[1:] < surprise[0]).all()
    none = surprise_of(np.array([1.0]), np.array([30]), np.array([DIGITS_BY_CHANCE]), 30)
    assert none[0] == 0.0
