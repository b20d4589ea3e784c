"""A snapshot as a model looks at it: all columns its parts are made from, for training and serving."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from gnn.columns.design import (
    Averaged,
    Surroundings,
    gather_any,
    gather_any_own,
    gather_averages,
    hops,
    pair_records,
    payload,
)
from gnn.columns.features import (
    ENVIRONMENT,
    FOLDS,
    OWN,
    FeatureMatrix,
    PartyColumns,
    RawColumns,
    Stacked,
    fold_of,
    own_and_environment,
    raw_columns,
)
from gnn.columns.linear_columns import ANY, linear_columns
from gnn.columns.operators import operators
from gnn.model import Preparation
from gnn.panels.targets import KnownOutcomes
from gnn.threads import by_chunks, side_by_side
from gnn.tree_walk import walk
from gnn.trees import mean
from graph.snapshot import Snapshot

#: Rows whose columns are put together at a time: all of them at once would need their memory twice.
_CHUNK = 32_768

#: Own columns that say nothing about the party itself.
_DEGREE = "log_degree:"


@dataclass(frozen=True)
class Sight:
    """What rows of one fold may know of others, ``both`` [n, 2k]: what each gives and its sums over any
    relation."""

    both: NDArray[np.float64]

    @property
    def given(self) -> NDArray[np.float64]:
        """What each gives, [n, k]."""
        return self.both[:, : self.both.shape[1] // 2]


@dataclass(frozen=True)
class RelationColumns:
    """A relation's columns for some rows.

    ``linear``: float64 [rows, columns] by hop (1, 2), NaN where unknown; ``matrix``: the same and more,
    float32, as the trees read it.
    """

    linear: dict[int, NDArray[np.float64]]
    caused: NDArray[np.float32]
    matrix: FeatureMatrix


@dataclass(frozen=True)
class View:
    """One snapshot, prepared. ``folds``: int8 [n] on training days, None later.

    ``s_own`` / ``s_environment``: float64 [n], stage-1 log-odds by group, without its base ``s_base`` [n].
    ``by_folds``: the rows' own results are among the ``known`` ones, so they are hidden fold by fold.
    """

    preparation: Preparation
    snapshot: Snapshot
    columns: PartyColumns
    folds: NDArray[np.int8] | None
    s_own: NDArray[np.float64]
    s_environment: NDArray[np.float64]
    s_base: NDArray[np.float64]
    surroundings: Surroundings
    known: KnownOutcomes
    by_folds: bool

    @property
    def s(self) -> NDArray[np.float64]:
        """Stage-1 log-odds of every party, float64 [n]."""
        return self.s_base + self.s_own + self.s_environment

    @cached_property
    def has_features(self) -> NDArray[np.bool_]:
        """Parties of which anything but degrees is known, bool [n]."""
        has, own = np.zeros(self.snapshot.n_parties, bool), self.preparation.schema.own
        given = [
            values
            for name, values in self.columns.by_name.items()
            if name in own and not name.startswith(_DEGREE)
        ]

        def fill(chunk: slice) -> None:
            for values in given:
                has[chunk] |= np.isfinite(values[chunk])

        by_chunks(len(has), fill)
        return has

    @cached_property
    def averaged(self) -> Averaged:
        """Own columns whose means over counterparties are taken."""
        names = [self.preparation.schema.own[position] for position in self.preparation.averaged]
        own = self.columns.of(np.arange(self.snapshot.n_parties, dtype=np.int32), names)
        return Averaged(own, gather_any_own(self.surroundings, own))

    def _sight(self, known: KnownOutcomes, shown: float = 1.0) -> Sight:
        degree = self.surroundings.any.degree()
        given = payload(self.s, self.has_features, degree, known, self.preparation.prior, shown)
        return Sight(np.hstack((given, gather_any(self.surroundings, given))))

    @cached_property
    def sights(self) -> tuple[Sight, ...]:
        """One sight a fold where labels must be hidden by folds, else one for all.

        What is hidden is made up for, so that rows see as much as later ones, to whom all is shown.
        """
        if self.folds is None or not self.by_folds:
            return (self._sight(self.known),)
        kept = kept_results(len(self.folds), self.preparation.kept_share)
        shown = 1.0 - 1.0 / FOLDS
        return tuple(
            self._sight(_masked(self.known, kept & (self.folds != fold)), shown) for fold in range(FOLDS)
        )

    def make_shared(self) -> None:
        """Make now what is made once for all rows, before several threads ask for it."""
        _ = self.sights, self.averaged

    def rows_by_sight(self, rows: NDArray[np.int32]) -> Iterator[tuple[Sight, slice | NDArray[np.int64]]]:
        """Sights with the positions in ``rows`` that look through them."""
        if self.folds is None or not self.by_folds:
            yield self.sights[0], slice(None)
            return
        for fold, sight in enumerate(self.sights):
            yield sight, np.flatnonzero(self.folds[rows] == fold)


def kept_results(n: int, share: float) -> NDArray[np.bool_]:
    """Which known results training rows may see, drawn once with a fixed seed, bool [n]."""
    return np.random.default_rng(17).random(n) < share


def _masked(known: KnownOutcomes, kept: NDArray[np.bool_]) -> KnownOutcomes:
    return KnownOutcomes(n=np.where(kept, known.n, 0), bad=np.where(kept, known.bad, 0))


def surroundings_of(snapshot: Snapshot, preparation: Preparation) -> Surroundings:
    """Operators of the model's relations (and of any), with the pairs' records."""
    found = operators(snapshot)
    kept = {name: found[name] for name in (*preparation.relations, ANY) if name in found}
    paired = [name for name in kept if name != ANY]
    records = side_by_side(
        lambda name: pair_records(snapshot.relations[name], preparation.record_priors.get(name, 0.0)), paired
    )
    return Surroundings(kept, dict(zip(paired, records, strict=True)))


def view_of(
    preparation: Preparation,
    snapshot: Snapshot,
    known: KnownOutcomes,
    *,
    training: bool = False,
    own_labels_known: bool = False,
    raw: RawColumns | None = None,
) -> View:
    """``snapshot`` as the model sees it; ``training``: s and rates of each party without its own fold."""
    folds = fold_of(snapshot.party_ids) if training else None
    raw = raw_columns(snapshot) if raw is None else raw
    columns = own_and_environment(snapshot, raw, preparation.schema, preparation.encodings, folds)
    own, environment, base = stage_1(preparation, columns, snapshot.n_parties, folds)
    return View(
        preparation, snapshot, columns, folds, own, environment, base,
        surroundings_of(snapshot, preparation), known, own_labels_known,
    )  # fmt: skip


def stage_1(
    preparation: Preparation, columns: PartyColumns, n: int, folds: NDArray[np.int8] | None
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Log-odds of n parties by own columns, by environment, and the base: by the model of each party's fold,
    or the mean."""
    ensembles = preparation.stage_1
    if folds is None:
        ensembles = (mean(ensembles),)
    is_own = np.arange(len(columns.names)) < columns.n_own
    kinds = [[walk(trees.reading(kind)) for kind in (is_own, ~is_own)] for trees in ensembles]
    found = np.zeros((3, n))

    def fill(chunk: slice) -> None:
        rows = np.arange(chunk.start, chunk.stop, dtype=np.int32)
        for fold, ((own, environment), trees) in enumerate(zip(kinds, ensembles, strict=True)):
            mine = rows if folds is None else rows[folds[rows] == fold]
            x = columns.of(mine)
            found[0, mine] = own(x[:, : columns.n_own])
            found[1, mine] = environment(x[:, columns.n_own :])
            found[2, mine] = trees.base

    by_chunks(n, fill)
    own, environment, base = found
    return own, environment, base


