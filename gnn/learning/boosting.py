"""Training boosted trees with lightgbm, where only some columns may meet on a path."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import Any

import lightgbm as lgb
import numpy as np
from numpy.typing import NDArray

from gnn.columns.features import ENVIRONMENT, OWN, FeatureMatrix
from gnn.trees import LEAF, Trees, join

#: Ensembles are trained side by side, each on one thread: two threads inside one ensemble wait for each other
#: thirty times longer than they work as soon as the machine is shared.
WORKERS = 2

#: Positions of columns that may meet on a path from root to leaf; None: all may.
Meeting = list[list[int]] | None


@dataclass(frozen=True)
class BoostingSettings:
    """Sizes of an ensemble; the defaults are the ones measured on five real sets.

    ``columns``: share of the columns that each tree is offered, ``columns_per_split`` each split of it;
    ``random``: one threshold a column is looked at, drawn by chance (Geurts et al. 2006).
    """

    rounds: int = 300
    learning_rate: float = 0.04
    leaves: int = 12
    min_child: int = 20
    bagging: float = 0.8
    columns: float = 0.5
    columns_per_split: float = 1.0
    l2: float = 5.0
    random: bool = False


STAGE_1 = BoostingSettings(rounds=150, leaves=8)

#: Ensembles that err otherwise than the default one: their mean is better than that of equals.
FINE = BoostingSettings(leaves=32, min_child=5, columns=1.0, columns_per_split=0.1)
COARSE = BoostingSettings(leaves=5, columns=0.2)
RANDOM = BoostingSettings(leaves=24, random=True)


def _parameters(settings: BoostingSettings, meeting: Meeting, seed: int) -> dict[str, Any]:
    parameters: dict[str, Any] = {
        "objective": "binary",
        "learning_rate": settings.learning_rate,
        "num_leaves": settings.leaves,
        "min_data_in_leaf": settings.min_child,
        "bagging_fraction": settings.bagging,
        "bagging_freq": 1,
        "feature_fraction": settings.columns,
        "feature_fraction_bynode": settings.columns_per_split,
        "extra_trees": settings.random,
        "lambda_l2": settings.l2,
        "deterministic": True,
        "num_threads": 1,
        "seed": seed,
        # Bins are the same for every seed, and found on so many rows: their copy in doubles is the peak.
        "data_random_seed": 1,
        "bin_construct_sample_cnt": 50_000,
        # Both ways make the same trees; histograms of many columns side by side would leave the cache.
        "force_col_wise": True,
        "verbosity": -1,
    }
    if meeting is not None:
        parameters["interaction_constraints"] = meeting
    return parameters


def meeting_of(matrix: FeatureMatrix, interactions: bool = True) -> Meeting:
    """Own columns meet those of one relation at a time, without ``interactions`` none; environment keeps to
    itself."""
    groups = np.array(matrix.groups)
    of = {name: np.flatnonzero(groups == name).tolist() for name in dict.fromkeys(matrix.groups)}
    if not interactions:
        return list(of.values())
    own, environment = of.pop(OWN, []), of.pop(ENVIRONMENT, [])
    sets = [own + relation for relation in of.values()] or [own]
    return [each for each in (environment, *sets) if each]


@dataclass(frozen=True)
class Draw:
    """One ensemble of several: seed, settings, and the rows that it is not shown (bool [rows])."""

    seed: int
    settings: BoostingSettings
    left_out: NDArray[np.bool_] | None = None


def fit(
    x: NDArray[np.float32],
    y: NDArray[np.int8],
    meeting: Meeting,
    settings: BoostingSettings,
    seed: int,
) -> lgb.Booster:
    """A booster on rows ``x`` [rows, columns], ``y`` 0/1."""
    return fit_draws(x, y, meeting, (Draw(seed, settings),))[0]


def fit_draws(
    x: NDArray[np.float32],
    y: NDArray[np.int8],
    meeting: Meeting,
    draws: Sequence[Draw],
) -> list[lgb.Booster]:
    """``fit`` for each of ``draws``; the columns are binned once for all."""
    # Columns that no split could part in leaves of so many rows are left out at once: for all draws.
    least = replace(draws[0].settings, min_child=min(draw.settings.min_child for draw in draws))
    # Bins are found column by column, each on one thread.
    parameters = _parameters(least, meeting, 0) | {"num_threads": WORKERS}
    data = lgb.Dataset(x, label=y, params=parameters, free_raw_data=True)
    data.construct()
    # Draws of several seeds share the rows that they are not shown.
    without = {id(draw.left_out): draw.left_out for draw in draws if draw.left_out is not None}
    shown = {
        key: data.subset(np.flatnonzero(~left_out).tolist()).construct() for key, left_out in without.items()
    }

    def job(draw: Draw) -> lgb.Booster:
        rows = data if draw.left_out is None else shown[id(draw.left_out)]
        parameters = _parameters(draw.settings, meeting, draw.seed)
        return lgb.train(parameters, rows, num_boost_round=draw.settings.rounds)

    with ThreadPoolExecutor(WORKERS) as workers:
        return list(workers.map(job, draws))


def _append(node: dict[str, Any], nodes: list[list[float]]) -> tuple[int, float]:
    """Append the subtree of a dumped node; returns its position and its training rows."""
    position = len(nodes)
    if "leaf_value" in node and "split_feature" not in node:
        nodes.append([LEAF, 0.0, -1, -1, 0, 0.0, node["leaf_value"]])
        return position, float(max(node.get("leaf_count", 1), 1))
    missing_left = int(node["default_left"]) if node["missing_type"] == "NaN" else -1
    nodes.append([node["split_feature"], node["threshold"], -1, -1, missing_left, 0.0, 0.0])
    left, rows_left = _append(node["left_child"], nodes)
    right, rows_right = _append(node["right_child"], nodes)
    rows = rows_left + rows_right
    mean = (nodes[left][6] * rows_left + nodes[right][6] * rows_right) / rows
    nodes[position][2:4] = [left, right]
    nodes[position][5:7] = [rows_left / rows, mean]
    return position, rows


def exported(booster: lgb.Booster, rounds: int = -1) -> Trees:
    """The trees of so many rounds of the booster (-1: all) as arrays."""
    ensembles = []
    for info in booster.dump_model(num_iteration=rounds)["tree_info"]:
        nodes: list[list[float]] = []
        _append(info["tree_structure"], nodes)
        table = np.array(nodes)
        ensembles.append(
            Trees(
                roots=np.zeros(1, np.int32),
                column=table[:, 0].astype(np.int32),
                threshold=table[:, 1].copy(),
                left=table[:, 2].astype(np.int32),
                right=table[:, 3].astype(np.int32),
                missing_left=table[:, 4].astype(np.int8),
                share=table[:, 5].copy(),
                value=table[:, 6].copy(),
            )
        )
    return join(ensembles)
