"""Cycles in flows: those that a search through all sets of transfers finds, and no others."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest

from graph.errors import BadInput
from graph.rings.columns.flows import Flows
from graph.rings.patterns.cycles import Cycles, Limits, find_cycles

LIMITS = Limits(window_days=30, spread=0.2)


def flows_of(transfers: list[tuple[int, int, int, int]]) -> Flows:
    """From (source, target, day, amount), in any order."""
    ordered = sorted(transfers, key=lambda transfer: transfer[2])
    source, target, day, amount = (np.array(column) for column in zip(*ordered, strict=True))
    return Flows(
        "invoices", source.astype(np.int32), target.astype(np.int32), day.astype(np.int32),
        amount.astype(np.int64), np.arange(len(ordered)),
    )  # fmt: skip


def in_turn(flows: Flows, chosen: tuple[int, ...], limits: Limits) -> bool:
    """Whether transfers in this order are a cycle."""
    ends_meet = all(
        flows.target[a] == flows.source[b] for a, b in zip(chosen, chosen[1:] + chosen[:1], strict=True)
    )
    days = [int(flows.day[row]) for row in chosen]
    return ends_meet and days == sorted(days) and days[-1] - days[0] <= limits.window_days


def by_brute_force(flows: Flows, limits: Limits) -> set[frozenset[int]]:
    """Sets of transfers that form a cycle in some order."""
    found = set()
    for length in range(limits.shortest, limits.longest + 1):
        for rows in combinations(range(len(flows)), length):
            following = {int(flows.source[row]): row for row in rows}
            amounts = flows.amount[list(rows)]
            if len(following) < length or amounts.min() < (1 - limits.spread) * amounts.max():
                continue
            turn = [rows[0]]
            while len(turn) < length and int(flows.target[turn[-1]]) in following:
                turn.append(following[int(flows.target[turn[-1]])])
            turns = [tuple(turn[first:] + turn[:first]) for first in range(length)]
            if len(set(turn)) == length and any(in_turn(flows, one, limits) for one in turns):
                found.add(frozenset(rows))
    return found


def sets_of(cycles: Cycles) -> list[frozenset[int]]:
    return [frozenset(rows[:k].tolist()) for rows, k in zip(cycles.rows, cycles.length, strict=True)]


def random_flows(seed: int) -> Flows:
    """Up to 12 transfers among up to 7 parties, half the time with one that goes round."""
    random = np.random.default_rng(seed)
    parties, transfers = int(random.integers(2, 8)), int(random.integers(1, 13))
    days, amounts = int(random.integers(1, 60)), int(random.integers(1, 60))
    rows = []
    for _ in range(transfers):
        source, target = random.choice(parties, 2, replace=False).tolist()
        rows.append((source, target, int(random.integers(days)), 100 + int(random.integers(amounts))))
    if random.random() < 0.5:
        turn = random.permutation(parties)[:6].tolist()
        when = np.sort(random.integers(0, min(days, 30), len(turn))).tolist()
        rows[: len(turn)] = [
            (source, target, day, 100 + int(random.integers(min(amounts, 25))))
            for source, target, day in zip(turn, turn[1:] + turn[:1], when, strict=True)
        ]
    return flows_of(rows)


@pytest.mark.parametrize("block", range(10))
def test_cycles_are_those_of_brute_force(block: int) -> None:
    lengths = set()
    for seed in range(20 * block, 20 * block + 20):
        flows = random_flows(seed)
        cycles = find_cycles(flows, 8, LIMITS)
        found = sets_of(cycles)
        assert len(found) == len(set(found))
        assert set(found) == by_brute_force(flows, LIMITS)
        assert all(in_turn(flows, tuple(r[r >= 0].tolist()), LIMITS) for r in cycles.rows)
        lengths |= {len(one) for one in found}
    assert len(lengths) >= 4


def test_a_window_and_a_spread_are_reached_but_not_passed() -> None:
    limits = Limits(window_days=10, spread=0.1)
    for last_day, last_amount, expected in (
        (10, 900, 1),
        (11, 900, 0),
        (10, 899, 0),
        (0, 1111, 1),
        (0, 1112, 0),
    ):
        flows = flows_of([(0, 1, 0, 1000), (1, 0, last_day, last_amount)])
        assert len(find_cycles(flows, 2, limits)) == expected


def test_money_does_not_return_before_it_left() -> None:
    chain = [(0, 1, 20, 100), (1, 2, 10, 100), (2, 0, 30, 100)]
    assert len(find_cycles(flows_of(chain), 3, LIMITS)) == 0


def test_what_is_left_unsearched_is_told() -> None:
    random = np.random.default_rng(1)
    flows = flows_of(
        [(int(i % 5), int((i + 1 + random.integers(4)) % 5), int(i % 20), 100) for i in range(120)]
    )
    every = find_cycles(flows, 5, LIMITS)
    assert not len(every.broken_off)
    assert not every.not_kept
    some = find_cycles(flows, 5, Limits(window_days=30, spread=0.2, visits_per_start=50))
    assert len(some.broken_off)
    assert set(sets_of(some)) < set(sets_of(every))
    few = find_cycles(flows, 5, Limits(window_days=30, spread=0.2, most_cycles=200))
    assert len(few) <= 200
    assert few.not_kept == len(every) - len(few)
    assert set(sets_of(few)) < set(sets_of(every))


def test_a_hub_hangs_nothing() -> None:
    random = np.random.default_rng(2)
    m = 100_000
    spokes = random.integers(1, 2_000, 2 * m)
    rows = np.arange(2 * m)
    flows = Flows(
        "invoices",
        np.where(rows < m, 0, spokes).astype(np.int32),
        np.where(rows < m, spokes, 0).astype(np.int32),
        np.zeros(2 * m, np.int32),
        random.integers(1_000, 100_000, 2 * m),
        rows,
    )
    order = np.argsort(flows.day, kind="stable")
    cycles = find_cycles(flows.only(order), 2_000, Limits(visits_per_start=500, most_cycles=10_000))
    assert len(cycles.broken_off)
    assert 0 < len(cycles) <= 10_000 + m


def test_nothing_to_search() -> None:
    nothing = flows_of([(0, 1, 0, 5)]).only(np.zeros(1, bool))
    assert len(find_cycles(nothing, 3, LIMITS)) == 0
    assert len(find_cycles(flows_of([(0, 1, 0, 5), (1, 2, 1, 5)]), 3, LIMITS)) == 0


@pytest.mark.parametrize("wrong", [{"shortest": 1}, {"longest": 13}, {"spread": 1.0}, {"window_days": 0}])
def test_limits_that_mean_nothing_are_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(BadInput, match="expected 2 <= shortest"):
        Limits(**wrong)  # type: ignore[arg-type]
