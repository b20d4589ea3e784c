from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.metrics import roc_auc_score

from gnn.columns.features import ENVIRONMENT
from gnn.columns.linear_columns import linear_columns
from gnn.columns.views import relation_columns, view_of
from gnn.learning.rows import origin_view
from gnn.model import Model
from gnn.panels.panel import Panel, learned_together
from gnn.parts import ScoredParts
from gnn.scoring import column_parts, raw_parts, score, strongest
from gnn.threads import CHUNK
from tests.gnn import planted


def test_parts_sum_to_the_blend_of_both_models(
    trained: Model, scored: ScoredParts, panel_of_parts: Panel
) -> None:
    test = panel_of_parts.of("test")[0]
    view = view_of(trained.preparation, test.snapshot, test.known)
    everyone = np.arange(test.snapshot.n_parties, dtype=np.int32)
    raw = raw_parts(trained.preparation, trained.trees, trained.network, view, everyone)
    parts = raw.centred(trained.centres, len(trained.preparation.schema.own))
    own_trees, inherited_trees, own_network, inherited_network = parts.blended_columns()
    blend = trained.blend
    z = blend.base + blend.own_trees * own_trees + blend.inherited_trees * inherited_trees
    z = z + blend.own_network * own_network + blend.inherited_network * inherited_network
    np.testing.assert_allclose(scored.z(), z, atol=1e-9)


def test_columns_sum_to_own_and_environment(trained: Model, scored: ScoredParts) -> None:
    x = np.column_stack(list(scored.features.values()))
    by_column, n_own = column_parts(trained)(x), len(trained.preparation.schema.own)
    np.testing.assert_allclose(by_column[:, :n_own].sum(1), scored.own, atol=1e-5)
    np.testing.assert_allclose(by_column[:, n_own:].sum(1), scored.environment, atol=1e-5)
    assert np.abs(scored.environment).max() > 0
    m = scored.reason_columns.shape[1]
    largest = np.sort(np.abs(by_column), axis=1)[:, ::-1][:, :m]
    np.testing.assert_allclose(np.abs(scored.reason_parts), largest, atol=1e-6)
    taken = np.take_along_axis(by_column, scored.reason_columns.astype(int), axis=1)
    np.testing.assert_allclose(scored.reason_parts, taken, atol=1e-6)


def test_bad_outcomes_of_one_kind_alone_are_one_reason(trained: Model, panel_of_parts: Panel) -> None:
    """Columns of any kind and of one: two that matter, under such names and with such values."""
    origin = panel_of_parts.of("test")[0]
    columns = origin_view(trained.preparation, origin).columns
    by_column = column_parts(trained)(columns.of(origin.codes))
    one, other = sorted(np.argsort(-np.abs(by_column[:, : columns.n_own]).mean(0))[:2].tolist())
    names = list(columns.names)
    names[one], names[other] = "past_bad_share", "past_denied_share"
    n = len(columns.by_name[columns.names[one]])
    of_any = np.resize(np.array([0.5, 0.5, 0.0, np.nan], np.float32), n)
    of_kind = np.resize(np.array([0.5, 0.25, 0.0, np.nan], np.float32), n)
    values = dict(zip(names, (columns.by_name[name] for name in columns.names), strict=True))
    both = replace(columns, names=tuple(names), by_name=values | {names[one]: of_any, names[other]: of_kind})
    by_column = column_parts(trained)(both.of(origin.codes))
    found, parts = strongest(trained, both, origin.codes)
    case = origin.codes % 4
    for silent, speaking, where in ((one, other, case == 0), (other, one, case >= 2)):
        assert not np.any((found == silent) & (parts != 0) & where[:, None])
        named = (found == speaking) & where[:, None]
        assert named.any()
        together = by_column[:, [one, other]].sum(1)[named.any(axis=1)]
        np.testing.assert_allclose(parts[named], together, atol=1e-6)
    apart = (found == one) & (case == 1)[:, None]
    np.testing.assert_allclose(parts[apart], by_column[apart.any(axis=1), one], atol=1e-6)
    assert apart.any()


def test_rows_say_the_same_in_one_chunk_and_in_several(trained: Model, panel_of_parts: Panel) -> None:
    origin = panel_of_parts.of("test")[0]
    view = origin_view(trained.preparation, origin)
    many = np.resize(origin.codes, 2 * CHUNK + 5)
    assert len(origin.codes) < CHUNK
    few, found = (
        raw_parts(trained.preparation, trained.trees, trained.network, view, rows)
        for rows in (origin.codes, many)
    )
    for name in trained.relations:
        np.testing.assert_array_equal(found.trees[name], np.resize(few.trees[name], len(many)))
        np.testing.assert_allclose(found.network[name], np.resize(few.network[name], len(many)), atol=1e-12)
    np.testing.assert_array_equal(found.own_trees, np.resize(few.own_trees, len(many)))
    of_few, of_many = (strongest(trained, view.columns, rows) for rows in (origin.codes, many))
    for one, several in zip(of_few, of_many, strict=True):
        np.testing.assert_array_equal(several, np.resize(one, (len(many), one.shape[1])))


