"""Validation of typed contract tables: which rows break which rule, as one Ibis expression.

The same rules that ``graph.rules`` turns into pandera schemas, evaluated row by row so that each
broken rule names its row, column and value.
"""

from __future__ import annotations

import ibis
import ibis.expr.types as ir

from graph.contract import Rule, Table
from graph.currencies import MINOR_DIGITS
from graph.rules import rules_of

#: Columns of ``violations`` after the row's own identity.
VIOLATION_COLUMNS = ("column", "value", "reason", "expected")

#: Name of the rule on every text column.
_CONTROL_CHARACTER = "control_character"

_REFUND_ADVICE = "; a refund is a credit note: map it to a positive amount with status credit_note"


def _known_currency(column: str) -> Rule:
    return Rule(
        column,
        "unknown_currency",
        "an ISO 4217 code such as USD",
        lambda table: table[column].isnull() | table[column].isin(list(MINOR_DIGITS)),
    )


def _is_plain(text: ir.StringValue) -> ir.BooleanValue:
    return ~text.re_search(r"[\x00-\x1f\x7f]")


def _plain_text(column: str) -> Rule:
    return Rule(
        column,
        _CONTROL_CHARACTER,
        "text without control characters",
        lambda table: table[column].isnull() | _is_plain(table[column]),
    )


def row_rules(
    table: Table, declared_kinds: tuple[str, ...] = (), open_columns: tuple[str, ...] = ()
) -> tuple[Rule, ...]:
    """The contract's rules for ``table``, and those on text: ISO currency codes, no control characters."""
    texts = [column.name for column in table.columns if column.type == "text"]
    currency = [_known_currency("currency")] if "currency" in texts else []
    plain = [_plain_text(name) for name in texts if name != "currency"]
    return (*rules_of(table, declared_kinds, open_columns), *currency, *plain)


def expectation(table: Table, rule: Rule) -> str:
    """What a person is told a value should have been, with advice where there is a usual cure."""
    refundable = table.name == "invoices" and rule.name == "amount_in_range"
    return rule.expected + (_REFUND_ADVICE if refundable else "")


def _passes(rule: Rule, rows: ir.Table) -> ir.BooleanValue:
    return rule.ok(rows).fill_null(True)


def invalid_rows(rows: ir.Table, rules: tuple[Rule, ...]) -> ir.Table:
    """Rows that break at least one of ``rules``; all texts of a row are searched as one, which is faster."""
    texts = [rows[rule.column] for rule in rules if rule.name == _CONTROL_CHARACTER]
    good = [_passes(rule, rows) for rule in rules if rule.name != _CONTROL_CHARACTER]
    if texts:
        good.append(_is_plain(ibis.literal("").join(texts)))
    return rows.filter(~ibis.and_(*good))


def violations(rows: ir.Table, table: Table, rules: tuple[Rule, ...], identity: tuple[str, ...]) -> ir.Table:
    """One row a broken rule: the ``identity`` columns, then ``VIOLATION_COLUMNS`` (all text)."""
    broken = []
    for rule in rules:
        failing = rows.filter(~_passes(rule, rows))
        broken.append(
            failing.select(
                *identity,
                column=ibis.literal(rule.column),
                value=failing[rule.column].cast("string"),
                reason=ibis.literal(rule.name),
                expected=ibis.literal(expectation(table, rule)),
            )
        )
    return ibis.union(*broken) if len(broken) > 1 else broken[0]
