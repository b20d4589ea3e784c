"""Boosted trees as plain arrays, and what they say of some of their columns alone.

Of a row of which some columns alone are known a tree says its mean over where the rest could lead, each way
weighed by its share of the training rows (Friedman 2001, "Greedy function approximation", section 8.2).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Any

import numba
import numpy as np
from numpy.typing import NDArray

#: What stands for the column of a node that splits on none, or on one that is not known.
LEAF, AVERAGED = -1, -2


@dataclass(frozen=True)
class Trees:
    """Trees over c columns, all nodes in one array a field, tree after tree, each from its root on: first
    what lies left of a split, then what lies right.

    ``roots`` int32 [trees]. Per node: ``column`` int32 (``LEAF``; ``AVERAGED``: a split on a column that is
    not known, both ways are taken), ``threshold`` float64 (left where value <= threshold), ``left`` /
    ``right`` int32 positions (-1: none), ``missing_left`` int8 (1 or 0: where NaN goes; -1: NaN counts as 0),
    ``share`` float64 (of a split's training rows that went left), ``value`` float64 (a leaf's output; a
    split's mean output over its training rows).
    """

    roots: NDArray[np.int32]
    column: NDArray[np.int32]
    threshold: NDArray[np.float64]
    left: NDArray[np.int32]
    right: NDArray[np.int32]
    missing_left: NDArray[np.int8]
    share: NDArray[np.float64]
    value: NDArray[np.float64]

    @property
    def base(self) -> float:
        """Σ of root values: the ensemble's mean output on its training rows."""
        return float(self.value[self.roots].sum())

    def arrays(self) -> dict[str, NDArray[Any]]:
        """All arrays by field name."""
        return {field.name: getattr(self, field.name) for field in fields(self)}

    def reading(self, known: NDArray[np.bool_], among: NDArray[np.bool_] | None = None) -> Trees:
        """What the trees say of the ``known`` columns (bool [columns]) alone, which are counted anew.

        Trees without a split on them, or on any of those ``among`` them, are left out: they say nothing.
        """
        split_on = self.column >= 0
        wanted = known if among is None else among
        uses = _any_of_tree(self.roots, split_on & wanted[self.column])
        kept, alive = _kept(self.roots, self.left, self.right, split_on & known[self.column], uses)
        moved = (np.cumsum(kept) - 1).astype(np.int32)
        number = np.where(known, np.cumsum(known) - 1, AVERAGED)
        column = np.where(split_on, number[self.column], AVERAGED)
        inner = alive[kept]
        return Trees(
            roots=moved[self.roots[kept[self.roots]]],
            column=np.where(inner, column[kept], LEAF).astype(np.int32),
            threshold=self.threshold[kept],
            left=np.where(inner, moved[self.left[kept]], -1).astype(np.int32),
            right=np.where(inner, moved[self.right[kept]], -1).astype(np.int32),
            missing_left=self.missing_left[kept],
            share=self.share[kept],
            value=self.value[kept],
        )

    def shifted(self, columns: int) -> Trees:
        """The same trees over columns that start ``columns`` further right."""
        column = np.where(self.column >= 0, self.column + columns, self.column).astype(np.int32)
        return Trees(**{**self.arrays(), "column": column})

    def scaled(self, factor: float) -> Trees:
        """The same trees with every output times ``factor``."""
        return Trees(**{**self.arrays(), "value": self.value * factor})


def join(ensembles: list[Trees]) -> Trees:
    """One ensemble whose output is the sum of all."""
    if not ensembles:
        empty = np.zeros(0, np.int32)
        none = np.zeros(0, np.float64)
        return Trees(empty, empty, none, empty, empty, np.zeros(0, np.int8), none, none)
    shifts = np.cumsum([0, *(len(trees.column) for trees in ensembles)])
    parts: dict[str, list[NDArray[Any]]] = {}
    for trees, shift in zip(ensembles, shifts, strict=False):
        for name, values in trees.arrays().items():
            moved = values
            if name in ("roots", "left", "right"):
                moved = np.where(values >= 0, values + np.int32(shift), -1).astype(np.int32)
            parts.setdefault(name, []).append(moved)
    return Trees(**{name: np.concatenate(values) for name, values in parts.items()})


def mean(ensembles: Sequence[Trees]) -> Trees:
    """One ensemble whose output is the mean of all; needs one at least."""
    return join(list(ensembles)).scaled(1.0 / len(ensembles))


def _any_of_tree(roots: NDArray[np.int32], nodes: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Which trees have any of ``nodes`` (bool [nodes]), bool [trees]."""
    before = np.append(0, np.cumsum(nodes))
    found: NDArray[np.bool_] = before[np.append(roots[1:], len(nodes))[: len(roots)]] > before[roots]
    return found


@numba.njit(cache=True)
def _kept(roots, left, right, known, uses):  # type: ignore[no-untyped-def]
    """Nodes that remain where trees are read by their ``known`` splits, and those of them that stay splits.

    Both bool [nodes]. Below a node without a known split nothing is to be decided: it becomes a leaf.
    """
    kept, alive = np.zeros(len(left), np.bool_), known.copy()
    for node in range(len(left) - 1, -1, -1):
        if left[node] >= 0:
            alive[node] |= alive[left[node]] or alive[right[node]]
    for tree in range(len(roots)):
        kept[roots[tree]] = uses[tree] and alive[roots[tree]]
    for node in range(len(left)):
        if kept[node] and alive[node]:
            kept[left[node]] = kept[right[node]] = True
    return kept, alive
