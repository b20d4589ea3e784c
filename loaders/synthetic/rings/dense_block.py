"""Planted dense blocks: sellers and buyers who all bill each other, for some weeks or for years.

Look-alikes have the shape of a block, and trade on: a wholesaler's branches and the shops they supply, a
regional market, the plants of one enterprise and their panel of suppliers.
"""

from __future__ import annotations

import numpy as np

from loaders.synthetic.population import TIER
from loaders.synthetic.rings.ground import RING, Ground, Trail

CODE = "dense_block"
SHORTEST_SPAN_DAYS, LONGEST_SPAN_DAYS = 25, 100
#: Camouflage: ordinary counterparties that members of a ring trade with in the same weeks.
FEWEST_ORDINARY, MOST_ORDINARY = 2, 8
#: Look-alikes trade over so many days.
SHORTEST_TRADE_DAYS, LONGEST_TRADE_DAYS = 300, 900
#: Regions with fewer living companies have no market of their own.
FEWEST_IN_REGION = 250


def _pairs(ground: Ground, sellers: list[int], buyers: list[int], share: float) -> list[tuple[int, int]]:
    """That share of all pairs, drawn so that nobody is left without two of them."""
    random = ground.random
    chosen = random.random((len(sellers), len(buyers))) < share
    for row in range(len(sellers)):
        chosen[row, random.choice(len(buyers), min(2, len(buyers)), replace=False)] = True
    for column in range(len(buyers)):
        chosen[random.choice(len(sellers), min(2, len(sellers)), replace=False), column] = True
    return [(sellers[row], buyers[column]) for row, column in np.argwhere(chosen)]


def _busy(ground: Ground, count: int) -> list[int]:
    """Living companies, large ones more often, in whatever plot they may be."""
    size = ground.population.size[ground.living].astype(np.float64)
    drawn = ground.random.choice(ground.living, count, replace=False, p=size / size.sum())
    return [int(code) for code in drawn]


def _trade(ground: Ground, pair: tuple[int, int], days: np.ndarray, factor: float) -> None:
    for day in sorted(int(day) for day in days):
        amount = int(ground.amount(*pair) * factor * ground.random.uniform(0.7, 1.4))
        shipped = bool(ground.random.random() < 0.8)
        paid_after_days = int(ground.random.integers(5, 60))
        trail = Trail(due_after_days=30, paid_after_days=paid_after_days, shipped=shipped)
        ground.sell(*pair, day, amount, trail)


def _plant_ring(ground: Ground) -> None:
    random = ground.random
    sizes = random.integers(4, 10, 2)
    members = ground.companies(CODE, int(sizes.sum()))
    sellers, buyers = members[: sizes[0]], members[sizes[0] :]
    first, span = ground.start(), int(random.integers(SHORTEST_SPAN_DAYS, LONGEST_SPAN_DAYS))
    factor = float(random.uniform(1, 4))
    for pair in _pairs(ground, sellers, buyers, random.uniform(0.65, 0.95)):
        _trade(ground, pair, first + random.integers(0, span, random.integers(1, 5)), factor)
    for one in members:
        for other in _busy(ground, int(random.integers(FEWEST_ORDINARY, MOST_ORDINARY))):
            if other not in members:
                pair = (one, other) if one in sellers else (other, one)
                _trade(ground, pair, first + random.integers(0, span, random.integers(1, 3)), 1.0)
    roles = [(code, "seller") for code in sellers] + [(code, "buyer") for code in buyers]
    ground.plant(CODE, RING, roles, first, first + span)


def _plant_lasting(ground: Ground, kind: str, sellers: list[int], buyers: list[int], share: float) -> None:
    """Sellers and buyers who trade as densely as a ring does, at ordinary amounts, and go on."""
    random = ground.random
    length = int(random.integers(SHORTEST_TRADE_DAYS, LONGEST_TRADE_DAYS))
    first = max(ground.settings.first_day, ground.last_day - length - int(random.integers(0, 200)))
    last = min(first + length, ground.last_day)
    for pair in _pairs(ground, sellers, buyers, share):
        # Orders come at about regular distances, each pair at its own pace.
        pace = int(random.integers(20, 70))
        days = np.arange(first + random.integers(0, 45), last, pace)
        _trade(ground, pair, days + random.integers(-6, 7, len(days)), 1.0)
    roles = [(code, "seller") for code in sellers] + [(code, "buyer") for code in buyers]
    ground.plant(CODE, kind, roles, first, last)


def _of_one_house(ground: Ground, count: int) -> list[int]:
    """A company and its branches, as the register has them."""
    house = ground.companies(CODE, count)
    for branch in house[1:]:
        ground.link(branch, house[0], "BRANCH_OF", ground.settings.first_day - 400)
    return house


def _plant_wholesaler(ground: Ground) -> None:
    hubs = _of_one_house(ground, int(ground.random.integers(2, 5)))
    shops = ground.companies(CODE, int(ground.random.integers(8, 15)))
    _plant_lasting(ground, "wholesaler", hubs, shops, 0.85)


def _plant_market(ground: Ground) -> None:
    """A region's producers of one tier and their buyers in the next one."""
    population, random = ground.population, ground.random
    region, tier = random.integers(population.region.max() + 1), random.integers(0, 4)
    there = ground.living[population.region[ground.living] == region]
    if len(there) < FEWEST_IN_REGION:
        there = ground.living
    level = TIER[population.industry[there]]
    sellers = ground.companies(CODE, int(random.integers(4, 10)), there[level == tier])
    buyers = ground.companies(CODE, int(random.integers(4, 10)), there[level == tier + 1])
    _plant_lasting(ground, "regional_market", sellers, buyers, random.uniform(0.65, 0.95))


def _plant_panel(ground: Ground) -> None:
    plants = _of_one_house(ground, int(ground.random.integers(2, 5)))
    suppliers = ground.companies(CODE, int(ground.random.integers(6, 13)))
    _plant_lasting(ground, "supplier_panel", suppliers, plants, 0.9)


def plant(ground: Ground) -> None:
    """One ring, and a wholesaler, a regional market and a supplier panel."""
    _plant_ring(ground)
    _plant_wholesaler(ground)
    _plant_market(ground)
    _plant_panel(ground)
