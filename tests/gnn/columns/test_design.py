from __future__ import annotations

from dataclasses import replace

import numpy as np
import pyarrow as pa
import pytest

from gnn.columns.design import hops, pair_records
from gnn.columns.features import FOLDS, fold_of, without_tables
from gnn.columns.linear_columns import ANY, linear_columns
from gnn.columns.views import design, relation_columns, view_of
from gnn.model import Model
from gnn.panels.panel import Panel
from graph.snapshot import Snapshot

RELATION = "SUPPLIES.out"


def test_a_record_is_what_the_counterparty_did_with_others(ecosystem: Snapshot) -> None:
    relation, prior = ecosystem.relations[RELATION], 0.3
    records = pair_records(relation, prior)
    rows = np.repeat(np.arange(ecosystem.n_parties), relation.degree())
    for pair in range(0, relation.n_pairs, 97):
        others = (relation.indices == relation.indices[pair]) & (rows != rows[pair])
        cases, bad = relation.recent_matured[others].sum(), relation.recent_bad[others].sum()
        expected = (bad - prior * cases, cases, (bad + 2 * prior) / (cases + 2) - prior, np.log1p(cases))
        np.testing.assert_allclose(records[pair], expected, atol=1e-12)


def test_own_cases_do_not_come_back_through_counterparties(
    trained: Model, panel_of_parts: Panel, ecosystem: Snapshot
) -> None:
    test = panel_of_parts.of("test")[0]
    relation = ecosystem.relations[RELATION]
    code = int(np.argmax(relation.degree()))
    mine = relation.counterparties(code)
    bad = relation.recent_bad.copy()
    bad[mine] = relation.recent_matured[mine] - bad[mine]
    turned = replace(relation, recent_bad=bad)
    changed = replace(ecosystem, relations={**ecosystem.relations, RELATION: turned})
    row = np.array([code], np.int32)
    names = [f"{RELATION}:1:{column.name}" for column in linear_columns(RELATION, 1)]
    records = [position for position, name in enumerate(names) if ":record" in name]

    def columns(there: Snapshot, rows: np.ndarray) -> np.ndarray:
        view = view_of(trained.preparation, there, test.known)
        return relation_columns(view, RELATION, rows).linear[1][:, records]

    np.testing.assert_allclose(columns(ecosystem, row), columns(changed, row), atol=1e-12)
    # Others who share its counterparties do see them.
    others = np.setdiff1d(np.arange(ecosystem.n_parties, dtype=np.int32), row)
    assert np.abs(np.nan_to_num(columns(ecosystem, others) - columns(changed, others))).max() > 1e-6


def test_own_result_never_reaches_the_party_itself(trained: Model, panel_of_parts: Panel) -> None:
    test = panel_of_parts.of("test")[0]
    row = test.codes[:1]
    n, bad = test.known.n.copy(), test.known.bad.copy()
    n[row], bad[row] = 1.0, 1.0
    before = view_of(trained.preparation, test.snapshot, test.known)
    after = view_of(trained.preparation, test.snapshot, replace(test.known, n=n, bad=bad))
    for relation in trained.preparation.relations:
        for hop in (1, 2):
            np.testing.assert_allclose(
                relation_columns(before, relation, row).linear[hop],
                relation_columns(after, relation, row).linear[hop],
                atol=1e-9,
            )


def test_training_rows_do_not_see_labels_of_their_own_fold(trained: Model, panel_of_parts: Panel) -> None:
    origin = panel_of_parts.of("train")[0]
    preparation = replace(trained.preparation, kept_share=1.0)
    view = view_of(preparation, origin.snapshot, origin.known, training=True, own_labels_known=True)
    assert view.folds is not None
    rows = origin.codes[view.folds[origin.codes] == 2]
    flipped = origin.known.bad.copy()
    flipped[rows] = 1.0 - flipped[rows]
    other = view_of(
        preparation, origin.snapshot, replace(origin.known, bad=flipped), training=True, own_labels_known=True
    )
    np.testing.assert_array_equal(design(view, rows).values, design(other, rows).values)
    rest = np.setdiff1d(origin.codes, rows)
    assert not np.array_equal(design(view, rest).values, design(other, rest).values, equal_nan=True)


