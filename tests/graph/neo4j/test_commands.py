"""Commands with Neo4j: what they print and how they end."""

from __future__ import annotations

import json
import os
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from rich.console import Console

import ecorisk
from graph.duckdb_store import DuckDBStore
from graph.neo4j.first_load import require_local
from graph.neo4j.home import ServerHome
from graph.neo4j.server import LocalServer
from graph.neo4j.session import Neo4jSession, Neo4jSettings
from graph.neo4j.store import Neo4jStore
from graph.source import SourceDeclaration
from tests.ecosystems import load, parties, stage
from tests.test_kill import small_workspace


def run(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, dict[str, object]]:
    """Exit code and the object on stdout."""
    code = ecorisk.run_command([*arguments, "--json"])
    return code, json.loads(capsys.readouterr().out)


@pytest.fixture
def workspace(tmp_path: Path) -> str:
    load(DuckDBStore(tmp_path / "w" / "ecosystem.duckdb"), tmp_path, {"parties": parties(3)})
    return str(tmp_path / "w")


def test_the_doctor_ends_with_what_it_found(
    workspace: str,
    neo4j_settings: Neo4jSettings,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("ECORISK_NEO4J_PASSWORD", neo4j_settings.password)
    load(Neo4jStore(neo4j_settings), tmp_path, {"parties": parties(3)})
    store = ("--workspace", workspace, "--store", neo4j_settings.uri)
    code, body = run(capsys, *store, "neo4j", "doctor", "--as-of", "2020-06-01")
    assert (code, body["well"]) == (0, True)
    with Neo4jSession(neo4j_settings) as session:
        session.write("MATCH (v:PartyVersion {partyId: 'P001'}) DETACH DELETE v")
    code, body = run(capsys, *store, "neo4j", "doctor")
    assert (code, body["well"]) == (5, False)
    assert ecorisk.run_command([*store, "neo4j", "doctor"]) == 5
    assert "the workspace has 3" in " ".join(capsys.readouterr().out.split())
    monkeypatch.setenv("ECORISK_NEO4J_PASSWORD", "wrong")
    assert run(capsys, *store, "neo4j", "doctor")[0] == 4


def test_the_doctor_of_a_server_that_was_never_started(
    workspace: str, capsys: pytest.CaptureFixture[str]
) -> None:
    code, body = run(capsys, "--workspace", workspace, "neo4j", "doctor")
    assert code == 4
    assert "neo4j start" in str(body["message"])


def test_the_workspace_s_local_server_goes_by_a_name(
    workspace: str, neo4j_settings: Neo4jSettings, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """``--store neo4j``: nobody has to know its port or password."""
    address = urlsplit(neo4j_settings.uri)
    if address.hostname != "127.0.0.1":
        pytest.skip("the server is not on this machine")
    here = ("--workspace", workspace, "--store", "neo4j")
    code, body = run(capsys, *here, "snapshot", "--as-of", "2020-06-01")
    assert (code, "neo4j start" in str(body["message"])) == (4, True)
    home = ServerHome(Path(workspace) / "neo4j")
    home.folder.mkdir()
    home.ports_file.write_text(json.dumps({"bolt": address.port, "http": 1}))
    home.password_file.write_text(neo4j_settings.password)
    load(Neo4jStore(neo4j_settings), tmp_path, {"parties": parties(3)})
    found = run(capsys, *here, "snapshot", "--as-of", "2020-06-01")
    assert found == run(capsys, "--workspace", workspace, "snapshot", "--as-of", "2020-06-01")
    code, body = run(capsys, *here, "neo4j", "doctor")
    assert (code, body["well"]) == (0, True)
    require_local(LocalServer(home.folder), "neo4j")


def test_an_import_into_another_server_is_refused_with_the_way_to_go(
    workspace: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    store = ("--workspace", workspace, "--store", "bolt://db.example:7687")
    code, body = run(capsys, *store, "neo4j", "import")
    assert code == 3
    assert "--files-only" in str(body["message"])
    code, body = run(capsys, *store, "neo4j", "import", "--files-only", str(tmp_path / "files"))
    assert (code, body["rows"], body["nodes"], body["relationships"]) == (0, 3, 9, 3)
    assert str(body["command"]).startswith(f"cd {tmp_path / 'files'} && neo4j-admin")
    code, body = run(capsys, *store, "neo4j", "import", "--files-only", str(tmp_path / "files"))
    assert (code, "not empty" in str(body["message"])) == (3, True)


def test_working_from_neo4j_alone(
    neo4j_settings: Neo4jSettings,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Every command gives from Neo4j, in a workspace without data, what the embedded store gives."""
    monkeypatch.setenv("ECORISK_NEO4J_PASSWORD", neo4j_settings.password)
    own = ("--workspace", str(small_workspace(tmp_path).folder))
    alone = ("--workspace", str(tmp_path / "alone"), "--store", neo4j_settings.uri)
    source = tmp_path / "source"
    assert run(capsys, *alone, "load", str(source / "small.yaml"), str(source))[0] == 0
    # As in front of a person: the bar belongs to stderr, whatever goes to stdout.
    monkeypatch.setattr(ecorisk, "console", Console(stderr=True, force_terminal=True))
    day = ("--as-of", "2022-12-31")
    for command in (
        ("snapshot", *day),
        ("train",),
        ("evaluate",),
        ("score", *day),
        ("rings", *day),
        ("explain", "--riskiest"),
    ):
        expected = run(capsys, *own, *command)
        assert expected[0] == 0
        assert ecorisk.run_command([*alone, *command, "--json"]) == 0
        printed = capsys.readouterr()
        assert json.loads(printed.out) == expected[1]
        assert ("fetched" in printed.err) == (command[0] != "explain")


def test_a_second_load_is_refused_while_one_is_at_work(
    workspace: str,
    neo4j_settings: Neo4jSettings,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("ECORISK_NEO4J_PASSWORD", neo4j_settings.password)
    small_workspace(tmp_path)
    source = tmp_path / "source"
    second = ("--workspace", workspace, "--store", neo4j_settings.uri, "load")
    with Neo4jStore(neo4j_settings).begin(SourceDeclaration("first")) as transaction:
        transaction.append("parties", stage(tmp_path, "parties", parties(3)))
        code, body = run(capsys, *second, str(source / "small.yaml"), str(source))
        assert code == 4
        assert "another job writes" in str(body["message"])
        assert f"process {os.getpid()}" in str(body["message"])
    assert run(capsys, *second, str(source / "small.yaml"), str(source))[0] == 0
    assert {source.name for source in Neo4jStore(neo4j_settings).sources()} == {"first", "small"}
