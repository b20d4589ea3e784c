"""What surrounds a party: how its industry and its place fare, and their declared economy.

A party's industry and place are judged by the parties of four of five folds, never those of its own fold:
its own cases are left out, and no party differs from its neighbours by its own case alone (a leave-one-out
rate would give it away). A party's fold is its code modulo 5.
"""

from __future__ import annotations

from collections.abc import Callable

import ibis
import ibis.expr.types as ir

from graph.indicators.facts import YEAR, Facts, change, micro, ratio
from graph.indicators.sheet import Definition, Sheet

FOLDS = 5

#: Fewer parties than this tell nothing of their surroundings.
MIN_PARTIES = 5

#: Key figures whose mean over the surroundings is an indicator: name → condition (None: the figure itself).
_FIGURES = (
    "paid_late_share_365d",
    "sales_growth_365d",
    "adverse_event_share_1095d",
    "on_time_share_365d",
    "past_bad_count",
)


def _measures(facts: Facts) -> dict[str, tuple[ir.Value, ir.Value]]:
    """By name: (value in millionths, whether it counts) of each row of ``figures``."""
    rows = facts.tables["figures"]
    found: dict[str, tuple[ir.Value, ir.Value]] = {}
    for name in _FIGURES:
        if f"figures.{name}" not in facts.filled:
            continue
        figure = rows[name]
        if name == "sales_growth_365d":
            value, counts = (figure > 0).cast("float64"), figure.notnull()
        elif name == "past_bad_count":
            value, counts = (figure.fill_null(0) > 0).cast("float64"), ibis.literal(True)
        else:
            value, counts = figure.cast("float64"), figure.notnull()
        found[name] = micro(counts.ifelse(value, 0.0)), counts.cast("int64")
    return found


def surroundings(by: str) -> Callable[[Facts], ir.Table]:
    """Means of key figures over the other folds' parties of the same ``by`` (industry or place)."""

    def query(facts: Facts) -> ir.Table:
        measures = _measures(facts)
        figures = facts.tables["figures"].select(
            "party_code",
            **{f"{name}_sum": value for name, (value, _) in measures.items()},
            **{f"{name}_n": counts for name, (_, counts) in measures.items()},
        )
        parties = facts.parties.select(
            "party_code", place=facts.parties[by], fold=facts.parties["party_code"] % FOLDS
        )
        parties = parties.filter(parties["place"].notnull())
        rows = parties.inner_join(figures, "party_code")
        columns = [f"{name}_{part}" for name in measures for part in ("sum", "n")]
        folds = rows.group_by(["place", "fold"]).aggregate(
            **{c: rows[c].sum().cast("decimal(38, 0)") for c in columns}, parties_n=rows.count()
        )
        window = ibis.window(group_by="place")
        others = folds.select(
            "place",
            "fold",
            size=folds["parties_n"].sum().over(window),
            **{c: (folds[c].sum().over(window) - folds[c]).cast("float64") for c in columns},
        )
        joined = parties.inner_join(others, ["place", "fold"])
        means = {
            name: (joined[f"{name}_n"] >= MIN_PARTIES).ifelse(
                ratio(joined[f"{name}_sum"], joined[f"{name}_n"]) / 1e6, None
            )
            for name in measures
        }
        return joined.select("party_code", "size", **means)

    return query