def own_matrix(view: View, rows: NDArray[np.int32]) -> FeatureMatrix:
    """Own and environment columns of ``rows``."""
    schema = view.preparation.schema
    groups = (OWN,) * len(schema.own) + (ENVIRONMENT,) * len(schema.environment)
    return FeatureMatrix(schema.own + schema.environment, groups, view.columns.of(rows))


def relation_columns(view: View, relation: str, rows: NDArray[np.int32]) -> RelationColumns:
    """Columns of one relation for ``rows``: what the network reads, and what its trees read."""
    around = view.surroundings
    linear = {hop: np.full((len(rows), len(linear_columns(relation, hop))), np.nan) for hop in (1, 2)}
    cases = np.zeros((len(rows), 2))
    if relation not in around.operators:
        return _without_pairs(view, relation, rows, linear, cases)
    for sight, positions in view.rows_by_sight(rows):
        here = rows[positions]
        for hop, sums in hops(around, relation, sight.both, here).items():
            for place, column in enumerate(linear_columns(relation, hop)):
                linear[hop][positions, place] = sums.column(column)
            cases[positions, hop - 1] = sums.known_cases()
    operator = around.operators[relation]
    degree = np.log1p(operator.degree(rows))[:, None]
    wanted = mean_columns(view.preparation, relation)
    means = gather_averages(operator, view.averaged, wanted, rows)
    return _assembled(view, relation, rows, linear, [cases, degree, means])


