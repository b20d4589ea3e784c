"""A local server: started from pip's files alone, found again, survived, stopped; its password kept."""

from __future__ import annotations

import os
import signal
import socket
import time
from pathlib import Path

import pytest

from graph.errors import StoreUnavailable
from graph.neo4j.home import HOST, free_ports
from graph.neo4j.jars import fetch_jars, file_name, pinned
from graph.neo4j.server import LocalServer
from graph.neo4j.session import Neo4jSession


def test_every_jar_is_pinned_with_a_name_of_its_own() -> None:
    jars = pinned()
    assert len(jars) == len(set(map(file_name, jars))) == 218
    assert all(len(digest) == 64 for digest in jars.values())
    assert file_name("io.netty:netty-x:1.2:linux-x86_64") == "netty-x-1.2-linux-x86_64.jar"


def test_where_the_jars_cannot_be_fetched_it_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTPS_PROXY", f"http://{HOST}:{free_ports(None)[0]}")
    monkeypatch.delenv("NO_PROXY", raising=False)
    heard: list[tuple[int, int]] = []
    with pytest.raises(StoreUnavailable, match="could not be fetched from Maven Central"):
        fetch_jars(tmp_path, lambda done, total: heard.append((done, total)))
    assert heard == [(0, 218)]


def test_a_server_that_was_never_started(tmp_path: Path) -> None:
    server = LocalServer(tmp_path / "neo4j")
    status = server.status()
    assert (status.running, status.answers, status.pid, status.bolt_uri) == (False, False, None, None)
    assert not server.stop()
    with pytest.raises(StoreUnavailable, match="neo4j start"):
        server.settings()


def test_a_pid_file_that_names_another_process_counts_as_none(tmp_path: Path) -> None:
    server = LocalServer(tmp_path)
    for content in (f"{os.getpid()} 1.0", "999999999 1.0", "nonsense", ""):
        (tmp_path / "server.pid").write_text(content)
        assert not server.status().running
        assert not server.stop()
    assert not (tmp_path / "server.pid").exists()


def test_a_port_is_kept_as_long_as_it_is_free() -> None:
    with socket.socket() as taken:
        taken.bind((HOST, 0))
        taken.listen()
        port = taken.getsockname()[1]
        assert free_ports(port) != (port,)
    assert free_ports(port) == (port,)


@pytest.mark.slow
def test_start_crash_start_stop(tmp_path: Path) -> None:
    server = LocalServer(tmp_path / "a workspace" / "neo4j", heap_mb=512, page_cache_mb=64)
    settings = server.start()
    try:
        assert settings.password.isalnum()
        assert settings.password not in repr(settings)
        assert server.start() == settings
        with Neo4jSession(settings) as session:
            assert session.verify() == "Neo4j/5.26.24"
            session.write("CREATE (:Kept {value: 1})")
        status = server.status()
        assert status.answers
        assert status.pid is not None
        os.kill(status.pid, signal.SIGKILL)
        time.sleep(0.5)
        assert not server.status().running
        assert server.start() == settings
        with Neo4jSession(settings) as session:
            assert session.read("MATCH (n:Kept) RETURN n.value AS value")[0]["value"] == 1
        commands = Path(f"/proc/{server.status().pid}/cmdline").read_text()
        assert settings.password not in commands
        for path in server.home.rglob("*"):
            if path.is_file() and path.stat().st_size < 1_000_000 and path != server.password_file:
                assert settings.password.encode() not in path.read_bytes(), path
        assert server.password_file.stat().st_mode & 0o777 == 0o600
    finally:
        assert server.stop()
    assert not server.status().running
    assert not server.stop()


@pytest.mark.slow
@pytest.mark.parametrize("snatched", ["bolt", "http"])
def test_a_port_that_is_snatched_away_before_the_server_binds_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, snatched: str
) -> None:
    """The process ends, and is started again with other ports."""
    server = LocalServer(tmp_path / "neo4j", heap_mb=512, page_cache_mb=64)
    spawn, starts = LocalServer._spawn, []
    with socket.socket() as thief:

        def spawn_late(started: LocalServer, command: list[str]) -> None:
            if not starts:
                thief.bind((HOST, started.files.ports()[snatched]))
                thief.listen()
            starts.append(started.files.ports())
            spawn(started, command)

        monkeypatch.setattr(LocalServer, "_spawn", spawn_late)
        try:
            settings = server.start()
            assert len(starts) == 2
            assert not set(starts[0].values()) & set(starts[1].values())
            with Neo4jSession(settings) as session:
                assert session.read("RETURN 1 AS one")[0]["one"] == 1
        finally:
            server.stop()
