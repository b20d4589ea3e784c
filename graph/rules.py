"""What every row of a contract table must fulfil: rules with a reason, and pandera schemas of them."""

from __future__ import annotations

from collections.abc import Mapping

import ibis
import ibis.expr.types as ir
import pandera.ibis as pa

from graph.contract import (
    EARLIEST_DATE,
    IBIS_TYPES,
    LATEST_DATE,
    MAX_MONEY_MINOR_UNITS,
    TABLES,
    Rule,
    Table,
)


def _required(column: str) -> Rule:
    return Rule(column, f"{column}_given", "a value", lambda table: table[column].notnull())


def _one_of(column: str, allowed: tuple[str, ...]) -> Rule:
    return Rule(
        column,
        f"{column}_known",
        "one of " + ", ".join(allowed) + (", or a kind that the source declares" if column == "kind" else ""),
        lambda table: table[column].isnull() | table[column].isin(list(allowed)),
    )


def _at_least(column: str, minimum: float, maximum: float | None) -> Rule:
    def ok(table: ir.Table) -> ir.BooleanValue:
        value = table[column]
        good = value >= minimum
        if maximum is not None:
            good = good & (value <= maximum)
        return value.isnull() | good

    upper = "" if maximum is None else f" and at most {maximum:,.0f}"
    return Rule(column, f"{column}_in_range", f"at least {minimum:g}{upper}", ok)


def _sane_date(column: str) -> Rule:
    return Rule(
        column,
        f"{column}_sane",
        f"a day from {EARLIEST_DATE} to {LATEST_DATE}",
        lambda table: (
            table[column].isnull() | table[column].between(ibis.date(EARLIEST_DATE), ibis.date(LATEST_DATE))
        ),
    )


def _finite(column: str) -> Rule:
    return Rule(
        column,
        f"{column}_finite",
        "a finite number",
        lambda table: table[column].isnull() | ~(table[column].isnan() | table[column].isinf()),
    )


def rules_of(
    table: Table, declared_kinds: tuple[str, ...] = (), open_columns: tuple[str, ...] = ()
) -> tuple[Rule, ...]:
    """All row rules of ``table``: the ones its columns imply, then its own.

    ``declared_kinds`` widens the vocabulary of its ``kind`` column; ``open_columns`` names the ``x_*``
    columns present.
    """
    rules: list[Rule] = []
    for column in (*table.columns, *(table.column(name) for name in open_columns)):
        if column.required:
            rules.append(_required(column.name))
        if column.one_of:
            extra = declared_kinds if column.name == "kind" else ()
            rules.append(_one_of(column.name, tuple(dict.fromkeys(column.one_of + extra))))
        if column.minimum is not None:
            maximum = MAX_MONEY_MINOR_UNITS if column.type == "money" else None
            rules.append(_at_least(column.name, column.minimum, maximum))
        if column.type == "date":
            rules.append(_sane_date(column.name))
        if column.type == "float":
            rules.append(_finite(column.name))
    return (*rules, *table.rules)


def pandera_schema(
    table: Table, declared_kinds: tuple[str, ...] = (), open_columns: tuple[str, ...] = ()
) -> pa.DataFrameSchema:
    """The table's contract as a pandera schema for Ibis tables."""

    def check(rule: Rule) -> pa.Check:
        return pa.Check(
            lambda data: rule.ok(data.table), name=rule.name, error=f"{rule.column}: {rule.expected}"
        )

    columns = (*table.columns, *(table.column(name) for name in open_columns))
    return pa.DataFrameSchema(
        {c.name: pa.Column(ibis.dtype(IBIS_TYPES[c.type]), nullable=True) for c in columns},
        checks=[check(rule) for rule in rules_of(table, declared_kinds, open_columns)],
        strict=True,
        name=table.name,
    )


#: The shipped contract, without kinds or ``x_*`` columns that a source declares.
SCHEMAS: Mapping[str, pa.DataFrameSchema] = {name: pandera_schema(table) for name, table in TABLES.items()}
