"""Boosted trees as plain arrays: exact sums by group, and by column along the path, without lightgbm.

A tree's contribution to a row is its leaf's value minus its root's, so that an ensemble is
``base + Σ groups`` with parts near zero on the training rows; along the path the same difference is the sum
of the changes at each split, credited to the split's column (path attribution; exact, no sampling).
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any

import numba
import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Trees:
    """Trees over c columns, all nodes in one array a field, tree after tree, each from its root on.

    ``roots`` int32 [trees], ``group`` int32 [trees]: the only group whose columns the tree uses.
    Per node: ``column`` int32 (-1: leaf), ``threshold`` float64 (left where value <= threshold), ``left`` /
    ``right`` int32 positions (-1: none), ``missing_left`` int8 (1 or 0: where NaN goes; -1: NaN counts as 0),
    ``value`` float64 (a leaf's output; a split's mean output over its training rows).
    """

    roots: NDArray[np.int32]
    group: NDArray[np.int32]
    column: NDArray[np.int32]
    threshold: NDArray[np.float64]
    left: NDArray[np.int32]
    right: NDArray[np.int32]
    missing_left: NDArray[np.int8]
    value: NDArray[np.float64]

    @property
    def base(self) -> float:
        """Σ of root values: the ensemble's mean output on its training rows."""
        return float(self.value[self.roots].sum())

    def arrays(self) -> dict[str, NDArray[Any]]:
        """All arrays by field name."""
        return {field.name: getattr(self, field.name) for field in fields(self)}

    def of_group(self, group: int, first_column: int = 0) -> Trees:
        """The trees of one group alone, over columns counted from ``first_column``."""
        kept = self.group == group
        ends = np.append(self.roots[1:], len(self.column))
        mine = np.zeros(len(self.column), bool)
        for root, end in zip(self.roots[kept], ends[kept], strict=True):
            mine[root:end] = True
        moved = (np.cumsum(mine) - 1).astype(np.int32)
        chosen = Trees(
            roots=moved[self.roots[kept]],
            group=self.group[kept],
            column=self.column[mine],
            threshold=self.threshold[mine],
            left=np.where(self.left[mine] >= 0, moved[self.left[mine]], -1).astype(np.int32),
            right=np.where(self.right[mine] >= 0, moved[self.right[mine]], -1).astype(np.int32),
            missing_left=self.missing_left[mine],
            value=self.value[mine],
        )
        return chosen.shifted(-first_column)

    def shifted(self, columns: int) -> Trees:
        """The same trees over columns that start ``columns`` further right."""
        column = np.where(self.column >= 0, self.column + columns, -1).astype(np.int32)
        return Trees(**{**self.arrays(), "column": column})

    def scaled(self, factor: float) -> Trees:
        """The same trees with every output times ``factor``."""
        return Trees(**{**self.arrays(), "value": self.value * factor})


def join(ensembles: list[Trees]) -> Trees:
    """One ensemble whose output is the sum of all."""
    if not ensembles:
        empty = np.zeros(0, np.int32)
        none = np.zeros(0, np.float64)
        return Trees(empty, empty, empty, none, empty, empty, np.zeros(0, np.int8), none)
    shifts = np.cumsum([0, *(len(trees.column) for trees in ensembles)])
    parts: dict[str, list[NDArray[Any]]] = {}
    for trees, shift in zip(ensembles, shifts, strict=False):
        for name, values in trees.arrays().items():
            moved = values
            if name in ("roots", "left", "right"):
                moved = np.where(values >= 0, values + np.int32(shift), -1).astype(np.int32)
            parts.setdefault(name, []).append(moved)
    return Trees(**{name: np.concatenate(values) for name, values in parts.items()})


#: Rows that walk down a tree side by side.
_ROWS = 64


@numba.njit(cache=True)
def _paths(roots, column, threshold, left, right, missing_left):  # type: ignore[no-untyped-def]
    """Trees made for walking without branches: per node its column, its children (right, left) and whether
    NaN goes left, where a leaf leads back to itself; and the depth of each tree."""
    n = len(column)
    taken, child = np.zeros(n, np.int32), np.empty((n, 2), np.int32)
    nan_left, level, depth = np.zeros(n, np.bool_), np.zeros(n, np.int32), np.zeros(len(roots), np.int32)
    for tree in range(len(roots)):
        end = roots[tree + 1] if tree + 1 < len(roots) else n
        for node in range(roots[tree], end):
            if column[node] < 0:
                child[node] = node
                depth[tree] = max(depth[tree], level[node])
            else:
                taken[node] = column[node]
                child[node, 0], child[node, 1] = right[node], left[node]
                level[left[node]] = level[right[node]] = level[node] + 1
                nan_left[node] = missing_left[node] == 1 or (missing_left[node] < 0 and threshold[node] >= 0)
    return taken, child, nan_left, depth


@numba.njit(cache=True, parallel=True)
def _sum(x, roots, depth, column, threshold, child, nan_left, value, out):  # type: ignore[no-untyped-def]
    for block in numba.prange((len(x) + _ROWS - 1) // _ROWS):
        start = block * _ROWS
        size = min(_ROWS, len(x) - start)
        node = np.empty(_ROWS, np.int32)
        for tree in range(len(roots)):
            node[:] = roots[tree]
            for _ in range(depth[tree]):
                for row in range(size):
                    at = node[row]
                    given = x[start + row, column[at]]
                    goes_left = (given <= threshold[at]) | ((given != given) & nan_left[at])
                    node[row] = child[at, np.int64(goes_left)]
            for row in range(size):
                out[start + row] += value[node[row]] - value[roots[tree]]


@numba.njit(cache=True, parallel=True)
def _sum_by_column(  # type: ignore[no-untyped-def]
    x, roots, depth, column, threshold, child, nan_left, value, out
):
    for block in numba.prange((len(x) + _ROWS - 1) // _ROWS):
        start = block * _ROWS
        size = min(_ROWS, len(x) - start)
        node = np.empty(_ROWS, np.int32)
        for tree in range(len(roots)):
            node[:] = roots[tree]
            for _ in range(depth[tree]):
                for row in range(size):
                    at = node[row]
                    given = x[start + row, column[at]]
                    goes_left = (given <= threshold[at]) | ((given != given) & nan_left[at])
                    after = child[at, np.int64(goes_left)]
                    out[start + row, column[at]] += value[after] - value[at]
                    node[row] = after


def _walked(trees: Trees) -> tuple[NDArray[Any], ...]:
    column, child, nan_left, depth = _paths(
        trees.roots, trees.column, trees.threshold, trees.left, trees.right, trees.missing_left
    )
    return trees.roots, depth, column, trees.threshold, child, nan_left, trees.value


def total(trees: Trees, x: NDArray[np.float32]) -> NDArray[np.float64]:
    """Σ over trees of leaf - root, float64 [rows]; add ``trees.base`` for the raw score."""
    out = np.zeros(len(x))
    _sum(x, *_walked(trees), out)
    return out


def total_by_column(trees: Trees, x: NDArray[np.float32]) -> NDArray[np.float64]:
    """``total`` by the column of each split on the path, float64 [rows, columns]; rows sum to ``total``."""
    out = np.zeros(x.shape)
    _sum_by_column(x, *_walked(trees), out)
    return out
