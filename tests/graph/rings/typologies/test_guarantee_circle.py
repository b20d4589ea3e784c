"""Circles and chains of guarantees in force together, and what only looks like them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import date, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import networkx as nx
import numpy as np
import pytest

from graph.relations import day_number
from graph.rings.detection import find_rings, in_order
from graph.rings.finding import Finding
from graph.rings.typologies.guarantee_circle import TYPOLOGY, GuaranteeSettings, detect, shuffle
from graph.snapshot import Snapshot
from tests.ecosystems import parties, snapshot

AS_OF = date(2023, 1, 1)
SINCE = date(2022, 1, 1)


def guarantee(source: int, target: int, since: date = SINCE, until: date | None = None) -> dict[str, Any]:
    return {
        "source_id": f"P{source:03d}",
        "target_id": f"P{target:03d}",
        "kind": "GUARANTEES",
        "valid_from": since,
        "valid_to": until,
        "amount": 100_000,
        "currency": "EUR",
    }


def owns(source: int, target: int) -> dict[str, Any]:
    link = guarantee(source, target)
    return {**link, "kind": "OWNS", "amount": None, "currency": None, "valid_from": date(2020, 1, 1)}


def circle(members: Sequence[int]) -> list[dict[str, Any]]:
    return [guarantee(*pair) for pair in pairwise([*members, members[0]])]


def taken(folder: Path, links: list[dict[str, Any]], people: list[dict[str, Any]] | None = None) -> Snapshot:
    return in_order(snapshot(folder, {"parties": people or parties(60), "links": links}, AS_OF))


def found(snapshot: Snapshot, **settings: int) -> list[Finding]:
    return list(detect(snapshot, replace(GuaranteeSettings(), **settings)).findings)


def test_a_circle_is_found_with_its_guarantees_and_its_stake(tmp_path: Path) -> None:
    links = [*circle([3, 1, 4]), guarantee(4, 9), guarantee(8, 3)]
    one = found(taken(tmp_path, links))
    assert [member.code for member in one[0].members] == [1, 3, 4]
    assert len(one) == 1
    assert (one[0].amount, len(one[0].evidence)) == (300_000, 3)
    assert one[0].evidence[0].key == ("P001", "P004", "GUARANTEES", "2022-01-01")
    assert (one[0].first_on, one[0].last_on) == (day_number(SINCE), day_number(AS_OF))


def test_guarantees_that_followed_each_other_make_no_circle(tmp_path: Path) -> None:
    first, second = date(2021, 1, 1), date(2021, 12, 31)
    links = [guarantee(0, 1, first, second), guarantee(1, 0, second + timedelta(days=1))]
    assert not found(taken(tmp_path / "in turn", links))
    links[0]["valid_to"] = date(2022, 3, 31)
    assert len(found(taken(tmp_path / "together", links))) == 1


def test_a_circle_that_has_ended_is_still_told(tmp_path: Path) -> None:
    links = [guarantee(0, 1, SINCE, date(2022, 6, 1)), guarantee(1, 0, SINCE, date(2022, 8, 1))]
    assert found(taken(tmp_path, links))[0].last_on == day_number(date(2022, 8, 1))


def test_a_group_may_guarantee_itself(tmp_path: Path) -> None:
    links = [owns(0, 1), owns(0, 2), owns(2, 3), *circle([0, 1, 2, 3]), guarantee(0, 2)]
    assert not found(taken(tmp_path / "group", links))
    # A person who owns both has declared nothing.
    people = parties(60)
    people[0]["kind"] = "person"
    links = [owns(0, 1), owns(0, 2), *circle([1, 2])]
    assert len(found(taken(tmp_path / "person", links, people))) == 1


def test_guarantors_by_trade_are_left_out(tmp_path: Path) -> None:
    both_ways = [guarantee(*pair) for k in range(1, 31) for pair in ((0, k), (k, 0))]
    seen = detect(taken(tmp_path / "many", both_ways), GuaranteeSettings())
    assert not seen.findings
    assert seen.cuts == ("1 parties that gave over 15 guarantees at once were left out",)
    people = parties(60)
    people[0]["roles"] = "guarantor"
    assert not found(taken(tmp_path / "role", both_ways[:8], people))
    # One after the other they are not many at once.
    in_turn = [guarantee(0, k, date(2020, 1, k), date(2020, 1, k)) for k in range(1, 31)]
    assert len(found(taken(tmp_path / "in turn", [*in_turn, *circle([0, 1])]))) == 1


def test_a_long_chain_is_told_with_its_ends(tmp_path: Path) -> None:
    order = [7, 3, 9, 1, 12, 5, 20]
    links = [guarantee(*pair) for pair in pairwise(order)]
    one = found(taken(tmp_path / "long", [*links, guarantee(30, 9), guarantee(1, 31)]))
    assert [member.code for member in one[0].members] == sorted(order)
    roles = {member.code: member.role for member in one[0].members}
    assert (roles[7], roles[9], roles[20]) == ("guarantor", "link", "guaranteed")
    assert not found(taken(tmp_path / "short", links[:4]))
    # The middle link ended before the last one began.
    links[2]["valid_to"], links[5]["valid_from"] = date(2022, 2, 1), date(2022, 4, 1)
    assert not found(taken(tmp_path / "broken", links), shortest_chain=6)


def test_what_hangs_together_at_large_is_said_and_left_out(tmp_path: Path) -> None:
    seen = detect(taken(tmp_path, circle(range(50))), GuaranteeSettings(largest_circle=40))
    assert not seen.findings
    assert seen.cuts == ("1 sets of over 40 parties in a circle were left out",)


@pytest.mark.parametrize("seed", range(6))
def test_circles_are_those_of_a_plain_search_on_every_day(tmp_path: Path, seed: int) -> None:
    random = np.random.default_rng(seed)
    links, pairs = [], set()
    for _ in range(28):
        source, target = random.choice(20, 2, replace=False).tolist()
        if (source, target) not in pairs:
            pairs.add((source, target))
            since = date(2021, 1, 1) + timedelta(days=int(random.integers(0, 600)))
            links.append(
                guarantee(source, target, since, since + timedelta(days=int(random.integers(30, 500))))
            )
    sets: set[frozenset[int]] = set()
    for back in range(3 * 365):
        day = AS_OF - timedelta(days=back)
        alive = [link for link in links if link["valid_from"] <= day <= link["valid_to"]]
        graph = nx.DiGraph((int(one["source_id"][1:]), int(one["target_id"][1:])) for one in alive)
        sets |= {frozenset(one) for one in nx.strongly_connected_components(graph) if len(one) > 1}
    circles = [
        f.codes for f in found(taken(tmp_path, links), together_days=1) if f.facts["shape"] == "circle"
    ]
    assert set(circles) <= sets
    # Each of the others shares half of its parties with one that is told.
    assert all(any(2 * len(one & told) >= len(one) for told in circles) for one in sets)


def test_shuffles_keep_how_many_everyone_gives_and_takes(tmp_path: Path) -> None:
    people = parties(60)
    for number, row in enumerate(people):
        row["region"] = "NS"[number % 2]
    links = [*circle([0, 2, 4]), *circle([1, 3, 5]), guarantee(0, 1), guarantee(3, 2), owns(6, 7)]
    before = taken(tmp_path, links, people)
    after = shuffle(before, np.random.default_rng(1)).tables["links"]
    rows = before.tables["links"]
    assert after.drop_columns(["target_code"]) == rows.drop_columns(["target_code"])
    assert sorted(after["target_code"].to_pylist()) == sorted(rows["target_code"].to_pylist())
    at_home = [
        (one - other) % 2
        for one, other in zip(rows["source_code"].to_pylist(), after["target_code"].to_pylist(), strict=True)
    ]
    # Eight guarantees and a link of ownership; two were given across.
    assert len(at_home) == 9
    assert sum(at_home) <= 3


def test_among_strangers_a_circle_stands_out_and_is_explained(tmp_path: Path) -> None:
    random = np.random.default_rng(3)
    pairs = {tuple(random.choice(400, 2, replace=False).tolist()) for _ in range(60)}
    far = [
        guarantee(*pair, date(2019, 1, 1) + timedelta(days=20 * k)) for k, pair in enumerate(sorted(pairs))
    ]
    data = snapshot(tmp_path, {"parties": parties(500), "links": [*far, *circle([450, 451, 452])]}, AS_OF)
    rings = find_rings(data, [TYPOLOGY]).rings
    assert [sorted(ring.finding.codes) for ring in rings] == [[450, 451, 452]]
    text = TYPOLOGY.explain(rings[0].finding, lambda code: f"firm {code}", "EUR")
    assert text.startswith(
        "The records show that firm 450, firm 451 and firm 452 stand for each other's debts"
    )
    assert "EUR 3,000.00 in all" in text


def test_without_guarantees_there_is_nothing(tmp_path: Path) -> None:
    assert not found(taken(tmp_path, [owns(0, 1)]))
    lacking = find_rings(snapshot(tmp_path / "bare", {"parties": parties(3)}, AS_OF), [TYPOLOGY])
    assert lacking.lacking == {"guarantee_circle": ("links",)}
