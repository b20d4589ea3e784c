"""A row's digest: md5 over its canonical text, equal wherever the same row is loaded.

Canonical text: ``name=value`` of every non-null column in the contract's order, then of the ``x_*``
columns by name, with the unit separator (U+001F, refused inside text) between them. A column that is
null leaves no trace, so that a row keeps its digest when another source adds ``x_*`` columns.
"""

from __future__ import annotations

from graph.contract import Table


def quote(name: str) -> str:
    """``name`` as a quoted SQL identifier."""
    return '"' + name.replace('"', '""') + '"'


def digest_sql(table: Table, open_columns: tuple[str, ...] = ()) -> str:
    """DuckDB expression for the digest of a row of ``table`` (32 hex digits)."""
    names = (*table.column_names, *sorted(open_columns))
    parts = ", ".join(f"'{name}=' || CAST({quote(name)} AS VARCHAR)" for name in names)
    return f"md5(concat_ws(chr(31), {parts}))"
