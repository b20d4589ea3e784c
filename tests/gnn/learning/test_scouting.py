from __future__ import annotations

import numpy as np
import pytest

from gnn.columns.features import ENVIRONMENT, OWN
from gnn.columns.views import design, view_of
from gnn.learning import scouting
from gnn.model import Model
from gnn.panels.panel import Panel


def test_what_is_read_is_a_part_of_all_columns_with_the_same_values(
    trained: Model, panel_of_parts: Panel, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(scouting, "MANY", 0)
    origin, test = panel_of_parts.of("train")[0], panel_of_parts.of("test")[0]
    fewer = scouting.scouted(trained.preparation, [origin])
    every, read = (
        design(view_of(prepared, test.snapshot, test.known), test.codes)
        for prepared in (trained.preparation, fewer)
    )
    assert len(every.of(OWN, ENVIRONMENT).names) < len(read.names) < len(every.names)
    assert [name for name in every.names if name in read.names] == list(read.names)
    place = [every.names.index(name) for name in read.names]
    np.testing.assert_array_equal(read.values, every.values[:, place])


def test_few_columns_are_all_read(trained: Model) -> None:
    assert trained.preparation.read == {}
