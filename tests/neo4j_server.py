"""Pytest plugin: one real Neo4j server for all tests that want one, and a clean database for each of them.

``ECORISK_TEST_NEO4J_URI`` names a server that runs (its database must be empty or from an earlier test run;
login from ``ECORISK_NEO4J_USER`` / ``ECORISK_NEO4J_PASSWORD``); otherwise a local one is started for the
session. ``ECORISK_TEST_NEO4J=off`` skips these tests.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from filelock import FileLock

from graph.neo4j.server import LocalServer
from graph.neo4j.session import Neo4jSession, Neo4jSettings

#: Set by the process that runs the tests, or by the one that controls those that do.
HOME_VARIABLE = "ECORISK_TEST_NEO4J_HOME"
HOME = pytest.StashKey[Path]()
#: A machine may be busy with all the other tests.
START_LIMIT_S = 300
WIPE = "MATCH (n) CALL { WITH n DETACH DELETE n } IN TRANSACTIONS OF 10000 ROWS"


def pytest_configure(config: pytest.Config) -> None:
    if HOME_VARIABLE not in os.environ:
        config.stash[HOME] = Path(tempfile.mkdtemp(prefix="ecorisk-test-neo4j-"))
        os.environ[HOME_VARIABLE] = str(config.stash[HOME])


def pytest_unconfigure(config: pytest.Config) -> None:
    home = config.stash.get(HOME, None)
    if home is not None:
        del os.environ[HOME_VARIABLE]
        LocalServer(home / "server").stop()
        shutil.rmtree(home, ignore_errors=True)


def _home() -> Path:
    return Path(os.environ[HOME_VARIABLE])


@pytest.fixture(scope="session")
def neo4j_server() -> Neo4jSettings:
    """How to reach the session's server."""
    if os.environ.get("ECORISK_TEST_NEO4J") == "off":
        pytest.skip("ECORISK_TEST_NEO4J=off")
    uri = os.environ.get("ECORISK_TEST_NEO4J_URI")
    if uri is None:
        server = LocalServer(_home() / "server", heap_mb=1024, page_cache_mb=256, start_limit_s=START_LIMIT_S)
        return server.start()
    settings = Neo4jSettings(
        uri, os.environ.get("ECORISK_NEO4J_USER", "neo4j"), os.environ["ECORISK_NEO4J_PASSWORD"]
    )
    with Neo4jSession(settings) as session:
        count = session.read("MATCH (n) RETURN count(n) AS n")[0]["n"]
        marked = session.read("MATCH (n:EcoriskTestDatabase) RETURN n LIMIT 1")
        if count and not marked:
            pytest.fail(
                f"{uri} holds {count} nodes that no test made: tests wipe the database, give an empty one"
            )
    return settings


@pytest.fixture
def neo4j_settings(neo4j_server: Neo4jSettings) -> Iterator[Neo4jSettings]:
    """A server with an empty database, this test's alone as long as it runs."""
    with FileLock(_home() / "database.lock"):
        with Neo4jSession(neo4j_server) as session:
            session.alone(WIPE)
            session.write("CREATE (:EcoriskTestDatabase)")
        yield neo4j_server
