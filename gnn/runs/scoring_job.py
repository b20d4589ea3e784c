"""From a store and the champion to a published run: the one way for a score."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import date
from typing import Any

from rich.box import SIMPLE
from rich.table import Table
from scipy.special import logit

from gnn import artifact
from gnn.model import Model
from gnn.panels.targets import known_outcomes, population
from gnn.runs.composition import Question
from gnn.runs.publication import published_scores, score_run
from gnn.runs.run_files import RunFacts, ScoreRun, write_run
from gnn.scoring import score
from graph.errors import BadInput
from graph.rings.membership import with_rings
from graph.snapshot import Snapshot
from graph.source import Task
from graph.store import EcosystemStore
from graph.workspace import Workspace

#: A month without a new row, and every window that ends on the day of scoring begins to empty.
_STALE_DAYS = 31


@dataclass(frozen=True)
class PublishedRun:
    """What was published, and the newest day of the store's rows (None: they have no dates of their own)."""

    facts: RunFacts
    newest: date | None

    def to_json(self) -> dict[str, Any]:
        """The object that ``ecorisk score --json`` prints."""
        facts = self.facts
        return {
            "run_id": facts.run_id,
            "as_of": facts.as_of,
            "n": facts.n_scored,
            "model_sha": facts.model_sha,
            "snapshot_sha": facts.snapshot_sha,
        }

    def table(self) -> Table:
        """The same for people."""
        table = Table("", "", title="Published run", title_justify="left", show_header=False, box=SIMPLE)
        for name, value in self.to_json().items():
            table.add_row(name, str(value))
        behind = (date.fromisoformat(self.facts.as_of) - self.newest).days if self.newest else 0
        if behind > _STALE_DAYS:
            table.caption_justify = "left"
            table.caption = (
                f"the newest row on record became known on {self.newest}, {behind:,} days before: "
                "load what has happened since, or choose an earlier day"
            )
        return table


def _population_offset(model: Model, task: Task) -> float:
    """What the base gains where the source states its population's bad rate, in log-odds.

    logit(prior) less that of the sample's bad share: prior correction for cases that were drawn by outcome
    (King and Zeng 2001, Logistic Regression in Rare Events Data, Political Analysis 9, section 4.1).
    """
    if task.prior is None:
        return 0.0
    return float(logit(task.prior) - logit(artifact.sample_bad_share(model)))


def make_run(model: Model, model_sha: str, snapshot: Snapshot, tell: Callable[[str], None]) -> ScoreRun:
    """Everybody the model's task asks about, scored on the snapshot's day.

    Raises ``BadInput`` where nobody is in the population.
    """
    task = artifact.task_of(model)
    asked = population(snapshot, task)
    if not len(asked):
        raise BadInput(
            f"nobody is in the population of task {task.name} on {snapshot.as_of}: choose another day"
        )
    if task.rings:
        tell("searching rings")
        snapshot = with_rings(snapshot)
    tell(f"scoring {len(asked):,} parties")
    parts = score(model, snapshot, known_outcomes(snapshot, task), asked)
    parts = replace(parts, base=parts.base + _population_offset(model, task))
    return score_run(parts, snapshot, Question(task, model_sha, asked))


def score_and_publish(
    store: EcosystemStore,
    workspace: Workspace,
    as_of: date,
    purpose: str | None,
    tell: Callable[[str], None],
) -> PublishedRun:
    """Score everybody the champion's task asks about on ``as_of``; publish here and in the store.

    Raises ``BadInput`` where there is no model, or nobody is in the population on that day.
    """
    folder = workspace.require_champion()
    model = artifact.load(folder)
    tell(f"reading {as_of}")
    snapshot = store.read(as_of, purpose)
    run = make_run(model, folder.name, snapshot, tell)
    tell("publishing")
    workspace.publish_run(run.facts.run_id, lambda target: write_run(target, run))
    store.publish(published_scores(run, snapshot))
    return PublishedRun(run.facts, store.latest_day() if artifact.task_of(model).dated else None)