def test_parts_are_centred_on_the_rows_learned_from(trained: Model, panel_of_parts: Panel) -> None:
    found = []
    for origin in learned_together(panel_of_parts.of("train"), panel_of_parts.of("valid")):
        view = origin_view(trained.preparation, origin, by_folds=True)
        raw = raw_parts(trained.preparation, trained.trees, trained.network, view, origin.codes)
        parts = raw.centred(trained.centres, len(trained.preparation.schema.own))
        names = (parts.own_trees, parts.environment_trees, *parts.trees.values(), *parts.network.values())
        found.append(np.column_stack(names))
    assert np.abs(np.concatenate(found).mean(axis=0)).max() < 1e-9


def test_the_planted_contagion_is_found(scored: ScoredParts, panel_of_parts: Panel) -> None:
    test = panel_of_parts.of("test")[0]
    own = (scored.own + scored.environment)[test.codes]
    assert roc_auc_score(test.labels, scored.z()[test.codes]) > roc_auc_score(test.labels, own) + 0.03
    shares = {name: np.abs(part).mean() for name, part in scored.inherited.items()}
    assert max(shares, key=lambda name: shares[name]) in ("SUPPLIES.out", "any")


def test_the_order_of_rows_does_not_matter(
    trained: Model, scored: ScoredParts, panel_of_parts: Panel, tmp_path: Path
) -> None:
    """The same rows in another order give the same parts, bit by bit."""
    tables = {
        name: [rows[i] for i in np.random.default_rng(1).permutation(len(rows))]
        for name, rows in planted.tables().items()
    }
    again = score(trained, planted.read(tmp_path, tables), panel_of_parts.of("test")[0].known)
    np.testing.assert_array_equal(again.z(), scored.z())


def renamed(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Every party's id turned round, so that codes run the other way."""

    def turned(party: str) -> str:
        return f"P{planted.N - int(party[1:]):05d}"

    columns = ("party_id", "seller_id", "buyer_id", "source_id", "target_id")
    return [{k: turned(v) if k in columns else v for k, v in row.items()} for row in rows]


def test_names_do_not_matter(trained: Model, panel_of_parts: Panel, tmp_path: Path) -> None:
    """What counterparties give is the same by any name (but for s: milieu columns go by position)."""
    snapshot = planted.read(tmp_path, {n: renamed(list(r)) for n, r in planted.tables().items()})
    before = panel_of_parts.of("test")[0]
    ids = before.snapshot.party_ids.to_pylist()
    there = np.array([snapshot.code(f"P{planted.N - int(i[1:]):05d}") for i in ids], np.int32)
    n, bad = np.zeros_like(before.known.n), np.zeros_like(before.known.bad)
    n[there], bad[there] = before.known.n, before.known.bad
    everyone = np.arange(before.snapshot.n_parties, dtype=np.int32)
    views = (
        view_of(trained.preparation, before.snapshot, before.known),
        view_of(trained.preparation, snapshot, replace(before.known, n=n, bad=bad)),
    )
    for relation in trained.relations:
        first, second = (
            relation_columns(view, relation, rows)
            for view, rows in zip(views, (everyone, there), strict=True)
        )
        for hop in (1, 2):
            names = [column.given for column in linear_columns(relation, hop)]
            kept = [position for position, name in enumerate(names) if name not in ("s", "residual")]
            np.testing.assert_allclose(first.linear[hop][:, kept], second.linear[hop][:, kept], atol=1e-9)


def test_missing_tables_are_scored_without(trained: Model, panel_of_parts: Panel) -> None:
    test = panel_of_parts.of("test")[0]
    parties_alone = replace(test.snapshot, tables={"parties": test.snapshot.tables["parties"]}, relations={})
    found = score(trained, parties_alone, test.known)
    assert np.isfinite(found.z()).all()
    assert set(found.inherited) == set(trained.relations)


def test_environment_columns_are_the_milieus(trained: Model) -> None:
    assert {"rate:industry", "rate:region"} <= set(trained.preparation.schema.environment)
    assert ENVIRONMENT in trained.trees


def test_serving_needs_neither_torch_nor_lightgbm() -> None:
    code = (
        "import sys, gnn.scoring, gnn.attribution, gnn.parts, gnn.artifact; "
        "print([m for m in ('torch', 'torch_geometric', 'lightgbm', 'gnn.learning') if m in sys.modules])"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "[]"
