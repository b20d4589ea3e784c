"""Time-respecting cycles in flows: what leaves a party comes back, hop by hop, little changed in amount.

A cycle of length k is k transfers of which each ends where the next begins, the last one at the source of the
first; no party twice; days never descend from the first to the last and lie within ``window_days``; the
smallest amount is at least ``1 - spread`` of the largest. Simple temporal cycles after Kumar and Calders,
"2SCENT: an efficient algorithm to enumerate all simple temporal cycles", PVLDB 11(11), 2018; the search here
is a depth-first one from every transfer as a cycle's first, which amount and window keep narrow. Days have no
hours: among transfers of one day, any order counts.

Transfers are kept by source, amount (in steps of the spread) and day, so that a step of the search reads
only what may follow. A search that takes more than ``visits_per_start`` steps is broken off, and told.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numba
import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from graph.rings.flows import Flows

#: Bits of a sort key: days of the calendar, and steps of amount (10**15 minor units in steps of 1 %).
_DAY_BITS, _STEP_BITS = 18, 13
#: Amounts lie in steps of the spread, but of no less than this.
_SMALLEST_STEP = 0.01
#: Bits of the hash of pairs for each transfer: about one in so many is set by another pair.
_BITS_PER_PAIR = 16
#: Room for rounding where steps of amount are compared.
_SLACK = 1e-12
#: Starts that one thread takes at a time.
_STARTS = 512


@dataclass(frozen=True)
class Limits:
    """What counts as a cycle, and how far it is looked for.

    ``shortest`` / ``longest``: transfers; ``spread``: (largest - smallest) / largest amount;
    ``visits_per_start``: steps of the search from one transfer; ``most_cycles``: kept in all.
    """

    shortest: int = 2
    longest: int = 6
    window_days: int = 60
    spread: float = 0.10
    visits_per_start: int = 20_000
    most_cycles: int = 2_000_000


@dataclass(frozen=True)
class Cycles:
    """c cycles, by the position of their first transfer.

    ``rows``: int64 [c, longest], positions in the flows from first to last transfer, -1 beyond ``length``
    int64 [c]. ``broken_off``: int64 positions of transfers whose search used up its visits;
    ``not_kept``: cycles beyond ``most_cycles``.
    """

    rows: NDArray[np.int64]
    length: NDArray[np.int64]
    broken_off: NDArray[np.int64]
    not_kept: int

    def __len__(self) -> int:
        return len(self.length)

    def only(self, chosen: NDArray[np.bool_]) -> Cycles:
        """The chosen cycles."""
        return Cycles(self.rows[chosen], self.length[chosen], self.broken_off, self.not_kept)


class _Index(NamedTuple):
    """Transfers [m] by ``key``: source, step of amount, day. ``position``: in the flows.

    ``pairs``: bits set at the hash of every (source, target): what is not set there is no transfer.
    """

    key: NDArray[np.int64]
    source: NDArray[np.int32]
    target: NDArray[np.int32]
    day: NDArray[np.int64]
    amount: NDArray[np.float64]
    position: NDArray[np.int64]
    indptr: NDArray[np.int64]
    pairs: NDArray[np.uint8]


class _Bounds(NamedTuple):
    shortest: int
    longest: int
    window: int
    kept: float
    step: float
    last_day: int
    visits: int


@numba.njit(cache=True)  # type: ignore[untyped-decorator]
def _step_of(amount: float, step: float) -> int:
    return int(np.log(amount) / step)


@numba.njit(cache=True)  # type: ignore[untyped-decorator]
def _keys(source, amount, day, step):  # type: ignore[no-untyped-def]
    keys = np.empty(len(source), np.int64)
    for row in range(len(source)):
        keys[row] = ((np.int64(source[row]) << _STEP_BITS) + _step_of(amount[row], step)) << _DAY_BITS
        keys[row] += day[row]
    return keys


@numba.njit(cache=True)  # type: ignore[untyped-decorator]
def _seek(key, value, low, high):  # type: ignore[no-untyped-def]
    """First position in ``low`` … ``high`` whose key is ``value`` or more."""
    while low < high:
        middle = (low + high) // 2
        if key[middle] < value:
            low = middle + 1
        else:
            high = middle
    return low


@numba.njit(cache=True)  # type: ignore[untyped-decorator]
def _bit(source, target, n_bits):  # type: ignore[no-untyped-def]
    """Where a pair's bit lies among ``n_bits``, a power of two (multiplicative hash of Fibonacci's ratio)."""
    mixed = (np.uint64(source) << np.uint64(32) | np.uint64(target)) * np.uint64(0x9E3779B97F4A7C15)
    return np.int64(mixed >> np.uint64(24)) & (n_bits - 1)


@numba.njit(cache=True)  # type: ignore[untyped-decorator]
def _pair_bits(source, target, n_bits):  # type: ignore[no-untyped-def]
    pairs = np.zeros(n_bits // 8, np.uint8)
    for row in range(len(source)):
        bit = _bit(source[row], target[row], n_bits)
        pairs[bit >> 3] |= np.uint8(1 << (bit & 7))
    return pairs


@numba.njit(cache=True)  # type: ignore[untyped-decorator]
def _meet(pairs, source, target):  # type: ignore[no-untyped-def]
    """False where no transfer leads from source to target; nearly always true only where one does."""
    bit = _bit(source, target, 8 * len(pairs))
    return (pairs[bit >> 3] >> (bit & 7)) & 1 == 1


@numba.njit(cache=True)  # type: ignore[untyped-decorator]
def _enter(index, bounds, depth, path, step, cursor, until, until_day):  # type: ignore[no-untyped-def]
    """Point ``cursor[depth]`` at what may follow the path's last transfer in ``step[depth]`` of amount."""
    last = path[depth]
    party = np.int64(index.target[last])
    base = ((party << _STEP_BITS) + step[depth]) << _DAY_BITS
    cursor[depth] = _seek(index.key, base + index.day[last], index.indptr[party], index.indptr[party + 1])
    until[depth] = base + until_day


