"""The snapshot's tables made ready for indicators: ages in days instead of dates, shared groupings.

Windows count back from ``today``: a row of that day has age 0, and "the last 90 days" are ages 0 to 89.
Sums run on integers, so that their bytes do not depend on the order of rows or threads.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property

import ibis
import ibis.expr.types as ir
import pyarrow as pa
import pyarrow.compute as pc

from graph.vocabulary import KindDeclaration

YEAR = 365

#: Days past due from which an invoice counts as seriously late.
SERIOUSLY_LATE_DAYS = 30


def within(age: ir.Value, start: int, end: int) -> ir.BooleanValue:
    """``start`` <= age < ``end``; no age is below 0."""
    return age < end if start == 0 else (age >= start) & (age < end)


def share(condition: ir.BooleanValue, where: ir.BooleanValue) -> ir.Value:
    """Share of the rows for which ``condition`` holds; null where there are none."""
    return condition.cast("int32").mean(where=where)


def total(value: ir.Value, where: ir.Value | None = None) -> ir.Value:
    """Exact sum of integers as float64, 0 where no row qualifies."""
    return value.sum(where=where).fill_null(0).cast("float64")


def capped(amount: ir.Value) -> ir.Value:
    """A sum of minor units as a decimal whose square, and sums of such squares, are exact.

    Cut at 10^16, ten times the largest single amount that the contract allows.
    """
    return ibis.least(amount.fill_null(0), 10**16).cast("decimal(19, 0)")


def micro(value: ir.Value) -> ir.Value:
    """A number in whole millionths, cut at a billion: sums of them do not depend on their order."""
    return (value.clip(-1e9, 1e9) * 1e6).round().cast("int64")


def ratio(part: ir.Value, whole: ir.Value) -> ir.Value:
    """``part / whole``; null where the whole is 0 or null."""
    return part.cast("float64") / whole.cast("float64").nullif(0.0)


def change(now: ir.Value, before: ir.Value) -> ir.Value:
    """Relative change; null where there was nothing before."""
    return ratio(now, before) - 1.0


def filled_of(tables: Mapping[str, pa.Table]) -> frozenset[str]:
    """What the tables hold: ``events``, ``events.status`` (some value), ``events.kind=dispute``."""
    found = set(tables)
    for name, table in tables.items():
        for column in table.column_names:
            if table[column].null_count < table.num_rows:
                found.add(f"{name}.{column}")
        if "kind" in table.column_names:
            found |= {f"{name}.kind={kind}" for kind in pc.unique(table["kind"]).to_pylist()}
    return frozenset(found)


@dataclass(frozen=True)
class Facts:
    """Tables as of a day, as Ibis expressions.

    ``tables``: the snapshot's, by contract name. ``today``: the day. ``filled``: see ``filled_of``. ``keep``
    materialises a table that several queries read.
    """

    tables: Mapping[str, ir.Table]
    today: ir.DateScalar
    kinds: Mapping[str, KindDeclaration]
    filled: frozenset[str]
    keep: Callable[[ir.Table], ir.Table]

    def age(self, day: ir.Value) -> ir.Value:
        """Days from ``day`` to ``today``."""
        return self.today.delta(day, unit="day").cast("int32")

    @cached_property
    def invoices(self) -> ir.Table:
        """Invoices with ages in days, null where they do not apply.

        ``age``: since issue, of all documents; ``sold_age``: of those that are neither void nor credit
        notes, and the other columns are null for the latter too. ``due_age``: since the due day, once it
        has come. ``days_late``: past due at payment, or so far; never negative.
        """
        rows = self.tables["invoices"]
        status = rows["status"].fill_null("open")
        plain = status.isin(["open", "paid"])
        is_due = plain & (rows["due_on"] <= self.today)
        ended = ibis.coalesce(rows["paid_on"], self.today)
        late = ibis.greatest(ended.delta(rows["due_on"], unit="day"), 0)
        to_pay = rows["paid_on"].delta(rows["issued_on"], unit="day")

        def days(condition: ir.BooleanValue, value: ir.Value) -> ir.Value:
            return condition.ifelse(value.cast("int32"), ibis.null("int32"))

        return self.keep(
            rows.select(
                "invoice_id",
                "seller_code",
                "buyer_code",
                "amount",
                age=self.age(rows["issued_on"]),
                sold_age=days(plain, self.age(rows["issued_on"])),
                is_void=status == "void",
                is_credit=status == "credit_note",
                is_open=plain & rows["paid_on"].isnull(),
                is_confirmed=rows["confirmed_on"].notnull(),
                due_age=days(is_due, self.age(rows["due_on"])),
                days_late=days(is_due, late),
                paid_age=days(plain, self.age(rows["paid_on"])),
                days_to_pay=days(plain, to_pay),
            )
        )

    @cached_property
    def sellers(self) -> ir.Table:
        """What each party sold and how it was paid, one row a seller."""
        return self.keep(_trade(self.invoices, "seller_code"))

    @cached_property
    def purchasers(self) -> ir.Table:
        """What each party bought and how it paid, one row a buyer."""
        return self.keep(_trade(self.invoices, "buyer_code").drop(*_ONLY_OF_SELLERS))

    @cached_property
    def trade_pairs(self) -> ir.Table:
        """Seller and buyer pairs: amounts and counts of this year and the one before, first and last age."""
        rows = self.invoices.filter(self.invoices["sold_age"].notnull())
        age, amount = rows["sold_age"], rows["amount"]
        this, last = within(age, 0, YEAR), within(age, YEAR, 2 * YEAR)
        return self.keep(
            rows.group_by(["seller_code", "buyer_code"]).aggregate(
                amount=capped(amount.sum(where=this)),
                amount_before=capped(amount.sum(where=last)),
                count=rows.count(where=this),
                count_before=rows.count(where=last),
                first_age=age.max(),
            )
        )

    @cached_property
    def shipments(self) -> ir.Table:
        """Shipments with ages; ``due_age`` and ``days_late`` from when the promised day has come."""
        rows = self.tables["shipments"]
        is_due = rows["promised_on"] <= self.today
        ended = ibis.coalesce(rows["delivered_on"], self.today)
        late = ibis.greatest(ended.delta(rows["promised_on"], unit="day"), 0)
        begun = ibis.coalesce(rows["dispatched_on"], rows["delivered_on"], rows["promised_on"])
        return self.keep(
            rows.select(
                "shipper_code",
                "consignee_code",
                "carrier_code",
                age=ibis.greatest(self.age(begun), 0),
                due_age=is_due.ifelse(self.age(rows["promised_on"]), ibis.null("int32")),
                days_late=is_due.ifelse(late.cast("int32"), ibis.null("int32")),
                lead_days=rows["delivered_on"].delta(rows["dispatched_on"], unit="day").cast("int32"),
                is_open=rows["delivered_on"].isnull(),
            )
        )

    @cached_property
    def figures(self) -> ir.Table:
        """Parties and the indicators they are compared by; ``place`` is country and region together."""
        rows = self.tables["figures"]
        place = rows["country"].fill_null("") + "/" + rows["region"].fill_null("")
        return self.keep(rows.mutate(place=place.nullif("/")).drop("country", "region"))

    def is_adverse(self, rows: ir.Table) -> ir.BooleanValue:
        """Of rows of ``events``: bad news, as their kind's declaration says."""
        always = [k.name for k in self.kinds.values() if k.adverse]
        adverse: ir.BooleanValue = rows["kind"].isin(always)
        for kind in sorted(self.kinds.values(), key=lambda k: k.name):
            if kind.adverse_statuses:
                bad = rows["status"].isin(list(kind.adverse_statuses)).fill_null(False)
                adverse = adverse | ((rows["kind"] == kind.name) & bad)
        return adverse

    def is_decided(self, rows: ir.Table) -> ir.BooleanValue:
        """Of rows of ``events``: good or bad is known (kinds that are judged by status need one)."""
        judged = [k.name for k in self.kinds.values() if k.adverse_statuses]
        return ~rows["kind"].isin(judged) | rows["status"].notnull()

    @cached_property
    def events(self) -> ir.Table:
        """Events with their age, whether they are adverse, and whether that is known yet."""
        rows = self.tables["events"]
        return self.keep(
            rows.select(
                "party_code",
                "counterparty_code",
                "kind",
                "value",
                age=self.age(rows["occurred_on"]),
                adverse=self.is_adverse(rows),
                decided=self.is_decided(rows),
            )
        )


