"""Age of a party and how active it is, over all tables that have days."""

from __future__ import annotations

import ibis
import ibis.expr.types as ir

from graph.indicators.facts import YEAR, Facts, change, total, within
from graph.indicators.sheet import Definition, Sheet, column

#: Tables beside invoices in which parties act: their day, and who acts.
_ACTORS = {
    "payments": ("paid_on", ("payer_code", "payee_code")),
    "shipments": ("dispatched_on", ("shipper_code", "consignee_code", "carrier_code")),
    "events": ("occurred_on", ("party_code", "counterparty_code")),
    "stocks": ("on", ("party_code",)),
}


def _acts(facts: Facts) -> ir.Table | None:
    """Rows of the tables beside invoices that name a party, counted by party."""
    parts = []
    for table, (day, actors) in _ACTORS.items():
        if table in facts.tables:
            rows = facts.tables[table]
            parts += [rows.select(party_code=rows[party], age=facts.age(rows[day])) for party in actors]
    if not parts:
        return None
    rows = ibis.union(parts[0], *parts[1:]) if len(parts) > 1 else parts[0]
    rows = rows.filter(rows["party_code"].notnull() & rows["age"].notnull())
    age = rows["age"]
    return rows.group_by("party_code").aggregate(
        count_90=rows.count(where=within(age, 0, 90)),
        count_year=rows.count(where=within(age, 0, YEAR)),
        count_year_before=rows.count(where=within(age, YEAR, 2 * YEAR)),
        first_age=age.max(),
        last_age=age.min(),
    )


def activity(facts: Facts) -> ir.Table:
    """Dated rows of all tables that name a party: how many, the first and the last."""
    acts = _acts(facts)
    parts = [] if acts is None else [acts]
    if "invoices" in facts.tables:
        columns = ("party_code", "count_90", "count_year", "count_year_before", "first_age", "last_age")
        parts += [facts.sellers.select(*columns), facts.purchasers.select(*columns)]
    rows = ibis.union(parts[0], *parts[1:]) if len(parts) > 1 else parts[0]
    counts = ("count_90", "count_year", "count_year_before")
    return rows.group_by("party_code").aggregate(
        **{name: total(rows[name]) for name in counts},
        first_age=rows["first_age"].max(),
        last_age=rows["last_age"].min(),
    )


def registration(facts: Facts) -> ir.Table:
    """Days since each party's registration."""
    rows = facts.tables["parties"]
    return rows.select("party_code", age_days=facts.age(rows["registered_on"]))


SHEETS = (
    Sheet(
        "activity",
        ("parties",),
        registration,
        (
            Definition(
                "age_days", "days", None, "higher",
                "Days since registration.",
                "This party was registered a short time ago", column("age_days"),
                False, ("parties.registered_on",),
            ),
        ),
    ),
    Sheet(
        "activity",
        ("parties",),
        activity,
        (
            Definition(
                "days_since_first_activity", "days", None, "higher",
                "Days since the first dated row of any table that names this party.",
                "The record of activity is short", column("first_age"),
            ),
            Definition(
                "days_since_last_activity", "days", None, "lower",
                "Days since the latest dated row of any table that names this party.",
                "The latest activity lies long ago", column("last_age"), True,
            ),
            Definition(
                "activity_count_90d", "count", 90, "higher",
                "Invoices, payments, shipments, events and stock reports of the last 90 days.",
                "There was little activity in the last three months", column("count_90"), True,
            ),
            Definition(
                "activity_count_365d", "count", 365, "higher",
                "Invoices, payments, shipments, events and stock reports of the last 365 days.",
                "There was little activity in the last year", column("count_year"), True,
            ),
            Definition(
                "activity_growth_365d", "ratio", 730, "higher",
                "Activity of the last 365 days against the 365 days before, less 1.",
                "Activity fell against the year before",
                lambda t: change(t["count_year"], t["count_year_before"]), True,
            ),
            Definition(
                "activity_acceleration_90d", "ratio", 365, "higher",
                "Activity a day in the last 90 days against the whole year's, less 1.",
                "Recent activity runs below the year's average",
                lambda t: change(t["count_90"] / 90.0, t["count_year"] / 365.0), True,
            ),
        ),
        any_of=("invoices", *_ACTORS),
    ),
)  # fmt: skip
