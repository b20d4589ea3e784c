"""Boosted trees in several members, whose mean is the model's, and what they say of each group of columns."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from gnn.columns.features import ENVIRONMENT, OWN, FeatureMatrix
from gnn.learning.boosting import Draw, exported, fit_draws, meeting_of
from gnn.learning.preparation import TrainingSettings
from gnn.learning.rows import LabelledRows
from gnn.learning.stopping import best_stop
from gnn.panels.holdout import HELD_OUT_FOLDS
from gnn.trees import Trees, mean


def fit_groups(
    train: LabelledRows, valid: LabelledRows, settings: TrainingSettings
) -> tuple[list[dict[str, Trees]], int]:
    """Trees of every member by group (``by_group``), and rounds: they end where ``valid`` is served best.

    One member a seed; where rows are held out from members, one a fold. The parts hold the same columns.
    """
    matrix, held_out = train.features, train.held_out
    seeds = settings.seeds
    draws = [Draw(seed) for seed in seeds]
    if held_out is not None:
        draws = [Draw(seeds[fold % len(seeds)], held_out == fold) for fold in range(HELD_OUT_FOLDS)]
    meeting = meeting_of(matrix, settings.interactions)
    boosters = fit_draws(matrix.values, train.labels, meeting, settings.trees, draws)
    rounds = best_stop(boosters, valid, valid.features.values).rounds
    return [by_group(exported(booster, rounds), matrix) for booster in boosters], rounds


def fit_groups_again(rows: LabelledRows, rounds: int, settings: TrainingSettings) -> list[dict[str, Trees]]:
    """Trees of every seed by group from all of ``rows``, of so many ``rounds``."""
    matrix, ended = rows.features, replace(settings.trees, rounds=rounds)
    meeting, draws = meeting_of(matrix, settings.interactions), [Draw(seed) for seed in settings.seeds]
    boosters = fit_draws(matrix.values, rows.labels, meeting, ended, draws)
    return [by_group(exported(booster), matrix) for booster in boosters]


def by_group(trees: Trees, matrix: FeatureMatrix) -> dict[str, Trees]:
    """What ``trees`` over all columns of ``matrix`` say, by group.

    "own" and "environment" over their columns alone; a relation's over own columns and its own after them, of
    the trees that read it.
    """
    groups = np.array(matrix.groups)
    found = {}
    for name in dict.fromkeys(matrix.groups):
        mine = groups == name
        alone = name in (OWN, ENVIRONMENT)
        found[name] = trees.reading(mine) if alone else trees.reading(mine | (groups == OWN), among=mine)
    return found


def mean_of(members: Sequence[Mapping[str, Trees]]) -> dict[str, Trees]:
    """The mean of all members, by group."""
    return {name: mean([member[name] for member in members]) for name in members[0]}
