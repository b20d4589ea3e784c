"""How a party pays as a buyer (its own doing) and how it is paid as a seller (its buyers' doing)."""

from __future__ import annotations

import ibis.expr.types as ir

from graph.indicators.facts import YEAR, Facts, ratio, total, within
from graph.indicators.sheet import Definition, Sheet, column

_DUE = ("invoices.due_on", "invoices.paid_on")
_PAID = ("invoices.paid_on",)


def _late_share_change(t: ir.Table) -> ir.Value:
    return t["late_share_90"] - t["late_share_year"]


def _late_days_change(t: ir.Table) -> ir.Value:
    return t["late_days_90"] - t["late_days_year"]


def _days_to_pay_change(t: ir.Table) -> ir.Value:
    return t["paid_days_180"] - t["paid_days_180_360"]


def _overdue_amount(t: ir.Table) -> ir.Value:
    """Null where nothing has come due yet."""
    return t["latest"].notnull().ifelse(t["overdue_amount"], None)


def _overdue_share(t: ir.Table) -> ir.Value:
    return ratio(_overdue_amount(t), t["amount_year"])


def _overdue_days(t: ir.Table) -> ir.Value:
    return t["latest"].notnull().ifelse(t["overdue_days"].fill_null(0), None)


GIVEN = Sheet(
    "payments",
    ("invoices",),
    lambda facts: facts.purchasers,
    (
        Definition(
            "payable_days_365d", "days", 365, "lower",
            "Mean days from issue to payment of the invoices this party paid in the last 365 days.",
            "Suppliers wait long for their money", column("paid_days_year"), True, _PAID,
        ),
        Definition(
            "payable_days_change_180d", "days", 360, "lower",
            "Mean days to pay in the last 180 days, less those in the 180 days before.",
            "Suppliers are paid later than before", _days_to_pay_change, True, _PAID,
        ),
        Definition(
            "paid_late_share_365d", "share", 365, "lower",
            "Share of the invoices due from this party in the last 365 days that were not paid on time.",
            "Many invoices were not paid by their due date", column("late_share_year"), True, _DUE,
        ),
        Definition(
            "paid_late_days_365d", "days", 365, "lower",
            "Mean days past due, so far or at payment, of what this party had to pay in the last 365 days.",
            "Invoices are paid long after their due date", column("late_days_year"), True, _DUE,
        ),
        Definition(
            "paid_seriously_late_share_365d", "share", 365, "lower",
            "Share of the invoices due from this party in the last 365 days that got over 30 days past due.",
            "Invoices got more than 30 days past due", column("seriously_late_share_year"), True, _DUE,
        ),
        Definition(
            "paid_late_share_change_90d", "share", 365, "lower",
            "Late share of the invoices due in the last 90 days, less that of the whole year.",
            "More invoices are paid late than before", _late_share_change, True, _DUE,
        ),
        Definition(
            "paid_late_days_change_90d", "days", 365, "lower",
            "Mean days past due of the invoices due in the last 90 days, less that of the whole year.",
            "Invoices are paid later than before", _late_days_change, True, _DUE,
        ),
        Definition(
            "paid_latest_days_365d", "days", 365, "lower",
            "Most days past due of any invoice due from this party in the last 365 days.",
            "One invoice was paid very late or is still unpaid", column("latest_year"), True, _DUE,
        ),
        Definition(
            "overdue_payable_amount", "minor units", None, "lower",
            "Amount that this party owes and that is past due.",
            "Amounts owed are past due", _overdue_amount, True, _DUE,
        ),
        Definition(
            "overdue_payable_share_365d", "share", 365, "lower",
            "Amount owed and past due, over the purchases of the last 365 days.",
            "A large share of purchases is unpaid past due", _overdue_share, True, _DUE,
        ),
        Definition(
            "overdue_payable_days", "days", None, "lower",
            "Days past due of the oldest unpaid invoice (0: none).",
            "An invoice has been unpaid for long past its due date", _overdue_days, True, _DUE,
        ),
    ),
)  # fmt: skip

TAKEN = Sheet(
    "payments",
    ("invoices",),
    lambda facts: facts.sellers,
    (
        Definition(
            "receivable_days_365d", "days", 365, "lower",
            "Mean days from issue to payment of the invoices buyers paid to this party in the last 365 days.",
            "Buyers take long to pay", column("paid_days_year"), False, _PAID,
        ),
        Definition(
            "receivable_days_change_180d", "days", 360, "lower",
            "Mean days until buyers paid in the last 180 days, less those in the 180 days before.",
            "Receivables are paid later than before", _days_to_pay_change, False, _PAID,
        ),
        Definition(
            "received_late_share_365d", "share", 365, "lower",
            "Share of the receivables due in the last 365 days that buyers did not pay on time.",
            "Many receivables were not paid by their due date", column("late_share_year"), False, _DUE,
        ),
        Definition(
            "received_late_days_365d", "days", 365, "lower",
            "Mean days past due, so far or at payment, of the receivables due in the last 365 days.",
            "Receivables are paid long after their due date", column("late_days_year"), False, _DUE,
        ),
        Definition(
            "received_seriously_late_share_365d", "share", 365, "lower",
            "Share of the receivables due in the last 365 days that got over 30 days past due.",
            "Receivables got more than 30 days past due", column("seriously_late_share_year"), False, _DUE,
        ),
        Definition(
            "received_late_share_change_90d", "share", 365, "lower",
            "Late share of the receivables due in the last 90 days, less that of the whole year.",
            "More receivables are paid late than before", _late_share_change, False, _DUE,
        ),
        Definition(
            "received_late_days_change_90d", "days", 365, "lower",
            "Mean days past due of the receivables due in the last 90 days, less that of the whole year.",
            "The lateness of receivables grew", _late_days_change, False, _DUE,
        ),
        Definition(
            "overdue_receivable_amount", "minor units", None, "lower",
            "Amount that buyers owe to this party and that is past due.",
            "Amounts owed by buyers are past due", _overdue_amount, False, _DUE,
        ),
        Definition(
            "overdue_receivable_share_365d", "share", 365, "lower",
            "Amount buyers owe past due, over the sales of the last 365 days.",
            "A large share of sales is unpaid past due", _overdue_share, False, _DUE,
        ),
        Definition(
            "overdue_receivable_days", "days", None, "lower",
            "Days past due of the oldest unpaid receivable (0: none).",
            "A receivable has been unpaid for long past its due date", _overdue_days, False, _DUE,
        ),
    ),
    cause="counterparty",
    relation="SUPPLIES.out",
)  # fmt: skip


