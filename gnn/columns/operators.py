"""Who is looked at, and with which weight: relations as decayed, row-normalised operators.

Hop 1 of relation r is A_r. Hop 2 goes one step over r and one over any relation: A_r·A_any, without the
way back to the party itself, so that nobody hears an echo of its own facts through a counterparty.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numba
import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from gnn.columns.linear_columns import ANY
from gnn.threads import by_chunks
from graph.relations import Relation
from graph.snapshot import Snapshot


@dataclass(frozen=True)
class Operator:
    """A_r as CSR over n parties: row i holds the shares of its counterparties, each row sums to 1 (or 0).

    ``weight`` float64 [m]; ``back_total`` float64 [n]: Σ weight·(the share of i in the row of the
    counterparty over any relation), the part of hop 2 that returns.
    """

    name: str
    indptr: NDArray[np.int64]
    indices: NDArray[np.int32]
    weight: NDArray[np.float64]
    back_total: NDArray[np.float64]

    @property
    def n_parties(self) -> int:
        return len(self.indptr) - 1

    def degree(self, rows: NDArray[np.int32] | None = None) -> NDArray[np.int64]:
        """Counterparties of each party, or of each of ``rows``, int64."""
        if rows is None:
            return np.diff(self.indptr)
        return self.indptr[rows + 1] - self.indptr[rows]

    def pairs_of(self, rows: NDArray[np.int32]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """The pairs of ``rows``, one row after the other, and where each row's begin, int64 [rows + 1]."""
        starts, sizes = self.indptr[rows], self.degree(rows)
        indptr = np.concatenate((np.zeros(1, np.int64), np.cumsum(sizes)))
        return indptr, np.repeat(starts - indptr[:-1], sizes) + np.arange(indptr[-1])


@numba.njit(cache=True, nogil=True)
def _gather(indptr, indices, weight, values, rows, out):  # type: ignore[no-untyped-def]
    for position in range(len(rows)):
        row = rows[position]
        out[position] = 0.0
        for pair in range(indptr[row], indptr[row + 1]):
            counterparty = indices[pair]
            share = weight[pair]
            for column in range(values.shape[1]):
                out[position, column] += share * values[counterparty, column]


@numba.njit(cache=True, nogil=True)
def _less_way_back(back_total, both, rows, out):  # type: ignore[no-untyped-def]
    k = both.shape[1] // 2
    for position in range(len(rows)):
        back = back_total[rows[position]]
        for column in range(k):
            out[position, k + column] -= back * both[rows[position], column]


@numba.njit(cache=True, nogil=True)
def _gather_known(indptr, indices, weight, values, columns, rows, out):  # type: ignore[no-untyped-def]
    """All columns are summed, of which processors do several at a time, and the wanted ones picked."""
    sums, known = np.empty(values.shape[1]), np.empty(values.shape[1])
    for position in range(len(rows)):
        row = rows[position]
        sums[:], known[:] = 0.0, 0.0
        for pair in range(indptr[row], indptr[row + 1]):
            share, given = weight[pair], values[indices[pair]]
            for column in range(len(given)):
                value = given[column]
                finite = np.isfinite(value)
                sums[column] += share * value if finite else 0.0
                known[column] += share if finite else 0.0
        for place in range(len(columns)):
            out[position, place, 0], out[position, place, 1] = sums[columns[place]], known[columns[place]]


@numba.njit(cache=True, nogil=True)
def _gather_known_two_hops(  # type: ignore[no-untyped-def]
    indptr, indices, weight, back_total, gathered, values, columns, rows, out
):
    """``gathered`` [n, k * 2]; sums as in ``_gather_known``."""
    sums = np.empty(gathered.shape[1])
    for position in range(len(rows)):
        row = rows[position]
        sums[:] = 0.0
        for pair in range(indptr[row], indptr[row + 1]):
            share, given = weight[pair], gathered[indices[pair]]
            for place in range(len(given)):
                sums[place] += share * given[place]
        for place in range(len(columns)):
            column = columns[place]
            value, finite = values[row, column], np.isfinite(values[row, column])
            out[position, place, 0] = sums[2 * column] - (back_total[row] * value if finite else 0.0)
            out[position, place, 1] = sums[2 * column + 1] - (back_total[row] if finite else 0.0)


