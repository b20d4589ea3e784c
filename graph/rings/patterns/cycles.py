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

import numpy as np

from graph.errors import BadInput
from graph.rings.arrays import Flags, Int64
from graph.rings.columns.components import components
from graph.rings.columns.flows import Flows
from graph.rings.columns.rows import bounds
from graph.rings.patterns.cycle_search import (
    Bounds,
    Index,
    collect_cycles,
    count_cycles,
    pair_bits,
    sort_keys,
)

#: Amounts lie in steps of the spread, but of no less than this.
_SMALLEST_STEP = 0.01
#: Bits of the hash of pairs for each transfer: about one in so many is set by another pair.
_BITS_PER_PAIR = 16


#: Longer circles are not looked for.
LONGEST = 12


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
    most_cycles: int = 1_000_000

    def __post_init__(self) -> None:
        ok = 2 <= self.shortest <= self.longest <= LONGEST and self.window_days >= 1
        if not (ok and 0 <= self.spread < 1 and self.visits_per_start >= 1 and self.most_cycles >= 1):
            raise BadInput(
                f"circles: {self} cannot be searched; expected 2 <= shortest <= longest <= {LONGEST}, "
                "window_days >= 1, 0 <= spread < 1, and a visit and a cycle at least"
            )


@dataclass(frozen=True)
class Cycles:
    """c cycles, by the position of their first transfer.

    ``rows``: int64 [c, longest], positions in the flows from first to last transfer, -1 beyond ``length``
    int64 [c]. ``broken_off``: int64 positions of transfers whose search used up its visits;
    ``not_kept``: cycles beyond ``most_cycles``.
    """

    rows: Int64
    length: Int64
    broken_off: Int64
    not_kept: int

    def __len__(self) -> int:
        return len(self.length)

    def only(self, chosen: Flags) -> Cycles:
        """The chosen cycles."""
        return Cycles(self.rows[chosen], self.length[chosen], self.broken_off, self.not_kept)


def within_components(flows: Flows, n_parties: int) -> Int64:
    """Positions of transfers between parties of one strongly connected component: all that cycles are of."""
    component = components(flows.source, flows.target, n_parties, "strong")
    apart = (component[flows.source] != component[flows.target]) | (flows.source == flows.target)
    return np.flatnonzero(~apart)


def _indexed(flows: Flows, chosen: Int64, n_parties: int, step: float) -> Index:
    source, target = flows.source[chosen], flows.target[chosen]
    first = int(flows.day[0])
    day = flows.day[chosen].astype(np.int64) - first
    amount = flows.amount[chosen].astype(np.float64)
    key = sort_keys(source, amount, day, step)
    order = np.argsort(key, kind="stable")
    indptr = bounds(np.bincount(source, minlength=n_parties))
    pairs = pair_bits(source, target, 1 << max(10, (_BITS_PER_PAIR * len(chosen)).bit_length()))
    return Index(
        key[order], source[order], target[order], day[order], amount[order], chosen[order], indptr, pairs
    )


def _share_out(counts: Int64, most: int) -> Int64:
    """``counts`` cut to the largest common limit (at least 1) that leaves ``most`` in all."""
    low, high = 1, int(counts.max(initial=1))
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if np.minimum(counts, middle).sum() <= most else (low, middle - 1)
    return np.minimum(counts, low)


def find_cycles(flows: Flows, n_parties: int, limits: Limits) -> Cycles:
    """All cycles within ``limits``; flows in order of days, as ``graph.rings.columns.flows`` gives them.

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
    within = Bounds(
        limits.shortest, limits.longest, limits.window_days, kept, step, int(index.day.max()),
        limits.visits_per_start,
    )  # fmt: skip
    counts, broken = count_cycles(index, within)
    room = _share_out(counts, limits.most_cycles)
    starts = np.flatnonzero(room)
    starts = starts[np.argsort(index.position[starts])]
    offsets = bounds(room[starts])
    found = collect_cycles(index, within, starts, offsets)
    rows = np.where(found >= 0, index.position[found], -1)
    return Cycles(
        rows, (rows >= 0).sum(axis=1), np.sort(index.position[broken]), int(counts.sum() - room.sum())
    )
