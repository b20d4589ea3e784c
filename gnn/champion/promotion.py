"""From candidate to champion: through the gate, or past it with a reason; every decision is logged."""

from __future__ import annotations

import json
import os
import pwd
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from gnn import artifact
from gnn.champion import challengers
from gnn.champion.challengers import CHALLENGERS_FOLDER, MAX_ROWS, Challenger
from gnn.champion.gate import (
    CANDIDATE,
    CHAMPION,
    NO_GRAPH,
    WITH_GRAPH,
    Gate,
    GateSettings,
    JudgedRows,
    judge,
)
from gnn.champion.slices import groupings
from gnn.learning.blend import cross_calibrated, cross_weighed
from gnn.learning.fitted import Fitted, Member, hold_out, load_members
from gnn.learning.rows import LabelledRows
from gnn.learning.training import Trained
from gnn.model import Model
from gnn.panels.panel import Origin, Panel, build_panel, thinned
from graph.errors import ArtifactMismatch, BadInput, Refused
from graph.source import Task
from graph.store import EcosystemStore
from graph.workspace import Workspace

GATE_FILE = "gate.json"

Tell = Callable[[str], None]

#: "first": there was no champion; "same": it was champion already.
Decision = Literal["first", "promoted", "overridden", "refused", "same"]


@dataclass(frozen=True)
class Promotion:
    """What was decided on ``model_sha``; ``before``: sha of the champion until then."""

    model_sha: str
    before: str | None
    decision: Decision
    because: str | None
    gate: Gate | None

    def to_json(self) -> dict[str, Any]:
        """The object that ``ecorisk promote --json`` prints."""
        return {
            "model_sha": self.model_sha,
            "before": self.before,
            "decision": self.decision,
            "because": self.because,
            "gate": None if self.gate is None else self.gate.to_json(),
        }

    def sentence(self) -> str:
        """The same in one line."""
        name, failed = self.model_sha[:12], ", ".join(self.gate.failed if self.gate else ())
        said: dict[Decision, str] = {
            "first": f"{name} is the first champion"
            + (f"; there was nothing to compare it with, though it misses: {failed}" if failed else ""),
            "promoted": f"{name} is champion",
            "overridden": f"{name} is champion in spite of: {failed}. Logged with your reason",
            "refused": f"{name} is not made champion: {failed}",
            "same": f"{name} is champion already",
        }
        return said[self.decision]

    def refusal(self) -> Refused:
        """The error that says so, with the gate's figures for machines."""
        return Refused(
            f"{self.sentence()}. The champion stays; --override --because '...' promotes it all the same",
            **self.to_json(),
        )


def _same_question(one: Task, other: Task) -> bool:
    """Whether two tasks differ in their days alone."""
    return replace(one, as_of=other.as_of) == other


def _has_seen(model: Model, members: Sequence[Member], origins: Sequence[Origin]) -> bool:
    """Whether results of these validation rows were labels of the model's training rows."""
    task, learnt = artifact.task_of(model), model.facts["days"]
    if task.by_splits or hold_out(members) or not isinstance(learnt, Mapping):
        return False
    last = max(map(date.fromisoformat, learnt["train"]))
    return last + timedelta(task.horizon_days) > origins[0].as_of


def _standing(trained: Trained, origins: Sequence[Origin], rows: JudgedRows) -> NDArray[np.float64]:
    """Log-odds of a model whose trees and network are weighed anew, crosswise, on ``rows`` of ``origins``."""
    columns = trained.columns
    if columns is None or len(columns[0]) != len(rows.labels):
        columns = Fitted.of(trained.model, trained.members).columns(origins)
    return cross_weighed(columns if trained.model.relations else columns[::2], rows.labels, rows.party)


def judged_rows(
    trained: Trained, peers: Mapping[str, Challenger], panel: Panel, seen: LabelledRows | None = None
) -> JudgedRows:
    """The candidate and the two boosted challengers on the validation rows of ``panel``.

    ``seen``: ``challengers.valid_rows``, where they are at hand.
    """
    origins = thinned(panel.of("valid"), MAX_ROWS)
    few = replace(panel, origins=origins)
    rows = JudgedRows(few.labels("valid"), few.parties("valid"), {}, groupings(origins))
    z = {CANDIDATE: _standing(trained, origins, rows)}
    seen = challengers.valid_rows(trained, panel) if seen is None else seen
    for name in (NO_GRAPH, WITH_GRAPH):
        z[name] = cross_calibrated(peers[name].unseen_raw(seen), rows.labels, rows.party)
    return replace(rows, z=z)