@numba.njit(cache=True)  # type: ignore[untyped-decorator]
def _counts_here(index, path, depth, row):  # type: ignore[no-untyped-def]
    """Whether a closed path is counted from this start: one of a single day is, from its first position."""
    start = path[0]
    if index.day[row] > index.day[start]:
        return True
    for position in range(1, depth + 1):
        if index.position[path[position]] < index.position[start]:
            return False
    return index.position[row] > index.position[start]


@numba.njit(cache=True)  # type: ignore[untyped-decorator]
def _passes(index, path, depth, party):  # type: ignore[no-untyped-def]
    """Whether the path already leads through a party (other than its source)."""
    for position in range(depth + 1):  # noqa: SIM110 - compiled
        if index.target[path[position]] == party:
            return True
    return False


@numba.njit(cache=True)  # type: ignore[untyped-decorator]
def _walk(index, bounds, start, most, found, places):  # type: ignore[no-untyped-def]
    """Cycles that begin with transfer ``start``: (their number, whether visits ran out).

    The first ``most`` are written to ``found`` [most, longest]; ``places``: int64 [5, longest], room to work.
    """
    path, step, last_step, cursor, until = places
    low, high = np.empty(bounds.longest), np.empty(bounds.longest)
    home, count = index.source[start], 0
    until_day = min(index.day[start] + bounds.window, bounds.last_day)
    depth, path[0] = 0, start
    low[0] = high[0] = index.amount[start]
    visits, entering = 0, True
    while depth >= 0:
        visits += 1
        if visits > bounds.visits:
            return count, True
        if entering:
            step[depth] = _step_of(max(1.0, high[depth] * bounds.kept * (1 - _SLACK)), bounds.step)
            last_step[depth] = _step_of(low[depth] / bounds.kept * (1 + _SLACK), bounds.step)
            _enter(index, bounds, depth, path, step, cursor, until, until_day)
            entering = False
        row = cursor[depth]
        if row >= len(index.key) or index.key[row] > until[depth]:
            if step[depth] < last_step[depth]:
                step[depth] += 1
                _enter(index, bounds, depth, path, step, cursor, until, until_day)
            else:
                depth -= 1
            continue
        cursor[depth] += 1
        smallest, largest = min(low[depth], index.amount[row]), max(high[depth], index.amount[row])
        if smallest < bounds.kept * largest:
            continue
        party = index.target[row]
        if party == home:
            if depth + 2 >= bounds.shortest and _counts_here(index, path, depth, row):
                if count < most:
                    found[count, : depth + 1] = path[: depth + 1]
                    found[count, depth + 1] = row
                count += 1
        elif depth + 2 < bounds.longest and not _passes(index, path, depth, party):
            # The last transfer must lead home: most parties never do business there.
            if depth + 3 == bounds.longest and not _meet(index.pairs, party, home):
                continue
            depth += 1
            path[depth], low[depth], high[depth] = row, smallest, largest
            entering = True
    return count, False


