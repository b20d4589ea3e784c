"""Who is near whom over standing ties: pairs of firms within three steps.

Ways lead through people, addresses, phones, accounts and devices. Companies are not walked through (a firm
that owns both makes a declared group; the neighbour of a neighbour is no tie), and neither are hubs.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from graph.rings.arrays import Flags, Floats, Int32, Int64, Ints
from graph.rings.columns.rows import bounds, matches, ranges
from graph.rings.columns.ties import Ties, companies, ties_of
from graph.rings.wording import listing
from graph.snapshot import Snapshot

#: Ties that bring two firms near each other.
KIN_KINDS = (
    "OWNS", "CONTROLS", "LEGAL_REP_OF", "SHARES_ADDRESS", "SHARES_PHONE", "SHARES_ACCOUNT", "SHARES_DEVICE",
)  # fmt: skip
#: What ties are called in a sentence.
TIE_WORDS = {
    "OWNS": "ownership", "CONTROLS": "control", "LEGAL_REP_OF": "a legal representative",
    "SHARES_ADDRESS": "an address", "SHARES_PHONE": "a phone", "SHARES_ACCOUNT": "an account",
    "SHARES_DEVICE": "a device",
}  # fmt: skip
#: In the place of a party between where there is none.
NOBODY = np.int32(-1)


@dataclass(frozen=True)
class Paths:
    """p ways from one party of a pair to the other: ``pair`` int64 position in the pairs asked for,
    ``steps`` int8, ``first`` and ``second`` int32 codes of those between (``NOBODY``), ``commonness``
    float64: how many parties are as near over the same ones, so that 2 is the rarest tie there can be."""

    pair: Int64
    steps: NDArray[np.int8]
    first: Int32
    second: Int32
    commonness: Floats

    @property
    def discount(self) -> Floats:
        """Nats that commonness takes off a surprise: the commoner a way, the more pairs have it by chance."""
        return np.asarray(np.log(self.commonness / 2))

    def best(self) -> Paths:
        """The least common way of each pair, of equals the shortest; pairs ascending."""
        order = np.lexsort((self.second, self.first, self.steps, self.commonness, self.pair))
        return self.only(order[np.unique(self.pair[order], return_index=True)[1]])

    def only(self, chosen: Flags | Ints) -> Paths:
        """The chosen ways, in the order given."""
        return Paths(*(getattr(self, name)[chosen] for name in self.__dataclass_fields__))


@dataclass(frozen=True)
class Kinship:
    """Undirected ties as CSR over n parties: ``indptr`` int64 [n + 1], ``near`` int32 ascending by row.

    ``open`` bool [n]: parties that are walked through: no companies, and none with more than ``most_ties``.
    ``ties``: the links behind.
    """

    indptr: Int64
    near: Int32
    open: Flags
    most_ties: int
    ties: Ties

    @property
    def degree(self) -> Int64:
        """Parties tied to each party; int64 [n]."""
        return np.diff(self.indptr)

    @cached_property
    def _ways(self) -> tuple[Int64, Int32]:
        """The same with ties to open parties only; parties with more than ``most_ties`` of them have none."""
        kept = self.open[self.near]
        holder = np.repeat(np.arange(len(self.open)), self.degree)
        kept &= np.bincount(holder[kept], minlength=len(self.open))[holder] <= self.most_ties
        return bounds(np.bincount(holder[kept], minlength=len(self.open))), self.near[kept]

    def _onwards(self, codes: Int32) -> tuple[Int64, Int32]:
        """(position in ``codes``, neighbour) of every tie of ``codes`` to a party that is walked through."""
        return _step(*self._ways, codes)

    @cached_property
    def _keys(self) -> Int64:
        """One ascending number for each direction of each tie, and a last one that is none."""
        n = len(self.open)
        return np.append(np.repeat(np.arange(n), self.degree) * n + self.near, -1)

    def _tied(self, one: Int32, other: Int32) -> Flags:
        wanted = one.astype(np.int64) * len(self.open) + other
        return np.asarray(self._keys[np.searchsorted(self._keys[:-1], wanted)] == wanted)

    def around(self, codes: Int32, steps: int) -> tuple[Int64, Int32]:
        """(position in ``codes``, party) of all that are at most ``steps`` ties away; each once."""
        n, position, party = len(self.open), np.arange(len(codes)), codes
        found = []
        for step in range(steps):
            at, near = _step(self.indptr, self.near, party)
            found.append(np.unique(position[at] * n + near))
            if step + 1 < steps:
                at, party = self._onwards(party)
                position = position[at]
        key = np.unique(np.concatenate(found))
        position, party = key // n, (key % n).astype(np.int32)
        other = codes[position] != party
        return position[other], party[other]

    def paths(self, one: Int32, other: Int32, steps: int) -> Paths:
        """All ways of at most ``steps`` (1 to 3) from each of ``one`` to the ``other`` beside it."""
        found = [self._direct(one, other)]
        if steps >= 2:
            found.append(self._over_one(one, other))
        if steps >= 3:
            found.append(self._over_two(one, other))
        return Paths(
            *(np.concatenate([getattr(part, name) for part in found]) for name in Paths.__dataclass_fields__)
        )

    def _direct(self, one: Int32, other: Int32) -> Paths:
        pair = np.flatnonzero(self._tied(one, other))
        # Where all firms at an address are tied to each other, each has that many neighbours.
        crowd = np.minimum(self.degree[one[pair]], self.degree[other[pair]]) + 1.0
        nobody = np.full(len(pair), NOBODY)
        return Paths(pair, np.ones(len(pair), np.int8), nobody, nobody, crowd)

    def _over_one(self, one: Int32, other: Int32) -> Paths:
        pair, middle = self._onwards(one)
        kept = self._tied(middle, other[pair])
        pair, middle = pair[kept], middle[kept]
        nobody = np.full(len(pair), NOBODY)
        crowd = self.degree[middle].astype(np.float64)
        return Paths(pair, np.full(len(pair), 2, np.int8), middle, nobody, crowd)

    def _over_two(self, one: Int32, other: Int32) -> Paths:
        pair, first = self._onwards(one)
        position, second = self._onwards(other[pair])
        pair, first = pair[position], first[position]
        kept = self._tied(first, second)
        kept &= (first != other[pair]) & (second != one[pair])
        pair, first, second = pair[kept], first[kept], second[kept]
        crowd = np.maximum(self.degree[first] - 1.0, 1.0) * np.maximum(self.degree[second] - 1.0, 1.0) * 2.0
        return Paths(pair, np.full(len(pair), 3, np.int8), first, second, crowd)

    def _between(self, one: Ints, other: Ints) -> Int64:
        """One number for each pair, whichever way it is read."""
        return np.asarray(np.minimum(one, other).astype(np.int64) * len(self.open) + np.maximum(one, other))

    @cached_property
    def _links(self) -> tuple[Int64, Int64]:
        """Numbers of the pairs that links join, ascending, and the rows of those links."""
        pair = self._between(self.ties.source, self.ties.target)
        order = np.argsort(pair, kind="stable")
        return pair[order], self.ties.row[order]

    def rows_between(self, walk: Sequence[int]) -> list[int]:
        """Rows of the links that join each party of ``walk`` to the next."""
        pairs, rows = self._links
        wanted = self._between(np.array(walk[:-1]), np.array(walk[1:]))
        found: list[int] = np.unique(rows[matches(wanted, pairs)[1]]).tolist()
        return found

    def kinds_of(self, rows: Sequence[int]) -> str:
        """Kinds of some links, by row of the table: each once, ascending, a space between."""
        return " ".join(np.unique(self.ties.kind[np.searchsorted(self.ties.row, rows)]))


def role_between(kind: str) -> str:
    """The role of a party between two others, by its kind: people control, addresses are addresses."""
    return "controller" if kind == "person" else kind


def joined_by(kinds: str, between: Sequence[str]) -> str:
    """``an address and ownership, over NAME``: the ties of ``kinds_of`` and those ``between`` in words."""
    over = f", over {listing(between)}" if between else ""
    return listing(TIE_WORDS.get(kind, kind.lower()) for kind in kinds.split()) + over


def kinship_of(snapshot: Snapshot, most_ties: int, from_day: int) -> tuple[Kinship, tuple[str, ...]]:
    """Ties in force on some day from ``from_day`` on, and in words what is not walked through."""
    ties, n = ties_of(snapshot, KIN_KINDS), snapshot.n_parties
    ties = ties.only(ties.until >= from_day)
    keys = np.unique(
        np.concatenate(
            [ties.source.astype(np.int64) * n + ties.target, ties.target.astype(np.int64) * n + ties.source]
        )
    )
    hub = np.bincount(keys // n, minlength=n) > most_ties
    # A tie between two firms of which both have very many is an address that says nothing.
    keys = keys[~(hub[keys // n] & hub[keys % n])]
    indptr = bounds(np.bincount(keys // n, minlength=n))
    said = (
        f"{int(hub.sum()):,} parties with over {most_ties} ties (addresses, agents) were not walked through"
    )
    near, walked = (keys % n).astype(np.int32), ~hub & ~companies(snapshot)
    return Kinship(indptr, near, walked, most_ties, ties), (said,) if hub.any() else ()


def _step(indptr: Int64, near: Int32, codes: Int32) -> tuple[Int64, Int32]:
    """(position in ``codes``, neighbour) of every tie of ``codes`` in a CSR."""
    position, tie = ranges(indptr[codes], indptr[codes + 1])
    return position, near[tie]
