"""A party's key figures beside those of its peers: same kind, industry, place and size where enough are known.

The peer group is widened until ``MIN_PEERS`` of its parties have the figure: without size, then without
place, then without industry.
"""

from __future__ import annotations

from collections.abc import Iterator

import ibis
import ibis.expr.types as ir

from graph.indicators import activity, buyers, disputes, inventory, logistics, payments, sales
from graph.indicators.facts import Facts
from graph.indicators.sheet import Definition, Indicator, Sheet

MIN_PEERS = 30

_LEVELS = (
    ("kind", "industry", "place", "size_band"),
    ("kind", "industry", "place"),
    ("kind", "industry"),
    ("kind",),
)

#: Figures that are compared, and the words for them.
_COMPARED = {
    "sales_amount_365d": "sales of the last 365 days",
    "sales_growth_365d": "growth of sales over the year",
    "sales_volatility_364d": "volatility of sales",
    "top_buyer_share_365d": "share of the largest buyer",
    "paid_late_days_365d": "days paid late",
    "stock_turnover_365d": "turnover of the stock",
    "adverse_event_share_1095d": "adverse share of events",
    "on_time_share_365d": "on-time share of deliveries",
    "activity_count_365d": "activity of the last 365 days",
}


def standing(facts: Facts) -> ir.Table:
    """By compared figure: ``<figure>_percentile`` and ``<figure>_difference`` to the peers' median."""
    figures = facts.tables["figures"]
    names = [name for name in _COMPARED if f"figures.{name}" in facts.filled]
    parties = facts.parties
    parties = parties.select(
        "party_code", *(parties[c].fill_null("").name(c) for c in ("kind", "industry", "place", "size_band"))
    )
    rows = facts.keep(parties.inner_join(figures.select("party_code", *names), "party_code"))
    compared: dict[str, ir.Value] = {}
    for name in names:
        known = rows[name].notnull()
        percentile, difference = [], []
        for level in _LEVELS:
            group = ibis.window(group_by=[*(rows[c] for c in level), known])
            ranked = ibis.window(group_by=[*(rows[c] for c in level), known], order_by=rows[name])
            enough = known & (rows[name].count().over(group) >= MIN_PEERS)
            percentile.append(enough.ifelse(ibis.percent_rank().over(ranked), None))
            difference.append(enough.ifelse(rows[name] - rows[name].median().over(group), None))
        compared[f"{name}_percentile"] = ibis.coalesce(*percentile)
        compared[f"{name}_difference"] = ibis.coalesce(*difference)
    return rows.select("party_code", **compared)


def _compared() -> dict[str, Indicator]:
    rooms = (sales, buyers, payments, inventory, disputes, logistics, activity)
    declared = {i.name: i for room in rooms for sheet in room.SHEETS for i in sheet.indicators()}
    return {name: declared[name] for name in _COMPARED}


def _definitions() -> Iterator[Definition]:
    for name, figure in _compared().items():
        words = _COMPARED[name]
        needs = (*figure.tables, f"figures.{name}")
        side = {"higher": "below", "lower": "above", None: "unlike"}[figure.better]
        yield Definition(
            f"{name}_peer_percentile", "share", figure.window_days, figure.better,
            f"Share of peers below this party in {words}: 0 to 1.",
            f"The {words} ranks {side} most peers", lambda t, n=name: t[f"{n}_percentile"],
            figure.actionable, needs,
        )  # fmt: skip
        yield Definition(
            f"{name}_peer_difference", figure.unit, figure.window_days, figure.better,
            f"The {words}, less the median of peers.",
            f"The {words} lies {side} the peers' median", lambda t, n=name: t[f"{n}_difference"],
            figure.actionable, needs,
        )  # fmt: skip


COMPARING = (Sheet("peers", ("parties",), standing, tuple(_definitions())),)
