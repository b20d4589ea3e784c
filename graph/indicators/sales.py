"""Level, growth, rhythm and reversal of what a party sells."""

from __future__ import annotations

import ibis.expr.types as ir

from graph.indicators.facts import Facts, capped, change, ratio, total, within
from graph.indicators.sheet import Definition, Sheet, column

#: Periods of four whole weeks: weekdays cancel out, and 13 of them are a year.
PERIOD_DAYS = 28
PERIODS_A_YEAR = 13

SALES = Sheet(
    "sales",
    ("invoices",),
    lambda facts: facts.sellers,
    (
        Definition(
            "sales_amount_90d", "minor units", 90, "higher",
            "Amount invoiced to buyers in the last 90 days.",
            "Sales of the last three months are low", column("amount_90"), True,
        ),
        Definition(
            "sales_amount_365d", "minor units", 365, "higher",
            "Amount invoiced to buyers in the last 365 days.",
            "Sales of the last year are low", column("amount_year"), True,
        ),
        Definition(
            "sales_count_90d", "count", 90, "higher",
            "Invoices issued to buyers in the last 90 days.",
            "Few invoices were issued in the last three months", column("count_90"), True,
        ),
        Definition(
            "sales_count_365d", "count", 365, "higher",
            "Invoices issued to buyers in the last 365 days.",
            "Few invoices were issued in the last year", column("count_year"), True,
        ),
        Definition(
            "sales_growth_90d", "ratio", 180, "higher",
            "Sales of the last 90 days against the 90 days before, less 1.",
            "Sales fell against the three months before",
            lambda t: change(t["amount_90"], t["amount_90_180"]), True,
        ),
        Definition(
            "sales_growth_365d", "ratio", 730, "higher",
            "Sales of the last 365 days against the 365 days before, less 1.",
            "Sales fell against the year before",
            lambda t: change(t["amount_year"], t["amount_year_before"]), True,
        ),
        Definition(
            "sales_same_season_growth_90d", "ratio", 455, "higher",
            "Sales of the last 90 days against the same days a year ago, less 1.",
            "Sales fell against the same season of last year",
            lambda t: change(t["amount_90"], t["amount_90_year_before"]), True,
        ),
        Definition(
            "sales_acceleration_90d", "ratio", 365, "higher",
            "Sales a day in the last 90 days against the whole year's, less 1.",
            "Recent sales run below the year's average",
            lambda t: change(t["amount_90"] / 90.0, t["amount_year"] / 365.0), True,
        ),
        Definition(
            "invoice_amount_mean_365d", "minor units", 365, None,
            "Mean amount of the invoices issued in the last 365 days.",
            "The usual invoice amount is out of the ordinary",
            lambda t: ratio(t["amount_year"], t["count_year"]),
        ),
        Definition(
            "invoice_amount_growth_365d", "ratio", 730, None,
            "Mean invoice amount of the last 365 days against the 365 days before, less 1.",
            "The usual invoice amount moved away from that of the year before",
            lambda t: change(
                ratio(t["amount_year"], t["count_year"]),
                ratio(t["amount_year_before"], t["count_year_before"]),
            ),
        ),
        Definition(
            "largest_invoice_share_365d", "share", 365, "lower",
            "Share of the last 365 days' sales in the single largest invoice.",
            "Much of the year's sales rests on one invoice",
            lambda t: ratio(t["largest_year"], t["amount_year"]),
        ),
        Definition(
            "void_share_365d", "share", 365, "lower",
            "Share of the invoices of the last 365 days that were voided.",
            "Many invoices were voided", column("void_share_year"), True,
        ),
        Definition(
            "credit_note_share_365d", "share", 365, "lower",
            "Share of the documents issued in the last 365 days that are credit notes.",
            "Many credit notes were issued", column("credit_share_year"), True,
        ),
        Definition(
            "dilution_share_365d", "share", 365, "lower",
            "Amount voided or credited in the last 365 days, as a share of the amount of all documents.",
            "Much of the invoiced amount was voided or credited",
            lambda t: ratio(t["reversed_amount_year"], t["reversed_amount_year"] + t["amount_year"]), True,
        ),
        Definition(
            "confirmed_invoice_share_365d", "share", 365, "higher",
            "Share of the invoices of the last 365 days that buyers confirmed.",
            "Few invoices were confirmed by buyers",
            column("confirmed_share_year"), True, ("invoices.confirmed_on",),
        ),
        Definition(
            "days_since_first_sale", "days", None, "higher",
            "Days since the first invoice on record.",
            "The record of sales is short", column("first_age"),
        ),
        Definition(
            "days_since_last_sale", "days", None, "lower",
            "Days since the latest invoice.",
            "The latest sale lies long ago", column("last_age"), True,
        ),
    ),
)  # fmt: skip


