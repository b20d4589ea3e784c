"""``docs/indicators.md``, written from the catalogue: ``python -m graph.indicators.document``."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import groupby
from pathlib import Path

from graph.indicators.catalogue import CATALOGUE, Indicator

DOCUMENT = Path(__file__).parents[2] / "docs" / "indicators.md"

_HEAD = """# Indicators

What ecorisk knows of a party as of a day: {n} indicators, each declared once with its words and its Ibis
expression in `graph/indicators/`. This page is written from that catalogue by
`python -m graph.indicators.document`; do not edit it by hand.

- **Window**: days before the day in question; "–" looks at the whole record, or at the present state.
- **Better**: whether higher or lower values are good news; "–" where neither is by itself.
- **Cause**: *own* doing, the *environment*, or counterparties over the relation named.
- **Own to change**: the party itself can act on it.
- An indicator is unknown (not 0) where there is no evidence for it. A source without the tables, columns or
  kinds an indicator needs lacks the indicator; `data_coverage` of a score says how many are known.
"""


def _row(indicator: Indicator) -> str:
    cells = (
        f"`{indicator.name}`",
        indicator.meaning,
        indicator.unit,
        str(indicator.window_days or "–"),
        indicator.better or "–",
        f"`{indicator.relation}`" if indicator.relation else indicator.cause,
        "yes" if indicator.actionable else "no",
        ", ".join(indicator.tables),
        indicator.reason,
    )
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


def _lines() -> Iterator[str]:
    yield _HEAD.format(n=len(CATALOGUE))
    in_order = sorted(CATALOGUE.values(), key=lambda i: list(_groups()).index(i.group))
    for group, indicators in groupby(in_order, key=lambda i: i.group):
        yield f"## {group.capitalize()}\n"
        yield "| Indicator | Meaning | Unit | Window | Better | Cause | Own to change | Tables | As reason |"
        yield "|---|---|---|---|---|---|---|---|---|"
        yield from map(_row, indicators)
        yield ""


def _groups() -> dict[str, None]:
    """Groups in the catalogue's order."""
    return dict.fromkeys(indicator.group for indicator in CATALOGUE.values())


def render() -> str:
    """The page as Markdown."""
    return "\n".join(_lines())


if __name__ == "__main__":
    DOCUMENT.write_text(render(), encoding="utf-8")
