"""Validation that is not fooled by results training has seen.

Where training windows run into a validation day, the same default is a label on both sides: a model that
remembers a party would look as if it foresaw it. Each member of the model is then trained without a third
of the parties, and validation rows are weighed by the member that was not shown their party; the model is
the mean of its members.
"""

from __future__ import annotations

from datetime import timedelta

import numpy as np
from numpy.typing import NDArray

from gnn.columns.features import fold_of
from gnn.panels.panel import Origin, Panel

#: Members of a model that is trained so; each misses the parties of one fold.
HELD_OUT_FOLDS = 3


def windows_overlap(panel: Panel) -> bool:
    """Whether a result may be a label of a training day and of a validation day; given parts share none."""
    if panel.task.by_splits:
        return False
    horizon = timedelta(panel.task.horizon_days)
    first = min(origin.as_of for origin in panel.of("valid"))
    return any(origin.as_of + horizon > first for origin in panel.of("train"))


def held_out_by(origin: Origin) -> NDArray[np.int8]:
    """For each row of ``origin`` the member that is not shown its party, the same on every day, int8."""
    return fold_of(origin.snapshot.party_ids, HELD_OUT_FOLDS)[origin.codes]
