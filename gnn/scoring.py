"""Scores from stored arrays: no torch, no lightgbm; one relation's columns in memory at a time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gnn.attribution import attribution_arrays
from gnn.features import ENVIRONMENT, OWN
from gnn.model import Centres, Model, Network, Preparation, ReadOut
from gnn.parts import ScoredParts
from gnn.targets import KnownOutcomes
from gnn.trees import Trees, join, total, total_by_column
from gnn.views import RelationColumns, View, relation_columns, view_of
from graph.snapshot import Snapshot

Parts = Mapping[str, NDArray[np.float64]]

#: Columns named as reasons for each party.
REASONS = 8
#: Parties whose columns are attributed at a time.
_CHUNK = 65_536


@dataclass(frozen=True)
class RawParts:
    """Log-odds by part as trees and network give them, each float64 [rows]; relations by name."""

    own_trees: NDArray[np.float64]
    environment_trees: NDArray[np.float64]
    own_network: NDArray[np.float64]
    environment_network: NDArray[np.float64]
    trees: Parts
    network: Parts

    @classmethod
    def stack(cls, parts: Sequence[RawParts]) -> RawParts:
        """Rows of several days under one another."""

        def rows(name: str) -> NDArray[np.float64]:
            return np.concatenate([getattr(part, name) for part in parts])

        def by_relation(name: str) -> Parts:
            relations = getattr(parts[0], name)
            return {r: np.concatenate([getattr(part, name)[r] for part in parts]) for r in relations}

        return cls(
            rows("own_trees"), rows("environment_trees"), rows("own_network"), rows("environment_network"),
            by_relation("trees"), by_relation("network"),
        )  # fmt: skip

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
        part += np.nan_to_num(values - read_out.centres[hop], nan=0.0) @ read_out.weights[hop]
    return part


def raw_parts(
    preparation: Preparation,
    trees: Mapping[str, Trees],
    network: Network,
    view: View,
    rows: NDArray[np.int32],
) -> RawParts:
    """Every part of ``rows``; a relation's columns are made, read and freed before the next."""
    x = view.columns.own_environment[rows]
    n_own = view.columns.n_own
    by_trees, by_network = {}, {}
    for relation in preparation.relations:
        columns = relation_columns(view, relation, rows)
        by_trees[relation] = (
            total(trees[relation], columns.matrix.values) if relation in trees else np.zeros(len(rows))
        )
        by_network[relation] = read(network.read_outs[relation], columns)
    return RawParts(
        total(trees[OWN], x[:, :n_own]) if OWN in trees else np.zeros(len(rows)),
        total(trees[ENVIRONMENT], x[:, n_own:]) if ENVIRONMENT in trees else np.zeros(len(rows)),
        network.own_weight * view.s_own[rows],
        network.own_weight * view.s_environment[rows],
        by_trees,
        by_network,
    )


def stage_1_mean(preparation: Preparation) -> Trees:
    """The mean of stage 1's ensembles."""
    return join(list(preparation.stage_1)).scaled(1.0 / len(preparation.stage_1))


def both_groups(trees: Mapping[str, Trees], n_own: int) -> Trees:
    """Own and environment trees as one ensemble over both kinds of columns."""
    found = [trees[OWN]] if OWN in trees else []
    return join(found + ([trees[ENVIRONMENT].shifted(n_own)] if ENVIRONMENT in trees else []))


def column_parts(model: Model, x: NDArray[np.float32]) -> NDArray[np.float64]:
    """Log-odds by own and environment column, float64 [rows, columns]; rows sum to own + environment.

    ``x`` float32 [rows, own + environment]. Path attribution of the trees and of stage 1, as blended.
    """
    blend, n_own = model.blend, len(model.preparation.schema.own)
    network = blend.own_network * model.network.own_weight
    walked = join(
        [
            both_groups(model.trees, n_own).scaled(blend.own_trees),
            stage_1_mean(model.preparation).scaled(network),
        ]
    )
    centres = (
        blend.own_trees * model.centres.trees_columns + blend.own_network * model.centres.network_columns
    )
    return total_by_column(walked, x) - centres


def strongest(model: Model, x: NDArray[np.float32]) -> tuple[NDArray[np.int16], NDArray[np.float32]]:
    """The ``REASONS`` columns that move each party most: positions int16 and parts float32 [rows, m]."""
    m = min(REASONS, x.shape[1])
    columns, parts = np.empty((len(x), m), np.int16), np.empty((len(x), m), np.float32)
    for start in range(0, len(x), _CHUNK):
        found = column_parts(model, x[start : start + _CHUNK])
        order = np.argsort(-np.abs(found), axis=1, kind="stable")[:, :m]
        parts[start : start + _CHUNK] = np.take_along_axis(found, order, axis=1)
        columns[start : start + _CHUNK] = order
    return columns, parts


def score(model: Model, snapshot: Snapshot, known: KnownOutcomes) -> ScoredParts:
    """Calibrated log-odds of every party of ``snapshot`` by part.

    ``known``: results known by the snapshot's day, as counterparties may see them.
    """
    view = view_of(model.preparation, snapshot, known)
    everyone = np.arange(snapshot.n_parties, dtype=np.int32)
    schema, blend = model.preparation.schema, model.blend
    raw = raw_parts(model.preparation, model.trees, model.network, view, everyone)
    parts = raw.centred(model.centres, len(schema.own))
    inherited = {
        name: blend.inherited_trees * parts.trees[name] + blend.inherited_network * parts.network[name]
        for name in model.relations
    }
    x = view.columns.own_environment
    reason_columns, reason_parts = strongest(model, x)
    return ScoredParts(
        base=blend.base,
        own=blend.own_trees * parts.own_trees + blend.own_network * parts.own_network,
        environment=blend.own_trees * parts.environment_trees + blend.own_network * parts.environment_network,
        inherited=inherited,
        features={name: x[:, position] for position, name in enumerate(schema.own + schema.environment)},
        reason_columns=reason_columns,
        reason_parts=reason_parts,
        attribution=attribution_arrays(model, view, inherited),
    )
