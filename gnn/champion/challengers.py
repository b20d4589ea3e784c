"""What the default model has to beat: nothing, degrees, and boosted trees without and with the graph.

Trained on the same rows as the model, with the settings of its first ensemble, one seed; with as many
rounds as serve best on the validation rows, on which the same affine map calibrates them. Kept as lightgbm's
text. Where training windows run into a validation day, they are made of members that hold out a fold of the
parties each, as the model is; where the model is fitted again with validation rows, so are they.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import lightgbm as lgb
import numpy as np
from numpy.typing import NDArray

from gnn.columns.features import ENVIRONMENT, OWN, FeatureMatrix
from gnn.learning.blend import level
from gnn.learning.boosting import BoostingSettings, Draw, fit, fit_draws
from gnn.learning.rows import LabelledRows, labelled_rows
from gnn.learning.stopping import best_stop, raw_mean, raw_unseen
from gnn.learning.training import Trained
from gnn.model import Preparation
from gnn.panels.holdout import HELD_OUT_FOLDS, windows_overlap
from gnn.panels.panel import Panel, learned_together, thinned
from gnn.threads import side_by_side
from graph.errors import ArtifactMismatch

SETTINGS = BoostingSettings()

#: What each challenger sees. The graph one has every column that the model reads, and in
#: its trees any columns may meet.
CHALLENGERS = ("null", "degree", "gbdt_own", "gbdt_graph")

#: Where they lie in a model's folder.
CHALLENGERS_FOLDER = "challengers"

_DEGREE_PREFIX = "log_degree:"
_FILE = "challengers.json"

#: Rows of a part that challengers are trained or calibrated on, at most.
MAX_ROWS = 100_000


@dataclass(frozen=True)
class Challenger:
    """z = ``intercept`` + ``slope``·(mean raw score of what is served); without any: the base rate alone.

    ``members`` have not seen validation rows. ``served``: fitted again with them; empty: the members.
    """

    columns: tuple[str, ...]
    members: tuple[lgb.Booster, ...]
    intercept: float
    slope: float
    served: tuple[lgb.Booster, ...] = ()

    def z(self, features: FeatureMatrix) -> NDArray[np.float64]:
        """Calibrated log-odds, float64 [rows]. Raises ``ArtifactMismatch`` where a column is missing."""
        boosters = self.served or self.members
        return self.intercept + self.slope * raw_mean(boosters, _select(features, self.columns))

    def unseen_raw(self, rows: LabelledRows) -> NDArray[np.float64]:
        """Scores before calibration of validation rows, each by a member not shown its party, float64 [rows].

        Raises ``ArtifactMismatch`` where a column is missing.
        """
        return raw_unseen(self.members, _select(rows.features, self.columns), rows.held_out)


def _columns_of(name: str, features: FeatureMatrix) -> tuple[str, ...]:
    if name == "null":
        return ()
    own = (OWN, ENVIRONMENT)
    return tuple(
        column
        for column, group in zip(features.names, features.groups, strict=True)
        if name == "gbdt_graph"
        or (name == "gbdt_own" and group in own)
        or (name == "degree" and group == OWN and column.startswith(_DEGREE_PREFIX))
    )


def _select(features: FeatureMatrix, columns: tuple[str, ...]) -> NDArray[np.float32]:
    position = {name: place for place, name in enumerate(features.names)}
    missing = [name for name in columns if name not in position]
    if missing:
        raise ArtifactMismatch(f"the challengers were trained on columns that are not there: {missing[:5]}")
    if columns == features.names:
        return features.values
    return features.values[:, [position[name] for name in columns]]


def with_links(prepared: Preparation) -> Preparation:
    """A model's columns with all relations that training looked at, also where it goes without them."""
    return replace(prepared, relations=tuple(prepared.record_priors))


def valid_rows(trained: Trained, panel: Panel) -> LabelledRows:
    """Columns and labels of the validation rows that challengers are stopped and judged on."""
    return labelled_rows(
        with_links(trained.prepared), thinned(panel.of("valid"), MAX_ROWS), windows_overlap(panel)
    )


