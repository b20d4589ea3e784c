"""Whom a party sells to."""

from __future__ import annotations

from graph.indicators.partners import definitions, partners
from graph.indicators.sheet import Sheet

SHEETS = (
    Sheet(
        "buyers",
        ("invoices",),
        lambda facts: partners(facts, "seller_code"),
        definitions("buyer", "sales"),
    ),
)
