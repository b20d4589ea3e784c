"""Standing ties between parties as plain columns: owners, controllers, guarantees, shared addresses."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from graph.rings.arrays import Flags, Int32, Int64, Ints
from graph.rings.columns.components import components
from graph.rings.columns.rows import days
from graph.snapshot import Snapshot

#: Until when a link holds that has no end.
OPEN_END = np.int32(2**31 - 1)
#: Links by which one company openly belongs to another.
GROUP_KINDS = ("OWNS", "CONTROLS", "BRANCH_OF")


@dataclass(frozen=True)
class Ties:
    """m links: ``source`` and ``target`` int32 codes, in force on days ``since`` to ``until`` int32
    (``OPEN_END``: open), ``amount`` int64 minor units (0: none), ``kind`` [m] text, ``row`` int64 position
    in the snapshot's table."""

    source: Int32
    target: Int32
    since: Int32
    until: Int32
    amount: Int64
    kind: NDArray[np.str_]
    row: Int64

    def __len__(self) -> int:
        return len(self.source)

    def only(self, chosen: Flags | Ints) -> Ties:
        """The chosen links, in the order given."""
        return Ties(*(getattr(self, name)[chosen] for name in self.__dataclass_fields__))


def ties_of(snapshot: Snapshot, kinds: Collection[str]) -> Ties:
    """Links of some kinds, in the order of the table; links of a party with itself are left out."""
    links = snapshot.tables["links"]
    row = np.flatnonzero(of_kinds(links, kinds))
    links = links.take(pa.array(row))
    source, target = (links[f"{end}_code"].to_numpy().astype(np.int32) for end in ("source", "target"))
    found = Ties(
        source=source,
        target=target,
        since=days(links["valid_from"]),
        until=days(links["valid_to"], int(OPEN_END)),
        amount=links["amount"].fill_null(0).to_numpy().astype(np.int64),
        kind=links["kind"].to_numpy(zero_copy_only=False).astype(str),
        row=row.astype(np.int64),
    )
    return found.only(source != target)


def of_kinds(links: pa.Table, kinds: Collection[str]) -> Flags:
    """Which links are of some kinds; bool [links]."""
    wanted = pc.is_in(links["kind"], value_set=pa.array(sorted(kinds), pa.string()))
    return np.asarray(wanted.to_numpy(zero_copy_only=False), np.bool_)


def companies(snapshot: Snapshot) -> Flags:
    """Which parties are companies; bool [n]."""
    return np.asarray(
        pc.equal(snapshot.tables["parties"]["kind"], "company").to_numpy(zero_copy_only=False), np.bool_
    )


def declared_groups(snapshot: Snapshot) -> Int32:
    """Label of the declared group of each party, int32 [n]: companies joined by ``GROUP_KINDS``.

    A link counts even after its end: what was one group is no stranger to itself. Persons join nobody:
    firms of the same person have not declared each other.
    """
    n, company = snapshot.n_parties, companies(snapshot)
    ties = ties_of(snapshot, GROUP_KINDS)
    ties = ties.only(company[ties.source] & company[ties.target])
    return components(ties.source, ties.target, n)
