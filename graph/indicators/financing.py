"""Invoice financing that a seller uses, and how it is repaid."""

from __future__ import annotations

import ibis.expr.types as ir

from graph.indicators.facts import YEAR, Facts, ratio, share, total, within
from graph.indicators.sheet import Definition, Sheet, column

_REPAID = ("financings.due_on", "financings.repaid_on")


def financings_by_seller(facts: Facts) -> ir.Table:
    """Financings of each seller's invoices, beside the year's sales."""
    sellers = facts.invoices.select("invoice_id", "seller_code")
    found = facts.tables["financings"].inner_join(sellers, "invoice_id")
    is_due = found["due_on"] <= facts.today
    rows = found.select(
        "seller_code",
        "invoice_id",
        "financier_code",
        "amount",
        "limit",
        "recourse",
        age=facts.age(found["financed_on"]),
        due_age=is_due.ifelse(facts.age(found["due_on"]), None),
        late=is_due & ((found["repaid_on"] > found["due_on"]).fill_null(True)),
        is_open=found["repaid_on"].isnull(),
    )
    year = within(rows["age"], 0, YEAR)
    overdue = rows["is_open"] & (rows["due_age"] > 0)
    sums = rows.group_by(party_code=rows["seller_code"]).aggregate(
        count=rows.count(where=year),
        amount=total(rows["amount"], year),
        open_amount=total(rows["amount"], rows["is_open"]),
        overdue=rows.count(where=overdue),
        overdue_amount=total(rows["amount"], overdue),
        due=rows["due_age"].max(),
        late_share=share(rows["late"], within(rows["due_age"], 0, YEAR)),
        financiers=rows["financier_code"].nunique(where=year),
        invoices=rows["invoice_id"].nunique(where=year),
        limit=rows["limit"].max(),
        recourse=share(rows["recourse"], year & rows["recourse"].notnull()),
    )
    sales = facts.sellers.select("party_code", "amount_year")
    return sums.inner_join(sales, "party_code")


SHEETS = (
    Sheet(
        "financing",
        ("financings", "invoices"),
        financings_by_seller,
        (
            Definition(
                "financed_count_365d", "count", 365, None,
                "Financings of this party's invoices in the last 365 days.",
                "The number of financed invoices is out of the ordinary", column("count"), True,
            ),
            Definition(
                "financed_amount_365d", "minor units", 365, None,
                "Amount financed on this party's invoices in the last 365 days.",
                "The financed amount is out of the ordinary", column("amount"), True,
            ),
            Definition(
                "financed_share_of_sales_365d", "share", 365, "lower",
                "Amount financed in the last 365 days over the sales of the same days.",
                "A large share of sales is financed", lambda t: ratio(t["amount"], t["amount_year"]), True,
            ),
            Definition(
                "open_financing_share_of_sales_365d", "share", 365, "lower",
                "Amount financed and not repaid, over the sales of the last 365 days.",
                "Financing not yet repaid is high against sales",
                lambda t: ratio(t["open_amount"], t["amount_year"]), True, _REPAID,
            ),
            Definition(
                "overdue_financing_count", "count", None, "lower",
                "Financings that are past due and not repaid.",
                "Financings are past due",
                lambda t: t["due"].notnull().ifelse(t["overdue"], None), True, _REPAID,
            ),
            Definition(
                "overdue_financing_share", "share", None, "lower",
                "Amount past due as a share of the amount financed and not repaid.",
                "A large share of open financing is past due",
                lambda t: ratio(t["overdue_amount"], t["open_amount"]), True, _REPAID,
            ),
            Definition(
                "repaid_late_share_365d", "share", 365, "lower",
                "Share of the financings due in the last 365 days that were not repaid on time.",
                "Financings were not repaid by their due date", column("late_share"), True, _REPAID,
            ),
            Definition(
                "financier_count_365d", "count", 365, None,
                "Different financiers of the last 365 days.",
                "The number of financiers is out of the ordinary", column("financiers"), True,
            ),
            Definition(
                "financings_per_invoice_365d", "ratio", 365, "lower",
                "Financings of the last 365 days over the different invoices they name.",
                "Some invoices were financed more than once",
                lambda t: ratio(t["count"], t["invoices"]), True,
            ),
            Definition(
                "financing_limit_use", "share", None, "lower",
                "Amount financed and not repaid, over the highest limit granted.",
                "The financing limit is nearly used up", lambda t: ratio(t["open_amount"], t["limit"]),
                True, ("financings.limit", "financings.repaid_on"),
            ),
            Definition(
                "recourse_share_365d", "share", 365, None,
                "Share of the financings of the last 365 days with recourse to the seller.",
                "The share of financings with recourse is out of the ordinary", column("recourse"),
                False, ("financings.recourse",),
            ),
        ),
        needs=("financings.invoice_id",),
    ),
)  # fmt: skip
