"""A first load by neo4j-admin leaves the graph that an ordinary load leaves, or the server as it was."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import date
from pathlib import Path
from typing import Any

import duckdb
import pytest
from neo4j.time import Date

from graph.duckdb_store import DuckDBStore
from graph.errors import BadInput, LoadRefused, StoreUnavailable
from graph.neo4j.first_load import BOOKKEEPING, import_store
from graph.neo4j.import_files import LIST_MARK
from graph.neo4j.import_graph import write_import_files
from graph.neo4j.migrations import SCHEMA_VERSION, missing_statements, stored_version
from graph.neo4j.server import LocalServer
from graph.neo4j.session import Neo4jSession, Neo4jSettings
from graph.neo4j.store import Neo4jStore
from graph.source import SourceDeclaration
from graph.store import EcosystemStore
from tests.ecosystems import load, random_trade
from tests.graph.test_stores import DECLARATION, HOSTILE, every_table

AS_OF = date(2022, 6, 1)
#: Differs from load to load: names and times of loads, and where their batches begin.
OWN = {"loadId", "loadBatch", "startedAt", "committedAt", "batches", "changedAt"}


def quiet(what: str, share: float | None) -> None:
    assert what


def fill(store: EcosystemStore, folder: Path) -> None:
    """Everything there is, then corrections and later rows of a second source, a party erased, a verdict."""
    load(store, folder, every_table(), DECLARATION)
    trade = random_trade(40, 300, seed=3)
    people = [{**row, "party_id": f"T{row['party_id']}", "source": "other"} for row in trade["parties"]]
    invoices = [
        {**row, "seller_id": f"T{row['seller_id']}", "buyer_id": f"T{row['buyer_id']}", "source": "other"}
        for row in trade["invoices"]
    ]
    later = [
        {**row, "amount": row["amount"] + 1, "seller_id": "TP001", "known_on": date(2022, 5, 1)}
        for row in invoices[:9]
        if row["buyer_id"] != "TP001"
    ]
    tables = {"parties": people, "invoices": invoices + later}
    load(store, folder, tables, SourceDeclaration("other"))
    store.erase("TP007")
    for day in ("2022-01-01", "2022-01-02"):
        verdict = {"case_id": HOSTILE, "decision": "watch", "note": f"{day}\n{HOSTILE}", "decided_at": day}
        store.record_verdict(verdict)


def content(settings: Neo4jSettings) -> tuple[Counter[Any], Counter[Any]]:
    """All nodes and relationships with what they say, known by what they say."""
    with Neo4jSession(settings) as session:
        nodes: dict[str, Any] = {}
        for row in session.read(
            "MATCH (n) WHERE NOT n:Lease AND NOT n:EcoriskTestDatabase "
            "RETURN elementId(n) AS id, labels(n) AS labels, properties(n) AS said"
        ):
            nodes[row["id"]] = (tuple(sorted(row["labels"])), said(row["said"]))
        ties = [
            (row["type"], nodes[row["a"]], nodes[row["b"]], said(row["said"]))
            for row in session.read(
                "MATCH (a)-[r]->(b) RETURN type(r) AS type, elementId(a) AS a, elementId(b) AS b, "
                "properties(r) AS said"
            )
        ]
    return Counter(nodes.values()), Counter(ties)


def said(properties: dict[str, Any]) -> tuple[tuple[str, str], ...]:
    return tuple(sorted((name, repr(value)) for name, value in properties.items() if name not in OWN))


#: Header's type to the value as the driver would show it.
SHOWN: dict[str, Callable[[str], Any]] = {
    "string": str,
    "long": int,
    "double": float,
    "boolean": lambda text: text == "true",
    "date": Date.from_iso_format,
    "string[]": lambda text: text.split(LIST_MARK),
}


def content_of_files(folder: Path) -> tuple[Counter[Any], Counter[Any]]:
    """What ``content`` would find after an import of the files."""
    parts: dict[str, list[dict[str, str]]] = {"nodes": [], "relationships": []}
    for line in (folder / "import.args").read_text("utf-8").splitlines():
        option, _, value = line.removeprefix("--").partition("=")
        if option in parts:
            name, _, file = value.rpartition("=")
            how = "all_varchar=true, allow_quoted_nulls=false, delim=',', quote='\"'"
            read = f"read_csv('{folder / file}', {how})"
            for row in duckdb.sql(f"FROM {read}").to_arrow_table().to_pylist():
                parts[option].append({":LABEL": name, ":TYPE": name, **row})
    nodes = {
        row[":ID"]: (tuple(sorted(row[":LABEL"].split(LIST_MARK))), shown(row)) for row in parts["nodes"]
    }
    ties = [
        (row[":TYPE"], nodes[row[":START_ID"]], nodes[row[":END_ID"]], shown(row))
        for row in parts["relationships"]
    ]
    assert len(nodes) == len(parts["nodes"])
    return Counter(nodes.values()), Counter(ties)


def shown(row: dict[str, str]) -> tuple[tuple[str, str], ...]:
    split = {tuple(header.rpartition(":")[::2]): text for header, text in row.items() if text is not None}
    return said({name: SHOWN[kind](text) for (name, kind), text in split.items() if name and name not in OWN})


def test_the_files_say_what_a_load_leaves(neo4j_settings: Neo4jSettings, tmp_path: Path) -> None:
    fill(DuckDBStore(tmp_path / "e.duckdb"), tmp_path)
    fill(Neo4jStore(neo4j_settings), tmp_path)
    files = write_import_files(tmp_path / "e.duckdb", tmp_path / "files", quiet)
    for part, same in zip(content_of_files(files.folder), content(neo4j_settings), strict=True):
        assert part - same == Counter()
        assert same - part == Counter()


@pytest.fixture
def server(tmp_path: Path) -> Iterator[LocalServer]:
    started = LocalServer(tmp_path / "neo4j", heap_mb=512, page_cache_mb=64)
    yield started
    started.stop()


@pytest.mark.slow
def test_an_import_leaves_what_a_load_leaves(
    server: LocalServer, neo4j_settings: Neo4jSettings, tmp_path: Path
) -> None:
    """By content; and what is added to either by an ordinary load later is the same again."""
    database = tmp_path / "e.duckdb"
    embedded, other = DuckDBStore(database), Neo4jStore(neo4j_settings)
    fill(embedded, tmp_path)
    fill(other, tmp_path)
    files = import_store(server, database, quiet)
    store = Neo4jStore(server.settings())
    with Neo4jSession(server.settings()) as session:
        assert (missing_statements(session), stored_version(session)) == ({}, SCHEMA_VERSION)
    found = compare(server.settings(), neo4j_settings)
    assert (files.nodes, files.relationships) == tuple(sum(part.values()) for part in found)
    assert store.read(AS_OF, None).sha256 == embedded.read(AS_OF, None).sha256
    assert store.latest_day() == embedded.latest_day()
    with pytest.raises(BadInput, match="not empty"):
        import_store(server, database, quiet)

    invoice = {**every_table()["invoices"][0], "amount": 1, "seller_id": "P004", "known_on": date(2022, 5, 9)}
    person = {"party_id": "P000", "kind": "company", "roles": "carrier", "known_on": date(2022, 5, 9)}
    for each in (embedded, other, store):
        load(each, tmp_path, {"parties": [person], "invoices": [invoice]}, SourceDeclaration("late"))
        each.erase(HOSTILE)
    assert store.read(AS_OF, None).sha256 == embedded.read(AS_OF, None).sha256
    compare(server.settings(), neo4j_settings)


def compare(found: Neo4jSettings, expected: Neo4jSettings) -> tuple[Counter[Any], Counter[Any]]:
    parts = content(found)
    for part, same in zip(parts, content(expected), strict=True):
        assert part - same == Counter()
        assert same - part == Counter()
    return parts


@pytest.mark.slow
@pytest.mark.timeout(1200)
def test_an_import_that_fails_or_is_killed_leaves_the_server_as_it_was(
    server: LocalServer, tmp_path: Path
) -> None:
    database = tmp_path / "e.duckdb"
    fill(DuckDBStore(database), tmp_path)
    whole = DuckDBStore(database).read(AS_OF, None).sha256
    wrong = server.home / "distribution.toml"
    lib = server.cache / "lib"
    server.start()
    wrong.write_text(f'lib = "{lib}"\nadmin_class = "org.example.Missing"\n', "utf-8")
    with pytest.raises(StoreUnavailable, match="as before"):
        import_store(server, database, quiet)
    wrong.unlink()
    assert nodes(server) == 0
    outcomes = []
    for stage in ("writing flows", "node import", "relationship import", "starting the server"):
        kill_at(stage, server, database)
        server.start()
        outcomes.append(nodes(server))
        if not outcomes[-1]:
            assert not list(server.home.glob("data.[no]*"))
    assert outcomes[:2] == [0, 0]
    if not outcomes[-1]:
        import_store(server, database, quiet)
    store = Neo4jStore(server.settings())
    assert store.read(AS_OF, None).sha256 == whole


def nodes(server: LocalServer) -> int:
    with Neo4jSession(server.settings()) as session:
        return int(session.read(f"MATCH (n) WHERE NOT ({BOOKKEEPING}) RETURN count(n) AS n")[0]["n"])


VICTIM = """
import os, signal, sys
from pathlib import Path
from graph.neo4j.first_load import BOOKKEEPING, import_store
from graph.neo4j.server import LocalServer
def tell(what, share):
    if what == sys.argv[1]:
        os.kill(os.getpid(), signal.SIGKILL)