@numba.njit(cache=True, nogil=True)
def _gather_pairs(indptr, weight, values, rows, out):  # type: ignore[no-untyped-def]
    for position in range(len(rows)):
        row = rows[position]
        out[position] = 0.0
        for pair in range(indptr[row], indptr[row + 1]):
            for column in range(values.shape[1]):
                out[position, column] += weight[pair] * values[pair, column]


@numba.njit(cache=True, nogil=True)
def _count_paths(indptr, indices, any_indptr, rows, out):  # type: ignore[no-untyped-def]
    for position in range(len(rows)):
        row, paths = rows[position], 0
        for pair in range(indptr[row], indptr[row + 1]):
            counterparty = indices[pair]
            paths += any_indptr[counterparty + 1] - any_indptr[counterparty] - 1
        out[position] = paths


@numba.njit(cache=True, nogil=True)
def _returning(first, last, indptr, indices, weight, any_indptr, any_indices, any_back, total):  # type: ignore[no-untyped-def]
    """Rows and their counterparties ascend on both sides, so one walk along both finds every pair."""
    for row in range(first, last):
        at, end = any_indptr[row], any_indptr[row + 1]
        for pair in range(indptr[row], indptr[row + 1]):
            while at < end and any_indices[at] < indices[pair]:
                at += 1
            if at < end and any_indices[at] == indices[pair]:
                total[row] += weight[pair] * any_back[at]


@numba.njit(cache=True, nogil=True)
def _shares(first, last, indptr, weight, out):  # type: ignore[no-untyped-def]
    for row in range(first, last):
        in_all = 0.0
        for pair in range(indptr[row], indptr[row + 1]):
            in_all += weight[pair]
        for pair in range(indptr[row], indptr[row + 1]):
            out[pair] = weight[pair] / in_all if in_all > 0 else 0.0


def gather(
    operator: Operator, values: NDArray[np.floating[Any]], rows: NDArray[np.int32]
) -> NDArray[np.float64]:
    """A_r·values for the given rows: values [n, k] to float64 [rows, k]; NaN is not allowed."""
    out = np.empty((len(rows), values.shape[1]))

    def fill(chunk: slice) -> None:
        _gather(operator.indptr, operator.indices, operator.weight, values, rows[chunk], out[chunk])

    by_chunks(len(rows), fill)
    return out


def gather_known(
    operator: Operator, values: NDArray[np.float32], columns: NDArray[np.int64], rows: NDArray[np.int32]
) -> NDArray[np.float32]:
    """A_r·values over what is known, and the weight of what is known, float32 [rows, columns, 2].

    ``values`` [n, k], NaN where unknown; ``columns``: which of the k.
    """
    out = np.empty((len(rows), len(columns), 2), np.float32)
    pairs = (operator.indptr, operator.indices, operator.weight)
    if len(columns):
        by_chunks(len(rows), lambda chunk: _gather_known(*pairs, values, columns, rows[chunk], out[chunk]))
    return out


def gather_known_two_hops(
    operator: Operator,
    gathered: NDArray[np.float32],
    values: NDArray[np.float32],
    columns: NDArray[np.int64],
    rows: NDArray[np.int32],
) -> NDArray[np.float32]:
    """``gather_known`` over both hops without the way back; ``gathered``: everybody's, over any relation."""
    out = np.empty((len(rows), len(columns), 2), np.float32)
    pairs = (operator.indptr, operator.indices, operator.weight, operator.back_total)
    side_by_side = gathered.reshape(len(gathered), -1)

    def fill(chunk: slice) -> None:
        _gather_known_two_hops(*pairs, side_by_side, values, columns, rows[chunk], out[chunk])

    if len(columns):
        by_chunks(len(rows), fill)
    return out


def gather_pairs(
    operator: Operator, values: NDArray[np.float64], rows: NDArray[np.int32]
) -> NDArray[np.float64]:
    """Σ over a row's pairs of weight times what the pair carries: values [m, k] to float64 [rows, k]."""
    out = np.empty((len(rows), values.shape[1]))
    pairs = (operator.indptr, operator.weight)
    by_chunks(len(rows), lambda chunk: _gather_pairs(*pairs, values, rows[chunk], out[chunk]))
    return out


