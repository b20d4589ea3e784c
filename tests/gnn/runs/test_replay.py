"""Old decisions made again: the same where nothing changed, explained where something did."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from datetime import timedelta
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

import ecorisk
from gnn import artifact
from gnn.model import Model
from gnn.runs.replay import Replay, replay
from gnn.runs.scoring_job import score_and_publish
from graph.duckdb_store import DuckDBStore
from graph.errors import ArtifactMismatch, BadInput, UnknownParty
from graph.workspace import Workspace
from tests.ecosystems import load
from tests.gnn import planted

PARTY = "P007"


def place(workspace: Workspace, model: Model, folder: Path) -> str:
    folder.mkdir(parents=True)
    sha = artifact.save(model, folder)

    def write(target: Path) -> None:
        artifact.save(model, target)

    workspace.place_model(sha, write)
    return sha


@pytest.fixture(scope="module")
def published(trained: Model, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A workspace with a store, a champion and a published run."""
    folder = tmp_path_factory.mktemp("published")
    workspace = Workspace.open(folder / "w")
    store = DuckDBStore(workspace.database)
    load(store, folder, planted.tables())
    workspace.promote(place(workspace, trained, folder / "model"))
    score_and_publish(store, workspace, planted.AS_OF, None, lambda _: None)
    return workspace.folder


@pytest.fixture
def workspace(published: Path, tmp_path: Path) -> Workspace:
    """A copy of it that a test may change."""
    shutil.copytree(published, tmp_path / "w")
    return Workspace.open(tmp_path / "w")


def run_id(workspace: Workspace) -> str:
    current = workspace.current_run()
    assert current is not None
    return current.name


def replayed(workspace: Workspace, party: str = PARTY, run: str | None = None) -> Replay:
    store = DuckDBStore(workspace.database)
    return replay(store, workspace, run or run_id(workspace), party, lambda _: None)


def printed(found: Replay) -> str:
    screen = StringIO()
    Console(width=200, file=screen).print(found.renderable())
    return screen.getvalue()


def figures(found: Replay) -> dict[str, Any]:
    return {figure.name: figure for figure in found.figures}


def test_nothing_changed_so_every_figure_is_the_same(workspace: Workspace) -> None:
    found = replayed(workspace)
    assert found.same
    assert found.explanations == ()
    assert all(figure.difference in (None, 0.0) for figure in found.figures)
    assert {"z", "pd", "score", "interval: low", "reason 1", "points: own", "snapshot_sha"} <= set(
        figures(found)
    )
    assert "can be made again" in printed(found)


def test_the_model_of_the_run_is_used_whoever_is_champion(
    workspace: Workspace, trained: Model, tmp_path: Path
) -> None:
    other = replace(trained, blend=replace(trained.blend, base=trained.blend.base + 1.0))
    workspace.promote(place(workspace, other, tmp_path / "other"))
    assert replayed(workspace).same


def test_a_correction_that_came_late_is_found_and_named(workspace: Workspace, tmp_path: Path) -> None:
    """A row known by the day, but loaded after the run: the old decision cannot have seen it."""
    old = next(row for row in planted.tables()["invoices"] if row["buyer_id"] == PARTY)
    corrected = {
        **old,
        "amount": old["amount"] * 1000,
        "known_on": old["known_on"] + timedelta(days=1),
        "corrects_invoice_id": None,
    }
    load(DuckDBStore(workspace.database), tmp_path, {"invoices": [corrected]})
    found = replayed(workspace)
    assert not found.same
    assert not figures(found)["snapshot_sha"].same
    assert figures(found)["model_sha"].same
    assert "invoices (" in found.explanations[0]
    assert "parties" not in found.explanations[0].split("Different:")[1]
    assert "It differs" in printed(found)


def test_an_erased_party_is_said_to_be_gone(workspace: Workspace) -> None:
    DuckDBStore(workspace.database).erase(PARTY)
    found = replayed(workspace)
    assert not found.same
    assert figures(found)["score"].stored is not None
    assert figures(found)["score"].recomputed is None
    assert "no longer knows the party" in found.explanations[0]


def test_a_missing_model_is_named(workspace: Workspace) -> None:
    sha = figures(replayed(workspace))["model_sha"].stored
    shutil.rmtree(workspace.models / sha)
    found = replayed(workspace)
    assert not found.same
    assert sha in found.explanations[0]


def test_changed_bytes_are_refused(workspace: Workspace) -> None:
    array = next((workspace.runs / run_id(workspace)).glob("*.npy"))
    content = bytearray(array.read_bytes())
    content[-1] ^= 1
    array.write_bytes(bytes(content))
    with pytest.raises(ArtifactMismatch, match="was changed"):
        replayed(workspace)


def test_a_party_the_run_does_not_know(workspace: Workspace) -> None:
    with pytest.raises(UnknownParty, match="nobody"):
        replayed(workspace, "nobody")


@pytest.mark.parametrize("run", ["2020-01-01-beef", "../models", "current", ""])
def test_a_run_that_is_not_there_lists_those_that_are(workspace: Workspace, run: str) -> None:
    with pytest.raises(BadInput, match=run_id(workspace)):
        replayed(workspace, run=run or "none")


def test_the_command_says_by_its_exit_code_whether_they_differ(
    workspace: Workspace, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    line = ["--workspace", str(workspace.folder), "replay", run_id(workspace), PARTY]
    assert ecorisk.run_command([*line, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["same"] is True
    DuckDBStore(workspace.database).erase(PARTY)
    assert ecorisk.run_command(line) == 5
    assert "differs" in capsys.readouterr().out
