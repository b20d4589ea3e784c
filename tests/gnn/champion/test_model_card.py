"""The model card: every section, from stored figures, whatever names the data bring."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from gnn import artifact
from gnn.champion.markdown import escaped, table
from gnn.champion.model_card import card_of, render
from gnn.learning.training import train
from gnn.model import Model
from gnn.panels.panel import Panel
from graph.errors import ArtifactMismatch
from graph.source import Task
from tests.gnn import planted

HOSTILE = "x | <script>alert(1)</script> [a](http://evil.example) `c` *b* \n# h \x1b[31m www.evil.example"
SECTIONS = (
    "Purpose", "Data", "Target", "Population", "Features", "Relations", "Equation", "Training", "Evaluation",
    "Calibration", "Intervals", "Slices", "Challengers", "Gate", "Limits", "Shas",
)  # fmt: skip


def evaluation(**more: Any) -> dict[str, Any]:
    figures = {"auc": 0.7512, "ap": 0.3, "ks": 0.4, "brier": 0.1, "ece": 0.02, "lift5": 3.1}
    return {
        "task": "planted",
        "test": {"n": 400, "positives": 80, "from": "2021-12-01", "to": "2022-12-01"},
        "champion": "default",
        "models": {"gbdt_own": {**figures, "auc": 0.6789}, "default": figures},
        "differences": {"gbdt_own": {"auc": [0.01, 0.07, 0.12]}, "default": {"auc": [0.0, 0.0, 0.0]}},
        "inherited_share": 0.38,
        **more,
    }


CALIBRATION = {
    "intercept": [-0.2, 0.01, 0.2],
    "slope": [0.9, 1.03, 1.1],
    "observed": [0.18, 0.2, 0.22],
    "predicted": 0.3,
}
SLICE = {
    "by": "size", "basis": "rows", "label": HOSTILE, "n": 100, "positives": 20, "auc": None, "ece": 0.03,
    "false_alarms": 0.1, **CALIBRATION,
}  # fmt: skip
GATE = {
    "champion": None,
    "n": 400,
    "positives": 80,
    "conditions": [{"name": HOSTILE, "measured": "0.01", "required": "> 0", "met": False, "figures": {}}],
    "notes": [HOSTILE],
}


def section(card: str, title: str) -> str:
    return card.split(f"\n## {title}\n")[1].split("\n## ")[0]


@pytest.fixture(scope="module")
def card(trained: Model) -> str:
    return render(trained, "f" * 64, evaluation(calibration=CALIBRATION, slices=[SLICE]), GATE)


def test_every_section_is_there_once(card: str) -> None:
    titles = [line.removeprefix("## ") for line in card.splitlines() if line.startswith("## ")]
    assert titles == list(SECTIONS)
    assert all(section(card, title).strip() for title in SECTIONS)


def test_figures_are_the_models_and_the_evaluations(card: str, trained: Model, panel_of_parts: Panel) -> None:
    assert f"{trained.blend.base:+.4f}" in section(card, "Equation")
    assert f"{len(panel_of_parts.labels('train')):,}" in section(card, "Data")
    assert panel_of_parts.of("train")[0].snapshot.sha256 in section(card, "Data")
    invoices = panel_of_parts.of("valid")[0].snapshot.digests["invoices"].rows
    assert f"| invoices | {invoices:,} |" in section(card, "Data")
    for relation in trained.relations:
        assert f"| {relation} |" in section(card, "Relations")
    assert "0.679" in section(card, "Evaluation")
    assert "0.070 [0.010, 0.120]" in section(card, "Evaluation")
    assert "1.030 [0.900, 1.100]" in section(card, "Calibration")
    assert "the bad rate has moved" in section(card, "Calibration")
    assert "**missed**" in section(card, "Gate")
    assert "f" * 64 in section(card, "Shas")
    n_columns = len(trained.preparation.schema.own) + len(trained.preparation.schema.environment)
    counted = [line.split("|") for line in section(card, "Features").splitlines() if "| own |" in line]
    counted += [
        line.split("|") for line in section(card, "Features").splitlines() if "| environment |" in line
    ]
    assert sum(int(cells[3]) for cells in counted) == n_columns


def test_names_from_data_stay_text(trained: Model) -> None:
    task = Task(HOSTILE, HOSTILE, roles=(HOSTILE,))
    facts = {**trained.facts, "task": task.to_json(), "sources": {HOSTILE: HOSTILE}, "purpose": HOSTILE}
    card = render(replace(trained, facts=facts), "f" * 64, evaluation(slices=[SLICE]), GATE)
    for acted_on in ("<script", "](http", "`c`", "*b*", "\n# h", "\x1b", "://", "www."):
        assert acted_on not in card
    assert "&#60;script&#62;" in card
    assert next(line for line in card.splitlines() if line.startswith("#")).startswith(
        "# Model card: x &#124;"
    )


@pytest.mark.parametrize(
    ("text", "shown"),
    [("late_30", "late_30"), ("_x_", "&#95;x&#95;"), ("a|b", "a&#124;b"), ("SUPPLIES.out", "SUPPLIES.out"),
     ("\u202egpj", "&#92;u202egpj"), ("公司 Ü", "公司 Ü")],
)  # fmt: skip
def test_escaping_leaves_plain_names_alone(text: str, shown: str) -> None:
    assert escaped(text) == shown


def test_tables_have_as_many_cells_as_headings() -> None:
    lines = table(("a", ">b"), [["1", escaped("2 | 3")]]).splitlines()
    assert {line.count("|") for line in lines} == {3}


def test_a_model_without_links_says_so(panel_of_parts: Panel) -> None:
    model = train(planted.without(panel_of_parts, relations=False), planted.QUICK)
    card = render(model, "f" * 64, evaluation())
    assert section(card, "Relations").strip().startswith("None.")
    assert "Not stored with this model" in section(card, "Slices")


def test_it_is_read_from_the_models_folder(trained: Model, tmp_path: Path) -> None:
    artifact.save(trained, tmp_path)
    (tmp_path / "evaluation.json").write_text(json.dumps(evaluation()), "utf-8")
    assert card_of(tmp_path) == render(artifact.load(tmp_path), tmp_path.name, evaluation())
    (tmp_path / "evaluation.json").write_text("{", "utf-8")
    with pytest.raises(ArtifactMismatch, match="cannot be read"):
        card_of(tmp_path)
    (tmp_path / "evaluation.json").unlink()
    with pytest.raises(ArtifactMismatch, match="train again"):
        card_of(tmp_path)
    (tmp_path / "model.json").write_text("{}", "utf-8")
    with pytest.raises(ArtifactMismatch):
        card_of(tmp_path)
