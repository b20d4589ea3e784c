from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from scipy.special import expit
from sklearn.metrics import roc_auc_score

from gnn.artifact import save
from gnn.champion.metrics import calibration_line
from gnn.columns.features import raw_columns
from gnn.columns.views import design
from gnn.learning.boosting import BoostingSettings
from gnn.learning.crosswise import crosswise_columns
from gnn.learning.ensembles import fit_groups, mean_of
from gnn.learning.fitted import Fitted
from gnn.learning.preparation import prepare
from gnn.learning.rows import LabelledRows, origin_view
from gnn.learning.training import train, train_with_members
from gnn.learning.training_rows import Days, rows_of
from gnn.learning.uncertainty import served_weights
from gnn.model import Model
from gnn.network import EcosystemNetwork
from gnn.panels.panel import KnownOutcomes, Panel
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
    for name, part in raw.trees.items():
        expected = total_beyond(trees[name], matrix.of("own").values, matrix.of(name).values)
        np.testing.assert_array_equal(part, expected)


def test_fitted_again_its_first_fit_stays_and_parts_tell_slope_and_level(panel_of_parts: Panel) -> None:
    once = train_with_members(panel_of_parts, replace(planted.QUICK, again=False))
    both = train_with_members(panel_of_parts, planted.QUICK)
    assert both.model.facts["fitted_again"]
    assert not once.model.facts["fitted_again"]
    assert once.members == []
    (first,) = both.members
    for name, trees in once.model.trees.items():
        np.testing.assert_array_equal(first.trees[name].value, trees.value)
        assert not len(trees.value) or not np.array_equal(both.model.trees[name].value, trees.value)
    again = Fitted.of(both.model, both.members).columns(panel_of_parts.of("valid"))
    np.testing.assert_allclose(again, both.columns, atol=1e-9)
    # Weights stay in proportion, and what is said of unseen parties is neither too bold nor too timid.
    slopes = served_weights(both.model.blend)[1:] / served_weights(once.model.blend)[1:]
    np.testing.assert_allclose(slopes, slopes[0])
    test = panel_of_parts.of("test")[0]
    z = score(both.model, test.snapshot, test.known, test.codes).z()[test.codes]
    assert calibration_line(test.labels, z)[1] == pytest.approx(1.0, abs=0.15)
    assert expit(z).mean() == pytest.approx(test.labels.mean(), abs=0.03)
    assert roc_auc_score(test.labels, z) > 0.8


def test_dated_the_slope_stays_and_validation_rows_keep_their_rate(panel_of_parts: Panel) -> None:
    """The same parties as if the parts were days: results of earlier parts are known, not their own."""
    origins = tuple(
        replace(o, own_labels_known=False, known=KnownOutcomes(0 * o.known.n, 0 * o.known.bad))
        for o in panel_of_parts.origins
    )
    dated = replace(panel_of_parts, origins=origins)
    once = train_with_members(dated, replace(planted.QUICK, again=False))
    both = train_with_members(dated, planted.QUICK)
    np.testing.assert_array_equal(served_weights(both.model.blend)[1:], served_weights(once.model.blend)[1:])
    (valid,) = dated.of("valid")
    z = score(both.model, valid.snapshot, valid.known, valid.codes).z()[valid.codes]
    assert expit(z).mean() == pytest.approx(valid.labels.mean(), abs=0.02)
    before = score(once.model, valid.snapshot, valid.known, valid.codes).z()[valid.codes]
    assert roc_auc_score(valid.labels, z) > roc_auc_score(valid.labels, before)


def test_the_mean_of_unlike_ensembles_is_not_that_of_alike_ones(panel_of_parts: Panel) -> None:
    coarse = BoostingSettings(rounds=25, leaves=3, min_child=5, columns_per_split=0.5, random=True)
    unlike = replace(planted.QUICK, trees=(*planted.QUICK.trees, coarse))
    assert [draw.settings for draw in unlike.draws()] == list(unlike.trees)
    assert [draw.settings.rounds for draw in unlike.draws(7)] == [7, 7]
    first, second = (train(panel_of_parts, settings) for settings in (planted.QUICK, unlike))
    assert not np.array_equal(first.trees["own"].value, second.trees["own"].value)


def test_no_row_has_a_say_in_what_is_said_of_it_crosswise(panel_of_parts: Panel) -> None:
    train_days, valid = panel_of_parts.of("train"), panel_of_parts.of("valid")
    raws = [raw_columns(origin.snapshot) for origin in train_days]
    days = Days(train_days, raws, held_out=False)
    prepared = prepare(train_days, raws, valid, planted.QUICK)
    network = EcosystemNetwork(prepared.relations, {r: len(c) for r, c in prepared.schema.caused.items()})
    rows = rows_of(prepared, network, days)
    folds = days.folds()
    plain = crosswise_columns(network, rows, folds, 10, planted.QUICK)
    mine = folds == 2
    turned = np.where(mine, 1 - rows.labels, rows.labels).astype(np.int8)
    otherwise = replace(rows, trees=replace(rows.trees, labels=turned))
    other = crosswise_columns(network, otherwise, folds, 10, planted.QUICK)
    np.testing.assert_array_equal(plain[mine], other[mine])
    assert not np.allclose(plain[~mine], other[~mine])
    assert np.abs(plain).max() < 20


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
