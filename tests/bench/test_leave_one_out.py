"""Leaving a counterparty out: the pairs go, and nothing else; rounds are as good as one pair at a time."""

from __future__ import annotations

import json
from collections import Counter

import numpy as np
import pytest

from bench.leave_one_out import (
    AT_ONCE,
    FROZEN,
    PAGE,
    Changes,
    agreement,
    changes,
    draw,
    everybody,
    rescore,
    rounds,
    without_pairs,
)
from bench.leave_one_out_report import render
from gnn.columns.features import raw_columns
from gnn.model import Model
from gnn.panels.panel import Panel
from gnn.parts import ScoredParts
from tests.gnn.conftest import ecosystem, panel_of_parts, scored, trained

__all__ = ["ecosystem", "panel_of_parts", "scored", "trained"]


def test_rescoring_the_whole_is_the_ordinary_score(
    trained: Model, scored: ScoredParts, panel_of_parts: Panel
) -> None:
    origin = panel_of_parts.of("test")[0]
    found = rescore(trained, origin, origin.snapshot, raw_columns(origin.snapshot), origin.codes)
    np.testing.assert_allclose(found.z, (scored.z() - scored.base)[origin.codes], atol=1e-12)
    np.testing.assert_allclose(found.inherited, scored.inherited_total()[origin.codes], atol=1e-12)


def test_pairs_go_both_ways_from_every_relation_and_nothing_else_does(panel_of_parts: Panel) -> None:
    snapshot = panel_of_parts.of("test")[0].snapshot
    union = everybody(snapshot)
    degree = np.diff(union.indptr)
    one = int(np.argmax(degree))
    two = int(union.indices[union.indptr[one]])
    left = without_pairs(snapshot, [(one, two)])
    gone = union - everybody(left)
    gone.eliminate_zeros()
    assert sorted(zip(*(found.tolist() for found in gone.nonzero()), strict=True)) == sorted(
        [(one, two), (two, one)]
    )
    for name, relation in snapshot.relations.items():
        after = left.relations[name]
        assert relation.n_pairs - after.n_pairs <= 2
        assert relation.count.sum() - after.count.sum() >= relation.n_pairs - after.n_pairs
        assert after.indptr[-1] == after.n_pairs


def test_rounds_hold_every_pair_once_and_keep_their_distance(panel_of_parts: Panel) -> None:
    origin = panel_of_parts.of("test")[0]
    union, asked = everybody(origin.snapshot), draw(origin, 40)
    assert len(asked) == 40
    seen: Counter[tuple[int, int]] = Counter()
    for pairs in rounds(union, asked):
        seen.update(pairs)
        assert 0 < len(pairs) <= AT_ONCE
        assert len({party for party, _ in pairs}) == len(pairs)
        for party, other in pairs:
            near = {party, *union.indices[union.indptr[party] : union.indptr[party + 1]].tolist()}
            elsewhere = {code for pair in pairs if pair != (party, other) for code in pair}
            assert not near & elsewhere
    assert seen == Counter((party, other) for party, others in asked.items() for other in others)


def test_what_is_told_follows_the_change_of_the_score(trained: Model, panel_of_parts: Panel) -> None:
    origin = panel_of_parts.of("test")[0]
    found, off = changes(trained, origin, draw(origin, 25))
    assert off < 0.05 * np.mean([np.abs(each.score).max() for each in found])
    figures = agreement(found)
    assert figures["parties"] == 25
    assert figures["spearman"] > 0.2
    assert figures["first"] > figures["by_chance"]


def test_agreement_is_full_where_orders_are_the_same() -> None:
    told = np.array([0.4, -0.1, 0.2])
    figures = agreement([Changes(told**3, told, told, -told)])
    assert figures["spearman"] == pytest.approx(1.0)
    assert figures["spearman_of_weights"] == pytest.approx(-1.0)
    assert figures["first"] == figures["among_three"] == 1.0
    assert figures["by_chance"] == pytest.approx(1 / 3)


def test_the_page_is_what_the_frozen_figures_render() -> None:
    assert PAGE.read_text("utf-8") == render(json.loads(FROZEN.read_text("utf-8")))
