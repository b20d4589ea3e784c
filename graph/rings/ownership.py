"""Groups of companies under one owner, and since when: what tells a treasury from a ring."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from graph.rings.ties import GROUP_KINDS, OPEN_END, companies, ties_of
from graph.snapshot import Snapshot

#: A holding's holding's holding: chains of owners are followed over 2 to the power of this many steps.
_DOUBLINGS = 3
#: An owner of more than this share decides; links without a weight count as whole.
MAJORITY = 0.5


@dataclass(frozen=True)
class Ownership:
    """The company at the top of each of n parties (itself where no company owns it), int32 [n], and the days
    ``since`` and ``until``, int32 [n], on which every link up to it is in force."""

    top: NDArray[np.int32]
    since: NDArray[np.int32]
    until: NDArray[np.int32]

    def joins(
        self, members: NDArray[np.int64], first_on: NDArray[np.int32], last_on: NDArray[np.int32]
    ) -> NDArray[np.bool_]:
        """Which rows of ``members`` [c, k] (codes; -1: nobody) had one top on every day from first to last.

        Ownership that begins later, of what traded in a circle before, joins nobody.
        """
        there, codes = members >= 0, np.maximum(members, 0)
        top = np.where(there, self.top[codes], self.top[codes[:, :1]])
        since = np.where(there, self.since[codes], first_on[:, None])
        until = np.where(there, self.until[codes], last_on[:, None])
        in_force = (since <= first_on[:, None]) & (until >= last_on[:, None])
        return np.asarray(((top == top[:, :1]) & in_force).all(axis=1))


def ownership_of(snapshot: Snapshot) -> Ownership:
    """From the links by which one company owns most of, controls, or is head office of another.

    Persons are nobody's top: firms of one person that trade in a circle have declared nothing.
    """
    n = snapshot.n_parties
    top = np.arange(n, dtype=np.int32)
    since, until = np.full(n, np.iinfo(np.int32).min, np.int32), np.full(n, OPEN_END, np.int32)
    if "links" not in snapshot.tables:
        return Ownership(top, since, until)
    ties, company = ties_of(snapshot, GROUP_KINDS), companies(snapshot)
    weight = snapshot.tables["links"]["weight"].fill_null(1.0).to_numpy()[ties.row]
    branch = ties.kind == "BRANCH_OF"
    owner, owned = (
        np.where(branch, *ends) for ends in ((ties.target, ties.source), (ties.source, ties.target))
    )
    decides = company[owner] & company[owned] & ((ties.kind != "OWNS") | (weight > MAJORITY))
    # Of several links the strongest, of equals the one that has been there longest, is written last.
    order = np.lexsort((-owner, -ties.since, weight))
    order = order[decides[order]]
    top[owned[order]], since[owned[order]], until[owned[order]] = (
        owner[order], ties.since[order], ties.until[order],
    )  # fmt: skip
    for _ in range(_DOUBLINGS):
        since, until = np.maximum(since, since[top]), np.minimum(until, until[top])
        top = top[top]
    return Ownership(top, since, until)
