"""Shapes that guarantees make on one day: circles and chains, and how rare chance makes each of them.

Numbers expected by chance are those of random directed graphs of given degrees (Newman, Strogatz and Watts
2001): onwards^k / k circles of k, count x onwards^(k - 1) chains of k guarantees.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from graph.rings.arrays import Int32, Int64
from graph.rings.columns.ties import Ties

#: Guarantees are taken to lead on to at most so many others each: above, everything hangs together.
MOST_ONWARDS = 0.9


@dataclass(frozen=True)
class Crowd:
    """All guarantees in force on a day: ``count``, ``onwards`` each is expected to lead to by chance,
    ``density``: the share of all ordered pairs of parties that have one, and ``span_days`` over which nine
    tenths of them were given."""

    count: int
    onwards: float
    density: float
    span_days: float

    def closeness(self, since: Int32) -> float:
        """Surprise of so many days lying so close together, were they drawn from the span; nats."""
        k, part = len(since), min((float(since.max() - since.min()) + 1) / self.span_days, 1.0)
        return float(-np.log(k * part ** (k - 1) - (k - 1) * part**k))


@dataclass(frozen=True)
class Candidate:
    """Guarantees ``links`` (rows of the table) that belong together on a day, ``surprise`` in nats.

    ``parties``: codes, in order of a chain.
    """

    shape: str
    parties: tuple[int, ...]
    links: Int64
    on: int
    surprise: float


def crowd_of(ties: Ties, n: int) -> Crowd:
    """Figures of the guarantees in force on a day, among n parties."""
    given, taken = np.bincount(ties.source, minlength=n), np.bincount(ties.target, minlength=n)
    onwards = float((given * taken).sum() / max(len(ties), 1))
    active = int(((given > 0) | (taken > 0)).sum())
    first, last = np.quantile(ties.since, [0.05, 0.95]) if len(ties) else (0.0, 0.0)
    return Crowd(
        len(ties),
        float(np.clip(onwards, 1e-6, MOST_ONWARDS)),
        len(ties) / max(active, 1) ** 2,
        float(last - first) + 1,
    )


def circles_in(ties: Ties, label: Int32, on: int, crowd: Crowd) -> Iterator[Candidate]:
    """Strongly connected sets of the guarantees in force on a day.

    Surprise: minus the logarithm of the number of circles of k expected by chance; every guarantee inside
    beyond those k adds the rarity of one more, and all of them how close together they were given.
    """
    inside = np.flatnonzero(label[ties.source] == label[ties.target])
    inside = inside[np.argsort(label[ties.source[inside]], kind="stable")]
    if not len(inside):
        return
    for links in np.split(inside, np.flatnonzero(np.diff(label[ties.source[inside]])) + 1):
        members = np.unique(ties.source[links])
        k = len(members)
        pairs = len(np.unique(ties.source[links].astype(np.int64) << 32 | ties.target[links]))
        surprise = -k * np.log(crowd.onwards) + np.log(k)
        surprise += (pairs - k) * max(-np.log(k * k * crowd.density), 0.0) + crowd.closeness(
            ties.since[links]
        )
        yield Candidate("circle", tuple(members.tolist()), ties.row[links], on, float(surprise))


def depths(source: Int32, target: Int32, n: int, most: int) -> Int32:
    """Links of the longest chain that ends with each party, at most ``most``; round a circle they count on.
    int32 [n]."""
    depth = np.zeros(n, np.int32)
    for _ in range(most):
        longer = depth.copy()
        np.maximum.at(longer, target, depth[source] + 1)
        if (longer == depth).all():
            break
        depth = longer
    return depth


def chains_in(ties: Ties, on: int, lengths: tuple[int, int], crowd: Crowd, n: int) -> Iterator[Candidate]:
    """Longest chains of guarantees that are on no circle, no party in two of them.

    ``lengths``: fewest guarantees of a chain, and most that are followed. Surprise: minus the logarithm of
    the number of such chains expected by chance, and how close together the guarantees were given.
    """
    shortest, longest = lengths
    depth = depths(ties.source, ties.target, n, longest)
    # The guarantee by which the chain into each party is longest.
    best = np.full(n, -1, np.int64)
    leading = np.flatnonzero(depth[ties.source] + 1 == depth[ties.target])
    best[ties.target[leading]] = leading
    ends = np.flatnonzero(depth >= shortest)
    taken: set[int] = set()
    for end in ends[np.argsort(-depth[ends], kind="stable")].tolist():
        walk, at = [], end
        while at not in taken and best[at] >= 0:
            taken.add(at)
            walk.append(int(best[at]))
            at = int(ties.source[walk[-1]])
        # A chain that runs into one that was told already is told without the party they meet at.
        chain = np.array(walk[::-1] if at not in taken else walk[-2::-1], np.int64)
        if len(chain) >= shortest:
            parties = (int(ties.source[chain[0]]), *ties.target[chain].tolist())
            taken.add(parties[0])
            surprise = -(len(chain) - 1) * np.log(crowd.onwards) - np.log(crowd.count)
            surprise += crowd.closeness(ties.since[chain])
            yield Candidate("chain", parties, ties.row[chain], on, max(float(surprise), 0.0))


def distinct(candidates: list[Candidate]) -> list[Candidate]:
    """Those that share less than half of their parties with a more striking one: days repeat each other."""
    candidates.sort(key=lambda one: (-one.surprise, -one.on, one.parties))
    kept: list[Candidate] = []
    found_with: dict[int, list[int]] = {}
    for candidate in candidates:
        rivals = [number for party in candidate.parties for number in found_with.get(party, ())]
        if rivals and 2 * int(np.bincount(rivals).max()) >= len(candidate.parties):
            continue
        for party in candidate.parties:
            found_with.setdefault(party, []).append(len(kept))
        kept.append(candidate)
    return kept
