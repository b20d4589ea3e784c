"""Expressions of a mapping: one scalar SQL expression over a file's columns, checked against a whitelist.

Only the nodes and functions named here pass; there is no way to a subquery, a table, a file or a setting.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import sqlglot
from sqlglot import exp
from sqlglot.errors import SqlglotError

from loaders.faults import mapping_error

_NODES: tuple[type[exp.Expression], ...] = (
    exp.Column, exp.Identifier, exp.Literal, exp.Boolean, exp.Null, exp.Paren, exp.And, exp.Or, exp.Not,
    exp.EQ, exp.NEQ, exp.GT, exp.GTE, exp.LT, exp.LTE, exp.Is, exp.In, exp.Between, exp.Like, exp.ILike,
    exp.Add, exp.Sub, exp.Mul, exp.Div, exp.IntDiv, exp.Mod, exp.Neg, exp.DPipe, exp.Case, exp.If,
    exp.Cast, exp.TryCast, exp.DataType, exp.DataTypeParam, exp.Interval, exp.Var, exp.Tuple, exp.NullSafeEQ,
    exp.NullSafeNEQ, exp.JSONPath, exp.JSONPathRoot, exp.JSONPathKey, exp.JSONPathSubscript,
)  # fmt: skip

#: Functions that an expression may call.
FUNCTIONS = frozenset(
    [
        "abs",
        "ceil",
        "floor",
        "round",
        "greatest",
        "least",
        "sign",
        "ln",
        "log10",
        "sqrt",
        "power",
        "pow",
        "coalesce",
        "nullif",
        "if",
        "ifnull",
        "lower",
        "upper",
        "trim",
        "ltrim",
        "rtrim",
        "length",
        "left",
        "right",
        "substring",
        "substr",
        "replace",
        "split_part",
        "lpad",
        "rpad",
        "concat",
        "concat_ws",
        "starts_with",
        "ends_with",
        "contains",
        "regexp_replace",
        "regexp_extract",
        "regexp_matches",
        "regexp_full_match",
        "strip_accents",
        "translate",
        "md5",
        "strpos",
        "year",
        "month",
        "day",
        "quarter",
        "week",
        "isodow",
        "last_day",
        "make_date",
        "date_trunc",
        "date_diff",
        "datediff",
        "date_add",
        "date_sub",
        "date_part",
        "extract",
        "strptime",
        "try_strptime",
        "strftime",
        "to_days",
        "to_months",
        "to_years",
        "epoch_ms",
        "json_extract_string",
    ]
)

_TYPES = frozenset(
    [
        "BOOLEAN",
        "TINYINT",
        "SMALLINT",
        "INT",
        "BIGINT",
        "FLOAT",
        "DOUBLE",
        "DECIMAL",
        "VARCHAR",
        "TEXT",
        "DATE",
        "TIMESTAMP",
        "INTERVAL",
    ]
)


@dataclass(frozen=True)
class Expression:
    """A checked expression. ``text``: as written; ``columns``: the source columns it reads."""

    text: str
    columns: tuple[str, ...]

    def sql(self, physical: Callable[[str], str]) -> str:
        """DuckDB SQL, each column replaced by what ``physical`` calls it."""
        tree = _parse(self.text).copy()
        if isinstance(tree, exp.Column):
            return physical(tree.name)
        for column in list(tree.find_all(exp.Column)):
            column.replace(sqlglot.parse_one(physical(column.name), read="duckdb"))
        return str(tree.sql(dialect="duckdb"))


def _parse(text: str) -> exp.Expression:
    statements = sqlglot.parse(text, read="duckdb")
    if len(statements) != 1 or not isinstance(statements[0], exp.Expression):
        raise SqlglotError("exactly one expression is needed")
    return statements[0]


def _function_names(node: exp.Expression) -> set[str]:
    if isinstance(node, exp.Anonymous):
        return {str(node.this).lower()}
    names = {name.lower() for name in type(node).sql_names()} if isinstance(node, exp.Func) else set()
    return names | {node.key.lower()}


def _objection(node: exp.Expression) -> str | None:
    if isinstance(node, exp.Column) and (node.table or not isinstance(node.this, exp.Identifier)):
        return f"{node.sql()}: a column is named without its table"
    if isinstance(node, exp.DataType) and node.this.name not in _TYPES:
        return f"{node.sql()}: allowed types are {', '.join(sorted(_TYPES))}"
    if isinstance(node, exp.In) and (node.args.get("query") or node.args.get("unnest")):
        return "IN takes a list of values"
    if isinstance(node, _NODES):
        return None
    if _function_names(node) & _SAFE_NAMES:
        return None
    return f"{node.sql(dialect='duckdb')[:60]!r} ({node.key}) is not allowed here"


def _safe_names() -> frozenset[str]:
    """The allowed functions under every name sqlglot parses them to (``year`` becomes ``extract`` …)."""
    names = set(FUNCTIONS)
    for function in FUNCTIONS:
        arguments = {"extract": "year FROM a"}.get(function, "a, a")
        for count in (arguments, "a", "a, a, a"):
            try:
                node = sqlglot.parse_one(f"{function}({count})", read="duckdb")
            except SqlglotError:
                continue
            if isinstance(node, exp.Func) and not isinstance(node, exp.Anonymous):
                names |= {node.key.lower()}
    return frozenset(names)


_SAFE_NAMES = _safe_names()


def parse_expression(text: str, file: str, where: str) -> Expression:
    """Check ``text``; ``MappingError`` naming the place in the mapping where it is not allowed."""
    try:
        tree = _parse(text)
    except (SqlglotError, RecursionError) as error:
        detail = str(error).splitlines()[0] if str(error) else "nested too deeply"
        raise mapping_error(file, where, f"cannot read the expression {text!r}: {detail}") from error
    for node in tree.walk():
        objection = _objection(node)
        if objection is not None:
            raise mapping_error(
                file, where, f"{objection}; an expression is one scalar formula over the file's columns"
            )
    columns = sorted({column.name for column in tree.find_all(exp.Column)})
    return Expression(text, tuple(columns))
