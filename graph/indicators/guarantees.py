"""Guarantees given and received."""

from __future__ import annotations

import ibis.expr.types as ir

from graph.indicators.facts import Facts, ratio, total
from graph.indicators.linked import link_ends, record_sheets
from graph.indicators.sheet import Definition, Sheet, column

_KIND = ("links.kind=GUARANTEES",)


def guarantees(facts: Facts) -> ir.Table:
    """Number and amount of the open guarantees at both ends of each party."""
    given = link_ends(facts, ("GUARANTEES",), "out")
    received = link_ends(facts, ("GUARANTEES",), "in")
    zero = 0 * given["amount"].fill_null(0)
    both = given.select(
        "party_code", given=1, received=0, given_amount=given["amount"].fill_null(0), received_amount=zero
    )
    zero = 0 * received["amount"].fill_null(0)
    both = both.union(
        received.select(
            "party_code",
            given=0,
            received=1,
            given_amount=zero,
            received_amount=received["amount"].fill_null(0),
        )
    )
    return both.group_by("party_code").aggregate(
        **{name: total(both[name]) for name in ("given", "received", "given_amount", "received_amount")}
    )


def guarantees_and_sales(facts: Facts) -> ir.Table:
    """The same beside the year's sales."""
    sales = facts.sellers.select("party_code", "amount_year")
    return guarantees(facts).inner_join(sales, "party_code")


SHEETS = (
    Sheet(
        "guarantees",
        ("links",),
        guarantees,
        (
            Definition(
                "guarantees_given_count", "count", None, "lower",
                "Parties for which this party guarantees.",
                "Guarantees were given for other parties", column("given"), True,
            ),
            Definition(
                "guarantees_received_count", "count", None, None,
                "Parties that guarantee for this party.",
                "The number of guarantors is out of the ordinary", column("received"), True,
            ),
            Definition(
                "guarantees_given_amount", "minor units", None, "lower",
                "Amount of the guarantees given.",
                "Guarantees were given for high amounts", column("given_amount"),
                True, ("links.amount",),
            ),
            Definition(
                "guarantees_received_amount", "minor units", None, None,
                "Amount of the guarantees received.",
                "The amount guaranteed by others is out of the ordinary",
                column("received_amount"), True, ("links.amount",),
            ),
            Definition(
                "guarantee_balance", "ratio", None, "lower",
                "Guarantees given less those received, over their sum: -1 to 1.",
                "More is guaranteed for others than others guarantee",
                lambda t: ratio(
                    t["given_amount"] - t["received_amount"], t["given_amount"] + t["received_amount"]
                ),
                True, ("links.amount",),
            ),
        ),
        needs=_KIND,
    ),
    Sheet(
        "guarantees",
        ("links", "invoices"),
        guarantees_and_sales,
        (
            Definition(
                "guarantees_given_to_sales_365d", "ratio", 365, "lower",
                "Amount of the guarantees given over the sales of the last 365 days.",
                "Guarantees given are high against sales",
                lambda t: ratio(t["given_amount"], t["amount_year"]), True,
            ),
            Definition(
                "guarantees_received_to_sales_365d", "ratio", 365, None,
                "Amount of the guarantees received over the sales of the last 365 days.",
                "Guarantees received are out of proportion to sales",
                lambda t: ratio(t["received_amount"], t["amount_year"]), True,
            ),
        ),
        needs=(*_KIND, "links.amount"),
    ),
    *record_sheets("guarantees", "GUARANTEES", "in", "guarantor", "this party's guarantors"),
    *record_sheets("guarantees", "GUARANTEES", "out", "guaranteed_party", "the parties it guarantees for"),
)  # fmt: skip
