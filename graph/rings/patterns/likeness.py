"""How alike two claims are, and how seldom unrelated ones are as alike."""

from __future__ import annotations

from collections.abc import Iterable

import numba
import numpy as np
from numpy.typing import NDArray

from graph.rings.arrays import Floats, Int64
from graph.rings.columns.financings import Financed

#: Numbers given out at about the same time differ in about so many digits by chance.
DIGITS_BY_CHANCE = 4


@numba.njit(cache=True)  # type: ignore[untyped-decorator]
def _edit_distance(one: NDArray[np.uint8], other: NDArray[np.uint8], most: int) -> int:
    """Levenshtein distance of two texts as bytes, ``most`` where it is as large or larger."""
    if abs(len(one) - len(other)) >= most:
        return most
    row = np.arange(len(other) + 1)
    for i in range(len(one)):
        diagonal = row[0]
        row[0] = i + 1
        for j in range(len(other)):
            above = row[j + 1]
            row[j + 1] = min(above + 1, row[j] + 1, diagonal + (one[i] != other[j]))
            diagonal = above
    return min(int(row[-1]), most)


def number_distance(one: Iterable[str], other: Iterable[str]) -> Int64:
    """Edit distance of invoice numbers, ``DIGITS_BY_CHANCE`` at most."""

    def text(number: str) -> NDArray[np.uint8]:
        return np.frombuffer(number.encode(), np.uint8)

    pairs = zip(one, other, strict=True)
    return np.array([_edit_distance(text(a), text(b), DIGITS_BY_CHANCE) for a, b in pairs], np.int64)


def surprise_of(amount_apart: Floats, days_apart: Int64, digits_apart: Int64, near_days: int) -> Floats:
    """-ln of the chance that unrelated claims of a seller on a buyer come as close; float64 nats."""
    amount = np.log(np.maximum(amount_apart, 1e-3))
    day = np.log((2 * days_apart + 1) / (2 * near_days + 1))
    digits = (digits_apart - DIGITS_BY_CHANCE) * np.log(10.0)
    return np.asarray(-(amount + day + digits))


def change_surprise(financed: Financed, first: Int64, second: Int64) -> Floats:
    """-ln of the chance that the next invoice of a pair has another financier, or the same; float64 nats."""
    order = np.lexsort((financed.issued_on, financed.buyer, financed.seller))
    one, other = order[:-1], order[1:]
    follows = financed.seller[one] == financed.seller[other]
    follows &= financed.buyer[one] == financed.buyer[other]
    changes = follows & (financed.financier[one] != financed.financier[other])
    chance = (changes.sum() + 1) / (follows.sum() + 2)
    differs = financed.financier[first] != financed.financier[second]
    return np.asarray(-np.log(np.where(differs, chance, 1 - chance)))
