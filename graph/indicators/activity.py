"""Age of a party and how active it is, over all tables that have days."""

from __future__ import annotations

import ibis
import ibis.expr.types as ir

from graph.indicators.facts import YEAR, Facts, change, within
from graph.indicators.sheet import Definition, Sheet

#: Tables beside invoices in which a party acts: their party column.
_ACTORS = {
    "payments": ("paid_on", ("payer_code", "payee_code")),
    "shipments": ("dispatched_on", ("shipper_code", "consignee_code", "carrier_code")),
    "events": ("occurred_on", ("party_code", "counterparty_code")),
    "stocks": ("on", ("party_code",)),
}
_TABLES = ("invoices", *_ACTORS)


def _acts(facts: Facts, table: str, day: str, party: str) -> ir.Table:
    rows = facts.tables[table]
    rows = rows.filter(rows[party].notnull() & rows[day].notnull())
    age = facts.age(rows[day])
    return rows.group_by(party_code=rows[party]).aggregate(
        count_90=rows.count(where=within(age, 0, 90)),
        count_year=rows.count(where=within(age, 0, YEAR)),
        count_year_before=rows.count(where=within(age, YEAR, 2 * YEAR)),
        first_age=age.max(),
        last_age=age.min(),
    )


def activity(facts: Facts) -> ir.Table:
    """Rows of all tables that name a party, by their day: how many, the first and the last."""
    columns = ("party_code", "count_90", "count_year", "count_year_before", "first_age", "last_age")
    parts = []
    if "invoices" in facts.tables:
        parts += [facts.sellers.select(*columns), facts.purchasers.select(*columns)]
    for table, (day, actors) in _ACTORS.items():
        if table in facts.tables:
            parts += [_acts(facts, table, day, party) for party in actors]
    rows = ibis.union(parts[0], *parts[1:]) if len(parts) > 1 else parts[0]
    return rows.group_by("party_code").aggregate(
        **{name: rows[name].sum().cast("float64") for name in columns[1:4]},
        first_age=rows["first_age"].max(),
        last_age=rows["last_age"].min(),
        ways=rows.count(where=rows["count_year"] > 0),
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
                "This party was registered a short time ago", lambda t: t["age_days"],
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
                "The record of activity is short", lambda t: t["first_age"],
            ),
            Definition(
                "days_since_last_activity", "days", None, "lower",
                "Days since the latest dated row of any table that names this party.",
                "The latest activity lies long ago", lambda t: t["last_age"], True,
            ),
            Definition(
                "activity_count_90d", "count", 90, "higher",
                "Invoices, payments, shipments, events and stock reports of the last 90 days.",
                "There was little activity in the last three months", lambda t: t["count_90"], True,
            ),
            Definition(
                "activity_count_365d", "count", 365, "higher",
                "Invoices, payments, shipments, events and stock reports of the last 365 days.",
                "There was little activity in the last year", lambda t: t["count_year"], True,
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
            Definition(
                "activity_role_count_365d", "count", 365, "higher",
                "Ways in which this party was active in the last 365 days: selling, buying, paying, shipping...",
                "This party is active in few ways", lambda t: t["ways"],
            ),
        ),
        any_of=_TABLES,
    ),
)  # fmt: skip
