"""Walking boosted trees without lightgbm: exact sums over trees, and by column along the path.

A tree's contribution to a row is its leaf's value minus its root's, so that an ensemble is ``base + parts``
with parts near zero on the training rows; along the path the same difference is the sum of the changes at
each split, credited to the split's column (path attribution; exact, no sampling).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numba
import numpy as np
from numpy.typing import NDArray

from gnn.threads import by_chunks
from gnn.trees import AVERAGED, LEAF, Trees

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
    """Trees as decisions that are all taken, in any order (after Lucchese et al. 2015, QuickScorer): a split
    strikes off the leaves on the side where a row does not go. What is left is the leaf where the row ends;
    of a tree with averaged splits, all leaves where it could end.

    ``first`` int32 [trees + 1]: where a tree's splits begin. Per split: ``column`` int32 (a position in
    ``used``), ``threshold`` float32, ``nan_left``, ``kept`` uint32 [splits, 2] the leaves that stay when it
    goes left and when it goes right. ``leaves`` int32 [trees]: of a tree with averaged splits, 0 of others.
    By leaf, in ``MAX_LEAVES`` slots a tree: ``leaf`` float64, its value less the root's, times the share of
    rows that averaged splits send to it.
    """

    used: NDArray[np.int64]
    first: NDArray[np.int32]
    column: NDArray[np.int32]
    threshold: NDArray[np.float32]
    nan_left: NDArray[np.bool_]
    kept: NDArray[np.uint32]
    leaves: NDArray[np.int32]
    leaf: NDArray[np.float64]


@numba.njit(cache=True)
def _slot(leaf):  # type: ignore[no-untyped-def]
    return (((np.uint64(1) << np.uint64(leaf)) * _DE_BRUIJN) & _LOW_WORD) >> np.uint64(27)


@numba.njit(cache=True)
def _weights(column, left, right, share):  # type: ignore[no-untyped-def]
    """The share of rows that averaged splits send to each node, float64 [nodes]."""
    weight = np.ones(len(column))
    for node in range(len(column)):
        if left[node] >= 0:
            averaged = column[node] == AVERAGED
            weight[left[node]] = weight[node] * (share[node] if averaged else 1.0)
            weight[right[node]] = weight[node] * (1.0 - share[node] if averaged else 1.0)
    return weight


@numba.njit(cache=True)
def _struck_off(roots, column, left, right, value, weight, first, kept, leaves, leaf):  # type: ignore[no-untyped-def]
    """Fill ``first``, ``kept`` (of splits, in order), ``leaves`` and ``leaf``; returns the most leaves."""
    n, split, most = len(column), 0, 0
    under = np.zeros(n, np.uint32)  # the leaves below a node
    for tree in range(len(roots)):
        end, found, averaged = roots[tree + 1] if tree + 1 < len(roots) else n, 0, False
        for node in range(roots[tree], end):
            averaged |= column[node] == AVERAGED
            if column[node] == LEAF:
                if found < MAX_LEAVES:
                    under[node] = np.uint32(1) << np.uint32(found)
                    leaf[tree, _slot(found)] = weight[node] * (value[node] - value[roots[tree]])
                found += 1
        most, leaves[tree] = max(most, found), found if averaged else 0
        for node in range(end - 1, roots[tree] - 1, -1):
            if column[node] != LEAF:
                under[node] = under[left[node]] | under[right[node]]
        for node in range(roots[tree], end):
            if column[node] >= 0:
                kept[split, 0], kept[split, 1] = ~under[right[node]], ~under[left[node]]
                split += 1
        first[tree + 1] = split
    return most


def _decisions(trees: Trees) -> _Decisions:
    splits = trees.column >= 0
    first, kept = np.zeros(len(trees.roots) + 1, np.int32), np.zeros((int(splits.sum()), 2), np.uint32)
    leaves, leaf = np.zeros(len(trees.roots), np.int32), np.zeros((len(trees.roots), MAX_LEAVES))
    weight = _weights(trees.column, trees.left, trees.right, trees.share)
    nodes = (trees.roots, trees.column, trees.left, trees.right, trees.value)
    most = _struck_off(*nodes, weight, first, kept, leaves, leaf)
    if most > MAX_LEAVES:
        raise ValueError(f"a tree has {most} leaves; at most {MAX_LEAVES} can be walked")
    used, column = np.unique(trees.column[splits], return_inverse=True)
    exact, missing_left = trees.threshold[splits], trees.missing_left[splits]
    with np.errstate(over="ignore"):
        threshold = exact.astype(np.float32)
    # Values are float32: no value lies between a threshold and the largest float32 that is not above it.
    threshold = np.where(threshold > exact, np.nextafter(threshold, np.float32(-np.inf)), threshold)
    nan_left = (missing_left == 1) | ((missing_left < 0) & (exact >= 0))
    return _Decisions(
        used.astype(np.int64), first, column.astype(np.int32), threshold, nan_left, kept, leaves, leaf
    )


@numba.njit(cache=True)
def _left_over(side, first, last, column, threshold, nan_left, kept, left_over):  # type: ignore[no-untyped-def]
    """The leaves that splits ``first`` to ``last`` leave to each row of ``side`` [columns, rows]."""
    for row in range(_ROWS):
        left_over[row] = _ALL
    for split in range(first, last):
        at, to_left, to_right, values = threshold[split], kept[split, 0], kept[split, 1], side[column[split]]
        if nan_left[split]:
            for row in range(_ROWS):
                left_over[row] &= to_right if values[row] > at else to_left
        else:
            for row in range(_ROWS):
                left_over[row] &= to_left if values[row] <= at else to_right


@numba.njit(cache=True)
def _slots(left_over, slots):  # type: ignore[no-untyped-def]
    """The slot of the first leaf that is left to each row."""
    for row in range(_ROWS):
        word = np.uint64(left_over[row])
        lowest = word & (~word + np.uint64(1))
        slots[row] = ((lowest * _DE_BRUIJN) & _LOW_WORD) >> np.uint64(27)


@numba.njit(cache=True)
def _side_by_side(x, more, start, size, used, side):  # type: ignore[no-untyped-def]
    """The used columns of some rows, column by column: of ``x``, and of ``more`` after its last."""
    within = x.shape[1]
    for row in range(size):
        for position in range(len(used)):
            column = used[position]
            if column < within:
                side[position, row] = x[start + row, column]
            else:
                side[position, row] = more[start + row, column - within]


@numba.njit(cache=True, nogil=True)
def _sum(x, more, rows, used, first, column, threshold, nan_left, kept, leaves, leaf, out):  # type: ignore[no-untyped-def]
    side = np.zeros((len(used), _ROWS), np.float32)
    left_over, slots = np.empty(_ROWS, np.uint32), np.empty(_ROWS, np.uint32)
    sums = np.empty(_ROWS)
    for start in range(rows[0], rows[1], _ROWS):
        size = min(_ROWS, rows[1] - start)
        sums[:] = 0.0
        _side_by_side(x, more, start, size, used, side)
        for tree in range(len(first) - 1):
            _left_over(side, first[tree], first[tree + 1], column, threshold, nan_left, kept, left_over)
            for possible in range(leaves[tree]):
                value, is_left = leaf[tree, _slot(possible)], np.uint32(1) << np.uint32(possible)
                for row in range(_ROWS):
                    sums[row] += value if left_over[row] & is_left else 0.0
            if not leaves[tree]:
                _slots(left_over, slots)
                for row in range(_ROWS):
                    sums[row] += leaf[tree, slots[row]]
        out[start : start + size] = sums[:size]


@numba.njit(cache=True, nogil=True)
def _sum_by_column(  # type: ignore[no-untyped-def]
    x, more, rows, used, first, column, threshold, nan_left, kept, change, out
):
    side = np.zeros((len(used), _ROWS), np.float32)
    left_over, sums = np.empty(_ROWS, np.uint32), np.empty((len(used), _ROWS), change.dtype)
    nothing = change.dtype.type(0)
    for start in range(rows[0], rows[1], _ROWS):
        size = min(_ROWS, rows[1] - start)
        sums[:] = nothing
        _side_by_side(x, more, start, size, used, side)
        for tree in range(len(first) - 1):
            _left_over(side, first[tree], first[tree + 1], column, threshold, nan_left, kept, left_over)
            for split in range(first[tree], first[tree + 1]):
                on_left, on_right = ~kept[split, 1], ~kept[split, 0]
                to_left, to_right, credit = change[split, 0], change[split, 1], sums[column[split]]
                for row in range(_ROWS):
                    credit[row] += to_left if left_over[row] & on_left else nothing
                    credit[row] += to_right if left_over[row] & on_right else nothing
        for row in range(size):
            for position in range(len(used)):
                out[start + row, used[position]] = sums[position, row]


#: What trees say of rows from their columns, float32 [rows, columns].
Walk = Callable[[NDArray[np.float32]], NDArray[np.float64]]

#: The same by column, [rows, columns].
WalkByColumn = Callable[[NDArray[np.float32]], NDArray[Any]]

#: The same as the first where columns come in two matrices, one after the other.
WalkBeyond = Callable[[NDArray[np.float32], NDArray[np.float32]], NDArray[np.float64]]


def _walk(trees: Trees) -> WalkBeyond:
    made = _decisions(trees)
    splits = (made.used, made.first, made.column, made.threshold, made.nan_left, made.kept, made.leaves)

    def walked(x: NDArray[np.float32], more: NDArray[np.float32]) -> NDArray[np.float64]:
        out = np.zeros(len(x))
        by_chunks(len(x), lambda rows: _sum(x, more, (rows.start, rows.stop), *splits, made.leaf, out))
        return out

    return walked


def _none(x: NDArray[np.float32]) -> NDArray[np.float32]:
    return np.empty((len(x), 0), np.float32)


def walk(trees: Trees) -> Walk:
    """``total`` of ``trees``, made ready once for many rows."""
    walked = _walk(trees)
    return lambda x: walked(x, _none(x))


def walk_beyond(trees: Trees, known: int) -> WalkBeyond:
    """``total_beyond`` of ``trees`` over ``known`` columns and more, made ready once for many rows."""
    everything = _walk(trees)
    first = walk(trees.reading(np.arange(trees.column.max(initial=1) + 1) < known))
    return lambda x, more: everything(x, more) - first(x)


def walk_by_column(trees: Trees, precision: type[np.floating[Any]] = np.float64) -> WalkByColumn:
    """``total_by_column`` of ``trees``, made ready once for many rows, summed up in ``precision``.

    Single precision takes half the time and is off by some 1e-6.
    """
    made = _decisions(trees)
    # A split that is reached changes the value to that of the side it leads to; an averaged one changes
    # nothing: its value is the mean of where it leads.
    weight = _weights(trees.column, trees.left, trees.right, trees.share)
    nodes = np.flatnonzero(trees.column >= 0)
    ends = np.stack((trees.left[nodes], trees.right[nodes]), axis=1)
    credit = (weight[nodes, None] * (trees.value[ends] - trees.value[nodes, None])).astype(precision)
    splits = (made.used, made.first, made.column, made.threshold, made.nan_left, made.kept)

    def walked(x: NDArray[np.float32]) -> NDArray[Any]:
        out = np.zeros(x.shape, precision)
        by_chunks(
            len(x), lambda rows: _sum_by_column(x, _none(x), (rows.start, rows.stop), *splits, credit, out)
        )
        return out

    return walked


def total(trees: Trees, x: NDArray[np.float32]) -> NDArray[np.float64]:
    """Σ over trees of leaf - root, float64 [rows]; add ``trees.base`` for the raw score.

    Raises ``ValueError`` where a tree has more than ``MAX_LEAVES`` leaves.
    """
    return walk(trees)(x)


def total_beyond(trees: Trees, x: NDArray[np.float32], more: NDArray[np.float32]) -> NDArray[np.float64]:
    """What the columns of ``x`` and those of ``more`` after them say beyond ``x`` alone, float64 [rows]."""
    return walk_beyond(trees, x.shape[1])(x, more)


def total_by_column(trees: Trees, x: NDArray[np.float32]) -> NDArray[np.float64]:
    """``total`` by the column of each split on the path, float64 [rows, columns]; rows sum to ``total``."""
    return walk_by_column(trees)(x)
