from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from scipy.special import expit
from sklearn.metrics import roc_auc_score

from gnn.artifact import save
from gnn.columns.views import design
from gnn.learning.ensembles import fit_groups, mean_of
from gnn.learning.fitted import Fitted
from gnn.learning.rows import LabelledRows, origin_view
from gnn.learning.training import train, train_with_members
from gnn.learning.uncertainty import served_weights
from gnn.model import Model
from gnn.panels.panel import Panel
from gnn.scoring import raw_parts, score
from gnn.tree_walk import total, total_beyond
from graph.errors import Refused
from tests.gnn import planted


def test_the_same_panel_gives_the_same_bytes(trained: Model, panel_of_parts: Panel, tmp_path: Path) -> None:
    shas = []
    for name, model in (("first", trained), ("second", train(panel_of_parts, planted.QUICK))):
        (tmp_path / name).mkdir()
        shas.append(save(model, tmp_path / name))
    assert shas[0] == shas[1]


def test_without_links_own_columns_alone_are_served(panel_of_parts: Panel) -> None:
    bare = planted.without(panel_of_parts, relations=False)
    model = train(bare, planted.QUICK)
    test = bare.of("test")[0]
    found = score(model, test.snapshot, test.known)
    assert model.relations == ()
    assert found.inherited == {}
    assert found.attribution == {}
    np.testing.assert_allclose(found.z(), found.base + found.own + found.environment, atol=1e-12)


def test_links_that_mean_nothing_give_nothing(panel_of_parts: Panel) -> None:
    model = train(planted.misplaced(panel_of_parts), planted.QUICK)
    assert model.facts["inherited"] is False
    assert model.relations == ()


def test_training_columns_are_the_scoring_paths(trained: Model, panel_of_parts: Panel) -> None:
    """The trees fitted on ``design`` rows say the same through the scoring path, group by group."""
    origin = panel_of_parts.of("train")[0]
    view = origin_view(trained.preparation, origin)
    matrix = design(view, origin.codes)
    rows = LabelledRows(matrix, origin.labels)
    trees = mean_of(fit_groups(rows, rows, planted.QUICK)[0])
    raw = raw_parts(trained.preparation, trees, trained.network, view, origin.codes)
    alone = {"own": raw.own_trees, "environment": raw.environment_trees}
    for group in trees.keys() & alone.keys():
        np.testing.assert_array_equal(alone[group], total(trees[group], matrix.of(group).values))
    n_own = len(matrix.of("own").names)
    for name, part in raw.trees.items():
        expected = total_beyond(trees[name], matrix.of("own", name).values, n_own)
        np.testing.assert_array_equal(part, expected)


def test_fitted_again_it_keeps_weights_and_level_and_its_first_fit(
    trained: Model, panel_of_parts: Panel
) -> None:
    once = train_with_members(panel_of_parts, replace(planted.QUICK, again=False))
    both = train_with_members(panel_of_parts, planted.QUICK)
    assert both.model.facts["fitted_again"]
    assert not once.model.facts["fitted_again"]
    assert once.members == []
    (first,) = both.members
    for name, trees in once.model.trees.items():
        np.testing.assert_array_equal(first.trees[name].value, trees.value)
        assert not len(trees.value) or not np.array_equal(both.model.trees[name].value, trees.value)
    np.testing.assert_array_equal(served_weights(both.model.blend)[1:], served_weights(once.model.blend)[1:])

    def z(model: Model) -> np.ndarray:
        days = panel_of_parts.of("valid")
        return np.concatenate([score(model, o.snapshot, o.known, o.codes).z()[o.codes] for o in days])

    y = panel_of_parts.labels("valid")
    # Exactly so by folds; as they are served they have a share in what is said of them.
    assert expit(z(both.model)).mean() == pytest.approx(y.mean(), abs=0.02)
    assert roc_auc_score(y, z(both.model)) > roc_auc_score(y, z(once.model))
    again = Fitted.of(both.model, both.members).columns(panel_of_parts.of("valid"))
    for found, weighed in zip(again, both.columns or (), strict=True):
        np.testing.assert_allclose(found - found.mean(), weighed - weighed.mean(), atol=1e-9)


def test_where_rows_are_drawn_it_is_not_fitted_again(panel_of_parts: Panel) -> None:
    few = replace(planted.QUICK, max_rows=len(panel_of_parts.labels("train")) - 1)
    found = train_with_members(panel_of_parts, few)
    assert not found.model.facts["fitted_again"]
    assert not found.members


@pytest.mark.parametrize("part", ["train", "valid"])
def test_a_single_class_is_refused(panel_of_parts: Panel, part: str) -> None:
    origins = tuple(
        replace(o, labels=np.zeros_like(o.labels)) if o.part == part else o for o in panel_of_parts.origins
    )
    with pytest.raises(Refused, match="one outcome"):
        train(replace(panel_of_parts, origins=origins), planted.QUICK)


def test_too_few_bad_outcomes_are_refused(panel_of_parts: Panel) -> None:
    def thin(labels: np.ndarray) -> np.ndarray:
        return np.where(np.cumsum(labels) <= 29, labels, 0).astype(np.int8)

    origins = tuple(
        replace(o, labels=thin(o.labels)) if o.part == "train" else o for o in panel_of_parts.origins
    )
    with pytest.raises(Refused, match="30 are needed"):
        train(replace(panel_of_parts, origins=origins), planted.QUICK)


def test_progress_is_told(panel_of_parts: Panel) -> None:
    told: list[str] = []
    train(planted.without(panel_of_parts, relations=False), planted.QUICK, told.append)
    assert told[0] == "own columns"


def test_facts_travel_with_the_model(trained: Model) -> None:
    assert trained.facts["inherited"] is True
    assert trained.facts["inherited_gain_in_standard_errors"] > 2  # type: ignore[operator]
