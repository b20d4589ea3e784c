"""Every table and column has its place in Neo4j, both ways, and only our own names reach a query's text."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from graph.contract import TABLES
from graph.neo4j.schema import (
    FLOWS,
    LABELS,
    TIES,
    VERSION_PROPERTIES,
    properties_of,
    property_name,
    quoted,
    relationship_type,
    schema_statements,
    version_label,
)
from graph.vocabulary import LINK_KINDS, ROLES


def test_every_table_has_a_label_of_its_own() -> None:
    assert LABELS.keys() == TABLES.keys()
    labels = [*LABELS.values(), *map(version_label, LABELS), *(role.capitalize() for role in ROLES)]
    assert len(set(labels)) == len(labels)


@pytest.mark.parametrize("name", TABLES)
def test_every_column_has_a_property_of_its_own(name: str) -> None:
    properties = properties_of(TABLES[name], ("x_a", "x_A b"))
    assert list(properties.values()) == [*TABLES[name].column_names, "x_a", "x_A b"]
    assert not set(properties) - {"rowDigest"} & set(VERSION_PROPERTIES)
    assert "sellerId" in properties if name == "invoices" else True


@pytest.mark.parametrize("name", TABLES)
def test_every_party_column_is_tied_to_its_party(name: str) -> None:
    named = {c.name for c in TABLES[name].columns if c.references == "parties"}
    if name != "links":  # a link is a relationship itself
        assert named == {tie.column for tie in TIES.get(name, ()) if tie.target == "parties"}


def test_flows_are_kinds_that_snapshots_know() -> None:
    assert {flow.type for flow in FLOWS} <= LINK_KINDS.keys()
    for flow in FLOWS:
        assert flow.a_column in TABLES[flow.table].column_names


def test_constraints_come_with_names() -> None:
    statements = schema_statements()
    assert sum("REQUIRE n.versionKey IS UNIQUE" in text for text in statements.values()) == len(TABLES)
    assert all(f" {name} IF NOT EXISTS " in text for name, text in statements.items())


@given(st.text())
def test_any_kind_becomes_a_harmless_type(kind: str) -> None:
    assert quoted(relationship_type(kind)).strip("`").replace("_", "A").isalnum()
    assert relationship_type(kind).isascii()


@given(st.text())
def test_names_from_data_never_stand_in_a_query(name: str) -> None:
    if name.isascii() and name.isidentifier() and not name.startswith("_"):
        assert quoted(name) == f"`{name}`"
    else:
        with pytest.raises(ValueError, match="may not stand"):
            quoted(name)


def test_shipped_kinds_keep_their_names() -> None:
    assert [relationship_type(kind) for kind in LINK_KINDS] == list(LINK_KINDS)
    assert relationship_type("works `with`") == "WORKS_WITH"
    assert relationship_type("担保") == "KIND"
    assert property_name("x_a_b") == "x_a_b"
