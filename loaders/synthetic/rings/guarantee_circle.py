"""Guarantee circles and chains, and what looks like them: a group, a guarantee society, partners in turn."""

from __future__ import annotations

import itertools

from loaders.synthetic.rings.ground import RING, Ground

CODE = "guarantee_circle"
#: Share of rings that are chains instead of circles.
CHAIN_SHARE = 0.25


def _stake(ground: Ground) -> int:
    """Amount of a guarantee, minor units of EUR."""
    return int(ground.random.lognormal(11.2, 0.7)) * 100


def _neighbours(ground: Ground, count: int) -> list[int]:
    """Companies of one region: guarantees are given among those who know each other."""
    region = ground.population.region
    first = ground.companies(CODE, 1)
    near = ground.living[region[ground.living] == region[first[0]]]
    return first + ground.companies(CODE, count - 1, near)


def _guarantee(ground: Ground, pairs: list[tuple[int, int]]) -> tuple[int, int]:
    """Guarantees given over half a year, some already at an end, in force together for a while."""
    first, last = ground.start() - 200, 0
    for source, target in pairs:
        since = first + int(ground.random.integers(0, 180))
        ended = ground.random.random() < 0.25
        until = first + 180 + int(ground.random.integers(60, 160)) if ended else None
        ground.link(source, target, "GUARANTEES", since, until, _stake(ground))
        last = max(last, since)
    return first, last


def _circle(members: list[int]) -> list[tuple[int, int]]:
    return list(zip(members, members[1:] + members[:1], strict=True))


def _ring(ground: Ground) -> None:
    random = ground.random
    if random.random() < CHAIN_SHARE:
        members = _neighbours(ground, int(random.integers(9, 14)))
        pairs = list(itertools.pairwise(members))
    else:
        members = _neighbours(ground, int(random.integers(2, 8)))
        pairs = _circle(members)
        # Larger circles have guarantees across.
        for _ in range(int(random.integers(0, max(len(members) - 2, 1)))):
            one, other = random.choice(members, 2, replace=False).tolist()
            if (one, other) not in pairs:
                pairs.append((one, other))
    span = _guarantee(ground, pairs)
    # Camouflage: guarantees to and from others.
    for member in members:
        if random.random() < 0.25:
            other = int(random.choice(ground.living))
            if other not in members:
                ends = (member, other) if random.random() < 0.5 else (other, member)
                ground.link(*ends, "GUARANTEES", span[0], None, _stake(ground))
    ground.plant(CODE, RING, [(member, "guarantor") for member in members], *span)


def _group(ground: Ground) -> None:
    """A parent and its subsidiaries: it guarantees them, some guarantee it and each other, or a pyramid."""
    random = ground.random
    parent, *daughters = members = _neighbours(ground, int(random.integers(3, 10)))
    pyramid = len(members) > 6 and random.random() < 0.5
    owned = list(zip(members, daughters, strict=False)) if pyramid else [(parent, one) for one in daughters]
    since = ground.start() - int(random.integers(400, 1500))
    for owner, daughter in owned:
        ground.link(owner, daughter, "OWNS", since)
    pairs = owned + ([] if pyramid else [(one, parent) for one in daughters if random.random() < 0.5])
    pairs += [] if pyramid or len(daughters) < 3 else _circle(daughters)
    span = _guarantee(ground, pairs)
    ground.plant(CODE, "group", [(member, "guarantor") for member in members], *span)


def _society(ground: Ground) -> None:
    """A guarantee society: it guarantees many members, some of whom guarantee it back or someone else."""
    random = ground.random
    society, *members = _neighbours(ground, int(random.integers(20, 40)))
    pairs = [(society, member) for member in members]
    counter = random.random() < 0.5
    pairs += [(member, society) for member in members if counter and random.random() < 0.6]
    pairs += [(member, int(random.choice(ground.living))) for member in members[:3]]
    span = _guarantee(ground, [pair for pair in dict.fromkeys(pairs) if pair[0] != pair[1]])
    ground.plant(CODE, "society", [(code, "guarantor") for code in (society, *members)], *span)


def _in_turn(ground: Ground) -> None:
    """Partners who guaranteed each other one after the other: each guarantee ended before the next."""
    random = ground.random
    members = _neighbours(ground, int(random.integers(2, 5)))
    first = on = ground.start() - 700
    for source, target in _circle(members):
        until = on + int(random.integers(90, 250))
        ground.link(source, target, "GUARANTEES", on, until, _stake(ground))
        on = until + int(random.integers(1, 30))
    ground.plant(CODE, "in_turn", [(member, "guarantor") for member in members], first, on)


def plant(ground: Ground) -> None:
    """One circle or chain, one group, one society, one set of partners in turn."""
    _ring(ground)
    _group(ground)
    _society(ground)
    _in_turn(ground)
