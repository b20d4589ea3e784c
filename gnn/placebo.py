"""The same ecosystem with links that mean nothing: what a model finds there is its noise floor."""

from __future__ import annotations

import hashlib
from dataclasses import replace

import numpy as np
from numba import njit
from numpy.typing import NDArray

from gnn.panel import Origin, Panel
from graph.relations import Relation, transpose
from graph.snapshot import Snapshot

SWAPS_PER_PAIR = 10

#: Columns of a pair that are its record; they move together.
RECORD = ("count", "amount", "first_on", "last_on", "matured", "bad", "strength")


@njit(cache=True)  # type: ignore[untyped-decorator]
def _swap(
    source: NDArray[np.int64],
    target: NDArray[np.int64],
    partners: NDArray[np.int64],
    flips: NDArray[np.bool_],
    shape: tuple[int, bool],
) -> None:
    """Exchange the targets of pairs e and ``partners[step]``, step after step, where that makes no loop
    and no second pair of the same two parties. ``shape``: number of parties, symmetric or not."""
    n, symmetric = shape
    present = set()
    for e in range(len(source)):
        present.add(source[e] * n + target[e])
    for step in range(len(partners)):
        e, f = step % len(source), partners[step]
        a, b, c, d = source[e], target[e], source[f], target[f]
        if symmetric and flips[step]:
            c, d = d, c
        if a in (c, d) or b in (c, d):
            continue
        new_e, new_f = a * n + d, c * n + b
        if symmetric:
            new_e, new_f = min(a, d) * n + max(a, d), min(c, b) * n + max(c, b)
        if new_e in present or new_f in present:
            continue
        present.remove(source[e] * n + target[e])
        present.remove(source[f] * n + target[f])
        present.add(new_e)
        present.add(new_f)
        source[e], target[e] = new_e // n, new_e % n
        source[f], target[f] = new_f // n, new_f % n


def _permute_forward(relation: Relation, symmetric: bool, generator: np.random.Generator) -> Relation:
    n = len(relation.indptr) - 1
    source = np.repeat(np.arange(n), relation.degree())
    target = relation.indices.astype(np.int64)
    once = np.flatnonzero(source < target) if symmetric else np.arange(relation.n_pairs)
    # Pairs change partners with pairs last seen in the same year, so that links keep their age.
    year = relation.last_on[once] // 365
    once = once[np.argsort(year, kind="stable")]
    source, target, year = source[once], target[once], np.sort(year)
    first, last = np.searchsorted(year, year, "left"), np.searchsorted(year, year, "right")
    m = len(once)
    width = np.tile(last - first, SWAPS_PER_PAIR)
    partners = np.tile(first, SWAPS_PER_PAIR) + (generator.random(len(width)) * width).astype(np.int64)
    _swap(source, target, partners, generator.random(len(width)) < 0.5, (n, symmetric))
    # Records are dealt anew too: one that stayed with its party would tell of its true counterparty.
    dealt = np.lexsort((generator.random(m), year))
    record = {name: getattr(relation, name)[once][dealt] for name in RECORD}
    if symmetric:
        source, target = np.concatenate([source, target]), np.concatenate([target, source])
        record = {name: np.tile(values, 2) for name, values in record.items()}
    order = np.lexsort((target, source))
    indptr = np.zeros(n + 1, np.int64)
    np.cumsum(np.bincount(source, minlength=n), out=indptr[1:])
    return Relation(
        name=relation.name,
        indptr=indptr,
        indices=target[order].astype(np.int32),
        **{name: values[order] for name, values in record.items()},
    )


def permute_links(snapshot: Snapshot, seed: int) -> Snapshot:
    """``snapshot`` with every relation's pairs rewired at random; everything else is as it was.

    Each party keeps the number of its counterparties in every relation and direction, and links keep
    their years; who the counterparties are, and the record of the pair, is drawn by chance. ``.in``
    relations are the ``.out`` ones read backwards, as before. The sha says that it is a placebo.
    """
    relations: dict[str, Relation] = {}
    for position, name in enumerate(sorted(snapshot.relations)):
        if name.endswith(".in"):
            continue
        generator = np.random.default_rng([seed, position])
        forward = _permute_forward(snapshot.relations[name], not name.endswith(".out"), generator)
        relations[name] = forward
        if name.endswith(".out"):
            back = name.removesuffix(".out") + ".in"
            relations[back] = transpose(forward, back)
    mark = hashlib.sha256(f"{snapshot.sha256}|permuted links|{seed}".encode()).hexdigest()
    return replace(snapshot, relations={name: relations[name] for name in snapshot.relations}, sha256=mark)


def permute_panel(panel: Panel, seed: int) -> Panel:
    """``panel`` with permuted links on every day; populations, labels and known outcomes are the same."""

    def permuted(position: int, origin: Origin) -> Origin:
        return replace(origin, snapshot=permute_links(origin.snapshot, seed + position))

    return replace(panel, origins=tuple(permuted(i, origin) for i, origin in enumerate(panel.origins)))