#: Columns of a party's trade that are asked of sellers alone.
_ONLY_OF_SELLERS = (
    "amount_90_180", "amount_90_year_before", "largest_year", "reversed_amount_year", "confirmed_share_year",
)  # fmt: skip


def _trade(rows: ir.Table, party: str) -> ir.Table:
    amount, age, sold = rows["amount"], rows["age"], rows["sold_age"]
    due, paid, late = rows["due_age"], rows["paid_age"], rows["days_late"]
    year = within(age, 0, YEAR)
    overdue = rows["is_open"] & (late > 0)
    return rows.group_by(party_code=rows[party]).aggregate(
        amount_90=total(amount, within(sold, 0, 90)),
        amount_90_180=total(amount, within(sold, 90, 180)),
        amount_year=total(amount, within(sold, 0, YEAR)),
        amount_year_before=total(amount, within(sold, YEAR, 2 * YEAR)),
        amount_90_year_before=total(amount, within(sold, YEAR, YEAR + 90)),
        count_90=rows.count(where=within(sold, 0, 90)),
        count_year=rows.count(where=within(sold, 0, YEAR)),
        count_year_before=rows.count(where=within(sold, YEAR, 2 * YEAR)),
        largest_year=amount.max(where=within(sold, 0, YEAR)),
        void_share_year=share(rows["is_void"], year),
        credit_share_year=share(rows["is_credit"], year),
        reversed_amount_year=total(amount, year & sold.isnull()),
        confirmed_share_year=share(rows["is_confirmed"], within(sold, 0, YEAR)),
        first_age=sold.max(),
        last_age=sold.min(),
        paid_days_180=rows["days_to_pay"].mean(where=within(paid, 0, 180)),
        paid_days_180_360=rows["days_to_pay"].mean(where=within(paid, 180, 360)),
        paid_days_year=rows["days_to_pay"].mean(where=within(paid, 0, YEAR)),
        late_share_90=share(late > 0, within(due, 0, 90)),
        late_days_90=late.mean(where=within(due, 0, 90)),
        late_share_year=share(late > 0, within(due, 0, YEAR)),
        late_days_year=late.mean(where=within(due, 0, YEAR)),
        seriously_late_share_year=share(late > SERIOUSLY_LATE_DAYS, within(due, 0, YEAR)),
        latest_year=late.max(where=within(due, 0, YEAR)),
        latest=late.max(),
        overdue_amount=total(amount, overdue),
        overdue_days=late.max(where=overdue),
    )
