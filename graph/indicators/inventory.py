"""Stock held, how fast it turns, and whether it piles up."""

from __future__ import annotations

import ibis.expr.types as ir

from graph.indicators.facts import YEAR, Facts, change, ratio, within
from graph.indicators.sheet import Definition, Sheet, column

_VALUE = ("stocks.value",)


def stocks_by_party(facts: Facts) -> ir.Table:
    """Latest stock, the last one known half a year and a year before, and the year's mean."""
    rows = facts.tables["stocks"]
    age, value, units = facts.age(rows["on"]), rows["value"], rows["units"]
    return rows.group_by("party_code").aggregate(
        value=value.argmin(age, where=value.notnull()),
        value_half=value.argmin(age, where=value.notnull() & (age >= 180)),
        value_before=value.argmin(age, where=value.notnull() & (age >= YEAR)),
        units=units.argmin(age, where=units.notnull()),
        units_half=units.argmin(age, where=units.notnull() & (age >= 180)),
        mean_value=value.mean(where=within(age, 0, YEAR)),
        reports=rows.count(where=within(age, 0, YEAR)),
        last_age=age.min(),
    )


def stocks_and_sales(facts: Facts) -> ir.Table:
    """The same beside the year's sales."""
    stocks = stocks_by_party(facts)
    sales = facts.sellers.select("party_code", "amount_year", "amount_year_before")
    joined = stocks.inner_join(sales, "party_code")
    return joined.select(
        "party_code", "value", "value_before", "mean_value", "amount_year", "amount_year_before"
    )


SHEETS = (
    Sheet(
        "inventory",
        ("stocks",),
        stocks_by_party,
        (
            Definition(
                "stock_value", "minor units", None, None,
                "Latest known value of the stock.",
                "The value of the stock is out of the ordinary", column("value"), True, _VALUE,
            ),
            Definition(
                "stock_value_growth_180d", "ratio", 180, "lower",
                "Latest stock value against the last one known 180 days ago, less 1.",
                "The value of the stock grew", lambda t: change(t["value"], t["value_half"]), True, _VALUE,
            ),
            Definition(
                "stock_units_growth_180d", "ratio", 180, "lower",
                "Latest units in stock against the last count known 180 days ago, less 1.",
                "The number of units in stock grew", lambda t: change(t["units"], t["units_half"]),
                True, ("stocks.units",),
            ),
            Definition(
                "stock_report_count_365d", "count", 365, None,
                "Stock reports of the last 365 days.",
                "The number of stock reports is out of the ordinary", column("reports"), True,
            ),
            Definition(
                "days_since_last_stock_report", "days", None, "lower",
                "Days since the latest stock report.",
                "The latest stock report is old", column("last_age"), True,
            ),
        ),
    ),
    Sheet(
        "inventory",
        ("stocks", "invoices"),
        stocks_and_sales,
        (
            Definition(
                "stock_days_of_sales_365d", "days", 365, "lower",
                "Days for which the latest stock value would last at the last 365 days' sales.",
                "The stock would last for long at present sales",
                lambda t: ratio(t["value"], t["amount_year"]) * float(YEAR), True,
            ),
            Definition(
                "stock_turnover_365d", "ratio", 365, "higher",
                "Sales of the last 365 days over the mean stock value of the same days.",
                "The stock turns over slowly", lambda t: ratio(t["amount_year"], t["mean_value"]), True,
            ),
            Definition(
                "stock_build_up_365d", "ratio", 730, "lower",
                "Growth of the stock value over a year, less the growth of sales.",
                "The stock grew faster than sales",
                lambda t: change(t["value"], t["value_before"])
                - change(t["amount_year"], t["amount_year_before"]),
                True,
            ),
        ),
        needs=_VALUE,
    ),
)  # fmt: skip