def _instalments(facts: Facts) -> ir.Table:
    """Payments of each invoice, number and sum, with the invoice's parties, amount and age."""
    payments = facts.tables["payments"]
    paid = payments.group_by("invoice_id").aggregate(number=payments.count(), paid=payments["amount"].sum())
    invoices = facts.invoices
    invoices = invoices.filter(within(invoices["sold_age"], 0, YEAR))
    return invoices.inner_join(paid, "invoice_id")


def settlements_by_buyer(facts: Facts) -> ir.Table:
    """Invoices of the year with payments, and those with several, by buyer."""
    rows = facts.keep(_instalments(facts))
    return rows.group_by(party_code=rows["buyer_code"]).aggregate(
        invoices=rows.count(),
        split=rows.count(where=rows["number"] > 1),
    )


def settlements_by_seller(facts: Facts) -> ir.Table:
    """Settled invoices of the year with payments, and what their payments fall short of, by seller."""
    rows = _instalments(facts)
    rows = rows.filter(~rows["is_open"])
    short = rows["paid"] < rows["amount"]
    return rows.group_by(party_code=rows["seller_code"]).aggregate(
        amount=total(rows["amount"]),
        short_amount=total(rows["amount"] - rows["paid"], short),
        invoices=rows.count(),
        short=rows.count(where=short),
    )


INSTALMENTS = Sheet(
    "payments",
    ("invoices", "payments"),
    settlements_by_buyer,
    (
        Definition(
            "instalment_share_365d", "share", 365, "lower",
            "Share of the last 365 days' invoices with payments that were paid in more than one part.",
            "Invoices are paid in parts", lambda t: ratio(t["split"], t["invoices"]), True,
        ),
    ),
    needs=("payments.invoice_id",),
)  # fmt: skip

SHORT_PAYMENTS = Sheet(
    "payments",
    ("invoices", "payments"),
    settlements_by_seller,
    (
        Definition(
            "short_paid_share_365d", "share", 365, "lower",
            "Share of this party's settled invoices of the last 365 days that buyers paid short.",
            "Buyers settle invoices for less than their amount", lambda t: ratio(t["short"], t["invoices"]),
        ),
        Definition(
            "short_paid_amount_share_365d", "share", 365, "lower",
            "Amount missing from the settled invoices of the last 365 days, as a share of their amount.",
            "Buyers hold back part of the invoiced amount", lambda t: ratio(t["short_amount"], t["amount"]),
        ),
    ),
    cause="counterparty",
    relation="SUPPLIES.out",
    needs=("payments.invoice_id", "invoices.paid_on"),
)  # fmt: skip


def flows(facts: Facts) -> ir.Table:
    """Money in and out of each party over the last 365 days."""
    rows = facts.tables["payments"]
    rows = rows.select("payer_code", "payee_code", "amount", age=facts.age(rows["paid_on"]))
    zero = 0 * rows["amount"]
    out = rows.select("age", party_code=rows["payer_code"], money_out=rows["amount"], money_in=zero)
    into = rows.select("age", party_code=rows["payee_code"], money_out=zero, money_in=rows["amount"])
    both = out.union(into)
    return both.group_by("party_code").aggregate(
        out_90=total(both["money_out"], both["age"] < 90),
        in_90=total(both["money_in"], both["age"] < 90),
        out_year=total(both["money_out"], both["age"] < YEAR),
        in_year=total(both["money_in"], both["age"] < YEAR),
    )


def _balance(into: ir.Value, out: ir.Value) -> ir.Value:
    return ratio(into - out, into + out)


FLOWS = Sheet(
    "payments",
    ("payments",),
    flows,
    (
        Definition(
            "payment_inflow_365d", "minor units", 365, "higher",
            "Payments received in the last 365 days.",
            "Little money came in over the year", column("in_year"), True,
        ),
        Definition(
            "payment_outflow_365d", "minor units", 365, None,
            "Payments made in the last 365 days.",
            "The amount of payments made is out of the ordinary", column("out_year"), True,
        ),
        Definition(
            "payment_balance_90d", "ratio", 90, "higher",
            "Payments received less payments made in the last 90 days, over their sum: -1 to 1.",
            "Recently more money went out than came in", lambda t: _balance(t["in_90"], t["out_90"]), True,
        ),
        Definition(
            "payment_balance_365d", "ratio", 365, "higher",
            "Payments received less payments made in the last 365 days, over their sum: -1 to 1.",
            "Over the year more money went out than came in",
            lambda t: _balance(t["in_year"], t["out_year"]), True,
        ),
    ),
)  # fmt: skip

SHEETS = (GIVEN, TAKEN, INSTALMENTS, SHORT_PAYMENTS, FLOWS)
