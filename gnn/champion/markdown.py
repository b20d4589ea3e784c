"""Markdown whose words come from data: escaped text, tables, lists."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence

#: What Markdown or HTML would act on: marks, underscores at the edge of a word, addresses that become links.
_ACTED_ON = re.compile(r"[\\`*\[\]<>|~&$@]|(?<![^\W_])_|_(?![^\W_])|:(?=//)|(?<=www)\.", re.IGNORECASE)


def escaped(value: object) -> str:
    """Text that Markdown shows as it is, in one line; unprintable characters are written as their codes."""
    shown = "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in str(value))
    return _ACTED_ON.sub(lambda found: f"&#{ord(found[0])};", shown)


def table(headings: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table whose headings with a leading ``>`` are of numbers. Cells are Markdown already."""
    lines = ["| " + " | ".join(name.removeprefix(">") for name in headings) + " |"]
    lines.append("|" + "|".join("---:" if name.startswith(">") else "---" for name in headings) + "|")
    return "\n".join([*lines, *("| " + " | ".join(row) + " |" for row in rows)])


def listed(items: Mapping[str, str]) -> str:
    """Named items, one a line; texts are Markdown already."""
    return "\n".join(f"- **{name}**: {text}" for name, text in items.items())


def span_text(found: Sequence[float] | None, digits: int = 3) -> str:
    """(low, mid, high) as ``mid [low, high]``."""
    if found is None:
        return "too few cases"
    low, mid, high = (f"{value:.{digits}f}" for value in found)
    return f"{mid} [{low}, {high}]"