import_store(LocalServer(Path(sys.argv[2]), heap_mb=512, page_cache_mb=64), Path(sys.argv[3]), tell)
"""


def kill_at(stage: str, server: LocalServer, database: Path) -> None:
    """An import in a process of its own, killed when it tells ``stage``; refused where there is data."""
    command = [sys.executable, "-c", VICTIM, stage, str(server.home), str(database)]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == -signal.SIGKILL or "not empty" in done.stderr, done.stderr


def test_files_for_a_server_of_ones_own(tmp_path: Path) -> None:
    embedded = DuckDBStore(tmp_path / "e.duckdb")
    fill(embedded, tmp_path)
    files = write_import_files(tmp_path / "e.duckdb", tmp_path / "it's" / "files", quiet)
    options = (files.folder / "import.args").read_text("utf-8").splitlines()
    names = [line.partition("=")[2].rpartition("=")[2] for line in options if ".csv" in line]
    assert {Path(name).name for line in names for name in line.split(",")} == {
        p.name for p in files.folder.glob("*.csv")
    }
    assert "--id-type=actual" in options
    assert "'\"'\"'" in files.command
    assert files.command.endswith("neo4j-admin database import full neo4j @import.args")
    with pytest.raises(BadInput, match="not empty"):
        write_import_files(tmp_path / "e.duckdb", files.folder, quiet)


def test_nothing_to_import(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="no store"):
        write_import_files(tmp_path / "none.duckdb", tmp_path / "files", quiet)
    assert DuckDBStore(tmp_path / "empty.duckdb").latest_day() is None
    with pytest.raises(BadInput, match="no parties"):
        write_import_files(tmp_path / "empty.duckdb", tmp_path / "files", quiet)


@pytest.mark.parametrize("table", ["parties", "invoices"])
def test_an_identifier_that_no_index_holds_is_refused(tmp_path: Path, table: str) -> None:
    tables = random_trade(3, 2, seed=1)
    key = {"parties": "party_id", "invoices": "invoice_id"}[table]
    tables[table].append({**tables[table][0], key: "x" * 2_000})
    load(DuckDBStore(tmp_path / "e.duckdb"), tmp_path, tables)
    with pytest.raises(LoadRefused, match=rf"{table}\.{key}.*longer than 1900 bytes"):
        write_import_files(tmp_path / "e.duckdb", tmp_path / "files", quiet)
