"""Names and values inside the text of SQL; values travel as parameters wherever they can."""

from __future__ import annotations

from datetime import date


def quote(name: str) -> str:
    """An identifier."""
    return '"' + name.replace('"', '""') + '"'


def literal(value: str | int | date | None) -> str:
    """A value: a text, a whole number, true, false, a day or null."""
    if value is None or isinstance(value, int):
        return "NULL" if value is None else str(value)
    return "'" + str(value).replace("'", "''") + "'"
