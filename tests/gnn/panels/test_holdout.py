from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta

import numpy as np
from scipy.special import expit

from gnn.learning.training import train
from gnn.panels.holdout import HELD_OUT_FOLDS, held_out_by, windows_overlap
from gnn.panels.panel import Panel
from graph.source import Part, Task
from tests.gnn import planted

HORIZON = 365


def chance(panel: Panel, apart: int) -> Panel:
    """The same parties on a training day and, ``apart`` days later, on a validation day; each party's result
    is drawn by chance and is the same on both."""
    there = panel.of("train")[0]
    codes = np.arange(there.snapshot.n_parties, dtype=np.int32)
    labels = (np.random.default_rng(3).random(len(codes)) < expit(-1.0)).astype(np.int8)
    parts: tuple[tuple[Part, int], ...] = (("train", 0), ("valid", apart), ("test", 2 * HORIZON))
    origins = tuple(
        replace(
            there, part=part, as_of=date(2021, 1, 1) + timedelta(day), codes=codes, labels=labels,
            own_labels_known=False,
        )
        for part, day in parts
    )  # fmt: skip
    return Panel(Task("chance", "default", HORIZON), origins)


def test_windows_overlap_within_a_horizon(panel_of_parts: Panel) -> None:
    assert windows_overlap(chance(panel_of_parts, HORIZON - 1))
    assert not windows_overlap(chance(panel_of_parts, HORIZON))
    assert not windows_overlap(panel_of_parts), "given parts share no party"


def test_a_party_is_held_out_by_one_member_on_every_day(panel_of_parts: Panel) -> None:
    train_day, valid_day, _ = chance(panel_of_parts, 90).origins
    fold = held_out_by(train_day)
    np.testing.assert_array_equal(fold, held_out_by(valid_day))
    assert set(np.unique(fold)) == set(range(HELD_OUT_FOLDS))


def test_a_remembered_result_is_no_foresight(panel_of_parts: Panel) -> None:
    """Results are chance, so nothing can be better than their rate, however well they are remembered."""
    panel = chance(panel_of_parts, 90)
    rate = panel.labels("valid").mean()
    entropy = -(rate * np.log(rate) + (1 - rate) * np.log(1 - rate))
    facts = train(panel, planted.QUICK).facts
    assert facts["inherited"] is False
    assert float(facts["valid_log_loss_own"]) > entropy - 0.01  # type: ignore[arg-type]
    # The same with the windows said to be apart: what is remembered looks like foresight.
    remembered = train(replace(panel, task=replace(panel.task, horizon_days=90)), planted.QUICK).facts
    assert float(remembered["valid_log_loss_own"]) < entropy - 0.02  # type: ignore[arg-type]