@numba.njit(cache=True, parallel=True)  # type: ignore[untyped-decorator]
def _count(index, bounds):  # type: ignore[no-untyped-def]
    """Cycles that begin with each transfer, and whether its visits ran out."""
    m = len(index.key)
    counts, broken = np.zeros(m, np.int64), np.zeros(m, np.bool_)
    blocks = (m + _STARTS - 1) // _STARTS
    for block in numba.prange(blocks):
        places = np.empty((5, bounds.longest), np.int64)
        nowhere = np.empty((0, bounds.longest), np.int64)
        # Strided: the starts of a busy party, which lie together, are shared out.
        for start in range(block, m, blocks):
            counts[start], broken[start] = _walk(index, bounds, start, 0, nowhere, places)
    return counts, broken


@numba.njit(cache=True, parallel=True)  # type: ignore[untyped-decorator]
def _collect(index, bounds, starts, offsets):  # type: ignore[no-untyped-def]
    """Rows of the cycles of ``starts``, those of the i-th at ``offsets[i]:offsets[i + 1]``."""
    found = np.full((offsets[-1], bounds.longest), -1, np.int64)
    for block in numba.prange((len(starts) + _STARTS - 1) // _STARTS):
        places = np.empty((5, bounds.longest), np.int64)
        for i in range(block * _STARTS, min((block + 1) * _STARTS, len(starts))):
            room = found[offsets[i] : offsets[i + 1]]
            _walk(index, bounds, starts[i], len(room), room, places)
    return found


def within_components(flows: Flows, n_parties: int) -> NDArray[np.int64]:
    """Positions of transfers between parties of one strongly connected component: all that cycles are of."""
    ones = np.ones(len(flows), np.int8)
    graph = coo_array((ones, (flows.source, flows.target)), shape=(n_parties, n_parties)).tocsr()
    _, component = connected_components(graph, directed=True, connection="strong")
    apart = (component[flows.source] != component[flows.target]) | (flows.source == flows.target)
    return np.flatnonzero(~apart)


def _indexed(flows: Flows, chosen: NDArray[np.int64], n_parties: int, step: float) -> _Index:
    source, target = flows.source[chosen], flows.target[chosen]
    first = int(flows.day[0])
    day = flows.day[chosen].astype(np.int64) - first
    amount = flows.amount[chosen].astype(np.float64)
    key = _keys(source, amount, day, step)
    order = np.argsort(key, kind="stable")
    ends = np.cumsum(np.bincount(source, minlength=n_parties))
    indptr = np.concatenate([np.zeros(1, np.int64), ends.astype(np.int64)])
    pairs = _pair_bits(source, target, 1 << max(10, (_BITS_PER_PAIR * len(chosen)).bit_length()))
    return _Index(
        key[order], source[order], target[order], day[order], amount[order], chosen[order], indptr, pairs
    )


def _share_out(counts: NDArray[np.int64], most: int) -> NDArray[np.int64]:
    """``counts`` cut to the largest common limit (at least 1) that leaves ``most`` in all."""
    low, high = 1, int(counts.max(initial=1))
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if np.minimum(counts, middle).sum() <= most else (low, middle - 1)
    return np.minimum(counts, low)


def find_cycles(flows: Flows, n_parties: int, limits: Limits) -> Cycles:
    """All cycles within ``limits``; flows in order of days, as ``graph.rings.flows`` gives them.

    Time: transfers x steps taken from each, at most ``visits_per_start``. Memory: 60 bytes a transfer and 50
    a cycle.
    """
    empty = np.zeros(0, np.int64)
    chosen = within_components(flows, n_parties) if len(flows) else empty
    if not len(chosen):
        return Cycles(np.zeros((0, limits.longest), np.int64), empty, empty, 0)
    kept = 1.0 - limits.spread
    step = max(-np.log(kept), _SMALLEST_STEP)
    index = _indexed(flows, chosen, n_parties, step)
    bounds = _Bounds(
        limits.shortest, limits.longest, limits.window_days, kept, step, int(index.day.max()),
        limits.visits_per_start,
    )  # fmt: skip
    counts, broken = _count(index, bounds)
    room = _share_out(counts, limits.most_cycles)
    starts = np.flatnonzero(room)
    starts = starts[np.argsort(index.position[starts])]
    offsets = np.concatenate([np.zeros(1, np.int64), np.cumsum(room[starts])])
    found = _collect(index, bounds, starts, offsets)
    rows = np.where(found >= 0, index.position[found], -1)
    return Cycles(
        rows, (rows >= 0).sum(axis=1), np.sort(index.position[broken]), int(counts.sum() - room.sum())
    )
