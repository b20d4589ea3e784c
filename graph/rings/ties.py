"""Standing ties between parties as plain columns: owners, controllers, guarantees, shared addresses."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray
from scipy import sparse
from scipy.sparse.csgraph import connected_components

from graph.rings.finding import EvidenceRow
from graph.rings.flows import days
from graph.rings.wording import day
from graph.snapshot import Snapshot

#: Until when a link holds that has no end.
OPEN_END = np.int32(2**31 - 1)
#: Parties change places with so many others at least, or with those of other regions too.
FEWEST_PEERS = 30
#: Links by which one company openly belongs to another.
GROUP_KINDS = ("OWNS", "CONTROLS", "BRANCH_OF")


@dataclass(frozen=True)
class Ties:
    """m links: ``source`` and ``target`` int32 codes, in force on days ``since`` to ``until`` int32
    (``OPEN_END``: open), ``amount`` int64 minor units (0: none), ``kind`` [m] text, ``row`` int64 position
    in the snapshot's table."""

    source: NDArray[np.int32]
    target: NDArray[np.int32]
    since: NDArray[np.int32]
    until: NDArray[np.int32]
    amount: NDArray[np.int64]
    kind: NDArray[np.str_]
    row: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.source)

    def only(self, chosen: NDArray[np.bool_] | NDArray[np.integer]) -> Ties:
        """The chosen links, in the order given."""
        return Ties(*(getattr(self, name)[chosen] for name in self.__dataclass_fields__))


def ties_of(snapshot: Snapshot, kinds: Collection[str]) -> Ties:
    """Links of some kinds, in the order of the table; links of a party with itself are left out."""
    links = snapshot.tables["links"]
    row = np.flatnonzero(_of_kinds(links, kinds))
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


def _of_kinds(links: pa.Table, kinds: Collection[str]) -> NDArray[np.bool_]:
    wanted = pc.is_in(links["kind"], value_set=pa.array(sorted(kinds), pa.string()))
    return np.asarray(wanted.to_numpy(zero_copy_only=False), np.bool_)


def companies(snapshot: Snapshot) -> NDArray[np.bool_]:
    """Which parties are companies; bool [n]."""
    return np.asarray(
        pc.equal(snapshot.tables["parties"]["kind"], "company").to_numpy(zero_copy_only=False), np.bool_
    )


def declared_groups(snapshot: Snapshot) -> NDArray[np.int32]:
    """Label of the declared group of each party, int32 [n]: companies joined by ``GROUP_KINDS``.

    A link counts even after its end: what was one group is no stranger to itself. Persons join nobody:
    firms of the same person have not declared each other.
    """
    n, company = snapshot.n_parties, companies(snapshot)
    ties = ties_of(snapshot, GROUP_KINDS)
    ties = ties.only(company[ties.source] & company[ties.target])
    joined = sparse.coo_matrix((np.ones(len(ties), np.int8), (ties.source, ties.target)), shape=(n, n))
    return np.asarray(connected_components(joined, directed=False)[1], np.int32)


def link_evidence(snapshot: Snapshot, rows: Sequence[int]) -> tuple[EvidenceRow, ...]:
    """Rows of the table of links by their key."""
    links = snapshot.tables["links"].take(pa.array(rows, pa.int64()))
    source, target = (
        snapshot.party_ids.take(links[f"{end}_code"]).to_pylist() for end in ("source", "target")
    )
    return tuple(
        EvidenceRow("links", (one, other, kind, day(since)))
        for one, other, kind, since in zip(
            source, target, links["kind"].to_pylist(), days(links["valid_from"]), strict=True
        )
    )


def shuffled(
    snapshot: Snapshot,
    ends: Sequence[str],
    block: NDArray[np.integer],
    random: np.random.Generator,
) -> Snapshot:
    """The snapshot with columns ``ends`` of the links permuted together among links of the same ``block``.

    ``block``: int [links]; links below 0 stay as they are.
    """
    links = snapshot.tables["links"]
    moving = np.flatnonzero(block >= 0)
    order = moving[np.argsort(block[moving], kind="stable")]
    mixed = moving[np.lexsort((random.random(len(moving)), block[moving]))]
    taken = np.arange(links.num_rows)
    taken[order] = mixed
    for column in ends:
        position = links.schema.get_field_index(column)
        links = links.set_column(position, column, links[column].take(pa.array(taken)))
    return replace(snapshot, tables={**snapshot.tables, "links": links})


def peers(snapshot: Snapshot, column: str, level: NDArray[np.integer]) -> NDArray[np.int64]:
    """Number of the companies that may change places with each party, int64 [n]; -1: it is no company.

    Those of one value of a text column of ``parties`` and one ``level`` (0 or more); where they are fewer
    than ``FEWEST_PEERS``, those of the level, and where these are, the largest set there is.
    """
    place = snapshot.tables["parties"][column].combine_chunks().dictionary_encode().indices
    value = place.fill_null(-1).to_numpy(zero_copy_only=False).astype(np.int64) + 1
    wide = level.astype(np.int64) * (int(value.max(initial=0)) + 2)
    peer = np.where(companies(snapshot), wide + value + 1, -1)
    for wider in (wide, None):
        count = np.bincount(peer[peer >= 0], minlength=int(wide.max(initial=0)) + 1)
        alone = (peer >= 0) & (count[peer] < FEWEST_PEERS)
        peer[alone] = count.argmax() if wider is None else wider[alone]
    return peer


def relabelled(snapshot: Snapshot, peer: NDArray[np.int64], random: np.random.Generator) -> Snapshot:
    """The snapshot with parties of one ``peer`` number (-1: none) in each other's places in every link but
    guarantees; all other tables stay as they are."""
    moving = np.flatnonzero(peer >= 0)
    place = np.arange(len(peer), dtype=np.int32)
    order = moving[np.argsort(peer[moving], kind="stable")]
    place[order] = moving[np.lexsort((random.random(len(moving)), peer[moving]))]
    links = snapshot.tables["links"]
    stays = _of_kinds(links, ("GUARANTEES",))
    for column in ("source_code", "target_code"):
        codes = links[column].to_numpy().astype(np.int32)
        position = links.schema.get_field_index(column)
        moved = pa.array(np.where(stays, codes, place[codes]), links.schema.field(position).type)
        links = links.set_column(position, links.schema.field(position), moved)
    return replace(snapshot, tables={**snapshot.tables, "links": links})
