"""References to invoices that are not there yet: told, never refused, since a later load may bring them."""

# ruff: noqa: S608  (identifiers are quoted or our own, texts are escaped literals)

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import duckdb

from graph.sql import literal, quote
from graph.store import LoadTransaction
from loaders.typedtables import TypedTable

EXAMPLES = 3


def missing_invoices(
    connection: duckdb.DuckDBPyConnection,
    tables: Mapping[str, TypedTable],
    load: LoadTransaction,
    folder: Path,
) -> tuple[str, ...]:
    """A warning for each column with rows that name an invoice neither in this load nor in the store.

    ``tables``: the load's checked rows, those that the store has already among them. ``folder``: for
    scratch files.
    """
    warnings = []
    for typed in tables.values():
        for column in typed.table.columns:
            if column.references == "invoices":
                loose = _loose(connection, typed.name, column.name, "invoices" in tables)
                if loose and (found := _missing(connection, load, folder)) is not None:
                    rows, examples = found
                    warnings.append(
                        f"{typed.name}.{column.name}: {rows:,} rows name invoices that are neither in this "
                        f"load nor in the store ({', '.join(map(repr, examples))}); they are kept, and join "
                        "up once a load brings those invoices"
                    )
    return tuple(warnings)


def _loose(connection: duckdb.DuckDBPyConnection, table: str, column: str, with_invoices: bool) -> bool:
    """Make ``loose`` (invoice_id, n): invoices that ``table`` names and this load does not hold."""
    own = f"ANTI JOIN invoices i ON i.invoice_id = named.{quote(column)}" if with_invoices else ""
    connection.execute(
        f"CREATE OR REPLACE TEMP TABLE loose AS SELECT named.{quote(column)} AS invoice_id, count(*) AS n "
        f"FROM {quote(table)} named {own} WHERE named.{quote(column)} IS NOT NULL GROUP BY 1"
    )
    return connection.execute("SELECT 1 FROM loose LIMIT 1").fetchone() is not None


def _missing(
    connection: duckdb.DuckDBPyConnection, load: LoadTransaction, folder: Path
) -> tuple[int, list[str]] | None:
    """(rows, examples) of what ``loose`` names and the store does not hold either; None: nothing."""
    path = folder / "loose_invoices.parquet"
    connection.execute(f"COPY (SELECT invoice_id FROM loose) TO {literal(str(path))} (FORMAT parquet)")
    held = load.existing("invoices", path)
    connection.register("held", held)
    connection.execute("DELETE FROM loose WHERE invoice_id IN (SELECT invoice_id FROM held)")
    connection.unregister("held")
    path.unlink()
    total = connection.execute("SELECT sum(n)::BIGINT FROM loose").fetchone()
    if total is None or total[0] is None:
        return None
    examples = connection.execute(
        f"SELECT invoice_id FROM loose ORDER BY invoice_id LIMIT {EXAMPLES}"
    ).fetchall()
    return int(total[0]), [str(row[0]) for row in examples]
