"""Hidden related-party trade, and what looks like it: a shared address, a declared group, an agent."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from itertools import pairwise

import numpy as np

from graph.relations import day_of
from loaders.synthetic.rings.ground import RING, Ground, Trail

CODE = "related_party_trade"
#: Firms in such trade are small: what they do with each other is much of what they do.
LARGEST_SIZE = 1.2


@dataclass(frozen=True)
class _Habits:
    """Shares of invoices with round amounts and at the end of a month; ``level``: times ordinary amounts."""

    round: float
    month_end: float
    level: float


def _small(ground: Ground, count: int) -> list[int]:
    return ground.companies(CODE, count, ground.living[ground.population.size[ground.living] < LARGEST_SIZE])


def _month_end(on: int) -> int:
    later = day_of(on).replace(day=1) + timedelta(days=32)
    return on + (later.replace(day=1) - day_of(on)).days - 1


def _rounded(amount: int) -> int:
    unit: int = 10 ** max(len(str(amount)) - 2, 0)
    return max(round(amount / unit), 1) * unit


def _trade(ground: Ground, seller: int, buyer: int, count: int, habits: _Habits) -> tuple[int, int]:
    """Invoices over some months; returns the days of the first and the last."""
    random = ground.random
    first, length = ground.start(), int(random.integers(90, 300))
    days = np.minimum(first + np.sort(random.integers(0, length, count)), ground.last_day - 5)
    issued = []
    for on in days.tolist():
        amount = int(ground.amount(seller, buyer) * habits.level * random.uniform(0.7, 1.3))
        amount = _rounded(amount) if random.random() < habits.round else amount
        on = _month_end(on) - int(random.integers(0, 3)) if random.random() < habits.month_end else on
        ground.sell(seller, buyer, on, amount, Trail(paid_after_days=int(random.integers(5, 60))))
        issued.append(on)
    return min(issued), max(issued)


def _ordinary(ground: Ground) -> _Habits:
    return _Habits(0.0, 0.0, float(ground.random.uniform(0.8, 1.2)))


def _conspicuous(ground: Ground) -> _Habits:
    """Some show by round amounts, some by dates, most by both, and all by volume."""
    random = ground.random
    shown = random.random()
    return _Habits(
        round=float(random.uniform(0.3, 0.9)) if shown < 0.8 else 0.0,
        month_end=float(random.uniform(0.4, 0.9)) if shown > 0.3 else 0.0,
        level=float(random.uniform(1.0, 2.5)),
    )


def _tie(ground: Ground, one: int, other: int) -> list[tuple[int, str]]:
    """Bring two firms near each other, over nobody, one person or two. Returns those between."""
    random = ground.random
    since = ground.start() - int(random.integers(200, 900))
    way = int(random.integers(0, 4))
    if way == 0:
        for kind in random.choice(
            ["SHARES_ADDRESS", "SHARES_PHONE", "SHARES_ACCOUNT", "SHARES_DEVICE"], 2, False
        ):
            ground.link(one, other, str(kind), since)
        return []
    person = ground.person()
    ground.link(person, one, "OWNS" if random.random() < 0.5 else "LEGAL_REP_OF", since)
    if way < 3:
        ground.link(person, other, "LEGAL_REP_OF" if random.random() < 0.5 else "CONTROLS", since + 30)
        return [(person, "controller")]
    second = ground.person()
    ground.link(second, other, "OWNS", since + 20)
    ground.link(person, second, "SHARES_PHONE" if random.random() < 0.5 else "SHARES_DEVICE", since + 1)
    return [(person, "controller"), (second, "controller")]


def _ring(ground: Ground) -> None:
    """Two firms, sometimes three in a row, under one hidden roof."""
    random = ground.random
    firms = _small(ground, 3 if random.random() < 0.2 else 2)
    members = [(firm, "trader") for firm in firms]
    spans = []
    for seller, buyer in pairwise(firms):
        members += _tie(ground, seller, buyer)
        spans.append(_trade(ground, seller, buyer, int(random.integers(9, 22)), _conspicuous(ground)))
        if random.random() < 0.2:
            spans.append(_trade(ground, buyer, seller, int(random.integers(4, 9)), _conspicuous(ground)))
    first, last = min(span[0] for span in spans), max(span[1] for span in spans)
    ground.plant(CODE, RING, list(dict(members).items()), first, last)


def _franchise(ground: Ground) -> None:
    """Many firms at one address; some supply a neighbour, as they supply others."""
    random = ground.random
    firms = _small(ground, 6) + random.choice(ground.living, int(random.integers(8, 35)), False).tolist()
    firms = list(dict.fromkeys(firms))
    since = ground.start() - 800
    for firm in firms[1:]:
        ground.link(firms[0], firm, "SHARES_ADDRESS", since + int(random.integers(0, 300)))
    spans = [
        _trade(ground, seller, buyer, int(random.integers(4, 8)), _ordinary(ground))
        for seller, buyer in ((firms[0], firms[1]), (firms[2], firms[3]), (firms[4], firms[5]))
    ]
    first, last = min(span[0] for span in spans), max(span[1] for span in spans)
    ground.plant(CODE, "shared_address", [(firm, "trader") for firm in firms], first, last)


def _group(ground: Ground) -> None:
    """A declared group: one firm owns the other, and they trade like one household."""
    parent, daughter = _small(ground, 2)
    ground.link(parent, daughter, "OWNS", ground.start() - 700)
    between = _tie(ground, parent, daughter)
    span = _trade(ground, parent, daughter, int(ground.random.integers(9, 22)), _conspicuous(ground))
    ground.plant(CODE, "group", [(parent, "trader"), (daughter, "trader"), *between], *span)


def _agent(ground: Ground) -> None:
    """An agent who represents many firms, two of which are close partners in ordinary trade."""
    random = ground.random
    one, other = _small(ground, 2)
    agent = ground.person()
    clients = random.choice(ground.living, int(random.integers(60, 200)), False).tolist()
    for client in dict.fromkeys([one, other, *clients]):
        ground.link(agent, client, "LEGAL_REP_OF", ground.start() - int(random.integers(200, 900)))
    habits = _Habits(0.0, 0.0, float(random.uniform(1.0, 2.0)))
    span = _trade(ground, one, other, int(random.integers(9, 22)), habits)
    ground.plant(CODE, "agent", [(one, "trader"), (other, "trader"), (agent, "agent")], *span)


def plant(ground: Ground) -> None:
    """One hidden pair or row, one shared address, one declared group, one agent."""
    _ring(ground)
    _franchise(ground)
    _group(ground)
    _agent(ground)
