"""Groups of companies under one owner, and since when: what tells a treasury from a ring."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from graph.rings.arrays import Flags, Int32, Int64
from graph.rings.columns.components import components
from graph.rings.columns.ties import GROUP_KINDS, companies, ties_of
from graph.snapshot import Snapshot

#: An owner of more than this share decides; links without a weight count as whole.
MAJORITY = 0.5
#: Owners' owners are followed up to so many steps.
STEPS_UP = 6


@dataclass(frozen=True)
class Ownership:
    """Who decides over whom among n parties. ``group``: int32 [n], equal where any links join two;
    ``owners``: by code, (owner, first day, last day) of each link."""

    group: Int32
    owners: Mapping[int, Sequence[tuple[int, int, int]]]

    def joins(self, members: Int64, first_on: Int32, last_on: Int32) -> Flags:
        """Which rows of ``members`` [c, k] (codes; -1: nobody) had one owner on every day from first to last,
        one of themselves or another. Ownership that begins after the first day joins nobody."""
        everyone = np.where(members >= 0, members, members[:, :1])
        group = self.group[everyone]
        found = (group == group[:, :1]).all(axis=1)
        for row in np.flatnonzero(found):
            first, last = int(first_on[row]), int(last_on[row])
            above = [self._above(code, first, last) for code in set(everyone[row].tolist())]
            found[row] = bool(set.intersection(*above))
        return np.asarray(found)

    def _above(self, code: int, first: int, last: int) -> set[int]:
        """A party and all who decided over it, directly or over others, from first to last day."""
        reached, edge = {code}, {code}
        for _ in range(STEPS_UP):
            edge = {
                owner
                for owned in edge
                for owner, since, until in self.owners.get(owned, ())
                if since <= first and until >= last
            } - reached
            reached |= edge
        return reached


def ownership_of(snapshot: Snapshot) -> Ownership:
    """From the links by which one company owns most of, controls, or is head office of another.

    Persons own nothing here: firms of one person that trade in a circle have declared nothing.
    """
    n = snapshot.n_parties
    owners: defaultdict[int, list[tuple[int, int, int]]] = defaultdict(list)
    if "links" not in snapshot.tables:
        return Ownership(np.arange(n, dtype=np.int32), owners)
    ties, company = ties_of(snapshot, GROUP_KINDS), companies(snapshot)
    weight = snapshot.tables["links"]["weight"].fill_null(1.0).to_numpy()[ties.row]
    decides = company[ties.source] & company[ties.target] & ((ties.kind != "OWNS") | (weight > MAJORITY))
    ties = ties.only(decides)
    branch = ties.kind == "BRANCH_OF"
    owner, owned = np.where(branch, ties.target, ties.source), np.where(branch, ties.source, ties.target)
    for above, below, since, until in zip(
        *(column.tolist() for column in (owner, owned, ties.since, ties.until)), strict=True
    ):
        owners[below].append((above, since, until))
    return Ownership(components(owner, owned, n), owners)
