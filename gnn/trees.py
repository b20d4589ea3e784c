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

from gnn.threads import threads_for


@dataclass(frozen=True)
class Trees:
    """Trees over c columns, all nodes in one array a field, tree after tree, each from its root on: first
    what lies left of a split, then what lies right.

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


#: Rows that are decided side by side.
_ROWS = 64

#: Leaves of a tree are the bits of one word.
MAX_LEAVES = 32

#: Multiplied by a word with one bit set, its top five bits are another number for each bit.
_DE_BRUIJN = np.uint64(0x077CB531)
_LOW_WORD = np.uint64(0xFFFFFFFF)
_ALL = np.uint32(0xFFFFFFFF)


@dataclass(frozen=True)
class _Decisions:
    """Trees as decisions that are all taken, in any order (Lucchese et al. 2015, QuickScorer): a split that
    goes right strikes the leaves to its left off, and the first leaf that is left is where the row ends.

    ``first`` int32 [trees + 1]: where a tree's splits begin. Per split: ``column`` int32 (a position in
    ``used``), ``threshold`` float32, ``nan_left``, ``kept`` uint32 the leaves that stay when it goes right.
    By leaf, in ``MAX_LEAVES`` slots a tree: ``leaf`` float64, its value less the root's.
    """

    used: NDArray[np.int64]
    first: NDArray[np.int32]
    column: NDArray[np.int32]
    threshold: NDArray[np.float32]
    nan_left: NDArray[np.bool_]
    kept: NDArray[np.uint32]
    leaf: NDArray[np.float64]


@numba.njit(cache=True)
def _slot(leaf):  # type: ignore[no-untyped-def]
    return (((np.uint64(1) << np.uint64(leaf)) * _DE_BRUIJN) & _LOW_WORD) >> np.uint64(27)


@numba.njit(cache=True)
def _struck_off(roots, column, left, right, value, first, kept, leaf):  # type: ignore[no-untyped-def]
    """Fill ``first``, ``kept`` (of splits, in order) and ``leaf``; returns the most leaves of a tree."""
    n, split, most = len(column), 0, 0
    before = np.zeros(n + 1, np.int64)  # leaves of the tree in front of a node
    for tree in range(len(roots)):
        end, leaves = roots[tree + 1] if tree + 1 < len(roots) else n, 0
        for node in range(roots[tree], end):
            before[node] = leaves
            if column[node] < 0:
                if leaves < MAX_LEAVES:
                    leaf[tree, _slot(leaves)] = value[node] - value[roots[tree]]
                leaves += 1
        most = max(most, leaves)
        for node in range(roots[tree], end):
            if column[node] >= 0:
                kept[split] = _ALL
                for struck in range(before[left[node]], min(before[right[node]], MAX_LEAVES)):
                    kept[split] &= ~(np.uint32(1) << np.uint32(struck))
                split += 1
        first[tree + 1] = split
    return most


def _decisions(trees: Trees) -> _Decisions:
    splits = trees.column >= 0
    first, kept = np.zeros(len(trees.roots) + 1, np.int32), np.zeros(int(splits.sum()), np.uint32)
    leaf = np.zeros((len(trees.roots), MAX_LEAVES))
    most = _struck_off(trees.roots, trees.column, trees.left, trees.right, trees.value, first, kept, leaf)
    if most > MAX_LEAVES:
        raise ValueError(f"a tree has {most} leaves; at most {MAX_LEAVES} can be walked")
    used, column = np.unique(trees.column[splits], return_inverse=True)
    exact, missing_left = trees.threshold[splits], trees.missing_left[splits]
    with np.errstate(over="ignore"):
        threshold = exact.astype(np.float32)
    # Values are float32: no value lies between a threshold and the largest float32 that is not above it.
    threshold = np.where(threshold > exact, np.nextafter(threshold, np.float32(-np.inf)), threshold)
    nan_left = (missing_left == 1) | ((missing_left < 0) & (exact >= 0))
    return _Decisions(used.astype(np.int64), first, column.astype(np.int32), threshold, nan_left, kept, leaf)


@numba.njit(cache=True)
def _slots(side, first, last, column, threshold, nan_left, kept, left_over, slots):  # type: ignore[no-untyped-def]
    """The slot of the leaf each row of ``side`` [columns, rows] ends in, by splits ``first`` to ``last``."""
    for row in range(_ROWS):
        left_over[row] = _ALL
    for split in range(first, last):
        at, keeps, values = threshold[split], kept[split], side[column[split]]
        if nan_left[split]:
            for row in range(_ROWS):
                left_over[row] &= keeps if values[row] > at else _ALL
        else:
            for row in range(_ROWS):
                left_over[row] &= _ALL if values[row] <= at else keeps
    for row in range(_ROWS):
        word = np.uint64(left_over[row])
        lowest = word & (~word + np.uint64(1))
        slots[row] = ((lowest * _DE_BRUIJN) & _LOW_WORD) >> np.uint64(27)


@numba.njit(cache=True)
def _side_by_side(x, start, size, used, side):  # type: ignore[no-untyped-def]
    """The used columns of some rows, column by column."""
    for row in range(size):
        for position in range(len(used)):
            side[position, row] = x[start + row, used[position]]


@numba.njit(cache=True, parallel=True)
def _sum(x, used, first, column, threshold, nan_left, kept, leaf, out):  # type: ignore[no-untyped-def]
    for block in numba.prange((len(x) + _ROWS - 1) // _ROWS):
        start = block * _ROWS
        size = min(_ROWS, len(x) - start)
        side = np.zeros((len(used), _ROWS), np.float32)
        left_over, slots = np.empty(_ROWS, np.uint32), np.empty(_ROWS, np.int64)
        sums = np.zeros(_ROWS)
        _side_by_side(x, start, size, used, side)
        for tree in range(len(first) - 1):
            _slots(side, first[tree], first[tree + 1], column, threshold, nan_left, kept, left_over, slots)
            for row in range(_ROWS):
                sums[row] += leaf[tree, slots[row]]
        out[start : start + size] = sums[:size]


@numba.njit(cache=True)
def _credits(roots, column, left, right, value, ends, position, credit):  # type: ignore[no-untyped-def]
    """By leaf (tree by tree, in slots): the columns of the path to it, and how much each changed the value.

    Fills ``ends`` int64 [trees·slots, 2] (where a leaf's entries begin and end), ``position``, ``credit``.
    """
    n, filled = len(column), 0
    parent = np.full(n, -1, np.int64)
    for tree in range(len(roots)):
        end, leaves = roots[tree + 1] if tree + 1 < len(roots) else n, 0
        for node in range(roots[tree], end):
            if column[node] >= 0:
                parent[left[node]] = parent[right[node]] = node
                continue
            at, begin = node, filled
            while parent[at] >= 0:
                above, entry = parent[at], begin
                while entry < filled and position[entry] != column[above]:
                    entry += 1
                if entry == filled:
                    position[entry], credit[entry] = column[above], 0.0
                    filled += 1
                credit[entry] += value[at] - value[above]
                at = above
            slot = np.int64(_slot(leaves))
            ends[tree * MAX_LEAVES + slot, 0], ends[tree * MAX_LEAVES + slot, 1] = begin, filled
            leaves += 1


@numba.njit(cache=True, parallel=True)
def _sum_by_column(  # type: ignore[no-untyped-def]
    x, used, first, column, threshold, nan_left, kept, ends, position, credit, out
):
    for block in numba.prange((len(x) + _ROWS - 1) // _ROWS):
        start = block * _ROWS
        size = min(_ROWS, len(x) - start)
        side = np.zeros((len(used), _ROWS), np.float32)
        left_over, slots = np.empty(_ROWS, np.uint32), np.empty(_ROWS, np.int64)
        _side_by_side(x, start, size, used, side)
        for tree in range(len(first) - 1):
            _slots(side, first[tree], first[tree + 1], column, threshold, nan_left, kept, left_over, slots)
            for row in range(size):
                leaf = tree * MAX_LEAVES + slots[row]
                for entry in range(ends[leaf, 0], ends[leaf, 1]):
                    out[start + row, position[entry]] += credit[entry]


def total(trees: Trees, x: NDArray[np.float32]) -> NDArray[np.float64]:
    """Σ over trees of leaf - root, float64 [rows]; add ``trees.base`` for the raw score.

    Raises ``ValueError`` where a tree has more than ``MAX_LEAVES`` leaves.
    """
    out, made = np.zeros(len(x)), _decisions(trees)
    splits = (made.column, made.threshold, made.nan_left, made.kept)
    with threads_for(len(x)):
        _sum(x, made.used, made.first, *splits, made.leaf, out)
    return out


def total_by_column(trees: Trees, x: NDArray[np.float32]) -> NDArray[np.float64]:
    """``total`` by the column of each split on the path, float64 [rows, columns]; rows sum to ``total``."""
    out, made = np.zeros(x.shape), _decisions(trees)
    ends = np.zeros((len(trees.roots) * MAX_LEAVES, 2), np.int64)
    # No leaf lies deeper than its tree has splits.
    most = int((np.diff(made.first).astype(np.int64) * (np.diff(made.first) + 1)).sum())
    position, credit = np.zeros(most, np.int32), np.zeros(most)
    _credits(trees.roots, trees.column, trees.left, trees.right, trees.value, ends, position, credit)
    splits = (made.column, made.threshold, made.nan_left, made.kept)
    with threads_for(len(x)):
        _sum_by_column(x, made.used, made.first, *splits, ends, position, credit, out)
    return out
