"""Whom a party buys from, and how much."""

from __future__ import annotations

from graph.indicators.facts import change
from graph.indicators.partners import definitions, partners
from graph.indicators.sheet import Definition, Sheet, column

SHEETS = (
    Sheet(
        "suppliers",
        ("invoices",),
        lambda facts: partners(facts, "buyer_code"),
        definitions("supplier", "purchases"),
    ),
    Sheet(
        "suppliers",
        ("invoices",),
        lambda facts: facts.purchasers,
        (
            Definition(
                "purchase_amount_90d", "minor units", 90, "higher",
                "Amount invoiced by suppliers in the last 90 days.",
                "Purchases of the last three months are low", column("amount_90"), True,
            ),
            Definition(
                "purchase_amount_365d", "minor units", 365, "higher",
                "Amount invoiced by suppliers in the last 365 days.",
                "Purchases of the last year are low", column("amount_year"), True,
            ),
            Definition(
                "purchase_growth_365d", "ratio", 730, "higher",
                "Purchases of the last 365 days against the 365 days before, less 1.",
                "Purchases fell against the year before",
                lambda t: change(t["amount_year"], t["amount_year_before"]), True,
            ),
            Definition(
                "purchase_acceleration_90d", "ratio", 365, None,
                "Purchases a day in the last 90 days against the whole year's, less 1.",
                "Recent purchases depart from the year's average",
                lambda t: change(t["amount_90"] / 90.0, t["amount_year"] / 365.0), True,
            ),
            Definition(
                "purchase_void_share_365d", "share", 365, "lower",
                "Share of the invoices received in the last 365 days that were voided or credited.",
                "Many invoices received were voided or credited",
                lambda t: t["void_share_year"] + t["credit_share_year"],
            ),
        ),
    ),
)  # fmt: skip
