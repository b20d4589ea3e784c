"""Small ecosystems for tests: contract rows in, a loaded DuckDB store or a snapshot out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from graph.contract import TABLES, arrow_schema
from graph.duckdb_store import DuckDBStore
from graph.snapshot import Snapshot
from graph.source import SourceDeclaration
from graph.store import EcosystemStore

Rows = Sequence[Mapping[str, Any]]
START = date(2020, 1, 1)


def stage(folder: Path, name: str, rows: Rows) -> Path:
    """Rows of one table as the Parquet file a store takes; absent columns are null, known_on: START."""
    table = TABLES[name]
    opened = tuple(sorted({key for row in rows for key in row if key.startswith("x_")}))
    filled = [{"source": "test", "known_on": START, **row} for row in rows]
    staged = pa.Table.from_pylist(filled, schema=arrow_schema(table, opened))
    path = folder / f"{name}-{len(list(folder.glob('*.parquet')))}.parquet"
    pq.write_table(staged, path)
    return path


def load(
    store: EcosystemStore,
    folder: Path,
    tables: Mapping[str, Rows],
    declaration: SourceDeclaration | None = None,
) -> None:
    """Append tables in one load, parties first."""
    with store.begin(declaration or SourceDeclaration("test")) as transaction:
        for name in sorted(tables, key=lambda table: table != "parties"):
            if tables[name]:
                transaction.append(name, stage(folder, name, tables[name]))


def snapshot(
    folder: Path,
    tables: Mapping[str, Rows],
    as_of: date,
    purpose: str | None = None,
    declaration: SourceDeclaration | None = None,
) -> Snapshot:
    """Load tables into a fresh DuckDB store under ``folder`` and read it."""
    folder.mkdir(parents=True, exist_ok=True)
    store = DuckDBStore(folder / "ecosystem.duckdb")
    load(store, folder, tables, declaration)
    return store.read(as_of, purpose)


def parties(n: int, **columns: Any) -> list[dict[str, Any]]:
    """n companies P000 … with the given constant columns."""
    return [{"party_id": f"P{i:03d}", "kind": "company", **columns} for i in range(n)]


def random_trade(n: int, n_invoices: int, seed: int) -> dict[str, list[dict[str, Any]]]:
    """Companies of two industries and regions that invoice each other over two years, some paid late."""
    rng = np.random.default_rng(seed)
    people = parties(n)
    for i, row in enumerate(people):
        row |= {"industry": "AB"[i % 2], "region": "NS"[i // 2 % 2], "x_size": float(rng.normal())}
    invoices = []
    for k in range(n_invoices):
        seller, buyer = rng.choice(n, 2, replace=False)
        issued = START + timedelta(days=int(rng.integers(0, 730)))
        due = issued + timedelta(days=30)
        paid = due + timedelta(days=int(rng.integers(-20, 90)))
        invoices.append(
            {
                "invoice_id": f"I{k:05d}",
                "seller_id": f"P{seller:03d}",
                "buyer_id": f"P{buyer:03d}",
                "issued_on": issued,
                "known_on": issued,
                "due_on": due,
                "paid_on": paid if rng.random() < 0.9 else None,
                "amount": int(rng.integers(1_000, 1_000_000)),
                "currency": "EUR",
            }
        )
    return {"parties": people, "invoices": invoices}
