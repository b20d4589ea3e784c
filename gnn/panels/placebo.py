"""The same ecosystem with links that mean nothing: what a model finds there is its noise floor."""

from __future__ import annotations

import hashlib
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from gnn.panels.panel import Origin, Panel
from graph.relations import Relation, transpose
from graph.snapshot import Snapshot

#: Rounds in which every pair is offered another's counterparty.
ROUNDS = 20

#: Columns of a pair that are its record; they move together.
RECORD = (
    "count",
    "amount",
    "first_on",
    "last_on",
    "matured",
    "bad",
    "strength",
    "recent_amount",
    "recent_matured",
    "recent_bad",
    "recent_strength",
)


def _swap(
    ends: tuple[NDArray[np.int64], NDArray[np.int64]],
    year: NDArray[np.int32],
    shape: tuple[int, bool],
    generator: np.random.Generator,
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Pairs (source, target), met two by two within a year, exchange targets where that makes no loop and no
    second pair of the same two parties. ``shape``: number of parties, symmetric or not."""
    (source, target), (n, symmetric) = ends, shape

    def key(one: NDArray[np.int64], other: NDArray[np.int64]) -> NDArray[np.int64]:
        return np.minimum(one, other) * n + np.maximum(one, other) if symmetric else one * n + other

    order = np.lexsort((generator.random(len(year)), year))
    e, f = order[:-1:2], order[1::2]
    e, f = e[year[e] == year[f]], f[year[e] == year[f]]
    # The other way round a symmetric pair says the same.
    flip = symmetric & (generator.random(len(f)) < 0.5)
    c, d = np.where(flip, target[f], source[f]), np.where(flip, source[f], target[f])
    made = np.stack((key(source[e], d), key(c, target[e])))
    _, place, times = np.unique(made, return_inverse=True, return_counts=True)
    new = (times[place.reshape(made.shape)] == 1) & ~np.isin(made, key(source, target))
    good = new.all(axis=0) & (source[e] != d) & (c != target[e])
    after = key(source, target)
    after[e[good]], after[f[good]] = made[:, good]
    return after // n, after % n


def _permute_forward(relation: Relation, symmetric: bool, generator: np.random.Generator) -> Relation:
    n = len(relation.indptr) - 1
    source = np.repeat(np.arange(n), relation.degree())
    target = relation.indices.astype(np.int64)
    once = np.flatnonzero(source < target) if symmetric else np.arange(relation.n_pairs)
    # Pairs change partners with pairs last seen in the same year, so that links keep their age.
    year = relation.last_on[once] // 365
    once = once[np.argsort(year, kind="stable")]
    source, target, year = source[once], target[once], np.sort(year)
    for _ in range(ROUNDS):
        source, target = _swap((source, target), year, (n, symmetric), generator)
    # Records are dealt anew too: one that stayed with its party would tell of its true counterparty.
    dealt = np.lexsort((generator.random(len(once)), year))
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
