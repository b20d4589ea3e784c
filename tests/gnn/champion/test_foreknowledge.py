"""A column that knows the outcome is named."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from gnn.champion import foreknowledge as module
from gnn.champion.foreknowledge import foreknowledge
from gnn.champion.gate import NO_GRAPH, JudgedRows
from gnn.columns.features import raw_columns
from gnn.panels.panel import Panel


def judged(panel: Panel, skill: float) -> JudgedRows:
    labels = panel.labels("valid")
    chance = np.random.default_rng(4).normal(size=len(labels))
    parties = np.arange(len(labels), dtype=np.int32)
    return JudgedRows(labels, parties, {NO_GRAPH: skill * labels + chance}, ())


def test_nothing_is_said_of_an_ordinary_model(panel_of_parts: Panel) -> None:
    assert foreknowledge(judged(panel_of_parts, 1.0), panel_of_parts) == ()


def test_the_columns_that_rank_best_alone_are_named(
    panel_of_parts: Panel, monkeypatch: pytest.MonkeyPatch
) -> None:
    (valid,) = panel_of_parts.of("valid")
    made = raw_columns(valid.snapshot)
    told = np.full(valid.snapshot.n_parties, np.nan, np.float32)
    told[valid.codes[valid.labels == 1]] = 3.0
    monkeypatch.setattr(module, "raw_columns", lambda _: replace(made, own={**made.own, "x_told": told}))
    (note,) = foreknowledge(judged(panel_of_parts, 9.0), panel_of_parts)
    assert "x_told 1.000, " in note
    assert "x_size" in note