def test_rows_that_are_learned_from_see_as_many_results_as_served_ones(
    trained: Model, panel_of_parts: Panel
) -> None:
    """What is hidden of a fold is made up for by the others, on average."""
    origin = panel_of_parts.of("train")[0]
    preparation = replace(trained.preparation, kept_share=1.0)
    by_folds = view_of(preparation, origin.snapshot, origin.known, training=True, own_labels_known=True)
    as_served = view_of(preparation, origin.snapshot, origin.known)
    everyone = np.arange(origin.snapshot.n_parties, dtype=np.int32)
    names = [column.name for column in linear_columns(ANY, 1)]
    hidden, shown = (
        relation_columns(view, ANY, everyone).linear[1][:, names.index("coverage")]
        for view in (by_folds, as_served)
    )
    assert np.nanmean(hidden) == pytest.approx(np.nanmean(shown), rel=0.03)
    assert np.nanstd(hidden) > np.nanstd(shown)


def test_training_and_serving_make_the_same_relation_columns(trained: Model, panel_of_parts: Panel) -> None:
    """Valid rows go the way of served ones; columns do not depend on which rows are asked for."""
    valid = panel_of_parts.of("valid")[0]
    view = view_of(trained.preparation, valid.snapshot, valid.known)
    everyone = np.arange(valid.snapshot.n_parties, dtype=np.int32)
    np.testing.assert_array_equal(
        design(view, everyone).values[valid.codes], design(view, valid.codes).values
    )


def test_a_snapshot_without_a_relation_gives_blank_columns(trained: Model, panel_of_parts: Panel) -> None:
    test = panel_of_parts.of("test")[0]
    relations = {n: r for n, r in test.snapshot.relations.items() if not n.startswith("SUPPLIES")}
    bare = view_of(trained.preparation, replace(test.snapshot, relations=relations), test.known)
    columns = relation_columns(bare, RELATION, test.codes)
    assert columns.matrix.values.shape[1] == relation_columns(bare, ANY, test.codes).matrix.values.shape[
        1
    ] + 3 + (len(trained.preparation.schema.caused.get(RELATION, ())))
    for hop in (1, 2):
        assert not np.nan_to_num(columns.linear[hop]).any()


def test_a_day_without_its_tables_gives_the_same_columns(trained: Model, panel_of_parts: Panel) -> None:
    test = panel_of_parts.of("test")[0]
    light = without_tables(test.snapshot)
    assert set(light.tables) == {"parties"}
    assert not any(len(relation.first_on) for relation in light.relations.values())
    whole, lean = (
        design(view_of(trained.preparation, snapshot, test.known), test.codes)
        for snapshot in (test.snapshot, light)
    )
    assert lean.names == whole.names
    assert lean.values.tobytes() == whole.values.tobytes()


def test_hop_sums_of_nobody(trained: Model, panel_of_parts: Panel) -> None:
    test = panel_of_parts.of("test")[0]
    view = view_of(trained.preparation, test.snapshot, test.known)
    alone = np.flatnonzero(view.surroundings.operators[RELATION].degree() == 0).astype(np.int32)
    sums = hops(view.surroundings, RELATION, view.sights[0].both, alone)[1]
    for column in linear_columns(RELATION, 1):
        values = sums.column(column)
        assert np.isnan(values).all() if column.centred else not values.any()


def test_ids_alone_decide_folds() -> None:
    ids = pa.array([f"P{i}" for i in range(5000)])
    folds = fold_of(ids)
    np.testing.assert_array_equal(folds[::-1], fold_of(ids[::-1]))
    assert np.bincount(folds, minlength=FOLDS).min() > 850
