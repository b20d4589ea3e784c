"""Scores from stored arrays: no torch, no lightgbm; one relation's columns in memory at a time."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numba
import numpy as np
from numpy.typing import NDArray

from gnn.attribution import attribution_arrays
from gnn.columns.features import ENVIRONMENT, OWN, PartyColumns
from gnn.columns.views import RelationColumns, View, relation_columns, view_of
from gnn.model import Centres, Model, Network, Preparation, ReadOut
from gnn.panels.targets import KnownOutcomes
from gnn.parts import ScoredParts
from gnn.precision import spread_of
from gnn.threads import by_chunks
from gnn.tree_walk import WalkByColumn, walk, walk_beyond, walk_by_column
from gnn.trees import Trees, join, mean
from graph.indicators import OF_ONE_KIND
from graph.snapshot import Snapshot

Parts = Mapping[str, NDArray[np.float64]]

#: Columns named as reasons for each party.
REASONS = 8


@dataclass(frozen=True)
class RawParts:
    """Log-odds by part as trees and network give them, each float64 [rows]; relations by name."""

    own_trees: NDArray[np.float64]
    environment_trees: NDArray[np.float64]
    own_network: NDArray[np.float64]
    environment_network: NDArray[np.float64]
    trees: Parts
    network: Parts

    def centred(self, centres: Centres, n_own: int) -> RawParts:
        """Parts less their training means; ``n_own``: own columns, the others are environment."""
        trees, network = centres.trees_columns, centres.network_columns
        return RawParts(
            self.own_trees - trees[:n_own].sum(),
            self.environment_trees - trees[n_own:].sum(),
            self.own_network - network[:n_own].sum(),
            self.environment_network - network[n_own:].sum(),
            {name: part - centres.trees[name] for name, part in self.trees.items()},
            {name: part - centres.network[name] for name, part in self.network.items()},
        )

    def own_trees_total(self) -> NDArray[np.float64]:
        """Own and environment of the trees."""
        return self.own_trees + self.environment_trees

    def own_network_total(self) -> NDArray[np.float64]:
        """Own and environment of the network."""
        return self.own_network + self.environment_network

    def blended_columns(self) -> list[NDArray[np.float64]]:
        """What is weighed: own and inherited by trees, own and inherited by network."""
        none = np.zeros_like(self.own_trees)
        return [
            self.own_trees_total(), sum(self.trees.values(), none),
            self.own_network_total(), sum(self.network.values(), none),
        ]  # fmt: skip


def read(read_out: ReadOut, columns: RelationColumns) -> NDArray[np.float64]:
    """The network's part of a relation from its columns, float64 [rows]."""
    part = np.zeros(len(columns.caused))
    for hop, values in (*columns.linear.items(), (0, columns.caused.astype(np.float64))):
        beyond = values - read_out.centres[hop]
        beyond[np.isnan(beyond)] = 0.0
        part += beyond @ read_out.weights[hop]
    return part


def raw_parts(
    preparation: Preparation,
    trees: Mapping[str, Trees],
    network: Network,
    view: View,
    rows: NDArray[np.int32],
) -> RawParts:
    """Every part of ``rows``, made some rows at a time; a relation's columns are read and freed before the
    next."""
    n_own, relations = view.columns.n_own, preparation.relations
    own = walk(trees[OWN]) if OWN in trees else None
    environment = walk(trees[ENVIRONMENT]) if ENVIRONMENT in trees else None
    beyond = {name: walk_beyond(trees[name], n_own) for name in relations if name in trees}
    view.make_shared()
    parts = np.zeros((2 + 2 * len(relations), len(rows)))

    def fill(chunk: slice) -> None:
        here = rows[chunk]
        x = view.columns.of(here)
        if own is not None:
            parts[0, chunk] = own(x[:, :n_own])
        if environment is not None:
            parts[1, chunk] = environment(x[:, n_own:])
        for number, relation in enumerate(relations, 1):
            columns = relation_columns(view, relation, here)
            if relation in beyond:
                parts[2 * number, chunk] = beyond[relation](x[:, :n_own], columns.matrix.values)
            parts[2 * number + 1, chunk] = read(network.read_outs[relation], columns)

    by_chunks(len(rows), fill)
    return RawParts(
        parts[0],
        parts[1],
        network.own_weight * view.s_own[rows],
        network.own_weight * view.s_environment[rows],
        dict(zip(relations, parts[2::2], strict=True)),
        dict(zip(relations, parts[3::2], strict=True)),
    )


def stage_1_mean(preparation: Preparation) -> Trees:
    """The mean of stage 1's ensembles."""
    return mean(preparation.stage_1)


def both_groups(trees: Mapping[str, Trees], n_own: int) -> Trees:
    """Own and environment trees as one ensemble over both kinds of columns."""
    found = [trees[OWN]] if OWN in trees else []
    return join(found + ([trees[ENVIRONMENT].shifted(n_own)] if ENVIRONMENT in trees else []))


def column_parts(model: Model) -> WalkByColumn:
    """What tells log-odds by own and environment column, float32 [rows, columns], of those columns, float32
    [rows, columns]; rows sum to own + environment, to 1e-5.

    Path attribution of the trees and of stage 1, as blended; in single precision, as reasons are stored.
    """
    blend, n_own = model.blend, len(model.preparation.schema.own)
    network = blend.own_network * model.network.own_weight
    walked = walk_by_column(
        join(
            [
                both_groups(model.trees, n_own).scaled(blend.own_trees),
                stage_1_mean(model.preparation).scaled(network),
            ]
        ),
        np.float32,
    )
    centres = (
        blend.own_trees * model.centres.trees_columns + blend.own_network * model.centres.network_columns
    ).astype(np.float32)
    return lambda x: walked(x) - centres


