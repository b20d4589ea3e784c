"""Tenths of the cases against the intervals of their rates."""

from __future__ import annotations

import json

import numpy as np
import pytest
from scipy.special import expit

from bench.precision import DECILES, held_deciles, on_records
from gnn.panels.panel import Panel
from tests.gnn.conftest import ecosystem, panel_of_parts

__all__ = ["ecosystem", "panel_of_parts"]


def test_tenths_are_held_where_pds_are_right_and_missed_where_the_rate_moved() -> None:
    rng = np.random.default_rng(1)
    z, spread = rng.normal(-2.0, 1.5, 50_000), np.full(50_000, 0.3)
    labels = (rng.random(len(z)) < expit(z)).astype(np.int8)
    moved = (rng.random(len(z)) < expit(z + 1.0)).astype(np.int8)
    assert held_deciles(z, spread, labels) == DECILES
    assert held_deciles(z, spread, moved) == 0


def test_on_records_the_drift_can_only_help(panel_of_parts: Panel) -> None:
    found = on_records(panel_of_parts)
    assert json.loads(json.dumps(found)) == found
    assert found["deciles_held"] >= found["deciles_held_without_drift"]
    assert found["bad_rate"]["test"] == pytest.approx(panel_of_parts.labels("test").mean(), abs=1e-4)
