"""The search for cycles, compiled: depth-first from each transfer, narrowed by amount and window."""

from __future__ import annotations

from typing import NamedTuple

import numba
import numpy as np
from numpy.typing import NDArray

from graph.rings.arrays import Floats, Int32, Int64

#: Bits of a sort key: days of the calendar, and steps of amount (10**15 minor units in steps of 1 %).
_DAY_BITS, _STEP_BITS = 18, 13
#: Room for rounding where steps of amount are compared.
_SLACK = 1e-12
#: Starts that one thread takes at a time.
_STARTS = 512


class Index(NamedTuple):
    """Transfers [m] by ``key``: source, step of amount, day. ``position``: in the flows.

    ``pairs``: bits set at the hash of every (source, target): what is not set there is no transfer.
    """

    key: Int64
    source: Int32
    target: Int32
    day: Int64
    amount: Floats
    position: Int64
    indptr: Int64
    pairs: NDArray[np.uint8]


class Bounds(NamedTuple):
    """``shortest`` / ``longest`` cycles; ``window`` in days; ``kept``: share of the largest amount that the
    smallest has at least; ``step`` of ln amount; ``last_day`` of the index; ``visits``: steps a start."""

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


@numba.njit(cache=True)
def sort_keys(source, amount, day, step):  # type: ignore[no-untyped-def]
    """Source, step of amount and day as one number each; int64 [m]."""
    keys = np.empty(len(source), np.int64)
    for row in range(len(source)):
        keys[row] = ((np.int64(source[row]) << _STEP_BITS) + _step_of(amount[row], step)) << _DAY_BITS
        keys[row] += day[row]
    return keys


@numba.njit(cache=True)
def _seek(key, value, low, high):  # type: ignore[no-untyped-def]
    """First position in ``low`` … ``high`` whose key is ``value`` or more."""
    while low < high:
        middle = (low + high) // 2
        if key[middle] < value:
            low = middle + 1
        else:
            high = middle
    return low


@numba.njit(cache=True)
def _bit(source, target, n_bits):  # type: ignore[no-untyped-def]
    """Where a pair's bit lies among ``n_bits``, a power of two (multiplicative hash of Fibonacci's ratio)."""
    mixed = (np.uint64(source) << np.uint64(32) | np.uint64(target)) * np.uint64(0x9E3779B97F4A7C15)
    return np.int64(mixed >> np.uint64(24)) & (n_bits - 1)


@numba.njit(cache=True)
def pair_bits(source, target, n_bits):  # type: ignore[no-untyped-def]
    """``Index.pairs`` of ``n_bits``, a power of two of 8 or more."""
    pairs = np.zeros(n_bits // 8, np.uint8)
    for row in range(len(source)):
        bit = _bit(source[row], target[row], n_bits)
        pairs[bit >> 3] |= np.uint8(1 << (bit & 7))
    return pairs


@numba.njit(cache=True)
def _meet(pairs, source, target):  # type: ignore[no-untyped-def]
    """False where no transfer leads from source to target; nearly always true only where one does."""
    bit = _bit(source, target, 8 * len(pairs))
    return (pairs[bit >> 3] >> (bit & 7)) & 1 == 1


@numba.njit(cache=True)
def _enter(index, bounds, depth, path, step, cursor, until, until_day):  # type: ignore[no-untyped-def]
    """Point ``cursor[depth]`` at what may follow the path's last transfer in ``step[depth]`` of amount."""
    last = path[depth]
    party = np.int64(index.target[last])
    base = ((party << _STEP_BITS) + step[depth]) << _DAY_BITS
    cursor[depth] = _seek(index.key, base + index.day[last], index.indptr[party], index.indptr[party + 1])
    until[depth] = base + until_day


@numba.njit(cache=True)
def _counts_here(index, path, depth, row):  # type: ignore[no-untyped-def]
    """Whether a closed path is counted from this start: one of a single day is, from its first position."""
    start = path[0]
    if index.day[row] > index.day[start]:
        return True
    for position in range(1, depth + 1):
        if index.position[path[position]] < index.position[start]:
            return False
    return index.position[row] > index.position[start]


@numba.njit(cache=True)
def _passes(index, path, depth, party):  # type: ignore[no-untyped-def]
    """Whether the path already leads through a party (other than its source)."""
    for position in range(depth + 1):  # noqa: SIM110 - compiled
        if index.target[path[position]] == party:
            return True
    return False


@numba.njit(cache=True)
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


@numba.njit(cache=True, parallel=True)
def count_cycles(index, bounds):  # type: ignore[no-untyped-def]
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


@numba.njit(cache=True, parallel=True)
def collect_cycles(index, bounds, starts, offsets):  # type: ignore[no-untyped-def]
    """Rows of the cycles of ``starts``, those of the i-th at ``offsets[i]:offsets[i + 1]``."""
    found = np.full((offsets[-1], bounds.longest), -1, np.int64)
    for block in numba.prange((len(starts) + _STARTS - 1) // _STARTS):
        places = np.empty((5, bounds.longest), np.int64)
        for i in range(block * _STARTS, min((block + 1) * _STARTS, len(starts))):
            room = found[offsets[i] : offsets[i + 1]]
            _walk(index, bounds, starts[i], len(room), room, places)
    return found
