"""Published rings over HTTP."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path
from urllib.parse import quote

import httpx

from api.app import create_app
from graph.rings.cases.report import write_report
from graph.workspace import Workspace
from tests.api.conftest import serving
from tests.graph.rings.cases.reports import HOSTILE, REPORT


def test_rings_come_most_severe_first_and_by_what_was_asked(client: httpx.Client) -> None:
    body = client.get("/v1/rings").json()
    assert [ring["ring_id"] for ring in body["rings"]] == [
        "circular_trading-1",
        "carousel-1",
        "circular_trading-2",
    ]
    assert (body["matching"], body["run_id"], body["as_of"]) == (3, REPORT.run_id, "2022-06-01")
    assert body["lacking"] == {"phoenix": ["outcomes"]}
    only = client.get("/v1/rings", params={"typology": "circular_trading", "minimum_severity": 0.5}).json()
    assert [ring["ring_id"] for ring in only["rings"]] == ["circular_trading-1"]
    page = client.get("/v1/rings", params={"offset": 1, "limit": 1}).json()
    assert ([ring["ring_id"] for ring in page["rings"]], page["matching"]) == (["carousel-1"], 3)


def test_a_ring_has_members_evidence_and_an_explanation(client: httpx.Client) -> None:
    ring = client.get("/v1/rings/circular_trading-1").json()["ring"]
    assert [member["party_id"] for member in ring["members"]] == ["P001", "P002", HOSTILE]
    assert ring["evidence"][0] == {"table": "invoices", "key": ["I-circular_trading-1"]}
    assert ring["case_id"] == "case-1"
    answer = client.get("/v1/rings/nothing")
    assert (answer.status_code, answer.json()["type"]) == (404, "urn:ecorisk:problem:unknown-ring")


def test_rings_of_a_party(client: httpx.Client) -> None:
    for party, rings in (("P001", 2), ("P004", 1), (HOSTILE, 1), ("P059", 0)):
        body = client.get(f"/v1/parties/{quote(party, safe='')}/rings").json()
        assert (body["party_id"], len(body["rings"])) == (party, rings)


def test_rings_are_followed_and_their_absence_is_told(tmp_path: Path) -> None:
    workspace = Workspace.open(tmp_path)
    with serving(create_app(workspace)) as client:
        assert client.get("/v1/rings").status_code == 503
        workspace.publish_rings("one", lambda folder: write_report(folder, REPORT))
        assert client.get("/v1/rings").json()["matching"] == 3
        fewer = replace(REPORT, run_id="other", rings=REPORT.rings[:1])
        workspace.publish_rings("two", lambda folder: write_report(folder, fewer))
        assert client.get("/v1/rings").json()["run_id"] == "other"
        workspace.publish_rings("three", lambda folder: (folder / "rings.json").write_text("{"))
        assert client.get("/v1/rings").json()["run_id"] == "other"
        shutil.rmtree(workspace.rings)
