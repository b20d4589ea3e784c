"""Rows of prediction days as boosted trees learn from them and are judged on them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gnn.columns.features import FeatureMatrix, RawColumns, Stacked
from gnn.columns.views import View, designs, view_of
from gnn.model import Preparation
from gnn.panels.holdout import held_out_by
from gnn.panels.panel import Origin


@dataclass(frozen=True)
class LabelledRows:
    """``labels`` int8 [rows] of the rows of ``features``; ``held_out`` int8 [rows]: the member that is not
    shown the row's party, None where all see all."""

    features: FeatureMatrix
    labels: NDArray[np.int8]
    held_out: NDArray[np.int8] | None = None


def origin_view(
    prepared: Preparation, origin: Origin, raw: RawColumns | None = None, *, by_folds: bool = False
) -> View:
    """``origin`` as the model sees it: by folds on training days, as served on later ones.

    ``by_folds``: later days by folds too, where members hold out their parties or learn from them.
    """
    return view_of(
        prepared, origin.snapshot, origin.known,
        training=by_folds or origin.part == "train", own_labels_known=origin.own_labels_known, raw=raw,
    )  # fmt: skip


def members_missing(origins: Sequence[Origin], held_out: bool) -> NDArray[np.int8] | None:
    """For each row the member that is not shown its party, int8 [rows]; None where none is ``held_out``."""
    return np.concatenate([held_out_by(origin) for origin in origins]) if held_out else None


def labelled_rows(
    prepared: Preparation, origins: Sequence[Origin], held_out: bool = False, *, by_folds: bool = False
) -> LabelledRows:
    """Columns and labels of all rows of ``origins``, stacked; ``held_out``: each row knows its member."""
    labels = np.concatenate([origin.labels for origin in origins])
    stacked = Stacked(len(labels))
    for origin in origins:
        for features in designs(origin_view(prepared, origin, by_folds=by_folds or held_out), origin.codes):
            stacked.add(features)
    return LabelledRows(stacked.matrix(), labels, members_missing(origins, held_out))
