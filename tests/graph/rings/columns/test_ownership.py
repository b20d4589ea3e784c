"""Groups under one owner, as they were while trade went on."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path

import numpy as np

from graph.relations import day_number
from graph.rings.columns.ownership import ownership_of
from tests.ecosystems import START, parties, snapshot

AS_OF = date(2023, 1, 1)
FIRST = day_number(START)


def link(
    kind: str, source: int, target: int, since: int = 0, until: int | None = None, **columns: object
) -> dict:  # type: ignore[type-arg]
    return {
        "source_id": f"P{source:03d}", "target_id": f"P{target:03d}", "kind": kind,
        "valid_from": START + timedelta(days=since),
        "valid_to": None if until is None else START + timedelta(days=until), **columns,
    }  # fmt: skip


def test_who_belongs_together_and_when(tmp_path: Path) -> None:
    people = parties(12)
    people[9]["kind"] = "person"
    links = [
        link("OWNS", 0, 1), link("CONTROLS", 0, 2), link("BRANCH_OF", 3, 2),
        link("OWNS", 0, 4, since=100), link("OWNS", 0, 5, until=200), link("OWNS", 0, 6, weight=0.5),
        link("OWNS", 9, 7), link("OWNS", 9, 8), link("OWNS", 10, 1, weight=0.6), link("OWNS", 10, 11),
        link("OWNS", 11, 10),
    ]  # fmt: skip
    owners = ownership_of(snapshot(tmp_path, {"parties": people, "links": links}, AS_OF))

    def together(*codes: int, first: int = 50, last: int = 150) -> bool:
        members = np.full((1, 6), -1)
        members[0, : len(codes)] = codes
        days = (np.array([FIRST + day], np.int32) for day in (first, last))
        return bool(owners.joins(members, *days)[0])

    assert together(0, 1)
    assert together(1, 2, 3)
    assert not together(1, 4)
    assert together(1, 4, first=100)
    assert together(1, 5)
    assert not together(1, 5, last=201)
    assert not together(1, 6)
    # A person's firms have declared nothing; a second owner takes nobody away; owners may go round.
    assert not together(7, 8)
    assert together(1, 10)
    assert together(10, 11)
    assert not together(2, 10)


def test_without_links_everybody_stands_alone(tmp_path: Path) -> None:
    owners = ownership_of(snapshot(tmp_path, {"parties": parties(3)}, AS_OF))
    day = np.zeros(1, np.int32)
    assert not owners.joins(np.array([[0, 1]]), day, day)[0]
