"""From a store to a model in the workspace: panel, training, challengers, evaluation, champion."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from gnn import artifact
from gnn.champion import challengers
from gnn.champion.evaluation import Evaluation, evaluate
from gnn.learning.training import train
from gnn.panels.panel import Panel, build_panel, require_evidence
from gnn.panels.tasks import choose_task
from graph.errors import BadInput
from graph.source import Task
from graph.store import EcosystemStore
from graph.workspace import Workspace

#: Told what is being done.
Tell = Callable[[str], None]

EVALUATION_FILE = "evaluation.json"
CHALLENGERS_FOLDER = "challengers"


@dataclass(frozen=True)
class Candidate:
    """A trained model in its place, with its figures on the test part. ``notes``: what was left out."""

    model_sha: str
    evaluation: Evaluation
    notes: tuple[str, ...]

    def to_json(self) -> dict[str, Any]:
        """The object that ``ecorisk train --json`` prints."""
        return {"model_sha": self.model_sha, "notes": list(self.notes), **self.evaluation.to_json()}


def task_of(store: EcosystemStore, name: str | None, purpose: str | None) -> Task:
    """The task that is meant. Raises ``BadInput`` where the store is empty or the choice is not clear."""
    latest = store.latest_day()
    if latest is None:
        raise BadInput("the store is empty: load a source first")
    declared = store.sources()
    # The tables decide only where nobody names or declares a task.
    asked = name is not None or any(source.tasks for source in declared)
    return choose_task(declared, name, {} if asked else store.read(latest, purpose).tables)


def make_candidate(
    store: EcosystemStore, workspace: Workspace, task: str | None, purpose: str | None, tell: Tell
) -> Candidate:
    """Train on past days, evaluate on the test part, and make the model champion.

    Raises ``Refused`` where there is too little to learn from (no model is made then), ``BadInput`` where
    the task is not clear or the data's span is too short.
    """
    panel = build_panel(store, task_of(store, task, purpose), purpose, tell, keep_tables=False)
    require_evidence(panel)
    tell("training")
    model = train(panel, progress=tell)
    model = replace(model, facts={**model.facts, "task": panel.task.to_json(), "purpose": purpose})
    tell("challengers")
    peers = challengers.train_challengers(model, panel)
    # The training days are not looked at again: of a large ecosystem they are gigabytes.
    panel = replace(panel, origins=(*panel.of("valid"), *panel.of("test")))
    found = evaluate(model, peers, panel, tell)
    with tempfile.TemporaryDirectory(dir=workspace.folder) as scratch:
        made = Path(scratch) / "model"
        made.mkdir()
        sha = artifact.save(model, made)

        def write(folder: Path) -> None:
            artifact.save(model, folder)
            (folder / CHALLENGERS_FOLDER).mkdir()
            challengers.save(peers, folder / CHALLENGERS_FOLDER)
            (folder / EVALUATION_FILE).write_text(json.dumps(found.to_json(), indent=1), "utf-8")

        workspace.place_model(sha, write)
    workspace.promote(sha)
    return Candidate(sha, found, panel.notes)


def evaluate_champion(
    store: EcosystemStore, workspace: Workspace, purpose: str | None, tell: Tell
) -> Evaluation:
    """The champion and the challengers of its training, scored anew on the task's test part."""
    folder = workspace.require_champion()
    model = artifact.load(folder)
    panel: Panel = build_panel(store, artifact.task_of(model), purpose, tell, keep_tables=False)
    return evaluate(model, challengers.load(folder / CHALLENGERS_FOLDER), panel, tell)
