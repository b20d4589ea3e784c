"""The contagion bench for people: a table on a terminal, and the page of the frozen figures."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from rich.box import SIMPLE
from rich.table import Table

from gnn.champion.intervals import difference_text
from gnn.champion.markdown import table as markdown_table

Run = Mapping[str, Any]
Cell = Callable[[Run], str]

#: What each condition is, in the words of the page.
TITLES: Mapping[str, str] = {
    "clean": "all shown",
    "missing": "30 % of links missing",
    "false": "10 % of links false",
    "late": "outcomes up to 90 days late",
    "all three": "all three",
    "no contagion": "no contagion (X = 0)",
}


def _number(*path: str, digits: int = 3) -> Cell:
    """The figure at ``path`` of a run, empty where there is none."""

    def cell(run: Run) -> str:
        value: Any = run
        for key in path:
            value = value.get(key) if isinstance(value, Mapping) else None
        return "" if value is None else f"{value:.{digits}f}"

    return cell


def _span(*path: str) -> Cell:
    def cell(run: Run) -> str:
        value: Any = run
        for key in path:
            value = value[key]
        return difference_text(value)

    return cell


def _of_oracle(run: Run) -> str:
    spearman = run["spearman"]
    if spearman["oracle"] is None or spearman["inherited"] is None:
        return ""
    return f"{spearman['inherited'] / spearman['oracle']:.2f}"


#: Rows of the table, in order.
ROWS: Mapping[str, Cell] = {
    "test cases": lambda run: f"{run['test']['n']:,}",
    "of which bad": lambda run: f"{run['test']['positives']:,}",
    "AUC: trees without a graph (gbdt_own)": _number("auc", "gbdt_own"),
    "AUC: the served model made without links": _number("links", "auc_without"),
    "AUC: trees over neighbour columns (gbdt_graph)": _number("auc", "gbdt_graph"),
    "AUC: served": _number("auc", "default"),
    "served less gbdt_own": _span("default_less_gbdt_own"),
    "**what links bring: served less the same without**": _span("links", "gain"),
    "gain on validation, standard errors": _number("inherited_gain_in_standard_errors", digits=1),
    "inherited share": _number("inherited_share", digits=2),
    "… on permuted links": _number("placebo", "inherited_share", digits=2),
    "AUC of the inherited part alone": _number("inherited_auc"),
    "**Spearman by party, inherited with planted**": _number("spearman", "inherited", digits=2),
    "… of an oracle on the same data": _number("spearman", "oracle", digits=2),
    "… share of the oracle's": _of_oracle,
    "**Spearman by party and counterparty**": _number("pairs", "spearman", digits=2),
    "… within a party, mean": _number("pairs", "within_party", digits=2),
    "… credit to those with whom nothing was planted": _number("pairs", "strangers", digits=2),
    "parties whose hazard is mostly inherited": lambda run: f"{run['top_carrier']['parties']:,}",
    "**largest carrier is named first**": _number("top_carrier", "first", digits=2),
    "… among the first three": _number("top_carrier", "among_three", digits=2),
    "… by chance": _number("top_carrier", "by_chance", digits=2),
}


def _cells(runs: Sequence[Run], cell: Cell) -> str:
    """One value a seed."""
    return " / ".join(value for run in runs if (value := cell(run)))


def _rows(figures: Mapping[str, Any]) -> list[tuple[str, ...]]:
    conditions = figures["conditions"]
    return [(name, *(_cells(runs, cell) for runs in conditions.values())) for name, cell in ROWS.items()]


def _relations(figures: Mapping[str, Any]) -> list[str]:
    first = next((runs[0] for runs in figures["conditions"].values() if runs[0]["strengths"]), None)
    return [] if first is None else list(first["strengths"])


def _strength(name: str, key: str) -> Cell:
    return _number("strengths", name, key, digits=2)


def _strength_rows(figures: Mapping[str, Any]) -> list[tuple[str, ...]]:
    """By relation: planted, then found and found by that name in every condition with contagion."""
    with_contagion = [runs for runs in figures["conditions"].values() if runs[0]["strengths"]]
    rows = []
    for name in _relations(figures):
        planted = _strength(name, "planted")(with_contagion[0][0])
        cells = [_cells(runs, _strength(name, "found")) for runs in with_contagion]
        rows.append((name, planted, *cells, _cells(with_contagion[0], _strength(name, "named"))))
    return rows


def _headings(figures: Mapping[str, Any]) -> list[str]:
    return [TITLES.get(name, name) for name in figures["conditions"]]


def table(figures: Mapping[str, Any]) -> Table:
    """All figures on a terminal, a column a condition, in each cell one value a seed."""
    seeds = ", ".join(str(seed) for seed in figures["seeds"])
    title = f"{figures['parties']:,} parties; in each cell one value a seed ({seeds})"
    shown = Table("", *_headings(figures), title=title, title_justify="left", box=SIMPLE)
    for row in _rows(figures):
        shown.add_row(row[0].strip("*"), *row[1:])
    headings = [
        TITLES.get(name, name) for name, runs in figures["conditions"].items() if runs[0]["strengths"]
    ]
    for name, planted, *found in _strength_rows(figures):
        told = dict(zip(headings, found, strict=False))
        cells = [told.get(heading, "") for heading in _headings(figures)]
        shown.add_row(f"strength of {name}, planted {planted}", *cells)
    return shown


_HEAD = """# What travels through planted contagion