def gather_hops(
    operator: Operator, both: NDArray[np.float64], rows: NDArray[np.int32]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """A_r·values and (A_r·A_any - way back)·values for the given rows, each float64 [rows, k].

    ``both`` [n, 2k]: the values of every party and, beside them, A_any·values, so that a counterparty's row
    is fetched once.
    """
    sums, k = gather(operator, both, rows), both.shape[1] // 2
    _less_way_back(operator.back_total, both, rows, sums)
    return sums[:, :k], sums[:, k:]


def count_paths(operator: Operator, over_any: Operator, rows: NDArray[np.int32]) -> NDArray[np.float64]:
    """Two-hop paths of each row that do not return to it, float64 [rows]."""
    out = np.empty(len(rows))
    pairs = (operator.indptr, operator.indices, over_any.indptr)
    by_chunks(len(rows), lambda chunk: _count_paths(*pairs, rows[chunk], out[chunk]))
    return out


def _normalised(indptr: NDArray[np.integer], weight: NDArray[np.float64]) -> NDArray[np.float64]:
    out, bounds = np.empty_like(weight), indptr.astype(np.int64)
    by_chunks(len(indptr) - 1, lambda rows: _shares(rows.start, rows.stop, bounds, weight, out))
    return out


def stakes(relation: Relation) -> NDArray[np.float64]:
    """What each pair has at stake lately, float64 [m]: its amount, or its rows (or declared weight).

    Where others state amounts, rows without one count for the relation's average: who buys most weighs most.
    """
    rows = np.maximum(relation.recent_strength, 1e-9)
    stated = relation.recent_amount > 0
    if not stated.any():
        return rows
    average = float(relation.recent_amount[stated].sum()) / float(rows[stated].sum())
    return np.where(stated, relation.recent_amount, rows * average)


def _union(shares: Sequence[sp.csr_matrix], n: int) -> sp.csr_matrix:
    def of_rows(rows: slice) -> sp.csr_matrix:
        union = sp.csr_matrix((rows.stop - rows.start, n))
        for share in shares:
            union = union + share[rows]
        union.sort_indices()
        return union

    return sp.vstack(by_chunks(n, of_rows), format="csr")


def operators(snapshot: Snapshot) -> dict[str, Operator]:
    """Every relation of ``snapshot`` as an operator, by name, and ``any``, their union (last).

    In ``any`` each relation of a party counts the same; without relations it has no pairs.
    """
    n = snapshot.n_parties
    shares: dict[str, sp.csr_matrix] = {}
    for name, relation in snapshot.relations.items():
        weight = _normalised(relation.indptr, stakes(relation))
        shares[name] = sp.csr_matrix((weight, relation.indices, relation.indptr), shape=(n, n))
    union = _union(list(shares.values()), n)
    union.data = _normalised(union.indptr, union.data)
    shares[ANY] = union
    back = union.T.tocsr()
    indptrs = {name: relation.indptr for name, relation in snapshot.relations.items()}
    indptrs[ANY] = union.indptr.astype(np.int64)
    return {name: _with_way_back(name, indptrs[name], share, back) for name, share in shares.items()}


def _with_way_back(
    name: str, indptr: NDArray[np.int64], share: sp.csr_matrix, back: sp.csr_matrix
) -> Operator:
    """``back``: row i holds the shares of i in the rows of others over any relation."""
    indices, total = share.indices.astype(np.int32, copy=False), np.zeros(len(indptr) - 1)
    pairs = (indptr, indices, share.data, back.indptr, back.indices, back.data)
    by_chunks(len(indptr) - 1, lambda rows: _returning(rows.start, rows.stop, *pairs, total))
    return Operator(name, indptr, indices, share.data, total)


def kinds_of(relations: Mapping[str, Relation]) -> set[str]:
    """Kinds behind the relations: ``SUPPLIES.out`` and ``SUPPLIES.in`` are one."""
    return {relation.kind for relation in relations.values()}
