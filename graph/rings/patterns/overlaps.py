"""Sightings of the same: what is seen in one window is seen in the next one as well."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from itertools import islice
from typing import TypeVar

import numpy as np

Seen = TypeVar("Seen")


def distinct(found: Iterable[Seen], parts: Callable[[Seen], Sequence[int]], most: int) -> list[Seen]:
    """Of those that share half of the parts of the smaller one, the first; ``most`` in all.

    ``parts``: each once. Time: for every part, those kept that have it.
    """
    holding: dict[int, list[int]] = {}
    sizes: list[int] = []

    def is_new(one: Seen) -> bool:
        mine = parts(one)
        shared = np.bincount([kept for part in mine for kept in holding.get(part, ())])
        if any(2 * shared[kept] >= min(len(mine), sizes[kept]) for kept in np.flatnonzero(shared)):
            return False
        for part in mine:
            holding.setdefault(part, []).append(len(sizes))
        sizes.append(len(mine))
        return True

    return list(islice(filter(is_new, found), most))
