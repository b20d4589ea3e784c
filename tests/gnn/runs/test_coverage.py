"""Too little evidence: said, counted, and what to supply."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from api.schemas import Score
from gnn.runs.coverage import SUPPLY, Coverage, Group, coverage_of
from gnn.runs.publication import score_run
from gnn.runs.reader import RunReader, open_current_run, publish_run
from graph.indicators import CATALOGUE
from graph.snapshot import Snapshot
from graph.workspace import Workspace
from tests.ecosystems import random_trade
from tests.gnn.published import drawn_parts, everyone, trade

ALONE, THIN = "P120", "P003"


@pytest.fixture(scope="module")
def taken(tmp_path_factory: pytest.TempPathFactory) -> Snapshot:
    """120 companies that trade, and one that does not."""
    people = [*random_trade(120, 600, seed=7)["parties"], {"party_id": ALONE, "kind": "company"}]
    return trade(tmp_path_factory.mktemp("trade"), parties=people)


def reader(taken: Snapshot, folder: Path, **changes: Any) -> RunReader:
    """One party without any row or value, one with a value of its sales alone."""
    parts = drawn_parts(taken)
    features = {name: column.copy() for name, column in parts.features.items()}
    for name, column in features.items():
        column[taken.code(ALONE)] = np.nan
        column[taken.code(THIN)] = 5.0 if name == "sales_amount_365d" else np.nan
    workspace = Workspace.open(folder)
    publish_run(workspace, score_run(replace(parts, features=features), taken, everyone(taken, **changes)))
    return open_current_run(workspace)


def missing(body: dict[str, Any]) -> list[str]:
    return [group["name"] for group in body["data_coverage"]["missing"]]


def test_a_party_without_records_is_told_what_to_supply(taken: Snapshot, tmp_path: Path) -> None:
    body = reader(taken, tmp_path).score(ALONE)
    Score.model_validate(body)
    assert body["insufficient_evidence"] is True
    assert body["score"] is body["pd"] is body["interval"] is None
    coverage = body["data_coverage"]
    assert (
        coverage["shortfall"]
        == "0 of 3 columns are known from 0 rows; at least 1 more must be known to reach 10%"
    )
    assert missing(body) == ["features", "payments", "sales"]
    assert [group["supply"] for group in coverage["missing"]] == [SUPPLY[name] for name in missing(body)]
    assert coverage["missing"][2]["tables"] == ["invoices"]


def test_below_the_stated_share_there_is_no_score(taken: Snapshot, tmp_path: Path) -> None:
    body = reader(taken, tmp_path, minimum_coverage=0.5).score(THIN)
    assert body["insufficient_evidence"] is True
    shortfall = body["data_coverage"]["shortfall"]
    assert shortfall.startswith("1 of 3 columns are known from ")
    assert shortfall.endswith("rows; at least 1 more must be known to reach 50%")
    assert missing(body) == ["features", "payments"]


def test_above_it_what_is_missing_is_still_told(taken: Snapshot, tmp_path: Path) -> None:
    body = reader(taken, tmp_path).score(THIN)
    assert body["insufficient_evidence"] is False
    assert body["score"] is not None
    assert body["data_coverage"]["shortfall"] is None
    assert missing(body) == ["features", "payments"]


def test_a_known_column_without_any_row_is_too_little(taken: Snapshot, tmp_path: Path) -> None:
    coverage = Coverage(
        (Group("sales", 2, ("invoices",)),),
        np.array([[2], [2], [0]], np.uint16),
        np.array([0, 3, 3], np.int32),
        np.zeros(3, bool),
    )
    assert coverage.too_thin(0.1).tolist() == [True, False, True]


def test_intervals_are_where_pds_are(taken: Snapshot, tmp_path: Path) -> None:
    """The rate's interval holds the PD; its ends in points are the other way round; the party's is wider."""
    body = reader(taken, tmp_path).score("P001")
    found = body["interval"]
    assert found["low"] < body["pd"] < found["high"]
    assert found["score_low"] < body["score"] < found["score_high"]
    assert found["party_high"] - found["party_low"] > found["high"] - found["low"]
    uncalibrated = replace(everyone(taken).task, dated=False, prior=None)
    other = reader(taken, tmp_path / "other", task=uncalibrated).score("P001")
    assert other["interval"] is other["pd"] is None
    assert other["score"] is not None


def test_every_group_of_the_catalogue_has_a_word_on_what_to_supply() -> None:
    groups: Sequence[str] = sorted({i.group for i in CATALOGUE.values() if i.cause == "own"})
    assert set(groups) <= set(SUPPLY)


def test_only_columns_of_record_count(taken: Snapshot) -> None:
    columns = {"log_degree:SUPPLIES.in": np.zeros(taken.n_parties, np.float32)}
    found = coverage_of(columns, taken)
    assert found.groups == ()
    assert (found.known_share == 1).all()
