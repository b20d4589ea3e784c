"""Group-additive boosted trees in several members, whose mean is the model's."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from gnn.learning.boosting import Draw, exported, fit_draws, groups_of
from gnn.learning.preparation import TrainingSettings
from gnn.learning.rows import LabelledRows
from gnn.learning.stopping import best_stop
from gnn.panels.holdout import HELD_OUT_FOLDS
from gnn.trees import Trees, join


def fit_groups(
    train: LabelledRows, valid: LabelledRows, settings: TrainingSettings
) -> list[dict[str, Trees]]:
    """Trees of every member by group, each over its columns; rounds end where ``valid`` is served best.

    One member a seed; where rows are held out from members, one a fold. The parts hold the same columns.
    """
    matrix, held_out = train.features, train.held_out
    groups = tuple(dict.fromkeys(matrix.groups))
    group = groups_of(matrix)
    seeds = settings.seeds
    draws = [Draw(seed) for seed in seeds]
    if held_out is not None:
        draws = [Draw(seeds[fold % len(seeds)], held_out == fold) for fold in range(HELD_OUT_FOLDS)]
    boosters = fit_draws(matrix.values, train.labels, group, settings.trees, draws)
    rounds = best_stop(boosters, valid, valid.features.values).rounds
    first = {name: matrix.groups.index(name) for name in groups}
    found = [exported(booster, group, rounds) for booster in boosters]
    return [{name: each.of_group(groups.index(name), first[name]) for name in groups} for each in found]


def mean_of(members: Sequence[Mapping[str, Trees]]) -> dict[str, Trees]:
    """The mean of all members, by group."""
    return {
        name: join([member[name] for member in members]).scaled(1.0 / len(members)) for name in members[0]
    }
