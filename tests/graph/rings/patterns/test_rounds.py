"""Cycles put together: each transfer counts once, and what chance brings is no surprise."""

from __future__ import annotations

import numpy as np

from graph.rings.columns.flows import Flows
from graph.rings.patterns.cycles import Cycles, Limits, find_cycles
from graph.rings.patterns.rounds import Rounds, business_of, rounds_of
from tests.graph.rings.patterns.test_cycles import flows_of

LIMITS = Limits(window_days=30, spread=0.1)
PARTIES = 200


def background(seed: int, parties: int = 180, transfers: int = 3000) -> list[tuple[int, int, int, int]]:
    random = np.random.default_rng(seed)
    rows = []
    for _ in range(transfers):
        source, target = random.choice(parties, 2, replace=False).tolist()
        rows.append((source, target, int(random.integers(1000)), int(np.exp(random.normal(11, 0.8)))))
    return rows


def searched(transfers: list[tuple[int, int, int, int]]) -> tuple[Flows, Cycles, Rounds]:
    flows = flows_of(transfers)
    cycles = find_cycles(flows, PARTIES, LIMITS)
    return flows, cycles, rounds_of(flows, cycles, business_of(flows, PARTIES), LIMITS)


def turns(members: tuple[int, ...], days: range, amount: int = 60_000) -> list[tuple[int, int, int, int]]:
    ends = list(zip(members, (*members[1:], members[0]), strict=True))
    return [
        (source, target, day + hop, amount + 7_000 * turn)
        for turn, day in enumerate(days)
        for hop, (source, target) in enumerate(ends)
    ]


def test_a_transfer_is_in_one_round_only() -> None:
    # All of one day's invoices fit one another: 25 cycles, 5 rounds.
    rows = [(source, 1 - source, 10, 1000) for source in (0, 1) for _ in range(5)]
    _, cycles, rounds = searched(rows)
    assert len(cycles) == 25
    assert len(rounds) == 1
    assert len(rounds.cycle) == 5
    assert len(np.unique(cycles.rows[rounds.cycle, :2])) == 10


def test_rounds_in_another_order_are_another_group() -> None:
    _, _, rounds = searched(turns((2, 0, 1), range(0, 200, 40)) + turns((2, 1, 0), range(20, 100, 40)))
    ways = {
        tuple(codes[:3].tolist()): int(n)
        for codes, n in zip(rounds.members, np.diff(rounds.bounds), strict=True)
    }
    assert ways == {(0, 1, 2): 5, (0, 2, 1): 2}


def test_the_strongest_group_takes_shared_transfers() -> None:
    # 190 -> 191 -> 192 -> 190 five times; once 191's money could have come back over 193 instead.
    ring = turns((190, 191, 192), range(0, 200, 40))
    detour = [(191, 193, 2, 60_000), (193, 190, 3, 60_000)]
    _, cycles, rounds = searched(ring + detour + background(1))
    found = [set(codes[codes >= 0].tolist()) for codes in rounds.members]
    assert found[0] == {190, 191, 192}
    assert {190, 191, 193} not in found
    assert np.diff(rounds.bounds)[0] == 5
    taken = cycles.rows[rounds.cycle]
    assert len(np.unique(taken[taken >= 0])) == (taken >= 0).sum()


def test_what_chance_brings_is_expected() -> None:
    """Strength is -ln of a number of findings: above 0 there is one a data set, above 5 hardly any."""
    strengths = np.concatenate([searched(background(seed, parties=40))[2].strength for seed in range(30)])
    assert len(strengths) > 100
    assert 0 < (strengths > 0).sum() <= 60
    assert (strengths > 5).sum() <= 2


def test_partners_meet_as_often_as_is_expected() -> None:
    random = np.random.default_rng(4)
    rows = [
        (
            *((190, 191) if random.random() < 0.5 else (191, 190)),
            int(day),
            int(np.exp(random.normal(11, 0.8))),
        )
        for day in random.integers(0, 1000, 200)
    ]
    _, _, rounds = searched(background(2) + rows)
    mine = [i for i, codes in enumerate(rounds.members) if set(codes[:2].tolist()) == {190, 191}]
    assert rounds.strength[mine[0]] < 2
    assert 0.3 < np.diff(rounds.bounds)[mine[0]] / rounds.expected[mine[0]] < 3


def test_hubs_surprise_less() -> None:
    random = np.random.default_rng(8)
    ring = turns((190, 191, 192), range(0, 120, 40))
    hub = [
        (190, int(to), int(day), 5_000) for to, day in zip(*random.integers(0, 180, (2, 400)), strict=True)
    ]
    hub += [(to, source, day, amount) for source, to, day, amount in hub]
    quiet = searched(ring + background(3))[2].strength[0]
    busy = searched(ring + hub + background(3))[2].strength[0]
    assert busy < quiet - 3
