"""The ready queries: of one form, bounded, and on a real server each of them finds something."""

from __future__ import annotations

import io
import re
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from neo4j import Driver, GraphDatabase, Record

from graph.kit.favourites import PARAMETERS, Favourite, favourite, favourites, zipped
from graph.kit.links import parameters_command
from graph.neo4j.session import Neo4jSettings
from graph.neo4j.store import Neo4jStore
from graph.rings.typologies import TYPOLOGIES
from tests.graph.kit.demo import make_demo

QUERIES = [one for one in favourites() if not one.is_command]
COMMANDS = [one for one in favourites() if one.is_command]
CODES = {typology.code for typology in TYPOLOGIES}
NULLS = dict.fromkeys(PARAMETERS)
FOLDERS = (
    "1 Start here",
    "2 One counterparty",
    "3 Rings by typology",
    "4 Paths of contagion",
    "5 Ownership and control",
    "6 Money flow",
    "7 Data quality",
    "8 Before and after a date",
)


def named(one: Favourite) -> str:
    return one.name


def test_there_are_enough_and_one_a_typology() -> None:
    assert len(QUERIES) >= 30
    assert tuple(dict.fromkeys(one.folder for one in favourites())) == FOLDERS
    for part in ("name", "about"):
        assert len({getattr(one, part) for one in favourites()}) == len(favourites())
    assert list(favourites()) == sorted(favourites(), key=lambda one: (one.folder, one.title))
    for typology in TYPOLOGIES:
        assert typology.title in favourite(f"rings_by_typology/{typology.code}").title


@pytest.mark.parametrize("one", favourites(), ids=named)
def test_a_title_and_one_statement(one: Favourite) -> None:
    title, about, *_ = one.text.splitlines()
    number = one.file.partition("_")[0]
    assert re.fullmatch(rf"// {number} \S.{{2,}}", title)
    assert len(title) <= 31 or one.name.removeprefix("rings_by_typology/") in CODES, "more is cut off"
    assert re.fullmatch(r"// \S.{9,95}", about)
    assert "//" not in one.body
    assert ";" not in one.body
    assert max(map(len, one.text.splitlines())) <= 110
    assert set(one.parameters) <= set(PARAMETERS)


@pytest.mark.parametrize("one", QUERIES, ids=named)
def test_a_query_reads_and_is_bounded(one: Favourite) -> None:
    assert re.search(r"\bLIMIT \d+$", one.body)
    assert not re.search(r"\b(CREATE|MERGE|SET|DELETE|REMOVE|LOAD CSV)\b", one.body)
    assert not re.search(r"\*(?!\d\.\.\d)\S*\]", one.body), "paths of any length"
    if "risk" in one.body and "Ring" not in one.body:
        assert "(run:Run {state: 'published'})" in one.body, "scores of no run in particular"


def test_commands_set_parameters_that_queries_have() -> None:
    assert favourite("start_here/parameters").body == parameters_command()
    for one in COMMANDS:
        assert re.match(r":params? ", one.body)
        assert set(re.findall(r"(\w+)(?::| =>)", one.body.partition(" ")[2])) <= set(PARAMETERS)


def test_the_archive_has_a_folder_for_a_folder_and_the_same_bytes_every_time() -> None:
    content = zipped(favourites())
    assert content == zipped(favourites())
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        assert archive.testzip() is None
        found = {name: archive.read(name).decode() for name in archive.namelist()}
    assert found == {f"{one.folder}/{one.file}": one.text for one in favourites()}
    assert all(name.endswith(".cypher") and name.count("/") == 1 for name in found)


@pytest.fixture
def demo(neo4j_settings: Neo4jSettings, tmp_path: Path) -> Iterator[Driver]:
    make_demo(Neo4jStore(neo4j_settings), tmp_path)
    login = (neo4j_settings.user, neo4j_settings.password)
    with GraphDatabase.driver(neo4j_settings.uri, auth=login) as driver:
        yield driver


def operators(plan: dict[str, object]) -> Iterator[str]:
    yield str(plan["operatorType"]).partition("@")[0]
    for child in plan.get("children", []):  # type: ignore[attr-defined]
        yield from operators(child)


Ask = Callable[..., list[Record]]


def test_every_query_finds_something_and_scans_no_whole_graph(demo: Driver) -> None:
    scanning = set()

    def ask(name: str, **chosen: str) -> list[Record]:
        found = demo.execute_query(f"PROFILE {favourite(name).body}", {**NULLS, **chosen})
        if {"AllNodesScan", "UndirectedAllRelationshipsScan"} & set(operators(found.summary.profile or {})):
            scanning.add(name)
        return found.records

    assert [one.name for one in QUERIES if not ask(one.name)] == []
    assert scanning == set()
    check_choices(ask)


def check_choices(ask: Ask) -> None:
    """What is chosen is what is shown."""
    riskiest = ask("start_here/riskiest")
    (shown,) = ask("one_counterparty/who")
    assert shown["score"] == riskiest[0]["score"]
    (shown,) = ask("one_counterparty/who", party=riskiest[7]["party"])
    assert (shown["party"], shown["score"]) == (riskiest[7]["party"], riskiest[7]["score"])
    ring = f"{TYPOLOGIES[-1].code}-demo"
    assert {row["ring"] for row in ask("rings_by_typology/one_ring_members", ringId=ring)} == {ring}
    rows = ask("before_and_after_a_date/trade", asOf="2023-06-01")
    assert {str(row["day"]) for row in rows} == {"2023-06-01"}
    nobody = {"party": "nobody", "ringId": "none", "caseId": "none", "invoiceId": "none"}
    for one in QUERIES:
        if set(one.parameters) & set(nobody):
            assert ask(one.name, **nobody) == [], one.name
