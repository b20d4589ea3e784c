"""What surrounds a party: how its industry and its place fare, and their declared economy.

A party's industry and place are judged by the parties of four of five folds, never those of its own fold:
its own cases are left out, and no party differs from its neighbours by its own case alone (a leave-one-out
rate would give it away). A party's fold follows from its id alone (``graph.digest.folds_of``).
"""

from __future__ import annotations

from collections.abc import Callable

import ibis
import ibis.expr.types as ir

from graph.indicators.facts import YEAR, Facts, micro, ratio, total
from graph.indicators.sheet import Definition, Sheet, column

FOLDS = 5

#: Fewer parties than this tell nothing of their surroundings.
MIN_PARTIES = 5


def _measures(facts: Facts) -> dict[str, tuple[ir.Value, ir.Value]]:
    """By figure: its value in each row of ``figures``, and whether the row counts."""
    rows = facts.figures
    found: dict[str, tuple[ir.Value, ir.Value]] = {}
    for name in ("paid_late_share_365d", "adverse_event_share_1095d", "on_time_share_365d"):
        if f"figures.{name}" in facts.filled:
            found[name] = rows[name], rows[name].notnull()
    if "figures.sales_growth_365d" in facts.filled:
        growth = rows["sales_growth_365d"]
        found["growing"] = (growth > 0).cast("float64"), growth.notnull()
    if "figures.past_bad_count" in facts.filled:
        count = rows["past_bad_count"].fill_null(0.0)
        found["bad"] = (count > 0).cast("float64"), rows["party_code"].notnull()
    return found


def surroundings(by: str) -> Callable[[Facts], ir.Table]:
    """Means of figures over the other folds' parties of the same ``by`` (industry or place)."""

    def query(facts: Facts) -> ir.Table:
        measures = _measures(facts)
        rows = facts.figures
        rows = rows.select(
            "party_code",
            area=rows[by],
            fold=rows["fold"],
            **{f"{name}_sum": micro(value.cast("float64")) for name, (value, _) in measures.items()},
            **{f"{name}_n": counts.cast("int64") for name, (_, counts) in measures.items()},
        )
        rows = rows.filter(rows["area"].notnull())
        columns = [f"{name}_{part}" for name in measures for part in ("sum", "n")]
        folds = rows.group_by(["area", "fold"]).aggregate(
            **{c: total(rows[c]) for c in columns}, size=rows.count()
        )
        whole = ibis.window(group_by="area")
        others = folds.select(
            "area",
            "fold",
            size=folds["size"].sum().over(whole),
            **{c: folds[c].sum().over(whole) - folds[c] for c in columns},
        )
        means = {
            name: (others[f"{name}_n"] >= MIN_PARTIES).ifelse(
                ratio(others[f"{name}_sum"], others[f"{name}_n"]) / 1e6, None
            )
            for name in measures
        }
        means_of = others.select("area", "fold", "size", **means)
        joined = rows.select("party_code", "area", "fold").inner_join(means_of, ["area", "fold"])
        return joined.select("party_code", "size", *measures)

    return query


def _surroundings_definitions(by: str, whose: str) -> tuple[Definition, ...]:
    def of(figure: str) -> tuple[str, ...]:
        return (f"figures.{figure}",)

    return (
        Definition(
            f"{by}_party_count", "count", None, None,
            f"Parties on record in {whose}.",
            f"The number of firms in {whose} is out of the ordinary", column("size"),
        ),
        Definition(
            f"{by}_paid_late_share_365d", "share", 365, "lower",
            f"Mean share of invoices paid late by other parties of {whose} in the last 365 days.",
            f"Payment in {whose} is slow", column("paid_late_share_365d"),
            False, ("invoices", *of("paid_late_share_365d")),
        ),
        Definition(
            f"{by}_growing_share_365d", "share", 730, "higher",
            f"Share of other parties of {whose} whose sales grew over the year.",
            f"Sales in {whose} are falling", column("growing"),
            False, ("invoices", *of("sales_growth_365d")),
        ),
        Definition(
            f"{by}_adverse_event_share_1095d", "share", 1095, "lower",
            f"Mean adverse share of the events of other parties of {whose} in the last three years.",
            f"Events in {whose} often end badly", column("adverse_event_share_1095d"),
            False, ("events", *of("adverse_event_share_1095d")),
        ),
        Definition(
            f"{by}_on_time_share_365d", "share", 365, "higher",
            f"Mean on-time share of the deliveries of other parties of {whose} in the last 365 days.",
            f"Deliveries in {whose} are often late", column("on_time_share_365d"),
            False, ("shipments", *of("on_time_share_365d")),
        ),
        Definition(
            f"{by}_bad_outcome_rate", "share", None, "lower",
            f"Share of other parties of {whose} with a bad outcome so far.",
            f"Bad outcomes are frequent in {whose}", column("bad"),
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
            "Mean place of the industry's and region's latest figures between their lowest and highest.",
            "The economy of the industry and region is out of the ordinary", column("level"),
        ),
        Definition(
            "economy_change_365d", "ratio", 365, None,
            "Mean relative change over a year of the industry's and region's figures.",
            "The economy of the industry and region moved over the year", column("moved"),
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
