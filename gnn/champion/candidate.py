"""From a store to a model in the workspace: panel, training, challengers, evaluation, gate."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from gnn import artifact
from gnn.champion import challengers
from gnn.champion.challengers import CHALLENGERS_FOLDER, Challenger
from gnn.champion.evaluation import Evaluation, evaluate
from gnn.champion.foreknowledge import foreknowledge
from gnn.champion.gate import CANDIDATE, NO_GRAPH, Gate, JudgedRows
from gnn.champion.promotion import GATE_FILE, Promotion, Tell, decide, judge_against, judged_rows
from gnn.learning.fitted import save_members
from gnn.learning.training import Trained, TrainingSettings, train_with_members
from gnn.panels.panel import Panel, build_panel, require_evidence
from gnn.panels.tasks import BUILT_IN_TASKS, choose_task
from graph.errors import BadInput
from graph.source import Task
from graph.store import EcosystemStore
from graph.workspace import Workspace

EVALUATION_FILE = "evaluation.json"


@dataclass(frozen=True)
class Candidate:
    """A trained model in its place, with its figures on the test part and the gate's verdict on validation.

    ``notes``: what was left out, and what seems too good to be true. ``promotion``: None where there is
    another champion, which stays.
    """

    model_sha: str
    evaluation: Evaluation
    gate: Gate
    promotion: Promotion | None
    notes: tuple[str, ...]

    def to_json(self) -> dict[str, Any]:
        """The object that ``ecorisk train --json`` prints."""
        return {
            "model_sha": self.model_sha,
            "promoted": self.promotion is not None,
            "gate": self.gate.to_json(),
            "notes": list(self.notes),
            **self.evaluation.to_json(),
        }

    def sentence(self) -> str:
        """Where the model stands and what to do next, in one line."""
        if self.promotion is not None:
            return self.promotion.sentence()
        if self.gate.champion == self.model_sha:
            return f"{self.model_sha[:12]} is the champion itself: the same data, settings and seeds"
        failed = ", ".join(self.gate.failed)
        refused = f"; as it stands the gate would refuse it: {failed}" if failed else ""
        return f"{self.model_sha[:12]} is a candidate; next: ecorisk promote{refused}"


def task_of(store: EcosystemStore, name: str | None, purpose: str | None) -> Task:
    """The task that is meant. Raises ``BadInput`` where the store is empty or the choice is not clear."""
    latest = store.latest_day()
    if latest is None:
        raise BadInput("the store is empty: load a source first")
    declared = store.sources()
    # The tables decide only where nobody names or declares a task.
    asked = name in BUILT_IN_TASKS or any(source.tasks for source in declared)
    return choose_task(declared, name, {} if asked else store.read(latest, purpose).tables)


@dataclass(frozen=True)
class Made:
    """A trained model, its challengers, and how they stand on validation."""

    trained: Trained
    peers: Mapping[str, Challenger]
    rows: JudgedRows


def best_on_validation(
    panel: Panel,
    facts: Mapping[str, object],
    tell: Tell,
    settings: TrainingSettings | None = None,
    seed: int = 0,
) -> Made:
    """The better on validation of the model with links and the one that does without.

    ``facts`` go with the model; ``seed`` is the challengers'.
    """

    def trained(settings: TrainingSettings) -> Trained:
        found = train_with_members(panel, settings, tell)
        return replace(found, model=replace(found.model, facts={**found.model.facts, **facts}))

    tell("training")
    settings = settings or TrainingSettings()
    first = trained(settings)
    tell("challengers")
    valid = challengers.valid_rows(first, panel)
    peers = challengers.train_challengers(first, panel, seed, valid)
    tell("judging validation rows")
    rows = judged_rows(first, peers, panel, valid)
    if not first.model.relations or rows.auc(CANDIDATE) > rows.auc(NO_GRAPH):
        return Made(first, peers, rows)
    tell("without links")
    second = trained(replace(settings, links=False))
    return Made(second, peers, judged_rows(second, peers, panel, valid))


def make_candidate(
    store: EcosystemStore,
    workspace: Workspace,
    task: str | None,
    purpose: str | None,
    tell: Tell,
    *,
    rings: bool = False,
) -> Candidate:
    """Train on past days, judge on validation days, evaluate on the test part, and put the model in place.

    ``rings``: search the rings of every day, also where the task does not ask for it.

    The first model of a workspace becomes its champion; a later one is a candidate until it is promoted.
    Raises ``Refused`` where there is too little to learn from (no model is made then), ``BadInput`` where
    the task is not clear or the data's span is too short.
    """
    asked = task_of(store, task, purpose)
    asked = replace(asked, rings=asked.rings or rings)
    panel = build_panel(store, asked, purpose, tell, keep_tables=False)
    require_evidence(panel)
    sources = {source.name: source.title for source in store.sources()}
    facts = {"task": panel.task.to_json(), "purpose": purpose, "sources": sources}
    made = best_on_validation(panel, facts, tell)
    # The training days are not looked at again: of a large ecosystem they are gigabytes.
    panel = replace(panel, origins=(*panel.of("valid"), *panel.of("test")))
    model, champion = made.trained.model, workspace.champion()
    gate = judge_against(made.rows, model, champion, panel)
    found = evaluate(model, made.peers, panel, tell)
    with tempfile.TemporaryDirectory(dir=workspace.folder) as scratch:
        sha = artifact.save(model, Path(scratch))

    def write(folder: Path) -> None:
        artifact.save(model, folder)
        save_members(model, made.trained.members, folder)
        (folder / CHALLENGERS_FOLDER).mkdir()
        challengers.save(made.peers, folder / CHALLENGERS_FOLDER)
        (folder / EVALUATION_FILE).write_text(json.dumps(found.to_file(), indent=1), "utf-8")
        (folder / GATE_FILE).write_text(json.dumps(gate.to_json(), indent=1), "utf-8")

    workspace.place_model(sha, write)
    workspace.nominate(sha)
    promotion = decide(workspace, sha, gate) if champion is None else None
    notes = (*panel.notes, *foreknowledge(made.rows, panel))
    return Candidate(sha, found, gate, promotion, notes)


def evaluate_champion(
    store: EcosystemStore, workspace: Workspace, purpose: str | None, tell: Tell
) -> Evaluation:
    """The champion and the challengers of its training, scored anew on the task's test part."""
    folder = workspace.require_champion()
    model = artifact.load(folder)
    panel: Panel = build_panel(store, artifact.task_of(model), purpose, tell, keep_tables=False)
    return evaluate(model, challengers.load(folder / CHALLENGERS_FOLDER), panel, tell)
