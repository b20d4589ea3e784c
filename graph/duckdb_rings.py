"""Rings, cases and verdicts in the embedded store: tables beside the contract's, made on first use."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import duckdb

from graph.store import PublishedRings

#: Field of ``PublishedRings`` to table.
RING_TABLES = {
    "rings": "published_rings",
    "members": "published_ring_members",
    "evidence": "published_ring_evidence",
    "cases": "published_cases",
}


def _has(connection: duckdb.DuckDBPyConnection, table: str) -> bool:
    found = connection.execute("SELECT 1 FROM duckdb_tables() WHERE table_name = $1", [table])
    return found.fetchone() is not None


def publish_rings(connection: duckdb.DuckDBPyConnection, found: PublishedRings) -> None:
    """Replace all four tables; inside the caller's transaction."""
    for field, table in RING_TABLES.items():
        connection.register("incoming", getattr(found, field))
        connection.execute(f"CREATE OR REPLACE TABLE {table} AS FROM incoming")
        connection.unregister("incoming")


def record_verdict(connection: duckdb.DuckDBPyConnection, verdict: Mapping[str, Any]) -> None:
    """Append a verdict; inside the caller's transaction."""
    connection.execute(
        "CREATE TABLE IF NOT EXISTS verdicts (case_id VARCHAR, decided_at VARCHAR, verdict VARCHAR)"
    )
    connection.execute(
        "INSERT INTO verdicts VALUES ($1, $2, $3)",
        [verdict["case_id"], verdict["decided_at"], json.dumps(verdict)],
    )


def verdicts(connection: duckdb.DuckDBPyConnection) -> tuple[Mapping[str, Any], ...]:
    """All verdicts, earliest first."""
    if not _has(connection, "verdicts"):
        return ()
    rows = connection.execute("SELECT verdict FROM verdicts ORDER BY decided_at, rowid").fetchall()
    return tuple(json.loads(row[0]) for row in rows)


def erase_rings(connection: duckdb.DuckDBPyConnection, party_id: str) -> None:
    """Rings that name a party go whole, since their explanations name it too."""
    if not _has(connection, RING_TABLES["members"]):
        return
    rows = connection.execute("SELECT ring_id FROM published_ring_members WHERE party_id = $1", [party_id])
    gone = [row[0] for row in rows.fetchall()]
    for field, table in RING_TABLES.items():
        if field != "cases":
            connection.execute(f"DELETE FROM {table} WHERE list_contains($1, ring_id)", [gone])  # noqa: S608
