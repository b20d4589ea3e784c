"""Planted tight communities: firms that within a year come to trade mostly with each other, and ever more.

Look-alikes trade as much with each other: an industrial park that trades with the rest of the world even
more, a group whose parent is in the register, a cooperative where all trade goes through one hub.
"""

from __future__ import annotations

import numpy as np

from loaders.synthetic.rings.ground import RING, Ground, Trail

CODE = "tight_community"
FEWEST_MEMBERS, MOST_MEMBERS = 8, 20
SHORTEST_DAYS, LONGEST_DAYS = 150, 400
#: Members are no larger than this: what large firms trade elsewhere would drown any community.
LARGEST_SIZE = 2.5
Pair = tuple[int, int]


def _members(ground: Ground, region: int | None = None) -> list[int]:
    """Small and middling firms, of one region where one is given and it has enough of them."""
    population = ground.population
    pool = ground.living[population.size[ground.living] <= LARGEST_SIZE]
    there = pool[population.region[pool] == region]
    count = int(ground.random.integers(FEWEST_MEMBERS, MOST_MEMBERS + 1))
    return ground.companies(CODE, count, there if len(there) > 200 else pool)


def _web(ground: Ground, members: list[int]) -> list[Pair]:
    """Who sells to whom: everyone to three to five others, so that nobody is at the centre."""
    pairs = set()
    for seller in members:
        others = [code for code in members if code != seller]
        count = int(ground.random.integers(3, 6))
        pairs |= {(seller, int(buyer)) for buyer in ground.random.choice(others, count, replace=False)}
    return sorted(pairs)


def _trade(ground: Ground, pairs: list[Pair], first: int, last: int, growth: float) -> None:
    """Each pair at its own pace; amounts grow by ``growth`` from the first day to the last."""
    random = ground.random
    for pair in pairs:
        pace = int(random.integers(15, 45))
        for day in np.arange(first + random.integers(0, pace), last, pace) + random.integers(-5, 6):
            on = int(np.clip(day, first, last))
            factor = (1 + growth * (on - first) / (last - first)) * random.uniform(0.8, 1.25)
            shipped = bool(random.random() < 0.85)
            trail = Trail(paid_after_days=int(random.integers(10, 50)), shipped=shipped)
            ground.sell(*pair, on, int(ground.amount(*pair) * factor), trail)


def _span(ground: Ground) -> tuple[int, int]:
    first = ground.start()
    return first, min(first + int(ground.random.integers(SHORTEST_DAYS, LONGEST_DAYS)), ground.last_day)


def _plant_ring(ground: Ground) -> None:
    members, (first, last) = _members(ground), _span(ground)
    _trade(ground, _web(ground, members), first, last, float(ground.random.uniform(0.5, 3)))
    ground.plant(CODE, RING, [(code, "member") for code in members], first, last)


def _plant_park(ground: Ground) -> None:
    """Neighbours who came together, and sell to and buy from others more than among themselves."""
    random = ground.random
    members, (first, last) = _members(ground, int(random.integers(10))), _span(ground)
    inside = _web(ground, members)
    outside: list[Pair] = []
    for member in members:
        count = int(random.integers(8, 14))
        others = [int(code) for code in random.choice(ground.living, count, replace=False)]
        others = [code for code in others if code not in members]
        outside += [(member, code) if random.random() < 0.5 else (code, member) for code in others]
    _trade(ground, inside + outside, first, last, float(random.uniform(0, 1)))
    ground.plant(CODE, "industrial_park", [(code, "member") for code in members], first, last)


def _plant_group(ground: Ground) -> None:
    """A parent and its subsidiaries, declared years before their trade is moved into the group."""
    members, (first, last) = _members(ground), _span(ground)
    for subsidiary in members[1:]:
        ground.link(members[0], subsidiary, "OWNS", ground.settings.first_day - 200)
    _trade(ground, _web(ground, members), first, last, float(ground.random.uniform(0.5, 3)))
    roles = [(members[0], "parent")] + [(code, "subsidiary") for code in members[1:]]
    ground.plant(CODE, "declared_group", roles, first, last)


def _plant_cooperative(ground: Ground) -> None:
    """Members deliver to the cooperative, and buy from it; a few deal with a neighbour."""
    random = ground.random
    members, (first, last) = _members(ground), _span(ground)
    hub, farms = members[0], members[1:]
    pairs = [(farm, hub) for farm in farms] + [(hub, farm) for farm in farms]
    for farm in farms:
        neighbour = int(random.choice(farms))
        if neighbour != farm and random.random() < 0.15:
            pairs.append((farm, neighbour))
    _trade(ground, sorted(pairs), first, last, float(random.uniform(0, 2)))
    roles = [(hub, "cooperative")] + [(code, "member") for code in farms]
    ground.plant(CODE, "cooperative", roles, first, last)


def plant(ground: Ground) -> None:
    """One ring, and an industrial park, a declared group and a cooperative."""
    _plant_ring(ground)
    _plant_park(ground)
    _plant_group(ground)
    _plant_cooperative(ground)
