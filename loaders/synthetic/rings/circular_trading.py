"""Circular trading, and what looks like it: a group's treasury, toll processing, goods billed back."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from loaders.synthetic.rings.ground import RING, Ground, Trail

CODE = "circular_trading"


def turns(ground: Ground, count: int, hops: int) -> list[list[int]]:
    """Days of the hops of up to ``count`` rounds, weeks apart; at least one, all before the last day."""
    random, begins = ground.random, ground.start()
    found: list[list[int]] = []
    for _ in range(count):
        days = begins + np.cumsum([0, *random.integers(0, 40 // hops, hops - 1)])
        if found and days[-1] >= ground.last_day:
            break
        found.append(days.tolist())
        begins += int(random.integers(20, 50))
    return found


def steps(ground: Ground, amount: int, hops: int) -> list[int]:
    """Amounts of the hops of a round: a small margin each, now and then a little less."""
    margins = np.cumprod([1, *ground.random.uniform(0.996, 1.014, hops - 1)])
    return [int(amount * margin) for margin in margins]


def _trail(ground: Ground, shipped: float) -> Trail:
    random = ground.random
    return Trail(
        paid_after_days=int(random.integers(10, 60)) if random.random() < 0.85 else None,
        shipped=bool(random.random() < shipped),
        delivered_after_days=int(random.integers(2, 12)),
    )


def _circulate(ground: Ground, members: Sequence[int], shipped: float) -> tuple[int, int]:
    """Invoices that go round among ``members`` several times; returns the days of the first and the last."""
    hops = len(members)
    usual = ground.amount(members[0], members[-1]) * ground.random.uniform(1.5, 5)
    rounds = turns(ground, int(ground.random.integers(2, 9)), hops)
    for days in rounds:
        amounts = steps(ground, int(usual * ground.random.uniform(0.6, 1.6)), hops)
        for seller, buyer, on, amount in zip(members, (*members[1:], members[0]), days, amounts, strict=True):
            ground.sell(seller, buyer, on, amount, _trail(ground, shipped))
    # What they really trade with one another goes on beside it.
    for on in ground.random.integers(rounds[0][0], rounds[-1][-1] + 1, int(ground.random.integers(0, 5))):
        seller, buyer = ground.random.choice(members, 2, replace=False).tolist()
        ground.sell(seller, buyer, int(on), ground.amount(seller, buyer))
    return rounds[0][0], rounds[-1][-1]


def _ring(ground: Ground) -> None:
    members = ground.companies(CODE, int(ground.random.integers(2, 7)))
    first, last = _circulate(ground, members, shipped=0.4)
    roles = ["origin", *["trader"] * (len(members) - 1)]
    ground.plant(CODE, RING, list(zip(members, roles, strict=True)), first, last)


def own_group(ground: Ground, typology: str) -> list[int]:
    """2 to 6 companies that belong to one company, which is one of them or above them, for years."""
    count = int(ground.random.integers(2, 7))
    holding, *others = ground.companies(typology, count + 1)
    members = others if ground.random.random() < 0.6 else [holding, *others[1:]]
    for company in members:
        if company != holding:
            since = ground.settings.first_day + int(ground.random.integers(0, 300))
            ground.link(holding, company, "OWNS", since)
    return members


def _treasury(ground: Ground) -> None:
    members = own_group(ground, CODE)
    first, last = _circulate(ground, members, shipped=0.4)
    ground.plant(CODE, "treasury", [(code, "member") for code in members], first, last)


def _toll_processing(ground: Ground) -> None:
    """Goods go out and come back worth more; each batch is another amount."""
    random = ground.random
    owner, processor = ground.companies(CODE, 2)
    usual, batches = ground.amount(owner, processor) * 2, turns(ground, int(random.integers(4, 10)), 2)
    for out, back in batches:
        amount, added = int(usual * random.uniform(0.7, 1.4)), random.uniform(0.15, 0.6)
        ground.sell(owner, processor, out, amount, _trail(ground, 0.95))
        ground.sell(processor, owner, back + 3, int(amount * (1 + added)), _trail(ground, 0.95))
    members = [(owner, "owner"), (processor, "processor")]
    ground.plant(CODE, "toll_processing", members, batches[0][0], batches[-1][-1] + 3)


def _returns(ground: Ground) -> None:
    """Partners who have long bought from each other; what is sent back is credited, or billed back."""
    random = ground.random
    partners = ground.companies(CODE, 2)
    first = ground.start()
    length = min(360, ground.last_day - first - 45)
    issued = np.sort(random.integers(first, first + length, int(random.integers(12, 40)))).tolist()
    for on in issued:
        seller, buyer = partners if random.random() < 0.5 else partners[::-1]
        amount = ground.amount(seller, buyer)
        invoice = ground.sell(seller, buyer, on, amount, _trail(ground, 0.9))
        if random.random() < 0.3:
            back = on + int(random.integers(4, 30))
            billed = random.random() < 0.6
            ground.add(
                "invoices", back, seller_id=buyer if billed else seller, buyer_id=seller if billed else buyer,
                issued_on=back, amount=int(amount * random.choice([1.0, random.uniform(0.9, 1.0)])),
                currency="EUR", status="paid" if billed else "credit_note", status_on=back,
                corrects_invoice_id=invoice,
            )  # fmt: skip
    ground.plant(CODE, "returns", [(code, "partner") for code in partners], issued[0], issued[-1])


def plant(ground: Ground) -> None:
    """One ring and three look-alikes."""
    _ring(ground)
    _treasury(ground)
    _toll_processing(ground)
    _returns(ground)
