"""The whole way from tables to the table of figures, on an ecosystem whose truth is known."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import numpy as np
import pytest
from rich.console import Console
from scipy.special import expit
from sklearn.metrics import roc_auc_score

from gnn.champion.challengers import load as load_challengers
from gnn.champion.challengers import save, train_challengers
from gnn.champion.evaluation import Evaluation, evaluate
from gnn.learning.training import TrainingSettings, train_with_members
from gnn.panels.panel import Panel, build_panel
from gnn.panels.placebo import permute_panel
from graph.duckdb_store import DuckDBStore
from graph.errors import Refused
from graph.source import Part, SourceDeclaration, Task
from tests.ecosystems import load

Row = dict[str, Any]
CLIENTS, AGENTS = 900, 30
DAYS: dict[Part, tuple[date, ...]] = {
    "train": (date(2020, 1, 1), date(2020, 4, 1)),
    "valid": (date(2020, 7, 1),),
    "test": (date(2020, 10, 1), date(2021, 1, 1)),
}
QUICK = TrainingSettings(seeds=(1,))
TASK = Task("denied", "denied", horizon_days=90, roles=("buyer",), once=False, stated_only=True, as_of=DAYS)


def ecosystem() -> dict[str, list[Row]]:
    """Clients file applications through one agent each; half of a denial's log-odds is the agent's doing."""
    rng = np.random.default_rng(5)
    own, agent_effect = rng.normal(size=CLIENTS), rng.normal(size=AGENTS)
    agent_of = rng.integers(0, AGENTS, CLIENTS)
    clients = [
        {"party_id": f"C{i:04d}", "kind": "company", "roles": "buyer", "x_size": float(own[i])}
        for i in range(CLIENTS)
    ]
    agents = [{"party_id": f"Z{a:02d}", "kind": "company", "roles": "agent"} for a in range(AGENTS)]
    events, outcomes = [], []
    first = date(2019, 7, 1)
    for i in range(CLIENTS):
        hazard = expit(-1.8 + 0.9 * own[i] + 1.3 * agent_effect[agent_of[i]])
        for k in range(7):
            day = first + timedelta(days=int(92 * k + rng.integers(1, 89)))
            denied = bool(rng.random() < hazard)
            key = {"known_on": day, "occurred_on": day, "party_id": f"C{i:04d}"}
            agent = f"Z{agent_of[i]:02d}"
            status = "denied" if denied else "certified"
            events.append(
                {
                    **key,
                    "event_id": f"E{i}-{k}",
                    "counterparty_id": agent,
                    "kind": "application",
                    "status": status,
                }
            )
            outcomes.append({**key, "outcome_id": f"O{i}-{k}", "kind": "denied", "value": int(denied)})
    return {
        "parties": [{"known_on": first, **row} for row in (*clients, *agents)],
        "events": events,
        "outcomes": outcomes,
    }


@pytest.fixture(scope="module")
def panel(tmp_path_factory: pytest.TempPathFactory) -> Panel:
    folder = tmp_path_factory.mktemp("evaluation")
    store = DuckDBStore(folder / "ecosystem.duckdb")
    load(store, folder, ecosystem(), SourceDeclaration("test", tasks=(TASK,)))
    return build_panel(store, TASK)


@pytest.fixture(scope="module")
def evaluation(panel: Panel, tmp_path_factory: pytest.TempPathFactory) -> Evaluation:
    folder = tmp_path_factory.mktemp("models") / "challengers"
    found = train_with_members(panel, QUICK)
    save(train_challengers(found, panel), folder)
    return evaluate(found.model, load_challengers(folder), panel)


def test_the_object_has_the_agreed_shape(evaluation: Evaluation, panel: Panel) -> None:
    found = json.loads(json.dumps(evaluation.to_json()))
    assert list(found) == ["task", "test", "champion", "models", "differences", "inherited_share"]
    labels = panel.labels("test")
    expected = {"n": len(labels), "positives": int(labels.sum()), "from": "2020-10-01", "to": "2021-04-01"}
    assert found["test"] == expected
    names = ["null", "degree", "gbdt_own", "gbdt_graph", "gnn", "default"]
    assert list(found["models"]) == list(found["differences"]) == names
    for metrics in found["models"].values():
        assert list(metrics) == ["auc", "ap", "ks", "brier", "ece", "lift5"]
    for name, difference in found["differences"].items():
        low, mid, high = difference["auc"]
        assert low <= mid <= high
        champion = found["models"][found["champion"]]["auc"]
        assert mid == pytest.approx(champion - found["models"][name]["auc"])


def test_links_that_matter_are_found_and_beat_trees_without_them(evaluation: Evaluation) -> None:
    assert evaluation.champion == "default"
    low, mid, _ = evaluation.differences["gbdt_own"]
    assert mid > 0.02
    assert low > 0
    assert evaluation.inherited_share > 0.2
    assert evaluation.models["default"].ece < 0.05
    assert evaluation.models["null"].auc == 0.5


def test_permuted_links_bring_nothing(panel: Panel, evaluation: Evaluation) -> None:
    placebo = permute_panel(panel, 1)
    made = train_with_members(placebo, QUICK)
    found = evaluate(made.model, train_challengers(made, placebo), placebo)
    assert found.differences["gbdt_own"][1] < 0.02
    assert found.models["default"].auc < evaluation.models["default"].auc - 0.02
    assert found.inherited_share < evaluation.inherited_share / 2


def test_people_get_a_table_with_every_model(evaluation: Evaluation) -> None:
    console = Console(width=160, record=True)
    console.print(evaluation.table())
    text = console.export_text()
    assert all(name in text for name in evaluation.models)
    assert f"{evaluation.models['gbdt_graph'].auc:.3f}" in text
    assert "inherited share" in text
    assert evaluation.calibration.sentence() in " ".join(text.split())


def test_a_bad_rate_that_has_moved_is_said_beside_the_models(evaluation: Evaluation) -> None:
    moved = replace(evaluation, calibration=replace(evaluation.calibration, observed=(0.3, 0.4, 0.5)))
    console = Console(width=160, record=True)
    console.print(moved.table())
    assert "the base rate has moved since calibration" in " ".join(console.export_text().split())


def test_the_oracle_ranks_no_worse_than_the_model(panel: Panel, evaluation: Evaluation) -> None:
    """A model cannot know more than the mechanism: its AUC stays under the true log-odds' one."""
    rng = np.random.default_rng(5)
    own, effect = rng.normal(size=CLIENTS), rng.normal(size=AGENTS)
    agent_of = rng.integers(0, AGENTS, CLIENTS)
    truth = 0.9 * own + 1.3 * effect[agent_of]
    z = np.concatenate(
        [
            [truth[int(origin.snapshot.party_ids[int(code)].as_py()[1:])] for code in origin.codes]
            for origin in panel.of("test")
        ]
    )
    assert evaluation.models["default"].auc < roc_auc_score(panel.labels("test"), z) + 0.01


def test_a_single_class_cannot_be_evaluated(panel: Panel) -> None:
    origins = tuple(replace(origin, labels=np.zeros_like(origin.labels)) for origin in panel.of("test"))
    with pytest.raises(Refused, match="one outcome"):
        evaluate(train_with_members(panel, QUICK).model, {}, replace(panel, origins=origins))
