"""Published rings in the formats of other programs, hostile names included."""

from __future__ import annotations

import csv
import io
import json
from dataclasses import replace
from pathlib import Path

import networkx as nx
import pytest

from graph.errors import BadInput
from graph.rings.cases.exports import export
from tests.graph.rings.cases.reports import HOSTILE, REPORT


def test_graphml_is_read_back(tmp_path: Path) -> None:
    export(REPORT, tmp_path / "rings.graphml")
    graph = nx.read_graphml(tmp_path / "rings.graphml")
    assert sorted(d["party_id"] for _, d in graph.nodes(data=True) if d["kind"] == "party") == sorted(
        ["P001", "P002", "P003", "P004", HOSTILE.replace("\x07", "\u2407")]
    )
    assert graph.edges["ring:carousel-1", "party:P001"]["role"] == "trader"
    assert graph.nodes["ring:circular_trading-1"]["severity"] == 0.9
    assert graph.nodes["ring:circular_trading-1"]["amount_minor_units"] == 123_456


def test_csv_has_a_row_a_member_and_nothing_a_spreadsheet_runs(tmp_path: Path) -> None:
    export(REPORT, tmp_path / "rings.csv")
    rows = list(csv.DictReader(io.StringIO((tmp_path / "rings.csv").read_text("utf-8"))))
    assert len(rows) == sum(len(ring.members) for ring in REPORT.rings)
    assert rows[2]["party_id"] == f"'{HOSTILE}"
    assert not any(value.startswith(("=", "+", "-", "@")) for row in rows for value in row.values())
    export(replace(REPORT, rings=()), tmp_path / "none.csv")
    assert (tmp_path / "none.csv").read_text("utf-8").startswith("ring_id,party_id,role")


def test_follow_the_money_names_every_member(tmp_path: Path) -> None:
    export(REPORT, tmp_path / "rings.ftm.json")
    entities = [json.loads(line) for line in (tmp_path / "rings.ftm.json").read_text("utf-8").splitlines()]
    by_id = {entity["id"]: entity for entity in entities}
    assert len(by_id) == len(entities) == 5 + 3
    involved = by_id["circular_trading-1"]["properties"]["involved"]
    assert [by_id[party]["properties"]["name"] for party in involved] == [["P001"], ["P002"], [HOSTILE]]
    assert by_id["carousel-1"]["schema"] == "Event"


def test_other_endings_and_folders_are_told(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match=r"\.graphml, \.csv, \.ftm\.json"):
        export(REPORT, tmp_path / "rings.xlsx")
    with pytest.raises(BadInput, match="cannot be written"):
        export(REPORT, tmp_path / "nowhere" / "rings.csv")
