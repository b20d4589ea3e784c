"""Training boosted trees with lightgbm so that each tree keeps to one group of columns."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import lightgbm as lgb
import numpy as np
from numpy.typing import NDArray

from gnn.columns.features import FeatureMatrix
from gnn.trees import Trees, join

#: Ensembles are trained side by side, each on one thread: two threads inside one ensemble wait for each other
#: thirty times longer than they work as soon as the machine is shared.
WORKERS = 2

#: Group of a tree without a split, and of trees that may use every column.
NO_GROUP = -1


@dataclass(frozen=True)
class BoostingSettings:
    """Sizes of an ensemble; the defaults are the ones measured on five real sets."""

    rounds: int = 300
    learning_rate: float = 0.04
    leaves: int = 12
    min_child: int = 20
    bagging: float = 0.8
    columns: float = 0.5
    l2: float = 5.0


STAGE_1 = BoostingSettings(rounds=150, leaves=8)


def _parameters(settings: BoostingSettings, groups: list[list[int]] | None, seed: int) -> dict[str, Any]:
    parameters: dict[str, Any] = {
        "objective": "binary",
        "learning_rate": settings.learning_rate,
        "num_leaves": settings.leaves,
        "min_data_in_leaf": settings.min_child,
        "bagging_fraction": settings.bagging,
        "bagging_freq": 1,
        "feature_fraction": settings.columns,
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
    if groups is not None:
        parameters["interaction_constraints"] = groups
    return parameters


def groups_of(matrix: FeatureMatrix) -> NDArray[np.int32]:
    """The number of each column's group, in the order in which groups come, int32 [columns]."""
    groups = tuple(dict.fromkeys(matrix.groups))
    return np.array([groups.index(name) for name in matrix.groups], np.int32)


@dataclass(frozen=True)
class Draw:
    """One ensemble of several: its seed, and the rows that it is not shown (bool [rows])."""

    seed: int
    left_out: NDArray[np.bool_] | None = None


def fit(
    x: NDArray[np.float32],
    y: NDArray[np.int8],
    group_of_column: NDArray[np.int32] | None,
    settings: BoostingSettings,
    seed: int,
) -> lgb.Booster:
    """A booster on rows ``x`` [rows, columns], ``y`` 0/1; ``group_of_column`` None: no constraint."""
    return fit_draws(x, y, group_of_column, settings, (Draw(seed),))[0]


def fit_draws(
    x: NDArray[np.float32],
    y: NDArray[np.int8],
    group_of_column: NDArray[np.int32] | None,
    settings: BoostingSettings,
    draws: Sequence[Draw],
) -> list[lgb.Booster]:
    """``fit`` for each of ``draws``; the columns are binned once for all."""
    groups = None
    if group_of_column is not None:
        groups = [np.flatnonzero(group_of_column == g).tolist() for g in np.unique(group_of_column)]
    data = lgb.Dataset(x, label=y, params=_parameters(settings, groups, 0), free_raw_data=True)
    data.construct()
    shown = [
        data if draw.left_out is None else data.subset(np.flatnonzero(~draw.left_out).tolist()).construct()
        for draw in draws
    ]

    def job(seed: int, rows: lgb.Dataset) -> lgb.Booster:
        return lgb.train(_parameters(settings, groups, seed), rows, num_boost_round=settings.rounds)

    with ThreadPoolExecutor(WORKERS) as workers:
        return list(workers.map(job, (draw.seed for draw in draws), shown))


def _append(node: dict[str, Any], nodes: list[list[float]]) -> tuple[int, float]:
    """Append the subtree of a dumped node; returns its position and its training rows."""
    position = len(nodes)
    if "leaf_value" in node and "split_feature" not in node:
        nodes.append([-1, 0.0, -1, -1, 0, node["leaf_value"]])
        return position, float(max(node.get("leaf_count", 1), 1))
    missing_left = int(node["default_left"]) if node["missing_type"] == "NaN" else -1
    nodes.append([node["split_feature"], node["threshold"], -1, -1, missing_left, 0.0])
    left, rows_left = _append(node["left_child"], nodes)
    right, rows_right = _append(node["right_child"], nodes)
    rows = rows_left + rows_right
    mean = (nodes[left][5] * rows_left + nodes[right][5] * rows_right) / rows
    nodes[position][2:4] = [left, right]
    nodes[position][5] = mean
    return position, rows


def _group_of(columns: NDArray[np.int32], group_of_column: NDArray[np.int32] | None) -> int:
    used = np.unique(columns[columns >= 0])
    if group_of_column is None or not len(used):
        return NO_GROUP
    groups = np.unique(group_of_column[used])
    if len(groups) != 1:
        raise AssertionError(
            f"a tree left its group: columns {used.tolist()} are of groups {groups.tolist()}"
        )
    return int(groups[0])


def exported(
    booster: lgb.Booster, group_of_column: NDArray[np.int32] | None = None, rounds: int = -1
) -> Trees:
    """The trees of so many rounds of the booster (-1: all) as arrays; each must keep to one group."""
    ensembles = []
    for info in booster.dump_model(num_iteration=rounds)["tree_info"]:
        nodes: list[list[float]] = []
        _append(info["tree_structure"], nodes)
        table = np.array(nodes)
        columns = table[:, 0].astype(np.int32)
        ensembles.append(
            Trees(
                roots=np.zeros(1, np.int32),
                group=np.array([_group_of(columns, group_of_column)], np.int32),
                column=columns,
                threshold=table[:, 1].copy(),
                left=table[:, 2].astype(np.int32),
                right=table[:, 3].astype(np.int32),
                missing_left=table[:, 4].astype(np.int8),
                value=table[:, 5].copy(),
            )
        )
    return join(ensembles)
