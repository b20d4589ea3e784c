"""Punctuality and lead time of deliveries: as shipper, as carrier, and as the one who waits for them."""

from __future__ import annotations

import ibis.expr.types as ir

from graph.indicators.facts import YEAR, Facts, change, ratio, share, total, within
from graph.indicators.sheet import Definition, Sheet, column

_PROMISED = ("shipments.promised_on", "shipments.delivered_on")
_DELIVERED = ("shipments.dispatched_on", "shipments.delivered_on")

#: An invoice gets this long before its shipment counts as missing.
FULFILMENT_DAYS = 30


def deliveries(facts: Facts, party: str) -> ir.Table:
    """Shipments of the year and how punctual they were, by ``party`` (a code column of shipments)."""
    rows = facts.shipments
    rows = rows.filter(rows[party].notnull())
    age, due, lead = rows["age"], rows["due_age"], rows["lead_days"]
    year = within(due, 0, YEAR)
    delivered = within(age, 0, YEAR) & lead.notnull()
    return rows.group_by(party_code=rows[party]).aggregate(
        count=rows.count(where=within(age, 0, YEAR)),
        count_before=rows.count(where=within(age, YEAR, 2 * YEAR)),
        on_time_year=share(rows["days_late"] == 0, year),
        on_time_90=share(rows["days_late"] == 0, within(due, 0, 90)),
        late_days_year=rows["days_late"].mean(where=year),
        missing_year=share(rows["is_open"], year),
        lead_days=lead.mean(where=delivered),
        lead_count=rows.count(where=delivered),
        lead_sum=total(lead, delivered),
        lead_squares=total(lead.cast("int64") * lead.cast("int64"), delivered),
        carriers=rows["carrier_code"].nunique(where=within(age, 0, YEAR)),
    )


def _lead_variation(t: ir.Table) -> ir.Value:
    """Population standard deviation over mean, of two deliveries or more."""
    spread = t["lead_count"].cast("float64") * t["lead_squares"] - t["lead_sum"] * t["lead_sum"]
    return ratio((t["lead_count"] > 1).ifelse(spread, None).sqrt(), t["lead_sum"])


SHIPPED = Sheet(
    "logistics",
    ("shipments",),
    lambda facts: deliveries(facts, "shipper_code"),
    (
        Definition(
            "shipment_count_365d", "count", 365, "higher",
            "Shipments dispatched in the last 365 days.",
            "Few shipments were dispatched", column("count"), True,
        ),
        Definition(
            "shipment_growth_365d", "ratio", 730, "higher",
            "Shipments of the last 365 days against the 365 days before, less 1.",
            "Fewer shipments than in the year before", lambda t: change(t["count"], t["count_before"]), True,
        ),
        Definition(
            "on_time_share_365d", "share", 365, "higher",
            "Share of the deliveries promised for the last 365 days that arrived by the promised day.",
            "Many deliveries came after the promised day", column("on_time_year"), True, _PROMISED,
        ),
        Definition(
            "on_time_share_change_90d", "share", 365, "higher",
            "On-time share of the last 90 days, less that of 365 days.",
            "Deliveries are less punctual than before",
            lambda t: t["on_time_90"] - t["on_time_year"], True, _PROMISED,
        ),
        Definition(
            "delivery_delay_days_365d", "days", 365, "lower",
            "Mean days after the promised day, so far or at delivery, in the last 365 days.",
            "Deliveries came long after the promised day", column("late_days_year"), True, _PROMISED,
        ),
        Definition(
            "undelivered_share_365d", "share", 365, "lower",
            "Share of the deliveries promised for the last 365 days that have not arrived.",
            "Promised deliveries have not arrived", column("missing_year"), True, _PROMISED,
        ),
        Definition(
            "lead_time_days_365d", "days", 365, "lower",
            "Mean days from dispatch to delivery of the shipments of the last 365 days.",
            "Shipments take long", column("lead_days"), True, _DELIVERED,
        ),
        Definition(
            "lead_time_variation_365d", "ratio", 365, "lower",
            "Standard deviation over mean of the days from dispatch to delivery in the last 365 days.",
            "Delivery times vary strongly", _lead_variation, True, _DELIVERED,
        ),
        Definition(
            "carrier_count_365d", "count", 365, None,
            "Different carriers used in the last 365 days.",
            "The number of carriers is out of the ordinary", column("carriers"), True,
            ("shipments.carrier_code",),
        ),
    ),
)  # fmt: skip

