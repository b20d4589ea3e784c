"""Columns that rank outcomes too well to be true: as a rule they were filled in after the outcome."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from sklearn.metrics import roc_auc_score

from gnn.champion.gate import NO_GRAPH, JudgedRows
from gnn.columns.features import raw_columns
from gnn.panels.panel import Origin, Panel

#: Where trees without a graph rank better than this, somebody should look at the columns.
TOO_GOOD_AUC = 0.98

#: So many columns are named.
MOST_NAMED = 3


def foreknowledge(rows: JudgedRows, panel: Panel) -> tuple[str, ...]:
    """A note that names the columns which rank validation cases best alone; none where all seems well."""
    together = rows.auc(NO_GRAPH)
    if together < TOO_GOOD_AUC:
        return ()
    latest = panel.of("valid")[-1]
    best = sorted(_alone(latest), key=lambda found: (-found[1], found[0]))[:MOST_NAMED]
    named = ", ".join(f"{name} {auc:.3f}" for name, auc in best)
    return (
        f"without a graph validation cases are ranked with an AUC of {together:.3f}, which is seldom true: "
        f"see whether a column is filled in after the outcome (AUC of the best alone: {named})",
    )


def _alone(origin: Origin) -> Iterator[tuple[str, float]]:
    """AUC of every column alone, whichever way it points; unknown values count as the lowest."""
    columns = raw_columns(origin.snapshot)
    if len(np.unique(origin.labels)) < 2:
        return
    for name, column in {**columns.own, **columns.environment}.items():
        values = column[origin.codes].astype(np.float64)
        if np.isfinite(values).any():
            lowest = np.nextafter(np.nanmin(values), -np.inf)
            auc = float(roc_auc_score(origin.labels, np.nan_to_num(values, nan=lowest)))
            yield name, max(auc, 1.0 - auc)
