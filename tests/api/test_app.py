"""The API: the same answers as the run, the same kind of error everywhere, whatever is asked."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx
import numpy as np
import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from openapi_spec_validator import validate
from schemathesis import GenerationMode

from api.app import create_app
from api.middleware import MAX_BODY_BYTES, host_name
from api.schemas import Batch, Explanation, Neighbourhood, Run, Score
from gnn.runs.composition import compose
from gnn.runs.reader import RunReader, publish_run
from graph.snapshot import Snapshot
from graph.workspace import Workspace
from tests.api.conftest import HOSTILE_IDS, serving
from tests.gnn.published import drawn_parts, everyone, run_of


def problem(response: httpx.Response, status: int, kind: str) -> dict[str, Any]:
    assert response.status_code == status
    assert response.headers["content-type"] == "application/problem+json"
    body: dict[str, Any] = response.json()
    assert body["type"] == f"urn:ecorisk:problem:{kind}"
    assert body["status"] == status
    assert {"title", "detail", "instance"} <= set(body)
    return body


def plain(body: dict[str, Any]) -> dict[str, Any]:
    """As JSON gives it back."""
    found: dict[str, Any] = json.loads(json.dumps(body))
    return found


def test_the_score_is_the_one_that_was_composed(client: httpx.Client, taken: Snapshot) -> None:
    composed = compose(drawn_parts(taken), taken, everyone(taken))
    for code in range(0, 60, 7):
        body = client.get(f"/v1/parties/P{code:03d}/score").raise_for_status().json()
        place = taken.code(f"P{code:03d}")
        assert body["score"] == composed.score[place]
        assert body["z"] == pytest.approx(composed.z[place], abs=1e-12)
        assert np.isclose(body["pd"], composed.pd[place], rtol=1e-5)


def test_every_body_is_the_readers_and_fits_its_schema(client: httpx.Client, reader: RunReader) -> None:
    for i in range(20):
        base = f"/v1/parties/P{i:03d}"
        score = client.get(f"{base}/score").json()
        assert score == plain(reader.score(f"P{i:03d}"))
        Score.model_validate(score)
        explanation = client.get(f"{base}/explanation").json()
        assert explanation == plain(reader.explanation(f"P{i:03d}"))
        Explanation.model_validate(explanation)
        around = client.get(f"{base}/neighbourhood", params={"hops": 2, "limit": 20}).json()
        assert around == plain(reader.neighbourhood(f"P{i:03d}", 2, 20))
        Neighbourhood.model_validate(around)
    run = client.get("/v1/runs/current").json()
    assert run == plain(reader.summary())
    Run.model_validate(run)


@pytest.mark.parametrize("party_id", HOSTILE_IDS)
@pytest.mark.parametrize("what", ["score", "explanation", "neighbourhood"])
def test_ids_may_hold_anything(client: httpx.Client, party_id: str, what: str) -> None:
    body = client.get(f"/v1/parties/{quote(party_id, safe='')}/{what}").raise_for_status().json()
    assert body["party_id"] == party_id


def test_slashes_need_no_encoding(client: httpx.Client) -> None:
    assert client.get("/v1/parties/a/b/score").json()["party_id"] == "a/b"
    assert client.get("/v1/parties/a/score/score").json()["party_id"] == "a/score"


def test_a_batch_answers_in_order_and_lists_unknown_ids(client: httpx.Client, reader: RunReader) -> None:
    asked = ["P003", *HOSTILE_IDS, "nobody", "P001", "P003"]
    body = client.post("/v1/scores:batch", json={"party_ids": asked}).raise_for_status().json()
    Batch.model_validate(body)
    assert body["unknown_party_ids"] == ["nobody"]
    assert [score["party_id"] for score in body["scores"]] == [i for i in asked if i != "nobody"]
    assert body["scores"] == plain({"of": reader.batch(asked)[0]})["of"]


def test_unknown_parties_are_a_problem(client: httpx.Client) -> None:
    for what in ("score", "explanation", "neighbourhood"):
        body = problem(client.get(f"/v1/parties/nobody/{what}"), 404, "unknown-party")
        assert body["party_id"] == "nobody"
        assert body["instance"] == f"/v1/parties/nobody/{what}"


@pytest.mark.parametrize(
    "query", ["hops=0", "hops=4", "hops=x", "limit=0", "limit=501", "limit=1e3", "limit=-1"]
)
def test_bad_queries_are_a_problem(client: httpx.Client, query: str) -> None:
    body = problem(client.get(f"/v1/parties/P001/neighbourhood?{query}"), 422, "invalid-request")
    assert body["errors"][0]["location"][0] == "query"


@pytest.mark.parametrize(
    "content",
    [b"", b"{", b"[]", b"null", b'{"party_ids": "P001"}', b'{"party_ids": [1]}', b'{"party_ids": [], "x": 1}',
     b'{"party_ids": ["\\ud800"]}', b'{"\\ud800": 1}', json.dumps({"party_ids": ["a"] * 1001}).encode(),
     json.dumps({"party_ids": ["a" * 1001]}).encode()],
)  # fmt: skip
def test_bad_batches_are_a_problem(client: httpx.Client, content: bytes) -> None:
    response = client.post("/v1/scores:batch", content=content, headers={"content-type": "application/json"})
    problem(response, 422, "invalid-request")


def test_bytes_that_are_no_text_are_a_problem(client: httpx.Client) -> None:
    headers = {"content-type": "application/json"}
    problem(client.post("/v1/scores:batch", content=b"\xff\xfe{", headers=headers), 400, "bad-request")


def test_a_body_that_is_too_large_is_a_problem(client: httpx.Client) -> None:
    content = b'{"party_ids": ["' + b"a" * MAX_BODY_BYTES + b'"]}'
    headers = {"content-type": "application/json"}
    response = client.post("/v1/scores:batch", content=content, headers=headers)
    problem(response, 413, "content-too-large")


def test_no_such_path_and_no_such_method_are_problems(client: httpx.Client) -> None:
    response = client.delete("/v1/parties/P001/score")
    problems = [
        problem(client.get("/"), 404, "not-found"),
        problem(client.get("/v1/parties//score"), 404, "not-found"),
        problem(response, 405, "method-not-allowed"),
    ]
    assert all("/openapi.json" in each["detail"] for each in problems)
    assert response.headers["allow"] == "GET"


def test_other_host_names_are_refused(client: httpx.Client, workspace: Workspace) -> None:
    elsewhere = {"host": "scores.example"}
    problem(client.get("/v1/runs/current", headers=elsewhere), 421, "misdirected-request")
    with serving(create_app(workspace, None)) as open_client:
        assert open_client.get("/v1/runs/current", headers=elsewhere).status_code == 200


@pytest.mark.parametrize(
    ("header", "name"),
    [("LocalHost:8000", "localhost"), ("127.0.0.1", "127.0.0.1"), ("[::1]:80", "[::1]"), ("", ""), ("[", "")],
)
def test_the_host_is_read_without_its_port(header: str, name: str) -> None:
    assert host_name(header) == name


def test_no_other_origin_is_let_in(client: httpx.Client) -> None:
    response = client.get("/v1/runs/current", headers={"origin": "http://elsewhere.example"})
    assert not [name for name in response.headers if name.startswith("access-control")]


def test_before_the_first_run_it_lives_but_is_not_ready(tmp_path: Path) -> None:
    with serving(create_app(Workspace.open(tmp_path))) as client:
        assert client.get("/healthz").json() == {"status": "ok"}
        for path in ("/readyz", "/v1/runs/current", "/v1/parties/P001/score"):
            problem(client.get(path), 503, "no-published-run")


def test_a_new_run_is_served_without_a_restart(tmp_path: Path, taken: Snapshot) -> None:
    workspace = Workspace.open(tmp_path)
    with serving(create_app(workspace)) as client:
        problem(client.get("/readyz"), 503, "no-published-run")
        first = publish_run(workspace, run_of(taken))
        assert client.get("/readyz").json() == {"status": "ready", "run_id": first}
        second = publish_run(workspace, run_of(taken, seed=3, model_sha="f" * 64))
        assert client.get("/v1/parties/P001/score").json()["run_id"] == second


def test_a_run_that_cannot_be_read_leaves_the_earlier_one_in_service(tmp_path: Path, taken: Snapshot) -> None:
    workspace = Workspace.open(tmp_path)
    first = publish_run(workspace, run_of(taken))
    with serving(create_app(workspace)) as client:
        workspace.publish_run("broken", lambda folder: (folder / "manifest.json").write_bytes(b"{") and None)
        assert client.get("/readyz").json()["run_id"] == first
    with serving(create_app(workspace)) as client:
        problem(client.get("/readyz"), 500, "artifact-mismatch")


def test_what_nobody_foresaw_is_a_problem_without_its_inside(workspace: Workspace) -> None:
    app = create_app(workspace)

    @app.get("/boom")
    def boom() -> None:
        raise RuntimeError("secret")

    with serving(app) as client:
        body = problem(client.get("/boom"), 500, "internal")
    assert "secret" not in json.dumps(body)


def test_openapi_is_valid_and_every_number_says_what_it_is(client: httpx.Client) -> None:
    document = client.get("/openapi.json").json()
    validate(document)
    assert set(document["paths"]) == {
        "/v1/parties/{party_id}/score",
        "/v1/parties/{party_id}/explanation",
        "/v1/parties/{party_id}/neighbourhood",
        "/v1/parties/{party_id}/rings",
        "/v1/rings",
        "/v1/rings/{ring_id}",
        "/v1/scores:batch",
        "/v1/runs/current",
        "/healthz",
        "/readyz",
    }
    for name, schema in document["components"]["schemas"].items():
        for field, described in schema["properties"].items():
            kinds = {described.get("type")} | {option.get("type") for option in described.get("anyOf", [])}
            if kinds & {"number", "integer"} and field not in ("hops", "limit", "n_parties", "n_scored"):
                assert described.get("description"), f"{name}.{field} has no unit"


def test_serving_needs_no_learning_library_and_no_database() -> None:
    heavy = {"torch", "torch_geometric", "lightgbm", "sklearn", "duckdb", "ibis", "pandas", "numba", "neo4j"}
    code = f"import sys, api.server; print(sorted({heavy} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_whatever_is_sent_the_answer_is_as_described(client: httpx.Client) -> None:
    schema = schemathesis.openapi.from_url(f"{client.base_url}/openapi.json")
    operations = [found.ok() for found in schema.get_all_operations()]
    assert len(operations) == 10
    for operation in operations:
        # Where any text is a valid request, there are no invalid ones to draw.
        wrong = operation.path.endswith(("/explanation", "/neighbourhood", ":batch", "/v1/rings"))
        for mode in GenerationMode if wrong else [GenerationMode.POSITIVE]:

            @given(operation.as_strategy(generation_mode=mode))
            @settings(max_examples=15, suppress_health_check=list(HealthCheck))
            def check(case: schemathesis.Case) -> None:
                case.call_and_validate()

            check()
