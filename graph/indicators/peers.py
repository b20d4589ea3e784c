"""A party's key figures beside those of its peers: same kind, industry, place and size.

The peer group is widened until ``MIN_PEERS`` of its parties have the figure: first without place and size,
then without industry.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import ibis
import ibis.expr.types as ir

from graph.indicators import disputes, logistics, payments, sales
from graph.indicators.facts import Facts
from graph.indicators.sheet import Definition, Indicator, Sheet

MIN_PEERS = 30

_LEVELS = (("kind", "industry", "place", "size_band"), ("kind", "industry"), ("kind",))

#: Peers are cut into tenths.
_CUTS = tuple(k / 10 for k in range(1, 10))

#: Figures that are compared, and the words for them.
_COMPARED = {
    "sales_amount_365d": "sales of the last 365 days",
    "sales_growth_365d": "growth of sales over the year",
    "paid_late_days_365d": "days paid late",
    "adverse_event_share_1095d": "adverse share of events",
    "on_time_share_365d": "on-time share of deliveries",
}


def _cuts(rows: ir.Table, level: tuple[str, ...], names: list[str]) -> ir.Table:
    """The tenths of each figure in each group of ``level``, null where too few of the group have it."""
    return rows.group_by(list(level)).aggregate(
        **{
            name: (rows[name].count() >= MIN_PEERS).ifelse(rows[name].quantile(list(_CUTS)), None)
            for name in names
        }
    )


def standing(facts: Facts) -> ir.Table:
    """By compared figure: the party's own, and the peers' tenths (``<figure>_cuts``)."""
    names = [name for name in _COMPARED if f"figures.{name}" in facts.filled]
    rows = facts.figures
    attributes = {c: rows[c].fill_null("") for c in _LEVELS[0]}
    rows = rows.select("party_code", *names, **attributes)
    joined = rows
    for depth, level in enumerate(_LEVELS):
        cuts = _cuts(rows, level, names).rename({f"{name}_{depth}": name for name in names})
        joined = joined.left_join(cuts, list(level)).drop(*(f"{c}_right" for c in level))
    return joined.select(
        "party_code",
        *names,
        **{
            f"{name}_cuts": ibis.coalesce(*(joined[f"{name}_{depth}"] for depth in range(len(_LEVELS))))
            for name in names
        },
    )


def _percentile(name: str) -> Callable[[ir.Table], ir.Value]:
    """Share of the cuts below the figure, cuts equal to it counting half."""

    def value(t: ir.Table) -> ir.Value:
        figure, cuts = t[name], t[f"{name}_cuts"]
        below = cuts.filter(lambda cut: cut < figure).length()
        not_above = cuts.filter(lambda cut: cut <= figure).length()
        share = (below + not_above).cast("float64") / float(2 * len(_CUTS))
        return figure.notnull().ifelse(share, None)

    return value


def _difference(name: str) -> Callable[[ir.Table], ir.Value]:
    return lambda t: t[name] - t[f"{name}_cuts"][len(_CUTS) // 2]


def _compared() -> dict[str, Indicator]:
    rooms = (sales, payments, disputes, logistics)
    declared = {i.name: i for room in rooms for sheet in room.SHEETS for i in sheet.indicators()}
    return {name: declared[name] for name in _COMPARED}


def _definitions() -> Iterator[Definition]:
    for name, figure in _compared().items():
        words = _COMPARED[name]
        needs = (*figure.tables, f"figures.{name}")
        side = {"higher": "below", "lower": "above", None: "unlike"}[figure.better]
        yield Definition(
            f"{name}_peer_percentile", "share", figure.window_days, figure.better,
            f"Share of peers below this party in {words}, to the tenth: 0 to 1.",
            f"The {words} ranks {side} most peers", _percentile(name),
            figure.actionable, needs,
        )  # fmt: skip
        yield Definition(
            f"{name}_peer_difference", figure.unit, figure.window_days, figure.better,
            f"The {words}, less the median of peers.",
            f"The {words} lies {side} the peers' median", _difference(name),
            figure.actionable, needs,
        )  # fmt: skip


COMPARING = (Sheet("peers", ("parties",), standing, tuple(_definitions())),)
