"""Is this Neo4j store well? What was looked at, what was found, and a word of advice. It changes nothing."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import date
from pathlib import Path
from typing import Any, Literal
from urllib.parse import urlsplit

from rich.box import SIMPLE_HEAD
from rich.markup import escape
from rich.table import Table

from graph.duckdb_store import DuckDBStore
from graph.errors import StoreUnavailable
from graph.neo4j.fingerprint import fingerprint_of_graph, fingerprint_of_source, open_columns_of_graph
from graph.neo4j.import_source import ImportSource, opened_source
from graph.neo4j.lease import holder
from graph.neo4j.migrations import SCHEMA_VERSION, missing_statements, stored_version
from graph.neo4j.schema import LABELS
from graph.neo4j.scratch import ScratchFolder
from graph.neo4j.session import Neo4jSession, Neo4jSettings
from graph.neo4j.store import UNFINISHED, Neo4jStore
from graph.store import Tell

State = Literal["ok", "note", "wrong"]
OLDEST = (5, 26)
DEFAULT_PORT = 7687


@dataclass(frozen=True)
class Check:
    """One thing looked at. ``wrong``: something has to be done; ``note``: good to know."""

    name: str
    state: State
    seen: str
    advice: str = ""


@dataclass(frozen=True)
class Examination:
    """All checks of the store at ``uri``."""

    uri: str
    checks: tuple[Check, ...]

    @property
    def well(self) -> bool:
        return all(check.state != "wrong" for check in self.checks)

    def to_json(self) -> dict[str, Any]:
        return {"uri": self.uri, "well": self.well, "checks": [asdict(check) for check in self.checks]}

    def table(self) -> Table:
        """The checks for people; text of data is escaped."""
        table = Table("", "check", "seen", "advice", title=self.uri, title_justify="left", box=SIMPLE_HEAD)
        marks = {"ok": "[green]ok[/]", "note": "[yellow]note[/]", "wrong": "[red]wrong[/]"}
        for check in self.checks:
            cells = map(escape, (check.name, check.seen, check.advice))
            table.add_row(marks[check.state], *cells)
        return table


@dataclass(frozen=True)
class Workplace:
    """What the store is compared with: the workspace's own one, and its base currency."""

    database: Path
    base_currency: str | None = None


def examine(settings: Neo4jSettings, own: Workplace, as_of: date | None, tell: Tell) -> Examination:
    """Look at the store; with ``as_of`` also compare snapshots. ``StoreUnavailable``: it can't be reached."""
    with Neo4jSession(settings) as session:
        tell("server", None)
        found = [_version(session), _form(session), *_indexes(session), *_unfinished(session)]
        found.append(_addresses(session, settings.uri))
        found += _tables(session, own.database, tell)
    if as_of is not None and own.database.exists():
        tell(f"snapshots as of {as_of}", None)
        found.append(_snapshots(settings, own, as_of))
    return Examination(settings.uri, tuple(found))


def _version(session: Neo4jSession) -> Check:
    session.verify()
    (server,) = session.alone(
        """CALL dbms.components() YIELD name, versions, edition WHERE name = 'Neo4j Kernel'
           RETURN versions[0] AS version, edition"""
    )
    seen = f"{server['version']} {server['edition']}"
    numbers = tuple(int(n) for n in re.findall(r"\d+", server["version"])[:2])
    if numbers < OLDEST:
        return Check("version", "wrong", seen, "upgrade to Neo4j 5.26 LTS or later")
    return Check("version", "ok", seen)


def _form(session: Neo4jSession) -> Check:
    version = stored_version(session)
    seen = f"{version} of {SCHEMA_VERSION}"
    if version > SCHEMA_VERSION:
        return Check("form", "wrong", seen, "a later ecorisk wrote this store: upgrade ecorisk")
    if version < SCHEMA_VERSION:
        return Check("form", "note", seen, "the next command that uses the store brings it up to date")
    return Check("form", "ok", seen)


def _indexes(session: Neo4jSession) -> Iterator[Check]:
    rows = session.alone("SHOW INDEXES YIELD name, state, populationPercent")
    ours = {row["name"]: row for row in rows if row["name"].startswith("ecorisk_")}
    missing = missing_statements(session)
    seen = f"{len(ours)} there, {len(missing)} missing"
    if missing:
        advice = "the next command that uses the store makes them; loads before that would be slow"
        yield Check("constraints and indexes", "wrong", f"{seen}: {', '.join(sorted(missing))}", advice)
    else:
        yield Check("constraints and indexes", "ok", seen)
    for name, row in ours.items():
        if row["state"] == "FAILED":
            yield Check(
                f"index {name}", "wrong", "failed", f"DROP INDEX {name}; the next command makes it anew"
            )
        elif row["state"] != "ONLINE":
            yield Check(f"index {name}", "note", f"{row['populationPercent']:.0f} % filled", "wait")