def sales_rhythm(facts: Facts) -> ir.Table:
    """Sums over each seller's periods of 28 days: ``s`` this year's 13, ``b`` the 13 before.

    Periods without a sale have no row and add 0; the squares are decimals, so they add up exactly.
    """
    rows = facts.invoices
    rows = rows.filter(within(rows["sold_age"], 0, 2 * PERIODS_A_YEAR * PERIOD_DAYS))
    period = rows["sold_age"] // PERIOD_DAYS
    slots = rows.group_by(rows["seller_code"], slot=period % PERIODS_A_YEAR).aggregate(
        this=capped(rows["amount"].sum(where=period < PERIODS_A_YEAR)),
        before=capped(rows["amount"].sum(where=period >= PERIODS_A_YEAR)),
    )
    s, b, slot = slots["this"], slots["before"], slots["slot"]
    sums = slots.group_by(party_code=slots["seller_code"]).aggregate(
        s=total(s),
        b=total(b),
        ss=total(s * s),
        bb=total(b * b),
        sb=total(s * b),
        sx=total(s * slot.cast("decimal(9, 0)")),
        peak=s.max().cast("float64"),
        selling=slots.count(where=s > 0).cast("float64"),
    )
    first = facts.sellers.select("party_code", "first_age")
    return sums.inner_join(first, "party_code")


#: Below this share of the squared sum a spread is rounding, not variation.
_NO_SPREAD = 1e-12


def _spread(squares: ir.Value, value: ir.Value, n: int) -> ir.Value:
    """n Σv² - (Σv)², which is n² times the population variance; 0 where it is rounding only."""
    spread = squares * float(n) - value * value
    return (spread > _NO_SPREAD * value * value).ifelse(spread, 0.0)


def _over(t: ir.Table, n: int, value: ir.Value) -> ir.Value:
    """``value``, null unless the party has sold for n periods."""
    return (t["first_age"] >= (n - 1) * PERIOD_DAYS).ifelse(value, None)


def _variation(t: ir.Table, n: int, squares: ir.Value, value: ir.Value) -> ir.Value:
    return _over(t, n, ratio(_spread(squares, value, n).sqrt(), value))


def _season(t: ir.Table) -> ir.Value:
    """Pearson correlation of this year's periods with the same periods of last year."""
    n = PERIODS_A_YEAR
    spreads = _spread(t["ss"], t["s"], n).sqrt() * _spread(t["bb"], t["b"], n).sqrt()
    return _over(t, 2 * n, ratio(t["sb"] * float(n) - t["s"] * t["b"], spreads))


def _trend(t: ir.Table) -> ir.Value:
    """Least-squares slope over the year's periods, relative to their mean; period 0 is the latest."""
    n = PERIODS_A_YEAR
    middle = (n - 1) / 2
    spread = sum((k - middle) ** 2 for k in range(n))
    return _over(t, n, ratio(t["s"] * middle - t["sx"], t["s"] * (spread / n)))


RHYTHM = Sheet(
    "sales",
    ("invoices",),
    sales_rhythm,
    (
        Definition(
            "sales_volatility_364d", "ratio", 364, "lower",
            "Standard deviation over mean of the sales of the last 13 periods of four weeks.",
            "Sales vary strongly from month to month",
            lambda t: _variation(t, PERIODS_A_YEAR, t["ss"], t["s"]), True,
        ),
        Definition(
            "sales_volatility_728d", "ratio", 728, "lower",
            "Standard deviation over mean of the sales of the last 26 periods of four weeks (two years).",
            "Sales varied strongly over two years",
            lambda t: _variation(t, 2 * PERIODS_A_YEAR, t["ss"] + t["bb"], t["s"] + t["b"]), True,
        ),
        Definition(
            "sales_seasonality_728d", "ratio", 728, None,
            "Correlation of the sales of the last 13 periods with the same periods a year before.",
            "Sales do not follow the season of the year before", _season,
        ),
        Definition(
            "sales_trend_364d", "ratio", 364, "higher",
            "Slope of the sales of the last 13 periods of four weeks, a period, relative to their mean.",
            "Sales trended downwards over the year", _trend, True,
        ),
        Definition(
            "sales_peak_share_364d", "share", 364, "lower",
            "Share of the sales of the last 13 periods in the strongest period.",
            "The year's sales are bunched in one month",
            lambda t: _over(t, PERIODS_A_YEAR, ratio(t["peak"], t["s"])),
        ),
        Definition(
            "sales_idle_share_364d", "share", 364, "lower",
            "Share of the last 13 periods of four weeks in which nothing was sold.",
            "There were months without a sale",
            lambda t: _over(t, PERIODS_A_YEAR, 1.0 - t["selling"] / float(PERIODS_A_YEAR)), True,
        ),
    ),
)  # fmt: skip

SHEETS = (SALES, RHYTHM)
