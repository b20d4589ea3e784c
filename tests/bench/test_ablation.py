"""Pieces are left out of one and the same fit, and compared on test rows."""

from __future__ import annotations

from dataclasses import replace

import pytest

from bench import ablation
from bench.ablation import DEFAULT, EVERY_PART, VARIANTS, ablate, section
from gnn.champion.evaluation import score_part
from gnn.champion.metrics import measure
from gnn.learning.training import train
from gnn.panels.panel import Panel
from tests.gnn import planted
from tests.gnn.conftest import ecosystem, panel_of_parts

__all__ = ["ecosystem", "panel_of_parts"]


def test_the_default_is_what_training_makes_and_pieces_are_missed(
    panel_of_parts: Panel, monkeypatch: pytest.MonkeyPatch
) -> None:
    quick = {
        name: (replace(planted.QUICK, averaged_columns=settings.averaged_columns), parts)
        for name, (settings, parts) in VARIANTS.items()
    }
    monkeypatch.setattr(ablation, "VARIANTS", quick)
    found = ablate(panel_of_parts)
    assert set(found) == set(VARIANTS)
    served = score_part(train(panel_of_parts, quick[DEFAULT][0]), {}, panel_of_parts, "test").z["default"]
    assert found[DEFAULT]["auc"] == pytest.approx(
        measure(panel_of_parts.labels("test"), served).auc, abs=1e-6
    )
    assert found[DEFAULT]["difference"] == [0, 0, 0]
    # Contagion is planted: without what is inherited the rest ranks worse, beyond the interval.
    assert found["nothing inherited"]["difference"][0] > 0
    text = "\n".join(section({"planted": found}))
    assert all(f"| {variant} | " in text for variant in VARIANTS if variant != DEFAULT)
    assert "| nothing inherited | +" in text


def test_every_part_is_weighed_by_default() -> None:
    assert VARIANTS[DEFAULT][1] == EVERY_PART == (0, 1, 2, 3)
