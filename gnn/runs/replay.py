"""An old decision made again from the store and the model it rested on, and compared with what was published.

The published run is read from its bytes, each checked against the sha it was published with. The same day is
then read from the store for the same purpose and scored with the model of the run's sha, whichever model is
champion now. Where the two differ, the replay says what they rested on that is no longer the same.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass
from datetime import date
from pathlib import Path
from typing import Any

from rich.box import SIMPLE_HEAD
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from gnn import artifact
from gnn.runs.explanation import explanation_body
from gnn.runs.rendering import plain
from gnn.runs.run_files import RunFacts, StoredRun, write_run
from gnn.runs.scores import Body
from gnn.runs.scoring_job import make_run
from graph.errors import BadInput
from graph.store import EcosystemStore
from graph.workspace import Workspace

#: Log-odds and PDs that differ by no more are the same on another processor or library.
TOLERANCE = 1e-6

#: Runs named where one is not found.
_LISTED = 20

#: Figures of a score that are compared as they are.
_FIGURES = (
    "snapshot_sha", "model_sha", "status", "score", "band", "pd", "z", "percentile", "peer_group",
)  # fmt: skip


@dataclass(frozen=True)
class Compared:
    """One figure, as published and as made again; None where there is none."""

    name: str
    stored: Any
    recomputed: Any
    same: bool

    @property
    def difference(self) -> float | None:
        """Recomputed less stored, where both are numbers."""
        if _is_number(self.stored) and _is_number(self.recomputed):
            return float(self.recomputed - self.stored)
        return None


@dataclass(frozen=True)
class Replay:
    """A decision compared with itself. ``explanations``: why they differ; empty where they are the same."""

    run_id: str
    party_id: str
    figures: tuple[Compared, ...]
    explanations: tuple[str, ...]

    @property
    def same(self) -> bool:
        """Every figure is the same, numbers to ``TOLERANCE``."""
        return all(figure.same for figure in self.figures)

    def to_json(self) -> dict[str, Any]:
        """The object that ``ecorisk replay --json`` prints."""
        figures = [{**asdict(figure), "difference": figure.difference} for figure in self.figures]
        return {
            "run_id": self.run_id,
            "party_id": self.party_id,
            "same": self.same,
            "figures": figures,
            "explanations": list(self.explanations),
        }

    def renderable(self) -> RenderableType:
        """Stored, recomputed and difference for people, and what explains the difference."""
        table = Table(title_justify="left", box=SIMPLE_HEAD, padding=(0, 1, 0, 0))
        table.title = plain(f"{self.party_id} in run {self.run_id}")
        for heading in ("", "stored", "recomputed", "difference"):
            table.add_column(heading, justify="left" if not heading else "right", overflow="fold")
        for figure in self.figures:
            difference = figure.difference
            shown = "" if difference in (None, 0.0) else f"{difference:+.3g}"
            style = "" if figure.same else "red"
            table.add_row(
                plain(figure.name),
                plain(_text(figure.stored), style),
                plain(_text(figure.recomputed), style),
                shown or ("" if figure.same else "differs"),
            )
        if self.same:
            return Group(table, Text("The same: the decision can be made again.", "green"))
        return Group(table, Text("It differs:", "red"), *(plain(f"- {text}") for text in self.explanations))


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _text(value: Any) -> str:
    if value is None:
        return "-"
    if isinstance(value, float):
        return f"{value:.9g}"
    if isinstance(value, dict):
        return ", ".join(f"{name} {_text(inner)}" for name, inner in value.items())
    text = str(value)
    return f"{text[:12]}…" if len(text) == 64 else text


def _alike(stored: Any, recomputed: Any) -> bool:
    if _is_number(stored) and _is_number(recomputed):
        return bool(abs(stored - recomputed) <= TOLERANCE)
    if isinstance(stored, dict) and isinstance(recomputed, dict):
        return stored.keys() == recomputed.keys() and all(_alike(stored[k], recomputed[k]) for k in stored)
    return bool(stored == recomputed)


def _flat(body: Body) -> dict[str, Any]:
    """What is compared of an explanation: figures, parts (log-odds and points), reasons (points) by name."""
    found: dict[str, Any] = {name: body[name] for name in _FIGURES}
    for name, value in (body["interval"] or {}).items():
        found[f"interval: {name}"] = value
    for part in body["parts"]:
        name = " ".join(filter(None, (part["part"], part["relation"])))
        if part["log_odds"] is not None:
            found[f"log-odds: {name}"] = part["log_odds"]
        found[f"points: {name}"] = part["points"]
    for place, reason in enumerate(body["reasons"], start=1):
        found[f"reason {place}"] = f"{reason['code']} ({reason['points']:+d} points)"
    return found


def _compared(stored: Body, recomputed: Mapping[str, Any]) -> tuple[Compared, ...]:
    before = _flat(stored)
    names = [*before, *(name for name in recomputed if name not in before)]
    return tuple(
        Compared(name, before.get(name), recomputed.get(name), _alike(before.get(name), recomputed.get(name)))
        for name in names
    )


def _changed_tables(before: RunFacts, now: RunFacts) -> Iterator[str]:
    for name in sorted({*before.tables, *now.tables}):
        stored, found = before.tables.get(name), now.tables.get(name)
        if stored == found:
            continue
        rows = [f"{table['rows']:,} rows" if table else "absent" for table in (stored, found)]
        yield f"{name} ({rows[0]} then, {rows[1]} now)"


def _explained(before: RunFacts, now: RunFacts) -> Iterator[str]:
    """Why two runs of one day and model differ."""
    if before.snapshot_sha != now.snapshot_sha:
        changed = "; ".join(_changed_tables(before, now)) or "the parties' ids"
        yield (
            f"what is known as of {before.as_of} is no longer the same: rows known by then were loaded, "
            f"corrected or erased later. Different: {changed}"
        )
    if before.base_currency != now.base_currency:
        yield f"amounts were in {before.base_currency} then and are in {now.base_currency} now (ecorisk.toml)"
    moved = [
        f"{name} {before.made_with.get(name, '?')} then, {version} now"
        for name, version in now.made_with.items()
        if before.made_with.get(name) != version
    ]
    if moved:
        yield f"it was made with other versions or another processor: {'; '.join(moved)}"
    if before.snapshot_sha == now.snapshot_sha and not moved:
        yield "data, model, versions and processor are the same: this should not be; please report it"


def run_folder(workspace: Workspace, run_id: str) -> Path:
    """Folder of a published run. Raises ``BadInput``, which lists the runs there are."""
    there = sorted(path.name for path in workspace.runs.iterdir() if (path / "manifest.json").is_file())
    if run_id not in there:
        latest = f"{', '.join(there[-_LISTED:])} ({len(there)} in all)"
        listed = latest if there else "none: run 'ecorisk score' first"
        raise BadInput(f"there is no run {run_id!r} in {workspace.runs}; runs there: {listed}", runs=there)
    return workspace.runs / run_id


def replay(
    store: EcosystemStore, workspace: Workspace, run_id: str, party_id: str, tell: Callable[[str], None]
) -> Replay:
    """Make the decision of ``run_id`` about ``party_id`` again, and compare.

    Raises ``BadInput`` where there is no such run, ``UnknownParty`` where the run does not know the party,
    ``ArtifactMismatch`` where stored bytes are not those that were published.
    """
    published = StoredRun(run_folder(workspace, run_id))
    code = published.code(party_id)
    tell("checking the stored bytes")
    published.verify()
    stored, facts = explanation_body(published, code), published.facts
    missing = _flat(stored).keys()
    folder = workspace.models / facts.model_sha
    if not folder.is_dir():
        reason = f"the model {facts.model_sha} is no longer in {workspace.models}: put it back to recompute"
        return Replay(run_id, party_id, _compared(stored, dict.fromkeys(missing)), (reason,))
    tell(f"reading {facts.as_of}")
    snapshot = store.read(date.fromisoformat(facts.as_of), facts.purpose)
    again = make_run(artifact.load(folder), facts.model_sha, snapshot, tell)
    with tempfile.TemporaryDirectory(dir=workspace.folder) as scratch:
        write_run(Path(scratch), again)
        remade = StoredRun(Path(scratch))
        code = remade.codes([party_id])[0]
        body = dict.fromkeys(missing) if code < 0 else _flat(explanation_body(remade, code))
    figures = _compared(stored, body)
    if all(figure.same for figure in figures):
        return Replay(run_id, party_id, figures, ())
    gone = (f"the store no longer knows the party as of {facts.as_of}",) if code < 0 else ()
    return Replay(run_id, party_id, figures, (*gone, *_explained(facts, again.facts)))
