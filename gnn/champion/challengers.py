"""What the default model has to beat: nothing, degrees, and boosted trees without and with the graph.

Trained on the same rows as the model, with the settings of its trees, one seed, calibrated on the same
validation rows by the same affine map; kept beside the model as lightgbm's text.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import lightgbm as lgb
import numpy as np
from numpy.typing import NDArray

from gnn.columns.features import ENVIRONMENT, OWN, FeatureMatrix, Stacked
from gnn.columns.views import designs, view_of
from gnn.learning.blend import calibrate
from gnn.learning.boosting import BoostingSettings, fit
from gnn.model import Model
from gnn.panels.panel import Origin, Panel, thinned
from graph.errors import ArtifactMismatch

SETTINGS = BoostingSettings()

#: What each challenger sees. The graph one has every column, and no tree of it is confined to a group.
CHALLENGERS = ("null", "degree", "gbdt_own", "gbdt_graph")

_DEGREE_PREFIX = "log_degree:"
_FILE = "challengers.json"

#: Rows of a part that challengers are trained or calibrated on, at most.
MAX_ROWS = 100_000


@dataclass(frozen=True)
class LabelledRows:
    """``labels`` int8 [rows] of the rows of ``features``."""

    features: FeatureMatrix
    labels: NDArray[np.int8]


@dataclass(frozen=True)
class Challenger:
    """z = ``intercept`` + ``slope``·(trees' raw score); ``trees`` None: the base rate alone."""

    columns: tuple[str, ...]
    trees: lgb.Booster | None
    intercept: float
    slope: float

    def z(self, features: FeatureMatrix) -> NDArray[np.float64]:
        """Calibrated log-odds, float64 [rows]. Raises ``ArtifactMismatch`` where a column is missing."""
        return self.intercept + self.slope * _raw(self.trees, _select(features, self.columns))


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


def _raw(trees: lgb.Booster | None, values: NDArray[np.float32]) -> NDArray[np.float64]:
    if trees is None:
        return np.zeros(len(values))
    raw: NDArray[np.float64] = trees.predict(values, raw_score=True, num_threads=1)
    return raw


def features_of(model: Model, origin: Origin) -> Iterator[FeatureMatrix]:
    """Every column of an origin's rows, chunk by chunk, as the model makes them.

    Relations are all that training looked at, also where the model itself goes without them.
    """
    preparation = replace(model.preparation, relations=tuple(model.preparation.record_priors))
    view = view_of(
        preparation,
        origin.snapshot,
        origin.known,
        training=origin.part == "train",
        own_labels_known=origin.own_labels_known,
    )
    yield from designs(view, origin.codes)


def labelled_rows(model: Model, origins: tuple[Origin, ...]) -> LabelledRows:
    """Columns and labels of all rows of ``origins``, stacked."""
    labels = np.concatenate([origin.labels for origin in origins])
    stacked = Stacked(len(labels))
    for origin in origins:
        for features in features_of(model, origin):
            stacked.add(features)
    return LabelledRows(stacked.matrix(), labels)


def train_challengers(model: Model, panel: Panel, seed: int = 0) -> dict[str, Challenger]:
    """Challengers of ``model`` from the same panel; test rows are not touched."""
    train, valid = (labelled_rows(model, thinned(panel.of(part), MAX_ROWS)) for part in ("train", "valid"))
    return fit_challengers(train, valid, seed)


def fit_challengers(train: LabelledRows, valid: LabelledRows, seed: int = 0) -> dict[str, Challenger]:
    """All of ``CHALLENGERS`` by name; both parts hold the same columns and both classes."""
    found = {}
    for name in CHALLENGERS:
        columns = _columns_of(name, train.features)
        trees = None
        if columns:
            trees = fit(_select(train.features, columns), train.labels, None, SETTINGS, seed)
        raw = _raw(trees, _select(valid.features, columns))
        slope, intercept = calibrate(raw, valid.labels)
        found[name] = Challenger(columns, trees, intercept, slope)
    return found


def save(challengers: Mapping[str, Challenger], folder: Path) -> None:
    """Write ``challengers.json`` and one text model each into ``folder``."""
    folder.mkdir(parents=True, exist_ok=True)
    described = {}
    for name, challenger in challengers.items():
        described[name] = {
            "columns": challenger.columns,
            "intercept": challenger.intercept,
            "slope": challenger.slope,
        }
        if challenger.trees is not None:
            (folder / f"{name}.txt").write_text(challenger.trees.model_to_string(), encoding="utf-8")
    (folder / _FILE).write_text(json.dumps(described, indent=1), encoding="utf-8")


def load(folder: Path) -> dict[str, Challenger]:
    """What ``save`` wrote. Raises ``ArtifactMismatch`` where it is not there."""
    try:
        described = json.loads((folder / _FILE).read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise ArtifactMismatch(f"{folder} holds no challengers: train the model again") from error
    found = {}
    for name, entry in described.items():
        path = folder / f"{name}.txt"
        trees = lgb.Booster(model_str=path.read_text(encoding="utf-8")) if path.exists() else None
        found[name] = Challenger(tuple(entry["columns"]), trees, entry["intercept"], entry["slope"])
    return found
