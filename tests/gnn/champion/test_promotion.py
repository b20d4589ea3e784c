"""Who becomes champion: through the gate, past it with a reason, or not at all; and it is all on record."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest

from gnn import artifact
from gnn.champion.challengers import Challenger, train_challengers
from gnn.champion.gate import CANDIDATE, CHAMPION, NO_GRAPH, WITH_GRAPH, Condition, Gate, GateSettings
from gnn.champion.promotion import decide, judge_against, judged_rows
from gnn.learning.fitted import Member, load_members, save_members
from gnn.learning.training import Trained
from gnn.model import Model
from gnn.panels.panel import Panel
from graph.workspace import Workspace


@dataclass(frozen=True)
class Stand:
    """A trained model with its challengers."""

    trained: Trained
    peers: Mapping[str, Challenger]


@pytest.fixture(scope="module")
def stand(trained: Model, panel_of_parts: Panel) -> Stand:
    alone = Trained(trained, ())
    return Stand(alone, train_challengers(alone, panel_of_parts))


def placed(workspace: Workspace, model: Model) -> str:
    scratch = workspace.folder / "scratch"
    scratch.mkdir(exist_ok=True)
    sha = artifact.save(model, scratch)
    workspace.place_model(sha, lambda folder: artifact.save(model, folder) and None)
    return sha


def weakened(model: Model) -> Model:
    """The same with its own trees turned round: it takes good parties for bad ones."""
    turned = {name: trees.scaled(-1.0) if name == "own" else trees for name, trees in model.trees.items()}
    return replace(model, trees=turned, facts={**model.facts, "turned": True})


def verdict(*failed: str) -> Gate:
    names = ("enough outcomes", "calibration slope")
    conditions = tuple(Condition(name, "1", "2", name not in failed, {}) for name in names)
    return Gate("abc", 100, 20, GateSettings(), conditions)


def test_rows_are_those_of_validation(stand: Stand, panel_of_parts: Panel) -> None:
    rows = judged_rows(stand.trained, stand.peers, panel_of_parts)
    labels = panel_of_parts.labels("valid")
    np.testing.assert_array_equal(rows.labels, labels)
    assert set(rows.z) == {CANDIDATE, NO_GRAPH, WITH_GRAPH}
    assert rows.auc(CANDIDATE) > rows.auc(NO_GRAPH)


def test_the_champion_is_weighed_on_the_same_rows(
    stand: Stand, panel_of_parts: Panel, tmp_path: Path
) -> None:
    workspace = Workspace.open(tmp_path)
    rows = judged_rows(stand.trained, stand.peers, panel_of_parts)
    model = stand.trained.model
    itself = workspace.models / placed(workspace, model)
    gate = judge_against(rows, model, itself, panel_of_parts)
    assert gate.champion == itself.name
    figures = {condition.name: condition.figures for condition in gate.conditions}
    assert figures[f"AUC less {CHAMPION}'s"]["auc"] == [0.0, 0.0, 0.0]

    weak = weakened(model)
    weak_rows = judged_rows(replace(stand.trained, model=weak), stand.peers, panel_of_parts)
    assert weak_rows.auc(CANDIDATE) < rows.auc(CANDIDATE) - 0.01
    refused = judge_against(weak_rows, weak, itself, panel_of_parts)
    assert f"AUC less {CHAMPION}'s" in refused.failed
    assert not refused.passed


def test_a_champion_of_another_task_is_not_compared(
    stand: Stand, panel_of_parts: Panel, tmp_path: Path
) -> None:
    workspace = Workspace.open(tmp_path)
    model = stand.trained.model
    task = {**model.facts["task"], "outcome": "bankruptcy"}  # type: ignore[dict-item]
    other = replace(model, facts={**model.facts, "task": task})
    rows = judged_rows(stand.trained, stand.peers, panel_of_parts)
    gate = judge_against(rows, model, workspace.models / placed(workspace, other), panel_of_parts)
    assert "comparable champion" in gate.failed
    assert f"AUC less {CHAMPION}'s" not in {condition.name for condition in gate.conditions}


def test_a_champion_that_learnt_from_these_results_is_said_to_be_flattered(
    stand: Stand, panel_of_parts: Panel, tmp_path: Path
) -> None:
    model = stand.trained.model
    task = {**panel_of_parts.task.to_json(), "by_splits": False}
    dated = replace(model, facts={**model.facts, "task": task})
    champion = Workspace.open(tmp_path).models / placed(Workspace.open(tmp_path), dated)
    rows = judged_rows(stand.trained, stand.peers, panel_of_parts)
    assert "flattered" in judge_against(rows, dated, champion, panel_of_parts).notes[0]
    save_members(dated, [Member(dated.preparation, dated.trees, dated.network, dated.centres)] * 3, champion)
    assert judge_against(rows, dated, champion, panel_of_parts).notes == ()


def test_a_champion_that_cannot_be_read_blocks_nothing_but_the_gate(
    stand: Stand, panel_of_parts: Panel, tmp_path: Path
) -> None:
    rows = judged_rows(stand.trained, stand.peers, panel_of_parts)
    (tmp_path / "old").mkdir()
    (tmp_path / "old" / artifact.MODEL_FILE).write_text('{"layout": 0}')
    gate = judge_against(rows, stand.trained.model, tmp_path / "old", panel_of_parts)
    assert gate.champion == "old"
    assert "comparable champion" in gate.failed


def test_members_come_back_from_disk(stand: Stand, tmp_path: Path) -> None:
    model = stand.trained.model
    assert load_members(tmp_path) == ()
    members = [
        Member(
            model.preparation,
            {name: trees.scaled(factor) for name, trees in model.trees.items()},
            model.network,
            model.centres,
        )
        for factor in (1.0, 0.5)
    ]
    save_members(model, members, tmp_path)
    again = load_members(tmp_path)
    assert len(again) == 2
    for member, expected in zip(again, members, strict=True):
        for name, trees in expected.trees.items():
            np.testing.assert_array_equal(member.trees[name].value, trees.value)


def one_file(folder: Path) -> None:
    (folder / "a.txt").write_text("whole")


def models(tmp_path: Path, *names: str) -> Workspace:
    workspace = Workspace.open(tmp_path)
    for name in names:
        workspace.place_model(name, one_file)
    return workspace


def test_the_first_model_is_champion_whatever_the_gate_says(tmp_path: Path) -> None:
    workspace = models(tmp_path, "aaa")
    found = decide(workspace, "aaa", verdict("enough outcomes"))
    assert found.decision == "first"
    assert "enough outcomes" in found.sentence()
    assert workspace.require_champion().name == "aaa"
    (line,) = workspace.promotions()
    assert (line["decision"], line["model_sha"], line["before"]) == ("first", "aaa", None)
    assert line["who"]
    assert line["at"].endswith("+00:00")


def test_a_refused_model_leaves_the_champion_and_a_line(tmp_path: Path) -> None:
    workspace = models(tmp_path, "aaa", "bbb")
    workspace.promote("aaa")
    found = decide(workspace, "bbb", verdict("calibration slope"))
    assert found.decision == "refused"
    assert "calibration slope" in found.refusal().message
    assert found.refusal().details["gate"]["passed"] is False
    assert workspace.require_champion().name == "aaa"
    assert [line["decision"] for line in workspace.promotions()] == ["refused"]


def test_an_override_promotes_and_says_why(tmp_path: Path) -> None:
    workspace = models(tmp_path, "aaa", "bbb")
    workspace.promote("aaa")
    reason = "the regulator asked; \N{SNOWMAN}\nsecond line"
    assert decide(workspace, "bbb", verdict("calibration slope"), reason).decision == "overridden"
    assert workspace.require_champion().name == "bbb"
    (line,) = workspace.promotions()
    assert (line["because"], line["before"], line["gate"]["passed"]) == (reason, "aaa", False)


def test_a_reason_that_was_not_needed_is_kept_all_the_same(tmp_path: Path) -> None:
    workspace = models(tmp_path, "aaa", "bbb")
    workspace.promote("aaa")
    assert decide(workspace, "bbb", verdict(), "to be safe").decision == "promoted"
    assert workspace.promotions()[0]["because"] == "to be safe"


def test_the_log_stands_before_the_champion_changes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Killed between the two, the workspace has the earlier champion and a line too many, never too few."""
    workspace = models(tmp_path, "aaa", "bbb")
    workspace.promote("aaa")

    def killed(self: Workspace, sha: str) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(Workspace, "promote", killed)
        with pytest.raises(KeyboardInterrupt):
            decide(workspace, "bbb", verdict())
    assert workspace.require_champion().name == "aaa"
    assert len(workspace.promotions()) == 1
    assert decide(workspace, "bbb", verdict()).decision == "promoted"
    assert len(workspace.promotions()) == 2
