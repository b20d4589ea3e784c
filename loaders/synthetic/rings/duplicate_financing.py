"""Duplicate financing, planted: claims financed twice; beside it refinancing, a participation, a retainer."""

from __future__ import annotations

from collections.abc import Callable

from loaders.synthetic.rings.ground import RING, Ground, Trail

CODE = "duplicate_financing"
ADVANCE_RATES = (0.7, 0.8, 0.9)
#: What was never delivered nor paid.
NO_TRAIL = Trail(paid_after_days=None, shipped=False)


class _Deal:
    """A seller, its buyers and two or three financiers; every claim keeps the span up to date."""

    def __init__(self, ground: Ground) -> None:
        self.ground, self.random = ground, ground.random
        self.seller, *self.buyers = ground.companies(CODE, 1 + int(self.random.integers(1, 3)))
        financiers: list[int] = []
        while len(financiers) < 2 + (self.random.random() < 0.3):
            financier = ground.financier()
            if financier not in financiers:
                financiers.append(financier)
        self.financiers = financiers
        self.day = self.first_on = self.last_on = ground.start()

    def number(self, low: int, high: int) -> int:
        return int(self.random.integers(low, high))

    def rate(self) -> float:
        return float(self.random.choice(ADVANCE_RATES))

    def claim(self, turn: int, trail: Trail | None = None, amount: int | None = None) -> tuple[str, int]:
        """(invoice, amount) of a sale to the buyers in turn, on the present day."""
        buyer = self.buyers[turn % len(self.buyers)]
        amount = amount or self.ground.amount(self.seller, buyer)
        usual = Trail(paid_after_days=self.number(45, 75), shipped=self.random.random() < 0.8)
        return self.ground.sell(self.seller, buyer, self.day, amount, trail or usual), amount

    def advance(self, invoice: str, turn: int, on: int, amount: int, days: int | None) -> None:
        """One of the financiers, in turn, advances money."""
        self.last_on = max(self.last_on, on)
        self.ground.finance(invoice, self.financiers[turn % len(self.financiers)], on, amount, days)

    def plant(self, kind: str) -> None:
        members = [(self.seller, "seller"), *((buyer, "buyer") for buyer in self.buyers)]
        members += [(financier, "financier") for financier in self.financiers]
        self.ground.plant(CODE, kind, members, self.first_on, self.last_on)


def _financed_twice(deal: _Deal) -> None:
    """Each invoice with every financier, weeks apart at most; some are topped up beyond their amount."""
    for turn in range(deal.number(2, 5)):
        invoice, amount = deal.claim(turn)
        for other in range(len(deal.financiers)):
            on = deal.day + deal.number(1, 20)
            deal.advance(invoice, other, on, int(amount * deal.rate()), deal.number(45, 80))
        deal.day += deal.number(3, 25)


def _nearly_the_same(deal: _Deal) -> None:
    """Each invoice comes back within days, numbered anew and slightly changed, with another financier."""
    for turn in range(deal.number(2, 5)):
        invoice, amount = deal.claim(turn)
        deal.advance(invoice, turn, deal.day + deal.number(1, 6), int(amount * deal.rate()), 55)
        deal.day += deal.number(0, 5)
        nearly = int(amount * (1 + deal.random.normal(0, 0.002)))
        for other in range(1, len(deal.financiers)):
            copy, nearly = deal.claim(turn, NO_TRAIL, nearly)
            late = None if deal.random.random() < 0.5 else deal.number(60, 100)
            deal.advance(copy, turn + other, deal.day + deal.number(1, 8), int(nearly * deal.rate()), late)
        deal.day += deal.number(5, 25)


def _assigned_twice(deal: _Deal) -> None:
    """Small advances, but the whole claim is assigned to one financier after the other."""
    ground = deal.ground
    for turn in range(deal.number(2, 5)):
        invoice, amount = deal.claim(turn)
        for financier in deal.financiers:
            on = deal.day + deal.number(1, 15)
            rate = float(deal.random.choice((0.3, 0.4)))
            deal.last_on = max(deal.last_on, on)
            ground.add(
                "financings", on, invoice_id=invoice, financier_id=financier, financed_on=on, due_on=on + 60,
                amount=int(amount * rate), currency="EUR", recourse=False, advance_rate=rate,
                assignee_id=financier, repaid_on=on + deal.number(45, 70),
            )  # fmt: skip
        deal.day += deal.number(3, 25)


def _refinanced(deal: _Deal) -> None:
    """The next financier begins once the one before was repaid."""
    for turn in range(deal.number(2, 5)):
        invoice, amount = deal.claim(turn, Trail(paid_after_days=deal.number(80, 120), due_after_days=90))
        on = deal.day + deal.number(1, 6)
        for other in range(len(deal.financiers)):
            days = deal.number(20, 35)
            deal.advance(invoice, other, on, int(amount * deal.rate()), days)
            on += days + deal.number(0, 3)
        deal.day += deal.number(3, 25)


def _participation(deal: _Deal) -> None:
    """Financiers share every claim; what they advance together stays below it."""
    for turn in range(deal.number(2, 5)):
        invoice, amount = deal.claim(turn)
        total, on = amount * deal.rate(), deal.day + deal.number(1, 6)
        shares = deal.random.dirichlet([4.0] * len(deal.financiers))
        days = deal.number(45, 75)
        for other, share in enumerate(shares):
            deal.advance(invoice, other, on + deal.number(0, 3), int(total * share), days)
        deal.day += deal.number(3, 25)


def _retainer(deal: _Deal) -> None:
    """The same amount every two to four weeks, each delivered and paid, financed in turn."""
    amount, pause = deal.ground.amount(deal.seller, deal.buyers[0]), deal.number(12, 31)
    turns = deal.number(4, 9)
    deal.day = deal.first_on = deal.day - (turns - 4) * pause
    for turn in range(turns):
        trail = Trail(paid_after_days=deal.number(40, 70))
        for position in range(len(deal.buyers)):
            invoice, _ = deal.claim(position, trail, amount)
            deal.advance(invoice, turn, deal.day + deal.number(1, 6), int(amount * deal.rate()), 50)
        deal.day += pause


WAYS: tuple[Callable[[_Deal], None], ...] = (_financed_twice, _nearly_the_same, _assigned_twice)
LOOK_ALIKES = {"refinancing": _refinanced, "participation": _participation, "retainer": _retainer}


def plant(ground: Ground) -> None:
    """One seller whose claims were financed twice, in one of three ways, and three that look like it."""
    deal = _Deal(ground)
    way = WAYS[int(ground.random.choice(len(WAYS), p=[0.5, 0.35, 0.15]))]
    way(deal)
    deal.plant(RING)
    for kind, leave_rows in LOOK_ALIKES.items():
        deal = _Deal(ground)
        leave_rows(deal)
        deal.plant(kind)