def _unfinished(session: Neo4jSession) -> Iterator[Check]:
    job = holder(session)
    if job is not None:
        yield Check("jobs", "note", f"process {job['pid']} on {job['machine'].split('|')[0]} writes", "wait")
    rows = session.read(UNFINISHED)
    for row in rows:
        seen = f"{row['id']}: {row['state']}"
        if job is not None:
            yield Check("unfinished", "note", seen, "the job at work has it in hand")
        else:
            yield Check(
                "unfinished", "wrong", seen, "a job was cut off; the next command finishes or undoes it"
            )
    if job is None and not rows:
        yield Check("unfinished", "ok", "nothing; no job at work")


def _addresses(session: Neo4jSession, uri: str) -> Check:
    """A neo4j:// client goes where the server says it is; Browser's form shows that address too."""
    try:
        found = session.alone(
            "SHOW SETTINGS YIELD name, value WHERE name = 'server.bolt.advertised_address' RETURN value"
        )
    except StoreUnavailable:
        return Check("advertised address", "note", "the server doesn't tell", "ask who runs it")
    advertised = str(found[0]["value"]) if found else ""
    parts = urlsplit(uri)
    reached = (parts.hostname or "", parts.port or DEFAULT_PORT)
    said = urlsplit(f"//{advertised}")
    if _same_place(reached, (said.hostname or "", said.port or DEFAULT_PORT)):
        return Check("advertised address", "ok", advertised)
    advice = f"set server.bolt.advertised_address={reached[0]}:{reached[1]}"
    if parts.scheme.startswith("neo4j"):
        return Check("advertised address", "wrong", advertised, f"{advice}, or connect with bolt://")
    return Check("advertised address", "note", advertised, f"Browser and neo4j:// need it right: {advice}")


def _same_place(a: tuple[str, int], b: tuple[str, int]) -> bool:
    here = {"localhost", "127.0.0.1", "::1"}
    return a[1] == b[1] and (a[0] == b[0] or {a[0], b[0]} <= here)


def _tables(session: Neo4jSession, database: Path, tell: Tell) -> Iterator[Check]:
    opened = open_columns_of_graph(session)
    if not database.exists():
        for table in LABELS:
            tell(f"rows of {table}", None)
            found = fingerprint_of_graph(session, table, opened[table])
            if found.rows:
                yield Check(table, "ok", f"{found.rows:,} rows, digest {found.digest[:12]}")
        yield Check("workspace", "note", "has no store of its own", "nothing to compare the rows with")
        return
    with opened_source(database, ScratchFolder().path) as source:
        for table in LABELS:
            tell(f"rows of {table}", None)
            check = _compared(session, source, table, opened[table])
            if check is not None:
                yield check


def _compared(session: Neo4jSession, source: ImportSource, table: str, opened: list[str]) -> Check | None:
    own = fingerprint_of_source(source, table)
    there = fingerprint_of_graph(session, table, source.open_columns(table) or opened)
    if not own.rows and not there.rows:
        return None
    seen = f"{there.rows:,} rows, digest {there.digest[:12]}"
    if there.rows != own.rows:
        advice = f"the workspace has {own.rows:,}: load into both what either lacks"
        return Check(table, "wrong", seen, advice)
    if there.digest != own.digest:
        advice = (
            f"the workspace has as many, but others (digest {own.digest[:12]}): load both from the same files"
        )
        return Check(table, "wrong", seen, advice)
    if there.things != own.things:
        advice = f"{there.things:,} are shown, {own.things:,} expected: was something changed by hand?"
        return Check(table, "wrong", seen, advice)
    return Check(table, "ok", f"{seen}, as in the workspace")


def _snapshots(settings: Neo4jSettings, own: Workplace, as_of: date) -> Check:
    here = DuckDBStore(own.database, own.base_currency).read(as_of, None).sha256
    there = Neo4jStore(settings, own.base_currency).read(as_of, None).sha256
    check = f"snapshot as of {as_of}"
    if here == there:
        return Check(check, "ok", f"sha {here[:12]} in both")
    return Check(check, "wrong", f"sha {there[:12]}", f"the workspace's is {here[:12]}: see the tables above")
