"""The driver's seam: clear errors without secrets, and values that are only values."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import pytest

from graph.errors import BadInput, StoreUnavailable
from graph.neo4j.home import HOST, free_ports
from graph.neo4j.session import Neo4jSession, Neo4jSettings

SECRET = "s3cret-word"


@pytest.mark.parametrize(
    "uri", ["http://x", "neo4j", "", "bolt://[", f"bolt://neo4j:{SECRET}@localhost:7687"]
)
def test_an_address_that_is_none(uri: str) -> None:
    with pytest.raises(BadInput) as caught:
        Neo4jSession(Neo4jSettings(uri, "neo4j", SECRET))
    assert SECRET not in caught.value.message


def test_no_server_there() -> None:
    settings = Neo4jSettings(f"bolt://{HOST}:{free_ports(None)[0]}", "neo4j", SECRET)
    with (
        Neo4jSession(settings) as session,
        pytest.raises(StoreUnavailable, match="no Neo4j server answers") as caught,
    ):
        session.verify()
    assert SECRET not in str(caught.value)
    assert SECRET not in repr(settings)


def test_a_wrong_password(neo4j_server: Neo4jSettings) -> None:
    wrong = replace(neo4j_server, password=SECRET)
    with (
        Neo4jSession(wrong) as session,
        pytest.raises(StoreUnavailable, match="ECORISK_NEO4J_PASSWORD") as caught,
    ):
        session.read("RETURN 1")
    assert SECRET not in caught.value.message


def test_a_query_that_is_refused(neo4j_server: Neo4jSettings) -> None:
    with Neo4jSession(neo4j_server) as session, pytest.raises(StoreUnavailable, match="SyntaxError"):
        session.read("MATCH")


def test_values_come_back_as_they_went(neo4j_settings: Neo4jSettings) -> None:
    values = [
        "`) DETACH DELETE n //",
        "'; \" \\u0060 \\",
        "",
        "a\x00b",
        -(2**63),
        2**63 - 1,
        -0.0,
        1e-300,
        True,
    ]
    with Neo4jSession(neo4j_settings) as session:
        rows = session.write("UNWIND $values AS v CREATE (n:Value {v: v}) RETURN n.v AS v", values=values)
        assert [repr(row["v"]) for row in rows] == [repr(value) for value in values]
        found = [row["v"] for row in session.read("MATCH (n:Value) RETURN n.v AS v")]
        assert sorted(map(repr, found)) == sorted(map(repr, values))
        (row,) = session.write("CREATE (n:Day {on: $on}) RETURN n.on AS on", on=date(1900, 1, 1))
        assert row["on"].to_native() == date(1900, 1, 1)


def test_work_that_fails_writes_nothing(neo4j_settings: Neo4jSettings) -> None:
    with Neo4jSession(neo4j_settings) as session:
        with pytest.raises(ZeroDivisionError):
            session.transact(lambda transaction: (transaction.run("CREATE (:Gone)"), 1 / 0))
        assert not session.read("MATCH (n:Gone) RETURN n")
