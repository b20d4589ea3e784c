"""A contract table while it is being loaded: where its rows stand in DuckDB and what they are keyed by."""

from __future__ import annotations

from dataclasses import dataclass

import duckdb
import ibis

from graph.contract import DUCKDB_TYPES, IBIS_TYPES, TABLES, Table
from graph.digest import digest_sql
from graph.sql import quote

#: Identity of a row while it is being checked: which feed, which record.
IDENTITY = ("_feed", "_rid")


@dataclass(frozen=True)
class TypedTable:
    """A contract table being loaded, with the ``x_*`` columns this load gives it."""

    table: Table
    open_columns: tuple[str, ...]

    @property
    def name(self) -> str:
        return self.table.name

    @property
    def key(self) -> str:
        """The key columns, quoted, with commas between."""
        return ", ".join(map(quote, self.table.key))

    @property
    def repeated(self) -> str:
        """Name of the table of keys that more than one row has."""
        return f"repeated {self.name}"

    @property
    def digest(self) -> str:
        return digest_sql(self.table, self.open_columns)

    def create_sql(self) -> str:
        """CREATE TABLE for the rows being checked."""
        columns = (*self.table.columns, *(self.table.column(name) for name in self.open_columns))
        typed = ", ".join(f"{quote(column.name)} {DUCKDB_TYPES[column.type]}" for column in columns)
        return f"CREATE TABLE {quote(self.name)} (_feed BIGINT, _rid BIGINT, _bad BOOLEAN, {typed})"

    def ibis_table(self, name: str) -> ibis.expr.types.Table:
        """An unbound Ibis table over the DuckDB table ``name``."""
        columns = (*self.table.columns, *(self.table.column(x) for x in self.open_columns))
        schema = dict.fromkeys(IDENTITY, "int64") | {
            column.name: IBIS_TYPES[column.type] for column in columns
        }
        return ibis.table(schema, name=name)


def typed_table(name: str, open_columns: tuple[str, ...]) -> TypedTable:
    """The contract's table ``name`` with the load's ``x_*`` columns, by name."""
    return TypedTable(TABLES[name], tuple(sorted(open_columns)))


def count(connection: duckdb.DuckDBPyConnection, sql: str) -> int:
    """The single number that ``sql`` gives."""
    row = connection.execute(sql).fetchone()
    return int(row[0]) if row else 0
