"""Comparing found with planted: on parts that are made so that the answer is known."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest

from bench.contagion import FROZEN, PAGE
from bench.contagion_report import render
from bench.contagion_truth import (
    CarriedBy,
    Pairs,
    Truth,
    carried_by,
    pair_figures,
    strengths,
    top_carriers,
)
from gnn.columns.linear_columns import GIVEN, RECORDS, linear_columns
from gnn.parts import ScoredParts
from loaders.synthetic.course import GAIN, STRENGTH

N = 60
RELATION = "SUPPLIES.out"


def pairs_of(rows: list[tuple[int, int, int, float]]) -> Pairs:
    party, counterparty, relation, log_odds = (np.array(column) for column in zip(*rows, strict=True))
    return Pairs(party, counterparty, relation, log_odds.astype(float))


def truth_of(pairs: Pairs) -> Truth:
    none = np.zeros(N)
    inherited = np.bincount(pairs.party[pairs.party >= 0], pairs.log_odds[pairs.party >= 0], N)
    return Truth(np.arange(N, dtype=np.int32), none, none, inherited, pairs)


def parts_of(inherited: dict[str, Any], attribution: dict[str, Any] | None = None) -> ScoredParts:
    none = np.zeros(N)
    empty = np.zeros((N, 0))
    return ScoredParts(
        base=0.0, own=none, environment=none, inherited=inherited, features={},
        reason_columns=empty.astype(np.int16), reason_parts=empty.astype(np.float32), spread=none,
        attribution=attribution or {},
    )  # fmt: skip


def attribution_of(neighbours: list[list[tuple[int, float]]], inherited: np.ndarray) -> dict[str, Any]:
    """One relation whose columns say nothing: what is inherited goes by the weight of the links."""
    indptr = np.concatenate(([0], np.cumsum([len(row) for row in neighbours])))
    indices = np.array([j for row in neighbours for j, _ in row], np.int32)
    weight = np.array([w for row in neighbours for _, w in row], np.float32)
    arrays: dict[str, Any] = {
        "relations": np.array([RELATION]),
        "given": np.zeros((N, len(GIVEN)), np.float32),
        "r0.inherited": inherited,
        "r0.records": np.zeros((len(indices), len(RECORDS)), np.float32),
    }
    for hop in (1, 2):
        arrays[f"r0.hop{hop}"] = np.zeros((2, len(linear_columns(RELATION, hop))))
    for prefix in ("any", "r0"):
        arrays |= {f"{prefix}.indptr": indptr, f"{prefix}.indices": indices, f"{prefix}.weight": weight}
    return arrays


def test_strengths_are_slopes_on_the_pressure_through_each_relation() -> None:
    """Found parts are a third of what was planted, all under the name of one relation."""
    generator = np.random.default_rng(2)
    rows = [
        (party, int(generator.integers(N)), relation, float(generator.normal()))
        for party in range(N)
        for relation in range(len(STRENGTH))
        for _ in range(2)
    ]
    truth = truth_of(pairs_of([*rows, (-1, 3, 0, 9.0)]))
    found = strengths(truth, parts_of({RELATION: 0.2 + truth.inherited / 3.0}), contagion=1.0)
    for name, strength in STRENGTH.items():
        assert found[name]["planted"] == pytest.approx(GAIN * strength)
        assert found[name]["found"] == pytest.approx(GAIN * strength / 3.0)
    assert found[RELATION]["named"] == pytest.approx(found[RELATION]["found"])
    assert found["GUARANTEES.in"]["named"] == 0.0
    assert strengths(truth, parts_of({}), contagion=0.0) == {}


def test_what_counterparties_carry_is_laid_beside_what_was_planted() -> None:
    planted = pairs_of([(0, 1, 0, 0.5), (0, 1, 1, 0.25), (0, 2, 0, -0.1), (0, -1, 0, 0.3), (4, 1, 0, 9.0)])
    neighbours = [[(1, 0.75), (3, 0.25)]] + [[] for _ in range(N - 1)]
    inherited = np.full(N, 0.8)
    parts = parts_of({RELATION: inherited}, attribution_of(neighbours, inherited))
    (one,) = carried_by(truth_of(planted), parts, np.array([0], np.int32))
    assert one.who.tolist() == [-1, 1, 2, 3]  # not on record; both; planted alone; found alone
    np.testing.assert_allclose(one.planted, [0.3, 0.75, -0.1, 0.0])
    np.testing.assert_allclose(one.found, [0.0, 0.6, 0.0, 0.2], atol=1e-7)
    assert one.linked.tolist() == [True, True, True, False]
    figures = pair_figures([one])
    assert figures["pairs"] == 4
    assert figures["strangers"] == pytest.approx(0.25)
    assert figures["within_party"] == figures["spearman"]


def test_the_top_carrier_is_hit_or_missed() -> None:
    def carried(found: list[float]) -> CarriedBy:
        who = np.arange(len(found))
        planted = np.array([0.1, 0.9, 0.2, 0.0])
        return CarriedBy(who, np.array(found), planted, planted > 0)

    right, second, nothing = carried([0, 3, 1, 0]), carried([0, 2, 3, 0]), carried([0, 0, 0, 0])
    figures = top_carriers([right, second, nothing])
    assert figures["first"] == pytest.approx(1 / 3)
    assert figures["among_three"] == pytest.approx(2 / 3)
    assert figures["by_chance"] == pytest.approx(1 / 3)
    assert top_carriers([]) == {"parties": 0}


def test_the_page_is_what_the_frozen_figures_render() -> None:
    assert PAGE.read_text("utf-8") == render(json.loads(FROZEN.read_text("utf-8")))
