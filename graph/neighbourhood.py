"""Who stands around a party: the closest counterparties over a few hops, and the links among them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Pairs:
    """One relation's pairs as CSR (see ``graph.relations.Relation``): from a party to its counterparties.

    ``indices`` ascend in a row; ``weight`` [m] says how much a counterparty means to the party, in any
    unit of the relation's own.
    """

    indptr: NDArray[np.int64]
    indices: NDArray[np.int32]
    weight: NDArray[np.integer]

    def row(self, code: int) -> slice:
        """Positions of a party's pairs."""
        return slice(int(self.indptr[code]), int(self.indptr[code + 1]))


@dataclass(frozen=True)
class Edge:
    """Pair ``position`` of a relation, from party ``source`` to party ``target``."""

    relation: str
    source: int
    target: int
    position: int


@dataclass(frozen=True)
class Neighbourhood:
    """Party codes with their distance, the party itself first; ``complete``: nobody was left out."""

    codes: list[int]
    hops: list[int]
    edges: list[Edge]
    complete: bool


def _ring(relations: Mapping[str, Pairs], frontier: list[int], seen: list[int]) -> list[int]:
    """Unseen counterparties of ``frontier``, those with the largest shares of its relations first."""
    codes, shares = [np.zeros(0, np.int32)], [np.zeros(0)]
    for pairs in relations.values():
        rows = [pairs.row(code) for code in frontier]
        weight = np.concatenate([pairs.weight[row] for row in rows]).astype(np.float64)
        codes += [pairs.indices[row] for row in rows]
        shares.append(weight / max(weight.sum(), 1.0))
    found, inverse = np.unique(np.concatenate(codes), return_inverse=True)
    share = np.bincount(inverse, weights=np.concatenate(shares), minlength=len(found))
    share[np.isin(found, seen)] = -1.0
    order = np.argsort(-share, kind="stable")
    ring: list[int] = found[order[share[order] >= 0]].tolist()
    return ring


def _edges_among(relations: Mapping[str, Pairs], codes: list[int]) -> list[Edge]:
    chosen = np.sort(np.array(codes, np.int32))
    edges = []
    for name, pairs in relations.items():
        for code in codes:
            row = pairs.row(code)
            targets = pairs.indices[row]
            if not len(targets):
                continue
            places = np.minimum(np.searchsorted(targets, chosen), len(targets) - 1)
            found = places[targets[places] == chosen]
            if not name.endswith(".out"):
                found = found[targets[found] > code]
            edges += [Edge(name, code, int(targets[place]), row.start + place) for place in found.tolist()]
    return edges


def neighbourhood(relations: Mapping[str, Pairs], start: int, hops: int, limit: int) -> Neighbourhood:
    """The ``limit`` parties closest to ``start`` (itself counted), and the pairs among them.

    ``relations``: both directions of each (``X.out`` and ``X.in``), or a symmetric one. Edges are given
    once a pair, in the direction of ``.out``.
    """
    codes, distances, frontier, complete = [start], [0], [start], True
    for hop in range(1, hops + 1):
        ring = _ring(relations, frontier, codes)
        room = limit - len(codes)
        complete = complete and len(ring) <= room
        frontier = ring[:room]
        codes += frontier
        distances += [hop] * len(frontier)
        if not frontier:
            break
    forward = {name: pairs for name, pairs in relations.items() if not name.endswith(".in")}
    edges = _edges_among(forward, codes)
    return Neighbourhood(codes, distances, edges, complete)
