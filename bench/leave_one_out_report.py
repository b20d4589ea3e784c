"""The leave-one-out bench for people: a table on a terminal, and the page of the frozen figures."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rich.box import SIMPLE
from rich.table import Table

from gnn.champion.markdown import table as markdown_table

TITLES: Mapping[str, str] = {"generator": "generator, default_1y", "h2": "H-2", "tolokers": "Tolokers"}

#: Rows of the table: what is shown, and its name among the figures.
ROWS: Mapping[str, str] = {
    "parties asked": "parties",
    "their counterparties": "pairs",
    "**Spearman within a party, mean: told with change of the score**": "spearman",
    "… with change of the inherited part": "spearman_inherited",
    "… of the links' weights with change of the score, for comparison": "spearman_of_weights",
    "Spearman over all pairs": "pooled",
    "**named first changes the score most**": "first",
    "what changes it most is among the first three": "among_three",
    "… named first by chance": "by_chance",
    "mean spread of the changes within a party, log-odds": "spread",
    "rounds against one pair at a time, largest difference, log-odds": "rounds_off",
}


def _shown(value: Any) -> str:
    if value is None:
        return ""
    return f"{value:.3f}" if isinstance(value, float) else f"{value:,}"


def _rows(figures: Mapping[str, Any]) -> list[tuple[str, ...]]:
    return [
        (name, *(_shown(found.get(key)) for found in figures["sets"].values())) for name, key in ROWS.items()
    ]


def _headings(figures: Mapping[str, Any]) -> list[str]:
    return [TITLES.get(name, name) for name in figures["sets"]]


def table(figures: Mapping[str, Any]) -> Table:
    """All figures on a terminal, a column a set."""
    shown = Table("leaving one counterparty out", *_headings(figures), box=SIMPLE)
    for row in _rows(figures):
        shown.add_row(row[0].strip("*"), *row[1:])
    return shown


_PAGE = """# Whose doing an inherited part is

An explanation says what comes from each counterparty, directly or through it. Those log-odds sum exactly to
the inherited part of each relation (`gnn/attribution.py`):

- The network's part is a sum over counterparties and paths by construction.
- The trees' part is not. For it stands the sum over counterparties that came nearest to it on the training
  rows, found by ridge least squares on the network's columns (`gnn/learning/tree_sums.py`).
- What that leaves is shared by the weight of the links. Everything is measured against the average party, as
  the parts of a score are: a counterparty such as everybody has gives nothing.

## Checked by leaving one out

Made by `python -m bench.leave_one_out --freeze` from the figures frozen in
`bench/frozen/leave_one_out.json`; do not edit by hand. Parties of the test day with 3 to 20 counterparties
are drawn; each pair of a party and a counterparty is taken out of every relation of the snapshot, both ways,
and the party is scored anew the ordinary way. Pairs that are far apart are taken away in one round.

{table}

The two orders are not meant to be the same. Leaving one out compares a counterparty with the party's *other*
counterparties, because shares are spread over those who stay: where all are equally bad, none changes
anything by going, yet all of them together are why the party inherits. An explanation compares with the
average party, so that its parts sum to what is inherited. Trees answer in steps: most counterparties of a
party cross none by going alone, and their changes are noise that no order follows. And a link that nearly
every party has, to an owner say, gives nothing by the first account, while its absence, which the model has
hardly ever seen, moves the score. How the counterparties named first stand against those that were planted is
in [contagion.md](contagion.md).
"""


def render(figures: Mapping[str, Any]) -> str:
    """The page, as Markdown."""
    return _PAGE.format(table=markdown_table(("", *_headings(figures)), _rows(figures)))
