"""One planted ecosystem and one model of it, shared by the tests of the model."""

from __future__ import annotations

import pytest

from gnn.learning.training import train
from gnn.model import Model
from gnn.panels.panel import Panel
from gnn.parts import ScoredParts
from gnn.scoring import score
from graph.snapshot import Snapshot
from tests.gnn import planted


@pytest.fixture(scope="session")
def ecosystem(tmp_path_factory: pytest.TempPathFactory) -> Snapshot:
    return planted.read(tmp_path_factory.mktemp("planted"))


@pytest.fixture(scope="session")
def panel_of_parts(ecosystem: Snapshot) -> Panel:
    return planted.static_panel(ecosystem)


@pytest.fixture(scope="session")
def trained(panel_of_parts: Panel) -> Model:
    model = train(panel_of_parts, planted.QUICK)
    assert model.relations, "the planted contagion must be found, or the tests below say nothing"
    return model


@pytest.fixture(scope="session")
def scored(trained: Model, panel_of_parts: Panel) -> ScoredParts:
    test = panel_of_parts.of("test")[0]
    return score(trained, test.snapshot, test.known)
