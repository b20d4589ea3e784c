"""How a mapping says that dates and numbers are written."""

from __future__ import annotations

import duckdb

from loaders.conversion import NUMBERED_DATES
from loaders.mapping import Negatives
from loaders.yamlnodes import Node


def parse_dates(node: Node) -> tuple[str, ...]:
    """The key ``dates``; ``MappingError`` where one is no format."""
    formats = node.texts("dates")
    for format_ in formats:
        if format_ not in NUMBERED_DATES and not _is_date_format(format_):
            raise node.error(
                "dates",
                f"{format_!r} is no date format; for example %d.%m.%Y, or {', '.join(NUMBERED_DATES)}",
            )
    return formats


def parse_marks(node: Node) -> dict[str, str]:
    """How numbers are written: what is said of it here."""
    marks = {key: node.character(key, None) for key in ("decimal", "thousands")}
    marks["strip"] = node.take("strip", str)
    marks["negatives"] = node.choice("negatives", Negatives)
    given = {key: mark for key, mark in marks.items() if mark is not None}
    if given.get("decimal", ".") == given.get("thousands"):
        raise node.error("thousands", f"is the decimal mark too: {given['thousands']!r}")
    return given


def _is_date_format(format_: str) -> bool:
    """Whether a day can be read with it."""
    try:
        row = duckdb.execute("SELECT strftime(DATE '2020-01-02', $1)", [format_]).fetchone()
    except duckdb.Error:
        return False
    return row is not None and row[0] != format_