def judge_against(rows: JudgedRows, model: Model, champion: Path | None, panel: Panel) -> Gate:
    """The verdict on the candidate ``model`` of ``rows`` beside the present ``champion``'s folder, if any."""
    uses_links = bool(model.relations)
    if champion is None:
        return judge(rows, uses_links=uses_links)
    try:
        present, members = artifact.load(champion), load_members(champion)
    except ArtifactMismatch:
        unread = "this version cannot read the champion"
        return judge(rows, uses_links=uses_links, champion=champion.name, incomparable=unread)
    if not _same_question(artifact.task_of(present), artifact.task_of(model)):
        other = "the champion answers another task"
        return judge(rows, uses_links=uses_links, champion=champion.name, incomparable=other)
    origins = thinned(panel.of("valid"), MAX_ROWS)
    z = {**rows.z, CHAMPION: _standing(Trained(present, members), origins, rows)}
    seen = _has_seen(present, members, origins)
    notes = ("the champion is flattered: it has learnt from results of these rows",) if seen else ()
    return judge(replace(rows, z=z), uses_links=uses_links, champion=champion.name, notes=notes)


def _stored_gate(folder: Path, champion: Path | None) -> Gate | None:
    """What training found, where it was measured against the same champion by the same rules."""
    path = folder / GATE_FILE
    if not path.exists():
        return None
    try:
        gate = Gate.from_json(json.loads(path.read_text("utf-8")))
    except (KeyError, TypeError, ValueError):
        # Written by another version.
        return None
    same = gate.champion == (None if champion is None else champion.name) and gate.settings == GateSettings()
    return gate if same else None


def _measured_gate(store: EcosystemStore, folder: Path, champion: Path | None, tell: Tell) -> Gate:
    """The gate anew, because the champion has changed since training."""
    trained = Trained(artifact.load(folder), load_members(folder))
    purpose = trained.model.facts["purpose"]
    task = artifact.task_of(trained.model)
    panel = build_panel(store, task, None if purpose is None else str(purpose), tell, keep_tables=False)
    tell("judging validation rows")
    rows = judged_rows(trained, challengers.load(folder / CHALLENGERS_FOLDER), panel)
    return judge_against(rows, trained.model, champion, panel)


def _who() -> str:
    try:
        return pwd.getpwuid(os.getuid()).pw_name
    except KeyError:
        return f"uid {os.getuid()}"


def decide(workspace: Workspace, sha: str, gate: Gate, because: str | None = None) -> Promotion:
    """Log what the gate (or ``because``, past it) says of the model ``sha``, then make it champion if so.

    The log comes first: no champion is without its line.
    """
    champion = workspace.champion()
    decision: Decision = "refused"
    if champion is None and because is None:
        decision = "first"
    elif gate.passed:
        decision = "promoted"
    elif because is not None:
        decision = "overridden"
    found = Promotion(sha, None if champion is None else champion.name, decision, because, gate)
    at = datetime.now(UTC).isoformat(timespec="seconds")
    workspace.record_promotion({"at": at, "who": _who(), **found.to_json()})
    if decision != "refused":
        workspace.promote(sha)
    return found


def promote(
    store: EcosystemStore, workspace: Workspace, sha: str | None, because: str | None, tell: Tell
) -> Promotion:
    """Decide on the model whose sha starts so (None: the candidate). A refusal is returned, not raised.

    ``because``: promote it even where the gate refuses, for this reason. Raises ``BadInput`` where there is
    no such model.
    """
    folder = workspace.candidate() if sha is None else workspace.model(sha)
    if folder is None:
        raise BadInput(f"there is no candidate in {workspace.folder}: run 'ecorisk train'")
    champion = workspace.champion()
    if champion is not None and champion.name == folder.name:
        return Promotion(folder.name, champion.name, "same", None, None)
    gate = _stored_gate(folder, champion) or _measured_gate(store, folder, champion, tell)
    return decide(workspace, folder.name, gate, because)