def _say_once(by_column: NDArray[np.float32], values: NDArray[np.float32], names: tuple[str, ...]) -> None:
    """Where all bad things on record of a party are of one kind, that kind's column takes on what the column
    of any kind is credited with; where there are none, the column of any kind does.

    ``by_column`` is changed; float32 [rows, columns] each.
    """

    def hand_over(rows: NDArray[np.bool_], silent: int, speaking: int) -> None:
        by_column[rows, speaking] += by_column[rows, silent]
        by_column[rows, silent] = 0.0

    place = {name: position for position, name in enumerate(names)}
    for any_kind, kinds in OF_ONE_KIND.items():
        for kind in kinds:
            if any_kind in place and kind in place:
                of_any, of_kind = values[:, place[any_kind]], values[:, place[kind]]
                hand_over((of_any > 0) & (of_any == of_kind), place[any_kind], place[kind])
                hand_over(~(of_any > 0), place[kind], place[any_kind])


def strongest(
    model: Model, columns: PartyColumns, rows: NDArray[np.int32]
) -> tuple[NDArray[np.int16], NDArray[np.float32]]:
    """The ``REASONS`` columns that move each party most: positions int16 and parts float32 [rows, m].

    Which of two columns that tell the same fact the trees split on is chance: one of them speaks for both.
    """
    m, parts_of = min(REASONS, len(columns.names)), column_parts(model)
    found, parts = np.empty((len(rows), m), np.int16), np.empty((len(rows), m), np.float32)

    def fill(chunk: slice) -> None:
        values = columns.of(rows[chunk])
        by_column = parts_of(values)
        _say_once(by_column, values, columns.names)
        _largest(by_column, found[chunk], parts[chunk])

    by_chunks(len(rows), fill)
    return found, parts


@numba.njit(cache=True, nogil=True)
def _largest(values, columns, parts):  # type: ignore[no-untyped-def]
    """The positions and values of each row's entries that are largest in size; equals in their order."""
    m = columns.shape[1]
    sizes = np.empty(m)
    for row in range(len(values)):
        kept = 0
        for column in range(values.shape[1]):
            size = abs(values[row, column])
            if kept == m and size <= sizes[m - 1]:
                continue
            kept = min(kept + 1, m)
            place = kept - 1
            while place > 0 and sizes[place - 1] < size:
                sizes[place], columns[row, place] = sizes[place - 1], columns[row, place - 1]
                place -= 1
            sizes[place], columns[row, place] = size, column
        for place in range(m):
            parts[row, place] = values[row, columns[row, place]]


@dataclass(frozen=True)
class BlendedParts:
    """Calibrated log-odds by part, each float64 [rows], less the base; relations by name."""

    own: NDArray[np.float64]
    environment: NDArray[np.float64]
    inherited: Parts


def blended(model: Model, raw: RawParts) -> BlendedParts:
    """The parts of trees and network, weighed."""
    blend, parts = model.blend, raw.centred(model.centres, len(model.preparation.schema.own))
    return BlendedParts(
        own=blend.own_trees * parts.own_trees + blend.own_network * parts.own_network,
        environment=blend.own_trees * parts.environment_trees + blend.own_network * parts.environment_network,
        inherited={
            name: blend.inherited_trees * by_trees + blend.inherited_network * parts.network[name]
            for name, by_trees in parts.trees.items()
        },
    )


def _centred_columns(centres: Centres, raw: RawParts) -> list[NDArray[np.float64]]:
    """``blended_columns`` of ``raw.centred``, without a centred copy of every relation's part."""
    means = (
        centres.trees_columns.sum(), sum(centres.trees.values()),
        centres.network_columns.sum(), sum(centres.network.values()),
    )  # fmt: skip
    return [column - mean for column, mean in zip(raw.blended_columns(), means, strict=True)]


def _spread(values: NDArray[Any], rows: NDArray[np.int32], n: int, empty: int = 0) -> NDArray[Any]:
    """``values`` at ``rows`` of n, ``empty`` elsewhere."""
    out = np.full((n, *values.shape[1:]), empty, values.dtype)
    out[rows] = values
    return out


def score(
    model: Model, snapshot: Snapshot, known: KnownOutcomes, rows: NDArray[np.int32] | None = None
) -> ScoredParts:
    """Calibrated log-odds of every party of ``snapshot`` by part.

    ``known``: results known by the snapshot's day, as counterparties may see them. ``rows``: the parties
    that are asked about (None: all); the others give to these, and their own parts are left at 0.
    """
    view, n = view_of(model.preparation, snapshot, known), snapshot.n_parties
    asked = np.arange(n, dtype=np.int32) if rows is None else rows
    unknown = np.full(n, np.nan, np.float32)
    raw = raw_parts(model.preparation, model.trees, model.network, view, asked)
    parts = blended(model, raw)
    inherited = {name: _spread(part, asked, n) for name, part in parts.inherited.items()}
    reason_columns, reason_parts = strongest(model, view.columns, asked)
    spread = spread_of(model.uncertainty, _centred_columns(model.centres, raw))
    return ScoredParts(
        base=model.blend.base,
        own=_spread(parts.own, asked, n),
        environment=_spread(parts.environment, asked, n),
        inherited=inherited,
        features={name: view.columns.by_name.get(name, unknown) for name in view.columns.names},
        reason_columns=_spread(reason_columns, asked, n, empty=-1),
        reason_parts=_spread(reason_parts, asked, n),
        spread=_spread(spread, asked, n),
        attribution=attribution_arrays(model, view, inherited),
    )
