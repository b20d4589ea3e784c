"""Rows of prediction days as a whole model learns from them: trees and network side by side."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from gnn.columns.features import (
    ENVIRONMENT,
    OWN,
    FeatureMatrix,
    RawColumns,
    Stacked,
    fold_of,
    raw_columns,
)
from gnn.columns.views import View, designs
from gnn.heterodata import learning_data
from gnn.learning.rows import LabelledRows, members_missing, origin_view
from gnn.model import Preparation
from gnn.network import EcosystemNetwork
from gnn.panels.panel import Origin, learned_together
from gnn.scoring import RawParts, stage_1_mean
from gnn.tree_walk import total, total_beyond, total_by_column
from gnn.trees import Trees


@dataclass(frozen=True)
class Days:
    """Days that are learned from, with their columns; ``held_out``: members miss a fold of their parties."""

    origins: Sequence[Origin]
    raws: Sequence[RawColumns]
    held_out: bool

    def and_later(self, origins: Sequence[Origin]) -> Days:
        """These days and the later ``origins``, of which nobody misses any."""
        raws = [raw_columns(origin.snapshot) for origin in origins]
        return Days(learned_together(self.origins, origins), [*self.raws, *raws], held_out=False)

    def folds(self) -> NDArray[np.int8]:
        """Fold of each row's party, int8 [rows]."""
        return np.concatenate([fold_of(origin.snapshot.party_ids)[origin.codes] for origin in self.origins])


@dataclass(frozen=True)
class TrainingRows:
    """Rows of several days, stacked: columns of the trees with labels, columns of the network, stage 1.

    ``s`` float64 [3, rows]: stage 1's log-odds by own, by environment, and its base. ``s_means`` float64
    [own + environment]: what the mean of its ensembles says of the rows by column, meaned over them.
    """

    trees: LabelledRows
    linear: Mapping[str, NDArray[np.float64]]
    s: NDArray[np.float64]
    s_means: NDArray[np.float64]

    @property
    def labels(self) -> NDArray[np.int8]:
        return self.trees.labels

    @property
    def held_out(self) -> NDArray[np.int8] | None:
        return self.trees.held_out

    @property
    def design(self) -> FeatureMatrix:
        return self.trees.features

    def fit(self, network: EcosystemNetwork, used: NDArray[np.bool_] | None = None) -> None:
        """Fit ``network`` on the rows; ``used``: those whose loss counts, all where None."""
        network.fit(
            {name: torch.from_numpy(values) for name, values in self.linear.items()},
            torch.from_numpy(self.s.sum(axis=0)),
            torch.from_numpy(self.labels),
            None if used is None else torch.from_numpy(used.astype(np.float64)),
        )

    def parts(self, trees: Mapping[str, Trees], network: EcosystemNetwork) -> RawParts:
        """Every part of the rows."""

        own, none = self.design.of(OWN).values, np.zeros(len(self.labels))

        def alone(group: str) -> NDArray[np.float64]:
            return total(trees[group], self.design.of(group).values) if group in trees else none

        def beyond_own(name: str) -> NDArray[np.float64]:
            if name not in trees:
                return none
            return total_beyond(trees[name], own, self.design.of(name).values)

        with torch.no_grad():
            inherited = network.inherited({name: torch.from_numpy(v) for name, v in self.linear.items()})
        weight = network.folded().own_weight
        return RawParts(
            alone(OWN),
            alone(ENVIRONMENT),
            weight * self.s[0],
            weight * self.s[1],
            {name: beyond_own(name) for name in network.relations},
            {name: part.numpy() for name, part in inherited.items()},
        )


def _gathered(
    network: EcosystemNetwork, view: View, codes: NDArray[np.int32]
) -> dict[str, NDArray[np.float64]]:
    """The network's columns for ``codes``, each row through the sight of its fold."""
    found = {
        name: np.zeros((len(codes), len(w)))
        for name, w in zip(network.relations, network.read_out, strict=True)
    }
    for sight, positions in view.rows_by_sight(codes):
        data = learning_data(view, sight, codes[positions])
        for name, columns in network.gather(data):
            found[name][positions] = columns.numpy()
    return found


def rows_of(prepared: Preparation, network: EcosystemNetwork, days: Days) -> TrainingRows:
    """All rows of the days."""
    origins = days.origins
    labels = np.concatenate([origin.labels for origin in origins])
    stacked = Stacked(len(labels))
    linear, s = [], []
    for origin, raw in zip(origins, days.raws, strict=True):
        view = origin_view(prepared, origin, raw, by_folds=True)
        for part in designs(view, origin.codes):
            stacked.add(part)
        linear.append(_gathered(network, view, origin.codes))
        s.append(np.stack((view.s_own, view.s_environment, view.s_base))[:, origin.codes])
    features = stacked.matrix()
    by_column = total_by_column(stage_1_mean(prepared), features.of(OWN, ENVIRONMENT).values)
    return TrainingRows(
        LabelledRows(features, labels, members_missing(origins, days.held_out)),
        {name: np.concatenate([of_day[name] for of_day in linear]) for name in network.relations},
        s=np.concatenate(s, axis=1),
        s_means=by_column.mean(0),
    )
