"""A workspace with a published run, and a client of the API over it."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import httpx
import pytest
import uvicorn
from fastapi import FastAPI

from api.app import create_app
from gnn.runs.reader import RunReader, open_current_run, publish_run
from graph.rings.cases.report import write_report
from graph.snapshot import Snapshot
from graph.workspace import Workspace
from tests.gnn.published import run_of, trade
from tests.graph.rings.cases.reports import REPORT

HOSTILE_IDS = [
    "a/b",
    "a/score",
    "score",
    "x/explanation/score",
    "urn:lei:529900/7",
    "50%2F50",
    "%",
    "a b+c&d=e;f",
    "?q#h",
    "<script>[red]",
    "公司",
    "a\nb",
    "..\\..",
]


@pytest.fixture(scope="session")
def taken(tmp_path_factory: pytest.TempPathFactory) -> Snapshot:
    extra = [{"party_id": party_id, "kind": "company", "x_size": 1.0} for party_id in HOSTILE_IDS]
    people = [{"party_id": f"P{i:03d}", "kind": "company", "x_size": 2.0} for i in range(60)]
    return trade(tmp_path_factory.mktemp("trade"), 60, 300, parties=people + extra)


@pytest.fixture(scope="session")
def workspace(tmp_path_factory: pytest.TempPathFactory, taken: Snapshot) -> Workspace:
    workspace = Workspace.open(tmp_path_factory.mktemp("workspace"))
    publish_run(workspace, run_of(taken))
    workspace.publish_rings("rings", lambda folder: write_report(folder, REPORT))
    return workspace


@pytest.fixture(scope="session")
def reader(workspace: Workspace) -> RunReader:
    return open_current_run(workspace)


@contextmanager
def serving(app: FastAPI) -> Iterator[httpx.Client]:
    """A client of ``app``, which runs in a real server on a free port until the end."""
    server = uvicorn.Server(uvicorn.Config(app, port=0, log_level="critical", ws="none"))
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        while not server.started:
            assert thread.is_alive()
            time.sleep(0.005)
        port = server.servers[0].sockets[0].getsockname()[1]
        with httpx.Client(base_url=f"http://127.0.0.1:{port}", trust_env=False) as client:
            yield client
    finally:
        server.should_exit = True
        thread.join()


@pytest.fixture(scope="session")
def client(workspace: Workspace) -> Iterator[httpx.Client]:
    with serving(create_app(workspace)) as client:
        yield client
