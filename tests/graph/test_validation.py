from __future__ import annotations

from datetime import date

import ibis
import pandera.errors
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from graph.contract import TABLES, arrow_schema
from graph.digest import digest_sql
from graph.rules import pandera_schema
from graph.validation import invalid_rows, row_rules, violations

DATES = st.one_of(st.none(), st.dates(date(1850, 1, 1), date(2150, 1, 1)))
TEXTS = st.one_of(
    st.none(), st.sampled_from(["P1", "P2", "EUR", "open", "void", "lost", "supplier", "buyer|agent"])
)
VALUES = {
    "text": TEXTS,
    "date": DATES,
    "int": st.one_of(st.none(), st.integers(-2, 3)),
    "float": st.one_of(st.none(), st.floats()),
    "money": st.one_of(st.none(), st.integers(-(10**16), 10**16)),
    "bool": st.one_of(st.none(), st.booleans()),
}


def _row(name: str) -> st.SearchStrategy[dict[str, object]]:
    return st.fixed_dictionaries({column.name: VALUES[column.type] for column in TABLES[name].columns})


def _accepts(name: str, rows: ibis.Table) -> bool:
    try:
        pandera_schema(TABLES[name]).validate(rows)
    except (pandera.errors.SchemaError, pandera.errors.SchemaErrors):
        return False
    return True


@settings(max_examples=40)
@given(st.data())
def test_row_rules_and_pandera_agree(data: st.DataObject) -> None:
    """A row passes the contract's own rules exactly where pandera accepts it."""
    name = data.draw(st.sampled_from(["invoices", "outcomes", "links", "shipments"]))
    table = TABLES[name]
    rows = data.draw(st.lists(_row(name), min_size=1, max_size=4))
    memory = ibis.memtable(pa.Table.from_pylist(rows, schema=arrow_schema(table)))
    connection = ibis.duckdb.connect()
    own = row_rules(table)
    contract = own[: len(own) - sum(rule.name in ("control_character", "unknown_currency") for rule in own)]
    bad = len(connection.to_pyarrow(invalid_rows(memory, contract)))
    assert (bad == 0) == _accepts(name, memory)


def test_every_broken_rule_is_named() -> None:
    table = TABLES["invoices"]
    row = dict.fromkeys(table.column_names) | {
        "invoice_id": "I1",
        "seller_id": "P1",
        "buyer_id": "P1",
        "issued_on": date(2020, 1, 5),
        "paid_on": date(2020, 1, 4),
        "amount": -5,
        "currency": "EURO",
        "source": "s\x01",
    }
    rows = pa.Table.from_pylist([row], schema=arrow_schema(table)).append_column("_id", pa.array([7]))
    found = ibis.duckdb.connect().to_pyarrow(
        violations(ibis.memtable(rows), table, row_rules(table), ("_id",))
    )
    assert {(line["column"], line["value"], line["reason"]) for line in found.to_pylist()} == {
        ("buyer_id", "P1", "buyer_id_is_not_seller_id"),
        ("paid_on", "2020-01-04", "paid_on_not_before_issued_on"),
        ("amount", "-5", "amount_in_range"),
        ("currency", "EURO", "unknown_currency"),
        ("source", "s\x01", "control_character"),
        ("known_on", None, "known_on_given"),
    }
    assert {line["_id"] for line in found.to_pylist()} == {7}


@pytest.mark.parametrize("name", sorted(TABLES))
def test_rules_can_be_evaluated_for_every_table(name: str) -> None:
    table = TABLES[name]
    empty = ibis.memtable(arrow_schema(table).empty_table())
    assert len(ibis.duckdb.connect().to_pyarrow(violations(empty, table, row_rules(table), ()))) == 0


def test_digest_tells_rows_apart_and_nothing_else() -> None:
    table = TABLES["parties"]
    base = dict.fromkeys(table.column_names) | {"party_id": "P1", "kind": "company", "country": "DE"}
    variants = [
        base,
        dict(base),
        base | {"country": None, "region": "DE"},
        base | {"known_on": date(2020, 1, 1)},
    ]
    rows = pa.Table.from_pylist(variants, schema=arrow_schema(table))
    connection = ibis.duckdb.connect().con
    connection.register("rows", rows)
    digests = [r[0] for r in connection.execute(f"SELECT {digest_sql(table)} FROM rows").fetchall()]
    assert digests[0] == digests[1]
    assert len(set(digests)) == 3
    connection.register("wider", rows.append_column("x_a", pa.array([None, 1.0, None, None], pa.float64())))
    wider = [r[0] for r in connection.execute(f"SELECT {digest_sql(table, ('x_a',))} FROM wider").fetchall()]
    assert wider[0] == digests[0]
    assert wider[1] != digests[1]
