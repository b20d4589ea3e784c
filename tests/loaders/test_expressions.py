from __future__ import annotations

import duckdb
import pytest

from graph.errors import MappingError
from loaders.expressions import parse_expression


def sql(text: str) -> str:
    return parse_expression(text, "m.yaml", "tables[0].columns.x").sql(lambda name: f"c_{name}")


@pytest.mark.parametrize(
    "attack",
    [
        "(SELECT 1)",
        "(SELECT value FROM read_csv('/etc/passwd'))",
        "read_text('/etc/passwd')",
        "getenv('HOME')",
        "a IN (SELECT 1)",
        "EXISTS (SELECT 1)",
        "1; DROP TABLE faults",
        "SET memory_limit = '1GB'",
        "PRAGMA database_list",
        "COPY faults TO '/tmp/x'",
        "ATTACH 'x.db'",
        "INSTALL httpfs",
        "sum(a)",
        "row_number() OVER ()",
        "faults.value",
        "repeat('a', 1000000000)",
        "range(1000000000)",
        "unnest([1, 2])",
        "list_transform([1], x -> x)",
        "current_setting('memory_limit')",
        "nextval('s')",
        "random()",
        "CAST(a AS STRUCT(x INT))",
        "a::BLOB",
        "$1",
        "?",
        "*",
        "a AS b",
        "",
        "((((",
        "CASE WHEN a THEN (SELECT 1) ELSE 2 END",
        "columns('.*')",
        "a.b.c",
    ],
)
def test_only_scalar_formulas_pass(attack: str) -> None:
    with pytest.raises(MappingError, match=r"m.yaml: tables\[0\].columns.x"):
        sql(attack)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("a || '-' || b", "7-2020-02-29"),
        ("CAST(a AS INTEGER) * 2", 14),
        ("CASE WHEN a = '7' THEN 'x' ELSE 'y' END", "x"),
        ("coalesce(nullif(a, '7'), 'none')", "none"),
        ("CAST(last_day(CAST(b AS DATE)) AS VARCHAR)", "2020-02-29"),
        ("CAST(CAST(b AS DATE) + INTERVAL 1 DAY AS VARCHAR)", "2020-03-01 00:00:00"),
        ("year(strptime(b, '%Y-%m-%d'))", 2020),
        ("split_part(b, '-', 2)", "02"),
        ("regexp_extract(b, '([0-9]+)', 1)", "2020"),
        ("a IN ('7', '8') AND b LIKE '2020%' AND b IS NOT NULL", True),
        ("CAST(DATE '1899-12-30' + CAST('43831' AS INTEGER) AS VARCHAR)", "2020-01-01"),
        ("\"a\" = '7'", True),
        ("TRY_CAST(b AS INTEGER)", None),
        ("date_diff('day', CAST(b AS DATE), DATE '2020-03-01')", 1),
        ("round(abs(-2.5), 0)", 3),
        ("left(a || 'xyz', 2)", "7x"),
        ("if(a = '7', 1, 2)", 1),
        ("lpad(a, 3, '0')", "007"),
    ],
)
def test_formulas_mean_what_they_say(text: str, value: object) -> None:
    query = f"SELECT {sql(text)} FROM (SELECT '7' AS c_a, '2020-02-29' AS c_b)"
    assert duckdb.sql(query).fetchall() == [(value,)]


def test_columns_are_named() -> None:
    expression = parse_expression('"Net amount" + tax - tax', "m.yaml", "x")
    assert expression.columns == ("Net amount", "tax")
