"""Challengers see what they are meant to see, are calibrated, and come back from disk as they were."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from scipy.special import expit
from sklearn.metrics import roc_auc_score

from gnn.champion.challengers import CHALLENGERS, fit_challengers, load, save
from gnn.champion.metrics import calibration_line
from gnn.columns.features import FeatureMatrix
from gnn.learning.rows import LabelledRows
from graph.errors import ArtifactMismatch

NAMES = ("log_degree:SUPPLIES.out", "x_size", "rate:region", "SUPPLIES.out:1:s")
GROUPS = ("own", "own", "environment", "SUPPLIES.out")


def rows(n: int, seed: int, base: float = -1.0) -> LabelledRows:
    """Log-odds that are half own, half inherited; degree says little."""
    rng = np.random.default_rng(seed)
    values = rng.normal(size=(n, 4)).astype(np.float32)
    z = base + values @ np.array([0.3, 1.0, 0.4, 1.0])
    values[rng.random(n) < 0.1, 3] = np.nan
    return LabelledRows(FeatureMatrix(NAMES, GROUPS, values), (rng.random(n) < expit(z)).astype(np.int8))


@pytest.fixture(scope="module")
def parts() -> dict[str, LabelledRows]:
    return {"train": rows(3_000, 1), "valid": rows(3_000, 2, base=-2.0), "test": rows(20_000, 3, base=-2.0)}


def both(parts: dict[str, LabelledRows]) -> LabelledRows:
    """Training rows, then validation rows."""
    some = parts["train"], parts["valid"]
    values = np.concatenate([part.features.values for part in some])
    return LabelledRows(FeatureMatrix(NAMES, GROUPS, values), np.concatenate([part.labels for part in some]))


def test_each_step_sees_more_and_ranks_better(parts: dict[str, LabelledRows]) -> None:
    fitted = fit_challengers(parts["train"], parts["valid"])
    assert tuple(fitted) == CHALLENGERS
    assert [c.columns for c in fitted.values()] == [(), NAMES[:1], NAMES[:3], NAMES]
    z = {name: c.z(parts["test"].features) for name, c in fitted.items()}
    auc = {name: roc_auc_score(parts["test"].labels, values) for name, values in z.items()}
    assert auc["null"] == 0.5
    assert auc["null"] < auc["degree"] < auc["gbdt_own"] < auc["gbdt_graph"]
    assert expit(z["null"][0]) == pytest.approx(parts["valid"].labels.mean(), abs=1e-4)


def test_calibration_follows_the_validation_rows(parts: dict[str, LabelledRows]) -> None:
    """Base rates moved between training and validation; on later data of the same kind PDs are right."""
    graph = fit_challengers(parts["train"], parts["valid"], 0, both(parts))["gbdt_graph"]
    z = graph.z(parts["test"].features)
    assert expit(z).mean() == pytest.approx(parts["test"].labels.mean(), abs=0.015)
    assert calibration_line(parts["test"].labels, z)[1] == pytest.approx(1.0, abs=0.12)


def test_a_challenger_that_learnt_the_opposite_keeps_its_order_and_the_base_rate(
    parts: dict[str, LabelledRows],
) -> None:
    turned = LabelledRows(parts["valid"].features, 1 - parts["valid"].labels)
    fitted = fit_challengers(parts["train"], turned)["gbdt_own"]
    assert fitted.slope > 0
    assert expit(fitted.z(turned.features)).mean() == pytest.approx(turned.labels.mean(), abs=1e-4)


def test_fitted_again_they_have_seen_validation_rows_and_keep_their_level(
    parts: dict[str, LabelledRows],
) -> None:
    first, again = (fit_challengers(parts["train"], parts["valid"], 0, rows) for rows in (None, both(parts)))
    for name in ("degree", "gbdt_own", "gbdt_graph"):
        np.testing.assert_array_equal(
            again[name].unseen_raw(parts["valid"]), first[name].unseen_raw(parts["valid"])
        )
        z, once = again[name].z(parts["valid"].features), first[name].z(parts["valid"].features)
        y = parts["valid"].labels
        assert expit(z).mean() == pytest.approx(y.mean(), abs=1e-9)
        assert roc_auc_score(y, z) > roc_auc_score(y, once)


def test_rounds_end_where_validation_is_served_best(parts: dict[str, LabelledRows]) -> None:
    """Of few rows, mostly noise, trees learn by heart what does not come again."""
    few = rows(300, 4)
    noise = LabelledRows(few.features, np.random.default_rng(5).permutation(few.labels))
    rounds = [
        fit_challengers(train, parts["valid"])["gbdt_graph"].members[0].num_trees()
        for train in (noise, parts["train"])
    ]
    assert rounds[0] <= 50
    assert rounds[1] > rounds[0]


def test_saved_challengers_score_as_before(parts: dict[str, LabelledRows], tmp_path: Path) -> None:
    fitted, again = (fit_challengers(parts["train"], parts["valid"], 0, both(parts)) for _ in range(2))
    save(fitted, tmp_path)
    for name, loaded in load(tmp_path).items():
        expected = fitted[name].z(parts["test"].features)
        np.testing.assert_array_equal(loaded.z(parts["test"].features), expected)
        np.testing.assert_array_equal(again[name].z(parts["test"].features), expected)


def test_missing_columns_or_files_are_a_mismatch(parts: dict[str, LabelledRows], tmp_path: Path) -> None:
    fitted = fit_challengers(parts["train"], parts["valid"])
    with pytest.raises(ArtifactMismatch, match="x_size"):
        fitted["gbdt_own"].z(parts["test"].features.of("SUPPLIES.out"))
    with pytest.raises(ArtifactMismatch, match="train the model again"):
        load(tmp_path / "nowhere")
