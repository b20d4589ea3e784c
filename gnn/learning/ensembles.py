"""Boosted trees in several members, whose mean is the model's, and what they say of each group of columns."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from gnn.columns.features import ENVIRONMENT, OWN, FeatureMatrix
from gnn.learning.boosting import exported, fit_draws, meeting_of
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
    draws = settings.draws()
    if held_out is not None:
        draws = [
            replace(draws[fold % len(draws)], left_out=held_out == fold) for fold in range(HELD_OUT_FOLDS)
        ]
    boosters = fit_draws(matrix.values, train.labels, meeting_of(matrix, settings.interactions), draws)
    rounds = best_stop(boosters, valid, valid.features.values).rounds
    return [by_group(exported(booster, rounds), matrix) for booster in boosters], rounds


def fit_groups_again(
    rows: LabelledRows,
    rounds: int,
    settings: TrainingSettings,
    left_out: Sequence[NDArray[np.bool_] | None] = (None,),
) -> list[dict[str, Trees]]:
    """Trees of so many ``rounds`` by group, the mean over seeds, from ``rows`` less each of ``left_out``."""
    matrix, seeds = rows.features, settings.draws(rounds)
    meeting = meeting_of(matrix, settings.interactions)
    draws = [replace(draw, left_out=less) for less in left_out for draw in seeds]
    fits = [by_group(exported(one), matrix) for one in fit_draws(matrix.values, rows.labels, meeting, draws)]
    return [mean_of(fits[start : start + len(seeds)]) for start in range(0, len(fits), len(seeds))]


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
