"""What can be known of inherited hazard from the visible data by somebody who was told the planted truth."""

from __future__ import annotations

from pathlib import Path

import duckdb
import lightgbm
import numpy as np
from numpy.typing import NDArray
from scipy.stats import spearmanr

from bench.synthetic import columns_at
from loaders.synthetic import EcosystemSettings

Matrix = NDArray[np.float64]


def oracle_spearman(settings: EcosystemSettings, folder: Path) -> float | None:
    """Spearman of an oracle with the planted inherited part on the test day; None where none was planted.

    Boosted trees that regress the planted part itself, not defaults, on the signs of counterparties by
    share of trade and of the party itself (``bench.synthetic``), on the training days.
    """
    if settings.contagion == 0.0:
        return None
    connection = duckdb.connect(config={"threads": 2})
    for path in (*sorted(folder.glob("*.parquet")), folder / "truth" / "hazard.parquet"):
        connection.read_parquet(str(path)).create_view(path.stem)

    def rows(part: str) -> tuple[Matrix, NDArray[np.float64]]:
        days = [settings.first_day_of(month) for month in settings.prediction_months[part]]
        found = [columns_at(connection, day) for day in days]
        x = np.concatenate([np.hstack((beside, own)) for _, own, beside, _ in found])
        return x, np.concatenate([planted[:, 0] for _, _, _, planted in found])

    (x, planted), (test, expected) = rows("train"), rows("test")
    model = lightgbm.LGBMRegressor(
        n_estimators=300, num_leaves=12, learning_rate=0.04, min_child_samples=40, subsample=0.8,
        subsample_freq=1, colsample_bytree=0.5, reg_lambda=5, n_jobs=1, random_state=0,
        deterministic=True, force_row_wise=True, verbose=-1,
    )  # fmt: skip
    model.fit(x, planted)
    return float(spearmanr(np.asarray(model.predict(test)), expected).statistic)
