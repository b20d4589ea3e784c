"""Ibis expressions written as DuckDB's SQL once, and asked of the tables of many days.

To write a large expression as SQL takes longer than to run it on a small source. It depends on the columns of
the tables alone: the day is a variable of the connection.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date

import duckdb
import ibis
import ibis.expr.types as ir
import pyarrow as pa

#: Names and columns of tables; it can be the key of a cache.
Schemas = tuple[tuple[str, ibis.Schema], ...]

THREADS = 2

_DAY = "as_of"


@ibis.udf.scalar.builtin(name="getvariable")  # type: ignore[untyped-decorator]
def _variable(name: str) -> date:  # type: ignore[empty-body]
    """DuckDB's value of a variable of the connection."""


#: The day of the connection that an expression is run on (``connected``).
TODAY: ir.DateScalar = _variable(_DAY).name("today")


def connected(tables: Mapping[str, pa.Table], as_of: date) -> duckdb.DuckDBPyConnection:
    """A fresh in-memory DuckDB with ``tables`` as views, whose ``TODAY`` is ``as_of``."""
    connection = duckdb.connect(config={"threads": THREADS})
    for name, table in tables.items():
        connection.register(name, table)
    connection.execute(f"SET VARIABLE {_DAY} = CAST($day AS DATE)", {"day": as_of.isoformat()})
    return connection


def schemas_of(tables: Mapping[str, pa.Table]) -> Schemas:
    """What expressions over ``tables`` depend on."""
    return tuple((name, ibis.Schema.from_pyarrow(table.schema)) for name, table in sorted(tables.items()))


def unbound(schemas: Schemas) -> dict[str, ir.Table]:
    """Tables of no database, by name, to build expressions on."""
    return {name: ibis.table(schema, name) for name, schema in schemas}


def sql_of(expression: ir.Table) -> str:
    """``expression`` over ``unbound`` tables as DuckDB's SQL."""
    return str(ibis.to_sql(expression, dialect="duckdb", pretty=False))