def mean_columns(preparation: Preparation, relation: str) -> dict[int, NDArray[np.int64]]:
    """By hop, which of the averaged columns the relation's trees read the means of."""
    read = preparation.read.get(relation)
    names = [preparation.schema.own[position] for position in preparation.averaged]
    return {
        hop: np.array(
            [k for k, name in enumerate(names) if read is None or _mean(relation, hop, name) in read],
            np.int64,
        )
        for hop in (1, 2)
    }


def _mean(relation: str, hop: int, name: str) -> str:
    return f"{relation}:{hop}:mean:{name}"


def _without_pairs(
    view: View,
    relation: str,
    rows: NDArray[np.int32],
    linear: dict[int, NDArray[np.float64]],
    cases: NDArray[np.float64],
) -> RelationColumns:
    """The relation is not in this snapshot: sums are 0 and means unknown, as for a party without pairs."""
    for hop, values in linear.items():
        for position, column in enumerate(linear_columns(relation, hop)):
            if not column.centred:
                values[:, position] = 0.0
    wanted = mean_columns(view.preparation, relation)
    means = np.full((len(rows), sum(len(columns) for columns in wanted.values())), np.nan)
    return _assembled(view, relation, rows, linear, [cases, np.zeros((len(rows), 1)), means])


def _assembled(
    view: View,
    relation: str,
    rows: NDArray[np.int32],
    linear: dict[int, NDArray[np.float64]],
    extra: list[NDArray[np.floating]],
) -> RelationColumns:
    prepared = view.preparation
    caused = view.columns.caused.get(relation)
    caused_rows = np.zeros((len(rows), 0), np.float32) if caused is None else caused[rows]
    names = [f"{relation}:{hop}:{c.name}" for hop in (1, 2) for c in linear_columns(relation, hop)]
    names += [f"{relation}:1:log_cases", f"{relation}:2:log_cases", f"{relation}:log_degree"]
    averaged = [prepared.schema.own[position] for position in prepared.averaged]
    means = mean_columns(prepared, relation)
    names += [_mean(relation, hop, averaged[k]) for hop, columns in means.items() for k in columns]
    names += prepared.schema.caused.get(relation, ())
    columns = [column for part in (linear[1], linear[2], *extra, caused_rows) for column in part.T]
    if relation in prepared.read:
        read = [names.index(name) for name in prepared.read[relation]]
        names, columns = [names[position] for position in read], [columns[position] for position in read]
    values = np.empty((len(rows), len(columns)), np.float32)
    for position, column in enumerate(columns):
        values[:, position] = column
    matrix = FeatureMatrix(tuple(names), (relation,) * len(names), values)
    return RelationColumns(linear, caused_rows, matrix)


def design(view: View, rows: NDArray[np.int32]) -> FeatureMatrix:
    """All columns of ``rows``: own, environment, then one relation after the other."""
    stacked = Stacked(len(rows))
    for part in designs(view, rows):
        stacked.add(part)
    return stacked.matrix()


def designs(view: View, rows: NDArray[np.int32]) -> Iterator[FeatureMatrix]:
    """``design`` in parts: some rows, then the next."""
    for start in range(0, max(len(rows), 1), _CHUNK):
        yield _design(view, rows[start : start + _CHUNK])


def _design(view: View, rows: NDArray[np.int32]) -> FeatureMatrix:
    parts = [own_matrix(view, rows)]
    parts += [relation_columns(view, relation, rows).matrix for relation in view.preparation.relations]
    return FeatureMatrix(
        tuple(name for part in parts for name in part.names),
        tuple(group for part in parts for group in part.groups),
        np.concatenate([part.values for part in parts], axis=1),
    )
