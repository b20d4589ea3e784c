"""The table contract: what a source must deliver, by table and column.

One declaration serves four readers: pandera and the loaders (``graph.rules``: row rules with a reason a
person can act on), the stores (column types) and the docs. Money is int64 minor units of an
ISO 4217 currency; dates are calendar days; text is NFC.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal

import ibis.expr.types as ir
import pyarrow

from graph import vocabulary

ColumnType = Literal["text", "date", "int", "float", "money", "bool"]

ARROW_TYPES: Mapping[ColumnType, pyarrow.DataType] = {
    "text": pyarrow.string(),
    "date": pyarrow.date32(),
    "int": pyarrow.int64(),
    "float": pyarrow.float64(),
    "money": pyarrow.int64(),
    "bool": pyarrow.bool_(),
}
IBIS_TYPES: Mapping[ColumnType, str] = {
    "text": "string",
    "date": "date",
    "int": "int64",
    "float": "float64",
    "money": "int64",
    "bool": "boolean",
}
DUCKDB_TYPES: Mapping[ColumnType, str] = {
    "text": "VARCHAR",
    "date": "DATE",
    "int": "BIGINT",
    "float": "DOUBLE",
    "money": "BIGINT",
    "bool": "BOOLEAN",
}

#: Larger amounts are taken for errors of unit or parsing (ten thousand billion major units).
MAX_MONEY_MINOR_UNITS = 10**15
EARLIEST_DATE = "1900-01-01"
LATEST_DATE = "2100-01-01"


@dataclass(frozen=True)
class Column:
    """One column of the contract.

    ``required``: no nulls. ``one_of``: the allowed values, unless a source declares further kinds.
    ``references``: the table whose key the value names: a party must be known, an invoice may come later.
    ``later``: a fact of a later day than the
    row's own (``paid_on``): as of an earlier day it reads null, together with the columns it ``reveals``.
    """

    name: str
    type: ColumnType
    required: bool = False
    one_of: tuple[str, ...] = ()
    references: str | None = None
    later: bool = False
    reveals: tuple[str, ...] = ()
    minimum: float | None = None
    meaning: str = ""


@dataclass(frozen=True)
class Rule:
    """A check of whole rows: ``ok`` maps an Ibis table to a boolean column (null counts as passed)."""

    column: str
    name: str
    expected: str
    ok: Callable[[ir.Table], ir.BooleanValue]


@dataclass(frozen=True)
class Table:
    """One table of the contract. ``key`` identifies a thing; (key, known_on) identifies a version of it.

    ``event_column`` is the day the row is about (null: the row is about a state).
    ``open_columns``: columns named ``x_*`` may be added by a source (numbers, kept as float64).
    """

    name: str
    key: tuple[str, ...]
    columns: tuple[Column, ...]
    rules: tuple[Rule, ...] = ()
    event_column: str | None = None
    open_columns: bool = False

    @property
    def column_names(self) -> tuple[str, ...]:
        return tuple(column.name for column in self.columns)

    def column(self, name: str) -> Column:
        """The declaration of ``name``; an ``x_*`` column of an open table is a nullable float."""
        for column in self.columns:
            if column.name == name:
                return column
        if self.open_columns and name.startswith("x_"):
            return Column(name, "float")
        raise KeyError(f"{self.name} has no column {name!r}")


def _text(name: str, **kwargs: object) -> Column:
    return Column(name, "text", **kwargs)  # type: ignore[arg-type]


def _date(name: str, **kwargs: object) -> Column:
    return Column(name, "date", **kwargs)  # type: ignore[arg-type]


def _money(name: str, **kwargs: object) -> Column:
    return Column(name, "money", minimum=0, **kwargs)  # type: ignore[arg-type]


def _party(name: str, *, required: bool = True) -> Column:
    return Column(name, "text", required=required, references="parties")


#: Columns that every table ends with.
COMMON_COLUMNS = (
    _text("source", required=True, meaning="name of the source the row came from"),
    _date("known_on", required=True, meaning="first day on which the row could be known"),
    _text("purpose", meaning="purposes the data may be used for, '|' between them; null: any"),
    _date("consent_until", meaning="last day of consent; null: no end"),
)


def not_before(later: str, earlier: str) -> Rule:
    """``later`` is on or after ``earlier`` where both are known."""
    return Rule(
        later,
        f"{later}_not_before_{earlier}",
        f"on or after {earlier}",
        lambda table: table[later].isnull() | table[earlier].isnull() | (table[later] >= table[earlier]),
    )


def different(column: str, other: str) -> Rule:
    """``column`` and ``other`` name two parties."""
    return Rule(
        column,
        f"{column}_is_not_{other}",
        f"another party than {other}",
        lambda table: table[column].isnull() | table[other].isnull() | (table[column] != table[other]),
    )


def with_amount(column: str) -> Rule:
    """A currency is given where an amount is."""
    return Rule(
        "currency",
        f"currency_with_{column}",
        f"an ISO 4217 code, because {column} is given",
        lambda table: table[column].isnull() | table["currency"].notnull(),
    )


_ROLE_PATTERN = "^(?:{roles})(?:\\|(?:{roles}))*$".format(roles="|".join(vocabulary.ROLES))
_ROLES_RULE = Rule(
    "roles",
    "roles_known",
    "any of " + ", ".join(vocabulary.ROLES) + ", '|' between them",
    lambda table: table["roles"].isnull() | table["roles"].re_search(_ROLE_PATTERN),
)


def _table(
    name: str,
    key: str,
    columns: tuple[Column, ...],
    rules: tuple[Rule, ...] = (),
    *,
    event_column: str | None = None,
    open_columns: bool = False,
) -> Table:
    return Table(name, tuple(key.split()), columns + COMMON_COLUMNS, rules, event_column, open_columns)


TABLES: Mapping[str, Table] = {
    table.name: table
    for table in (
        _table(
            "parties",
            "party_id",
            (
                _text("party_id", required=True),
                _text("kind", required=True, one_of=vocabulary.PARTY_KINDS),
                _text("roles", meaning="roles in the ecosystem, '|' between them"),
                _text("name", meaning="kept in one erasable dictionary, never in a feature"),
                _text("country"),
                _text("region"),
                _text("industry"),
                _date("registered_on"),
                _text("size_band", one_of=vocabulary.SIZE_BANDS),
                Column("on_platform", "bool"),
            ),
            (_ROLES_RULE,),
            open_columns=True,
        ),
        _table(
            "identifiers",
            "party_id scheme value",
            (_party("party_id"), _text("scheme", required=True), _text("value", required=True)),
        ),
        _table(
            "links",
            "source_id target_id kind valid_from",
            (
                _party("source_id"),
                _party("target_id"),
                _text("kind", required=True, one_of=tuple(vocabulary.LINK_KINDS)),
                _date("valid_from", required=True),
                _date("valid_to", later=True),
                Column("weight", "float", minimum=0, meaning="strength; null: 1"),
                _money("amount"),
                _text("currency"),
            ),
            (
                different("target_id", "source_id"),
                not_before("valid_to", "valid_from"),
                with_amount("amount"),
            ),
            event_column="valid_from",
        ),
        _table(
            "invoices",
            "invoice_id",
            (
                _text("invoice_id", required=True),
                _party("seller_id"),
                _party("buyer_id"),
                _date("issued_on", required=True),
                _money("amount", required=True),
                _text("currency", required=True),
                _date("due_on"),
                _date("paid_on", later=True),
                _date("confirmed_on", later=True, meaning="day of the buyer's confirmation"),
                _text("status", one_of=vocabulary.INVOICE_STATUSES, meaning="null: open"),
                _date("status_on", later=True, reveals=("status",)),
                _text(
                    "corrects_invoice_id", references="invoices", meaning="the invoice a credit note corrects"
                ),
                _text("goods"),
            ),
            (
                different("buyer_id", "seller_id"),
                not_before("due_on", "issued_on"),
                not_before("paid_on", "issued_on"),
                not_before("confirmed_on", "issued_on"),
                not_before("status_on", "issued_on"),
            ),
            event_column="issued_on",
        ),
        _table(
            "payments",
            "payment_id",
            (
                _text("payment_id", required=True),
                _party("payer_id"),
                _party("payee_id"),
                _date("paid_on", required=True),
                _money("amount", required=True),
                _text("currency", required=True),
                _text("account"),
                _text("invoice_id", references="invoices"),
            ),
            (different("payee_id", "payer_id"),),
            event_column="paid_on",
        ),
        _table(
            "shipments",
            "shipment_id",
            (
                _text("shipment_id", required=True),
                _party("shipper_id"),
                _party("consignee_id"),
                _party("carrier_id", required=False),
                _date("dispatched_on"),
                _date("promised_on"),
                _date("delivered_on", later=True),
                _money("value"),
                _text("currency"),
                Column("quantity", "float", minimum=0),
                _text("mode"),
                _text("goods"),
                _text("invoice_id", references="invoices"),
            ),
            (
                different("consignee_id", "shipper_id"),
                not_before("delivered_on", "dispatched_on"),
                with_amount("value"),
            ),
            event_column="dispatched_on",
        ),
        _table(
            "financings",
            "financing_id",
            (
                _text("financing_id", required=True),
                _text("invoice_id", references="invoices"),
                _party("financier_id"),
                _date("financed_on", required=True),
                _date("due_on"),
                _money("amount", required=True),
                _text("currency", required=True),
                Column("recourse", "bool"),
                Column("advance_rate", "float", minimum=0),
                _party("assignee_id", required=False),
                _money("limit"),
                _date("repaid_on", later=True),
            ),
            (not_before("due_on", "financed_on"), not_before("repaid_on", "financed_on")),
            event_column="financed_on",
        ),
        _table(
            "events",
            "event_id",
            (
                _text("event_id", required=True),
                _party("party_id"),
                _party("counterparty_id", required=False),
                _text("kind", required=True, one_of=tuple(vocabulary.EVENT_KINDS)),
                _date("occurred_on", required=True),
                Column("value", "float"),
                _text("status"),
            ),
            (different("counterparty_id", "party_id"),),
            event_column="occurred_on",
            open_columns=True,
        ),
        _table(
            "stocks",
            "party_id on",
            (
                _party("party_id"),
                _date("on", required=True),
                Column("units", "float", minimum=0),
                _money("value"),
                _text("currency"),
            ),
            (with_amount("value"),),
            event_column="on",
        ),
        _table(
            "outcomes",
            "outcome_id",
            (
                _text("outcome_id", required=True),
                _party("party_id"),
                _text("kind", required=True, one_of=vocabulary.OUTCOME_KINDS),
                _date("occurred_on", required=True),
                Column("value", "int", required=True, meaning="1: it happened; 0: stated not to"),
            ),
            (
                Rule(
                    "value",
                    "value_is_0_or_1",
                    "0 or 1",
                    lambda table: table["value"].isnull() | table["value"].isin([0, 1]),
                ),
            ),
            event_column="occurred_on",
        ),
        _table(
            "splits",
            "party_id task fold",
            (
                _party("party_id"),
                _text("task", required=True),
                Column("fold", "int", required=True),
                _text("part", required=True, one_of=("train", "valid", "test")),
            ),
        ),
        _table(
            "fx",
            "currency on",
            (
                _text("currency", required=True),
                _date("on", required=True),
                Column("rate", "float", required=True, meaning="base currency units per unit"),
            ),
            (
                Rule(
                    "rate",
                    "rate_positive",
                    "a rate above 0",
                    lambda table: table["rate"].isnull() | (table["rate"] > 0),
                ),
            ),
            event_column="on",
        ),
        _table(
            "context",
            "industry region on name",
            (
                _text("industry", required=True, meaning="'*': every industry"),
                _text("region", required=True, meaning="'*': every region"),
                _date("on", required=True),
                _text("name", required=True),
                Column("value", "float", required=True),
            ),
            event_column="on",
        ),
    )
}


def arrow_schema(table: Table, open_columns: tuple[str, ...] = ()) -> pyarrow.Schema:
    """Arrow schema of ``table``, its ``x_*`` columns last."""
    columns = (*table.columns, *(table.column(name) for name in open_columns))
    return pyarrow.schema([(column.name, ARROW_TYPES[column.type]) for column in columns])