CARRIED = Sheet(
    "logistics",
    ("shipments",),
    lambda facts: deliveries(facts, "carrier_code"),
    (
        Definition(
            "carried_count_365d", "count", 365, "higher",
            "Shipments carried in the last 365 days.",
            "Few shipments were carried", column("count"), True,
        ),
        Definition(
            "carried_on_time_share_365d", "share", 365, "higher",
            "Share of the carried deliveries promised for the last 365 days that arrived by then.",
            "Many carried deliveries came after the promised day", column("on_time_year"), True, _PROMISED,
        ),
        Definition(
            "carried_delay_days_365d", "days", 365, "lower",
            "Mean days after the promised day of carried deliveries in the last 365 days.",
            "Carried deliveries came long after the promised day", column("late_days_year"), True, _PROMISED,
        ),
    ),
    needs=("shipments.carrier_code",),
)  # fmt: skip

RECEIVED = Sheet(
    "logistics",
    ("shipments",),
    lambda facts: deliveries(facts, "consignee_code"),
    (
        Definition(
            "received_on_time_share_365d", "share", 365, "higher",
            "Share of the deliveries promised to this party for the last 365 days that arrived by then.",
            "Many deliveries reached this party after the promised day",
            column("on_time_year"), False, _PROMISED,
        ),
        Definition(
            "received_delay_days_365d", "days", 365, "lower",
            "Mean days after the promised day of the deliveries to this party in the last 365 days.",
            "Deliveries reached this party long after the promised day",
            column("late_days_year"), False, _PROMISED,
        ),
        Definition(
            "received_undelivered_share_365d", "share", 365, "lower",
            "Share of the deliveries promised to this party for the last 365 days that have not arrived.",
            "Deliveries promised to this party have not arrived", column("missing_year"), False, _PROMISED,
        ),
    ),
    cause="counterparty",
    relation="SHIPS_TO.in",
)  # fmt: skip


def fulfilment(facts: Facts) -> ir.Table:
    """A year's invoices, old enough to be fulfilled, with and without a shipment that names them."""
    shipments = facts.tables["shipments"]
    shipped = shipments.filter(shipments["invoice_id"].notnull()).select("invoice_id").distinct()
    rows = facts.invoices
    rows = rows.filter(within(rows["sold_age"], FULFILMENT_DAYS, FULFILMENT_DAYS + YEAR))
    rows = rows.select("seller_code", "amount", missing=~rows["invoice_id"].isin(shipped["invoice_id"]))
    return rows.group_by(party_code=rows["seller_code"]).aggregate(
        missing=rows["missing"].cast("int32").mean(),
        missing_amount=total(rows["amount"], rows["missing"]),
        amount=total(rows["amount"]),
    )


FULFILMENT = Sheet(
    "logistics",
    ("shipments", "invoices"),
    fulfilment,
    (
        Definition(
            "unshipped_invoice_share_395d", "share", 395, "lower",
            "Share of the invoices issued 30 to 394 days ago that no shipment names.",
            "Many invoices have no shipment on record", column("missing"), True,
        ),
        Definition(
            "unshipped_amount_share_395d", "share", 395, "lower",
            "Share of the amount invoiced 30 to 394 days ago that no shipment names.",
            "Much of the invoiced amount has no shipment on record",
            lambda t: ratio(t["missing_amount"], t["amount"]), True,
        ),
    ),
    needs=("shipments.invoice_id",),
)  # fmt: skip

SHEETS = (SHIPPED, CARRIED, RECEIVED, FULFILMENT)
