"""Group-additive boosted trees in several members, whose mean is the model's."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from gnn.columns.features import FeatureMatrix
from gnn.learning.boosting import Draw, exported, fit_draws, groups_of
from gnn.learning.preparation import TrainingSettings
from gnn.panels.holdout import HELD_OUT_FOLDS
from gnn.trees import Trees, join


def fit_groups(
    matrix: FeatureMatrix,
    labels: NDArray[np.int8],
    settings: TrainingSettings,
    held_out: NDArray[np.int8] | None = None,
) -> list[dict[str, Trees]]:
    """Trees of every member by group, each over its group's columns.

    One member a seed; where rows are held out (int8 [rows]: from which member), one a fold.
    """
    groups = tuple(dict.fromkeys(matrix.groups))
    group = groups_of(matrix)
    seeds = settings.seeds
    draws = [Draw(seed) for seed in seeds]
    if held_out is not None:
        draws = [Draw(seeds[fold % len(seeds)], held_out == fold) for fold in range(HELD_OUT_FOLDS)]
    boosters = fit_draws(matrix.values, labels, group, settings.trees, draws)
    first = {name: matrix.groups.index(name) for name in groups}
    found = [exported(booster, group) for booster in boosters]
    return [{name: each.of_group(groups.index(name), first[name]) for name in groups} for each in found]


def mean_of(members: Sequence[Mapping[str, Trees]]) -> dict[str, Trees]:
    """The mean of all members, by group."""
    return {
        name: join([member[name] for member in members]).scaled(1.0 / len(members)) for name in members[0]
    }