def _surroundings_definitions(by: str, whose: str) -> tuple[Definition, ...]:
    def of(figure: str) -> tuple[str, ...]:
        return (f"figures.{figure}",)

    return (
        Definition(
            f"{by}_party_count", "count", None, None,
            f"Parties on record in {whose}.",
            f"The number of firms in {whose} is out of the ordinary", lambda t: t["size"],
        ),
        Definition(
            f"{by}_paid_late_share_365d", "share", 365, "lower",
            f"Mean share of invoices paid late by other parties of {whose} in the last 365 days.",
            f"Payment in {whose} is slow", lambda t: t["paid_late_share_365d"],
            False, ("invoices", *of("paid_late_share_365d")),
        ),
        Definition(
            f"{by}_growing_share_365d", "share", 730, "higher",
            f"Share of other parties of {whose} whose sales grew over the year.",
            f"Sales in {whose} are falling", lambda t: t["sales_growth_365d"],
            False, ("invoices", *of("sales_growth_365d")),
        ),
        Definition(
            f"{by}_adverse_event_share_1095d", "share", 1095, "lower",
            f"Mean adverse share of the events of other parties of {whose} in the last three years.",
            f"Events in {whose} often end badly", lambda t: t["adverse_event_share_1095d"],
            False, ("events", *of("adverse_event_share_1095d")),
        ),
        Definition(
            f"{by}_on_time_share_365d", "share", 365, "higher",
            f"Mean on-time share of the deliveries of other parties of {whose} in the last 365 days.",
            f"Deliveries in {whose} are often late", lambda t: t["on_time_share_365d"],
            False, ("shipments", *of("on_time_share_365d")),
        ),
        Definition(
            f"{by}_bad_outcome_rate", "share", None, "lower",
            f"Share of other parties of {whose} with a bad outcome so far.",
            f"Bad outcomes are frequent in {whose}", lambda t: t["past_bad_count"],
            False, ("outcomes", *of("past_bad_count")),
        ),
    )  # fmt: skip


def economy(facts: Facts) -> ir.Table:
    """The declared economy of each party's industry and region, over all names that apply to it.

    Of each series: its latest value's place between its lowest and highest so far (0 to 1), and its
    relative change over a year (cut at 10).
    """
    rows = facts.tables["context"]
    age, value = facts.age(rows["on"]), rows["value"]
    series = rows.group_by(["industry", "region", "name"]).aggregate(
        latest=value.argmin(age),
        before=value.argmin(age, where=age >= YEAR),
        lowest=value.min(),
        highest=value.max(),
    )
    moved = (series["latest"] - series["before"]) / series["before"].abs().nullif(0.0)
    series = series.select(
        series_industry=series["industry"],
        series_region=series["region"],
        level=micro(ratio(series["latest"] - series["lowest"], series["highest"] - series["lowest"])),
        moved=micro(moved.clip(-10.0, 10.0)),
    )
    parties = facts.tables["parties"]
    kinds = parties.select(
        industry=parties["industry"].fill_null("*"), region=parties["region"].fill_null("*")
    ).distinct()
    matching = [
        series["series_industry"].isin([kinds["industry"], "*"]),
        series["series_region"].isin([kinds["region"], "*"]),
    ]
    applied = kinds.join(series, matching)
    means = applied.group_by(["industry", "region"]).aggregate(
        level=applied["level"].mean() / 1e6, moved=applied["moved"].mean() / 1e6
    )
    of_party = parties.select(
        "party_code", industry=parties["industry"].fill_null("*"), region=parties["region"].fill_null("*")
    )
    return of_party.inner_join(means, ["industry", "region"]).select("party_code", "level", "moved")


ECONOMY = Sheet(
    "environment",
    ("context", "parties"),
    economy,
    (
        Definition(
            "economy_level", "share", None, None,
            "Mean place of the latest figures of the party's industry and region between their lowest and highest.",
            "The figures of the industry and region are out of the ordinary", lambda t: t["level"],
        ),
        Definition(
            "economy_change_365d", "ratio", 365, None,
            "Mean relative change over a year of the figures of the party's industry and region.",
            "The figures of the industry and region moved over the year", lambda t: t["moved"],
        ),
    ),
    "environment",
)  # fmt: skip

SHEETS = (ECONOMY,)

COMPARING = (
    Sheet(
        "environment",
        ("parties",),
        surroundings("industry"),
        _surroundings_definitions("industry", "the party's industry"),
        "environment",
        needs=("parties.industry",),
    ),
    Sheet(
        "environment",
        ("parties",),
        surroundings("place"),
        _surroundings_definitions("place", "the party's country and region"),
        "environment",
        any_of=("parties.country", "parties.region"),
    ),
)
