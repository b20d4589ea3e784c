"""Transfers gathered by who trades with whom."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from graph.rings.arrays import Int32, Int64, Ints
from graph.rings.columns.flows import Flows


@dataclass(frozen=True)
class Pairs:
    """k ordered pairs of parties, ascending by source, then target.

    ``source`` / ``target``: int32 [k]. ``flows``: the transfers by pair, then day; those of pair p lie at
    ``bounds[p]:bounds[p + 1]`` (int64 [k + 1]).
    """

    source: Int32
    target: Int32
    bounds: Int64
    flows: Flows

    def __len__(self) -> int:
        return len(self.source)


def grouped(source: Ints, target: Ints) -> tuple[Int64, Int64]:
    """(order that gathers equal pairs and is stable; where each pair begins in it, and the end)."""
    most = int(target.max()) + 1 if len(target) else 1
    key = source.astype(np.int64) * most + target
    order = np.argsort(key, kind="stable")
    starts = np.flatnonzero(np.diff(key[order], prepend=-1))
    return order, np.append(starts, len(key))


def paired(flows: Flows) -> Pairs:
    """Transfers (ascending by day) by pair; those of a party to itself are left out."""
    flows = flows.only(flows.source != flows.target)
    order, bounds = grouped(flows.source, flows.target)
    flows = flows.only(order)
    return Pairs(flows.source[bounds[:-1]], flows.target[bounds[:-1]], bounds, flows)