Made by `python -m bench.contagion --parties {parties} --seeds {seeds} --freeze` from the figures frozen in
`bench/frozen/contagion.json`; do not edit by hand. It generates synthetic ecosystems
([synthetic.md](synthetic.md)), loads, trains, evaluates and scores them by the calls of the commands, and
only then reads what was planted. {n:,} parties, one value a seed (seeds: {seed_list}).

In a condition of its own, 30 % of the trade relations and guarantees leave no rows, 10 % name a wrong
counterparty, or outcomes become known up to 90 days after they occurred (else at once). What happens stays
the same: only what is on record differs. `--missing-links`, `--false-links`, `--outcome-delay-days` and
`--contagion` measure any other.
"""

_READING = """
- **What links bring** is the served model against the same model made without links: the same rows, trees,
  network and weighing. At X = 0 the gate keeps links out, so that both are one model and nothing is
  inherited. What is left of the difference to `gbdt_own` is between trees and trees: those served keep own
  and environment apart, as the mechanism does, and are the mean of more of them.
- **The oracle** was told the planted inherited part of the training days and predicts it on the test day from
  the same visible data: boosted trees on the signs of the party and of its counterparties by share of trade.
  A model that sees defaults alone cannot be expected to do better.
- **By party and counterparty**: what an explanation says comes from or through a counterparty against what
  was planted, over all pairs on record or planted of 1,000 parties drawn from the population. A
  counterparty that is not on record counts as found 0.
- **The largest carrier**: of up to 1,000 parties whose hazard is mostly inherited, how often the
  counterparty that is named first is the one that passed on most, on record or not.
"""

_STRENGTHS = """## How strong each relation is

Log-odds that a unit of pressure through a relation adds. *Planted*: gain times strength of the mechanism.
*Found*: least squares of the inherited part on the true pressure that each party was under through each
relation, all four at once. (A mean absolute part by relation would not do: it is larger where a relation's
pressure varies more, not where it is stronger.) Found strengths are smaller, because pressure shows only
through noisy signs and a score that hedges is the better score; what should agree is their order and
proportions. Within trade the order is kept throughout. Guarantees are found too weak against trade, and where
links are missing or false hardly in order: few companies give or have one, and little can be learnt of them.
Relations are parallel (who supplies also ships and is paid), so the model gives part of the credit to other
names: *by its own name* is what goes to the planted relation's.
"""


def render(figures: Mapping[str, Any]) -> str:
    """The page, as Markdown."""
    seeds = " ".join(str(seed) for seed in figures["seeds"])
    head = _HEAD.format(
        parties=figures["parties"], n=figures["parties"], seeds=seeds, seed_list=seeds.replace(" ", ", ")
    )
    with_contagion = [
        TITLES.get(name, name) for name, runs in figures["conditions"].items() if runs[0]["strengths"]
    ]
    cpu = sum(sum(run["cpu_seconds"].values()) for runs in figures["conditions"].values() for run in runs)
    lines = [
        head,
        markdown_table(("", *_headings(figures)), _rows(figures)),
        _READING,
        _STRENGTHS,
        markdown_table(
            ("relation", "planted", *with_contagion, "by its own name, all shown"), _strength_rows(figures)
        ),
        "",
        f"All of it took {cpu / 60:.0f} CPU minutes. `make demo` shows the same for one party: who the "
        "explanation names, and below it who was planted. How far counterparty shares agree with leaving a "
        "counterparty out: [attribution.md](attribution.md).",
        "",
    ]
    return "\n".join(lines)
