"""Transfers gathered by who trades with whom, and the same trade between pairs drawn anew."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from graph.asof import code_column
from graph.rings.flows import SHUFFLE_DAYS, Flows, days
from graph.snapshot import Snapshot


@dataclass(frozen=True)
class Pairs:
    """k ordered pairs of parties, ascending by source, then target.

    ``source`` / ``target``: int32 [k]. ``flows``: the transfers by pair, then day; those of pair p lie at
    ``bounds[p]:bounds[p + 1]`` (int64 [k + 1]).
    """

    source: NDArray[np.int32]
    target: NDArray[np.int32]
    bounds: NDArray[np.int64]
    flows: Flows

    def __len__(self) -> int:
        return len(self.source)


def _grouped(
    source: NDArray[np.integer], target: NDArray[np.integer]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """(order that gathers equal pairs and is stable; where each pair begins in it, and the end)."""
    most = int(target.max()) + 1 if len(target) else 1
    key = source.astype(np.int64) * most + target
    order = np.argsort(key, kind="stable")
    starts = np.flatnonzero(np.diff(key[order], prepend=-1))
    return order, np.append(starts, len(key))


def paired(flows: Flows) -> Pairs:
    """Transfers (ascending by day) by pair; those of a party to itself are left out."""
    flows = flows.only(flows.source != flows.target)
    order, bounds = _grouped(flows.source, flows.target)
    flows = flows.only(order)
    return Pairs(flows.source[bounds[:-1]], flows.target[bounds[:-1]], bounds, flows)


def rewired(
    snapshot: Snapshot, table: str, source: str, target: str, day: str, random: np.random.Generator
) -> Snapshot:
    """The snapshot with the targets of whole pairs of ``table`` permuted (column names of the contract).

    All rows between two parties stay together and keep their days and amounts; pairs whose first rows lie
    in the same span of ``SHUFFLE_DAYS`` trade targets. So sources keep all of their rows; targets keep the
    number of their counterparties and when they began. Relations and sha are left as they were: for
    detectors alone.
    """
    rows = snapshot.tables[table]
    target = code_column(target)
    ends = rows[code_column(source)].to_numpy(), rows[target].to_numpy()
    order, bounds = _grouped(*ends)
    starts = bounds[:-1]
    first = np.minimum.reduceat(days(rows[day])[order], starts) if len(starts) else starts
    block = first.astype(np.int64) // SHUFFLE_DAYS
    begun = np.argsort(block, kind="stable")
    mixed = np.argsort(block[begun] + random.random(len(block)))
    drawn = np.empty(len(starts), ends[1].dtype)
    drawn[begun] = ends[1][order[starts[begun[mixed]]]]
    found = np.empty(len(order), ends[1].dtype)
    found[order] = np.repeat(drawn, np.diff(bounds))
    position = rows.schema.get_field_index(target)
    changed = rows.set_column(position, target, pa.array(found))
    return replace(snapshot, tables={**snapshot.tables, table: changed})
