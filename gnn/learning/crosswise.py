"""Rows that are learned from, looked at by fits that were not shown their fold of the parties."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from gnn.learning.ensembles import fit_groups_again
from gnn.learning.preparation import TrainingSettings
from gnn.learning.training_rows import TrainingRows
from gnn.network import EcosystemNetwork


def crosswise_columns(
    network: EcosystemNetwork,
    rows: TrainingRows,
    folds: NDArray[np.int8],
    rounds: int,
    settings: TrainingSettings,
) -> NDArray[np.float64]:
    """What is weighed (``RawParts.blended_columns``) of ``rows``, each by a fit without its fold, [rows, 4].

    ``folds``: of their parties, int8 [rows]. Every fit is centred on the rows it was shown. ``network`` is
    fitted anew for each.
    """
    columns = np.zeros((len(rows.labels), 4))
    left_out = [folds == fold for fold in np.unique(folds)]
    ensembles = fit_groups_again(rows.trees, rounds, settings, left_out)
    for fold, trees in zip(left_out, ensembles, strict=True):
        rows.fit(network, ~fold)
        found = np.column_stack(rows.parts(trees, network).blended_columns())
        columns[fold] = found[fold] - found[~fold].mean(axis=0)
    return columns
