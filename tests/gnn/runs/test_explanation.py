"""Explanations of a trained model's scores: exact sums, real counterparties, grounded reasons."""

from __future__ import annotations

from time import process_time

import numpy as np
import pytest

from gnn.panels.panel import Panel
from gnn.parts import ScoredParts
from gnn.runs.composition import Question
from gnn.runs.publication import score_run
from gnn.runs.reader import RunReader, open_current_run, publish_run
from graph.snapshot import Snapshot
from graph.workspace import Workspace


@pytest.fixture(scope="module")
def taken(panel_of_parts: Panel) -> Snapshot:
    return panel_of_parts.of("test")[0].snapshot


@pytest.fixture(scope="module")
def reader(
    tmp_path_factory: pytest.TempPathFactory, scored: ScoredParts, panel_of_parts: Panel, taken: Snapshot
) -> RunReader:
    everyone = np.arange(taken.n_parties, dtype=np.int32)
    workspace = Workspace.open(tmp_path_factory.mktemp("explanation"))
    publish_run(workspace, score_run(scored, taken, Question(panel_of_parts.task, "m" * 64, everyone)))
    return open_current_run(workspace)


@pytest.mark.parametrize("limit", [1, 5, 100])
def test_everything_sums(reader: RunReader, taken: Snapshot, limit: int) -> None:
    for party_id in taken.party_ids.to_pylist()[::40]:
        body = reader.explanation(party_id, limit)
        assert sum(part["log_odds"] or 0.0 for part in body["parts"]) == pytest.approx(body["z"], abs=1e-6)
        assert sum(part["points"] for part in body["parts"]) == body["score"]
        named = [c for c in body["counterparties"] if c["party_id"] is not None]
        assert len(named) <= limit
        for part in body["parts"]:
            if part["part"] == "inherited":
                within = [c for c in body["counterparties"] if c["relation"] == part["relation"]]
                assert sum(c["log_odds"] for c in within) == pytest.approx(part["log_odds"], abs=1e-6)
                assert sum(c["points"] for c in within) == part["points"]


def test_counterparties_are_joined_to_the_party_by_their_relation(reader: RunReader, taken: Snapshot) -> None:
    graph = taken.to_networkx().to_undirected()
    direct = further = 0
    for party_id in taken.party_ids.to_pylist()[::40]:
        for found in reader.explanation(party_id)["counterparties"]:
            if found["party_id"] is None:
                continue
            assert found["score"] == reader.score(found["party_id"])["score"]
            if found["via"] is None:
                assert found["party_id"] in graph[party_id]
                direct += 1
            else:
                assert found["via"] in graph[party_id]
                assert found["party_id"] in graph[found["via"]]
                assert found["text"].startswith("counterparties of ")
                further += 1
    assert direct > 20
    assert further > 20


def test_an_inherited_reason_names_adverse_counterparties_of_its_relation(
    reader: RunReader, taken: Snapshot
) -> None:
    seen = 0
    for party_id in taken.party_ids.to_pylist()[::10]:
        body = reader.explanation(party_id)
        adverse = {
            (c["relation"], c["party_id"])
            for c in body["counterparties"]
            if c["points"] < 0 and c["party_id"]
        }
        for reason in body["reasons"]:
            if reason["part"] == "inherited":
                assert len(reason["evidence"]) <= 3
                assert {(reason["relation"], row["key"]) for row in reason["evidence"]} <= adverse
                seen += len(reason["evidence"])
    assert seen > 10


def test_columns_of_the_explanation_hold_the_models_own_values(
    reader: RunReader, scored: ScoredParts, taken: Snapshot
) -> None:
    for code in range(0, taken.n_parties, 40):
        columns = reader.explanation(taken.party_ids[code].as_py())["columns"]
        kept = scored.reason_columns[code] >= 0
        assert [c["log_odds"] for c in columns] == pytest.approx(scored.reason_parts[code][kept].tolist())
        for column in columns:
            value = scored.features[column["name"]][code]
            if column["name"].startswith("log_degree:"):
                value = np.expm1(value)
            assert column["value"] == (None if np.isnan(value) else pytest.approx(value, rel=1e-5, abs=1e-12))


def test_an_explanation_takes_milliseconds(reader: RunReader, taken: Snapshot) -> None:
    ids = taken.party_ids.to_pylist()[:200]
    reader.explanation(ids[0])
    start = process_time()
    for party_id in ids:
        reader.explanation(party_id)
    assert (process_time() - start) / len(ids) < 0.02


def test_who_has_nobody_in_a_relation_reads_so(reader: RunReader, taken: Snapshot) -> None:
    alone: list[bool] = []
    for code, party_id in enumerate(taken.party_ids.to_pylist()):
        for reason in reader.score(party_id)["reasons"]:
            if reason["relation"] in taken.relations:
                alone.append(bool(taken.relations[reason["relation"]].degree()[code] == 0))
                assert reason["text"].startswith("No ") == alone[-1]
    assert True in alone
    assert False in alone
