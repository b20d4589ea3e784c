"""Number, concentration, loyalty and tenure of trading partners: the same for buyers and suppliers."""

from __future__ import annotations

from typing import Literal

import ibis.expr.types as ir

from graph.indicators.facts import YEAR, Facts, change, ratio, total
from graph.indicators.sheet import Definition, column

Side = Literal["seller_code", "buyer_code"]


def partners(facts: Facts, party: Side) -> ir.Table:
    """Over the trade pairs of each ``party``."""
    pairs = facts.trade_pairs
    amount, before = pairs["amount"], pairs["amount_before"]
    now, then = pairs["count"] > 0, pairs["count_before"] > 0
    is_new = pairs["first_age"] < YEAR
    return pairs.group_by(party_code=pairs[party]).aggregate(
        partners=pairs.count(where=now),
        partners_before=pairs.count(where=then),
        kept=pairs.count(where=now & then),
        new=pairs.count(where=now & is_new),
        repeating=pairs.count(where=now & (pairs["count"] > 1)),
        amount=total(amount),
        amount_before=total(before),
        amount_known=total(amount, ~is_new),
        squares=total(amount * amount),
        squares_before=total(before * before),
        top=amount.max().cast("float64"),
        tenure_days=total(pairs["first_age"], now),
    )


def _concentration(squares: ir.Value, amount: ir.Value) -> ir.Value:
    """Herfindahl-Hirschman index: the sum of squared shares, 1 for a single partner."""
    return ratio(squares, amount * amount)


def definitions(who: str, trade: str) -> tuple[Definition, ...]:
    """``who``: "buyer" or "supplier"; ``trade``: "sales" or "purchases"."""
    return (
        Definition(
            f"{who}_count_365d", "count", 365, "higher",
            f"Different {who}s of the last 365 days.",
            f"There are few {who}s", column("partners"), True,
        ),
        Definition(
            f"{who}_count_growth_365d", "ratio", 730, "higher",
            f"Number of {who}s of the last 365 days against the 365 days before, less 1.",
            f"The number of {who}s fell", lambda t: change(t["partners"], t["partners_before"]), True,
        ),
        Definition(
            f"repeat_{who}_share_365d", "share", 365, "higher",
            f"Share of the {who}s of the last 365 days with two invoices or more.",
            f"Few {who}s came back", lambda t: ratio(t["repeating"], t["partners"]), True,
        ),
        Definition(
            f"known_{who}_{trade}_share_365d", "share", 365, "higher",
            f"Share of the {trade} of the last 365 days with {who}s of more than a year's standing.",
            f"Many of the {trade} are with {who}s of less than a year",
            lambda t: ratio(t["amount_known"], t["amount"]),
        ),
        Definition(
            f"new_{who}_share_365d", "share", 365, None,
            f"Share of the {who}s of the last 365 days with whom there was no trade before.",
            f"Most {who}s are new", lambda t: ratio(t["new"], t["partners"]),
        ),
        Definition(
            f"{who}_retention_365d", "share", 730, "higher",
            f"Share of the {who}s of the year before that are still active in the last 365 days.",
            f"Many of last year's {who}s are gone", lambda t: ratio(t["kept"], t["partners_before"]), True,
        ),
        Definition(
            f"{who}_tenure_days", "days", None, "higher",
            f"Mean days since the first invoice with each of the {who}s of the last 365 days.",
            f"Ties to {who}s are young", lambda t: ratio(t["tenure_days"], t["partners"]),
        ),
        Definition(
            f"{who}_concentration_365d", "ratio", 365, "lower",
            f"Sum of the squared shares of {who}s in the {trade} of the last 365 days (1: a single {who}).",
            f"The {trade} depend on few {who}s", lambda t: _concentration(t["squares"], t["amount"]), True,
        ),
        Definition(
            f"{who}_concentration_change_365d", "ratio", 730, "lower",
            f"Concentration of the {trade} on {who}s, less that of the 365 days before.",
            f"The {trade} depend on fewer {who}s than before",
            lambda t: _concentration(t["squares"], t["amount"])
            - _concentration(t["squares_before"], t["amount_before"]),
            True,
        ),
        Definition(
            f"top_{who}_share_365d", "share", 365, "lower",
            f"Share of the largest {who} in the {trade} of the last 365 days.",
            f"The {trade} depend on one {who}", lambda t: ratio(t["top"], t["amount"]), True,
        ),
    )  # fmt: skip