def train_challengers(
    trained: Trained, panel: Panel, seed: int = 0, valid: LabelledRows | None = None
) -> dict[str, Challenger]:
    """Challengers of the model from the same panel; test rows are not touched.

    ``valid``: ``valid_rows``, where they are at hand.
    """
    days, overlap = thinned(panel.of("train"), MAX_ROWS), windows_overlap(panel)
    train = labelled_rows(with_links(trained.prepared), days, overlap)
    valid = valid_rows(trained, panel) if valid is None else valid
    both = None
    if trained.model.facts["fitted_again"]:
        days = learned_together(days, thinned(panel.of("valid"), MAX_ROWS))
        both = labelled_rows(with_links(trained.model.preparation), days, by_folds=True)
    return fit_challengers(train, valid, seed, both)


def fit_challengers(
    train: LabelledRows, valid: LabelledRows, seed: int = 0, both: LabelledRows | None = None
) -> dict[str, Challenger]:
    """All of ``CHALLENGERS`` by name; both parts hold the same columns and both classes.

    ``both``: rows of train, then of valid, as they are learned from in the end; with as many rounds
    challengers are then fitted on them, and validation rows keep their bad rate.
    """
    draws = [Draw(seed, SETTINGS)]
    if train.held_out is not None:
        draws = [Draw(seed + fold, SETTINGS, train.held_out == fold) for fold in range(HELD_OUT_FOLDS)]

    def challenger(name: str) -> Challenger:
        columns = _columns_of(name, train.features)
        members: tuple[lgb.Booster, ...] = ()
        if columns:
            values = _select(train.features, columns)
            members = tuple(fit_draws(values, train.labels, None, draws))
        found = _stopped(columns, members, valid)
        return found if both is None or not members else _again(found, valid, both, seed)

    return dict(zip(CHALLENGERS, side_by_side(challenger, CHALLENGERS), strict=True))


def _stopped(columns: tuple[str, ...], members: tuple[lgb.Booster, ...], valid: LabelledRows) -> Challenger:
    """The challenger whose members end after the round at which validation loss is least."""
    stop = best_stop(members, valid, _select(valid.features, columns))
    ended = tuple(
        lgb.Booster(model_str=member.model_to_string(num_iteration=stop.rounds)) for member in members
    )
    return Challenger(columns, ended, stop.intercept, stop.slope)


def _again(first: Challenger, valid: LabelledRows, both: LabelledRows, seed: int) -> Challenger:
    """The same fitted on all rows, its level such that validation rows keep their bad rate."""
    ended = replace(SETTINGS, rounds=first.members[0].num_trees())
    values = _select(both.features, first.columns)
    served = (fit(values, both.labels, None, ended, seed),)
    raw = raw_mean(served, values[-len(valid.labels) :])
    return replace(first, served=served, intercept=level(first.slope * raw, valid.labels))


def save(challengers: Mapping[str, Challenger], folder: Path) -> None:
    """Write ``challengers.json`` and a text model a member into ``folder``."""
    folder.mkdir(parents=True, exist_ok=True)
    described = {}
    for name, challenger in challengers.items():
        described[name] = {
            "columns": challenger.columns,
            "members": len(challenger.members),
            "served": len(challenger.served),
            "intercept": challenger.intercept,
            "slope": challenger.slope,
        }
        for number, booster in enumerate(challenger.members + challenger.served):
            (folder / f"{name}-{number}.txt").write_text(booster.model_to_string(), encoding="utf-8")
    (folder / _FILE).write_text(json.dumps(described, indent=1), encoding="utf-8")


def load(folder: Path) -> dict[str, Challenger]:
    """What ``save`` wrote. Raises ``ArtifactMismatch`` where it is not there, or of another version."""
    try:
        described = json.loads((folder / _FILE).read_text(encoding="utf-8"))
        found = {}
        for name, entry in described.items():
            members, served = entry["members"], entry["served"]
            paths = [folder / f"{name}-{number}.txt" for number in range(members + served)]
            boosters = tuple(lgb.Booster(model_str=path.read_text(encoding="utf-8")) for path in paths)
            columns, affine = tuple(entry["columns"]), (entry["intercept"], entry["slope"])
            found[name] = Challenger(columns, boosters[:members], *affine, boosters[members:])
    except (FileNotFoundError, KeyError) as error:
        raise ArtifactMismatch(f"{folder} holds no challengers: train the model again") from error
    return found
