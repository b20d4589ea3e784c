"""Rings, cases and verdicts for people at a terminal. Names from data are shown as text, never as markup."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

from rich.box import SIMPLE_HEAD
from rich.console import RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from graph.rings.cases.report import RingReport
from graph.rings.cases.verdicts import Precision
from graph.rings.wording import money, share

#: Rings whose paragraph is printed.
MOST_EXPLAINED = 10


def _table(title: str, **columns: str) -> Table:
    table = Table(title=title, title_justify="left", box=SIMPLE_HEAD, padding=(0, 1, 0, 0))
    for name, justify in columns.items():
        right = justify == "right"
        table.add_column(
            name.replace("_", " "),
            justify="right" if right else "left",
            no_wrap=right or justify == "whole",
            overflow="fold",
        )
    return table


def rings_renderables(report: RingReport) -> Iterator[RenderableType]:
    """What was searched and found, then the most severe rings in words."""
    table = _table(
        f"Rings as of {report.as_of}", typology="", rings="right", patterns_seen="right", in_a_shuffle="right"
    )
    for search in report.searches:
        by_chance = f"{search.by_chance / search.shuffles:,.1f}" if search.shuffles else "-"
        table.add_row(search.typology, f"{search.kept:,}", f"{search.sighted:,}", by_chance)
    yield table
    for code, tables in report.lacking.items():
        yield Text(f"{code} was not searched: there are no {', '.join(tables)}", style="dim")
    for search in report.searches:
        for cut in search.cuts:
            yield Text(f"{search.typology}: {cut}", style="dim")
    ordered = sorted(report.rings, key=lambda ring: (-ring.severity, ring.expected_by_chance, ring.ring_id))
    for ring in ordered[:MOST_EXPLAINED]:
        heading = f"{ring.title}  severity {ring.severity:.2f}  {money(ring.amount, report.base_currency)}"
        yield Text(f"\n{heading}  {ring.case_id}", style="bold")
        yield Padding(Text(ring.explanation), (0, 0, 0, 2))
    if len(ordered) > MOST_EXPLAINED:
        yield Text(f"\nand {len(ordered) - MOST_EXPLAINED:,} more: --export FILE.csv, or 'ecorisk cases'")


def cases_table(report: RingReport, most: int) -> Table:
    """The most severe cases that are not dismissed first, then the others."""
    ordered = sorted(
        report.cases, key=lambda case: (case.status == "dismissed", -case.severity, case.case_id)
    )
    statuses = Counter(case.status for case in ordered)
    told = ", ".join(f"{count} {status}" for status, count in sorted(statuses.items()))
    table = _table(
        f"Cases as of {report.as_of}: {told or 'none'}",
        case="whole", status="whole", severity="right", parties="right", money="right",
        what="",
    )  # fmt: skip
    for case in ordered[:most]:
        table.add_row(
            case.case_id,
            case.status,
            f"{case.severity:.2f}",
            str(len(case.party_ids)),
            money(case.amount, report.base_currency),
            Text(", ".join(case.typologies).replace("_", " ") + (f": {case.note}" if case.note else "")),
        )
    return table


def precision_table(found: Sequence[Precision]) -> Table:
    """How often analysts confirmed what each typology found."""
    table = _table(
        "Verdicts by typology",
        typology="", month="", confirmed="right", dismissed="right", precision="right", interval_90="right",
    )  # fmt: skip
    for one in found:
        table.add_row(
            one.typology, one.month, str(one.confirmed), str(one.dismissed), share(one.precision),
            f"{share(one.low)} to {share(one.high)}",
        )  # fmt: skip
    return table
