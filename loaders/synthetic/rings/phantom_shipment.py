"""Phantom shipments, planted: financed invoices whose goods never move; beside it services, drop-shipping and
papers that come late."""

from __future__ import annotations

from collections.abc import Callable

from loaders.synthetic.rings.ground import RING, Ground, Trail

CODE = "phantom_shipment"
FINANCED_SHARE = 0.75
SERVICES = ("maintenance", "consulting", "software licences")


class _Line:
    """A seller, its one to three buyers and its financier, and the days of its invoices."""

    def __init__(self, ground: Ground) -> None:
        self.ground, self.random = ground, ground.random
        self.seller, *self.buyers = ground.companies(CODE, 1 + int(self.random.integers(1, 4)))
        self.financier = ground.financier()
        first, months = ground.start() - 60, int(self.random.integers(3, 7))
        count = int(self.random.integers(10, 17)) * (1 + len(self.buyers)) // 2
        self.days = sorted(int(day) for day in first + self.random.integers(0, 30 * months, count))

    def number(self, low: int, high: int) -> int:
        return int(self.random.integers(low, high))

    def buyer(self) -> int:
        return int(self.random.choice(self.buyers))

    def trail(self) -> Trail:
        """Paid in most cases; shipments are added apart."""
        paid = self.random.random() < 0.85
        return Trail(paid_after_days=self.number(35, 70) if paid else None, due_after_days=45, shipped=False)

    def finance(self, invoice: str, on: int, amount: int) -> None:
        rate = float(self.random.choice((0.7, 0.8, 0.9)))
        self.ground.finance(invoice, self.financier, on + self.number(1, 8), int(amount * rate))

    def plant(self, kind: str) -> None:
        members = [(self.seller, "seller"), *((buyer, "buyer") for buyer in self.buyers)]
        self.ground.plant(CODE, kind, members, self.days[0], self.days[-1])


def _phantoms(line: _Line) -> None:
    """Nothing, goods that never arrive, or papers of a time when they cannot have moved; some real ones."""
    ground = line.ground
    for on in line.days:
        buyer = line.buyer()
        amount = ground.amount(line.seller, buyer)
        if line.random.random() < 0.12:
            ground.sell(line.seller, buyer, on, amount, Trail(paid_after_days=40))
            continue
        invoice = ground.sell(line.seller, buyer, on, amount, line.trail())
        way = line.random.random()
        if way < 0.3:
            ground.add(
                "shipments", on + 2, shipper_id=line.seller, consignee_id=buyer, carrier_id=ground.carrier(),
                dispatched_on=on + 2, promised_on=on + 9, value=amount, currency="EUR", mode="road",
                invoice_id=invoice,
            )  # fmt: skip
        elif way < 0.45:
            ground.ship(line.seller, buyer, on - line.number(90, 250), amount, invoice)
        if line.random.random() < 0.95:
            line.finance(invoice, on, amount)


def _services(line: _Line) -> None:
    """Nothing is ever shipped; the invoices say what they are for, or call it by the name of the goods."""
    ground = line.ground
    named = line.random.random() < 0.6
    goods = {"goods": str(line.random.choice(SERVICES))} if named else {}
    for on in line.days:
        buyer, trail = line.buyer(), line.trail()
        amount = ground.amount(line.seller, buyer)
        paid_on = None if trail.paid_after_days is None else on + trail.paid_after_days
        invoice = ground.add(
            "invoices", on, seller_id=line.seller, buyer_id=buyer, issued_on=on, amount=amount,
            currency="EUR", due_on=on + 45, paid_on=paid_on, status="open" if paid_on is None else "paid",
            status_on=paid_on, **goods,
        )  # fmt: skip
        if paid_on is not None:
            ground.pay(buyer, line.seller, paid_on, amount, invoice)
        if line.random.random() < FINANCED_SHARE:
            line.finance(invoice, on, amount)


def _drop_shipping(line: _Line) -> None:
    """A maker elsewhere ships to the buyers; not all of its papers name the invoice."""
    ground = line.ground
    (maker,) = ground.companies(CODE, 1)
    for on in line.days:
        buyer = line.buyer()
        amount = ground.amount(line.seller, buyer)
        invoice = ground.sell(line.seller, buyer, on, amount, line.trail())
        named = invoice if line.random.random() < 0.7 else None
        if line.random.random() < 0.95:
            ground.ship(maker, buyer, on + line.number(-5, 12), amount, named, line.number(2, 15))
        if line.random.random() < FINANCED_SHARE:
            line.finance(invoice, on, amount)


def _late_papers(line: _Line) -> None:
    """Everything is delivered in the end; the papers are recorded weeks after."""
    ground = line.ground
    for on in line.days:
        buyer = line.buyer()
        amount = ground.amount(line.seller, buyer)
        invoice = ground.sell(line.seller, buyer, on, amount, line.trail())
        dispatched = on + line.number(0, 40)
        ground.add(
            "shipments", dispatched + line.number(10, 40), shipper_id=line.seller, consignee_id=buyer,
            carrier_id=ground.carrier(), dispatched_on=dispatched, promised_on=dispatched + 7,
            delivered_on=dispatched + line.number(3, 30), value=amount, currency="EUR", mode="road",
            invoice_id=invoice,
        )  # fmt: skip
        if line.random.random() < FINANCED_SHARE:
            line.finance(invoice, on, amount)


LOOK_ALIKES: dict[str, Callable[[_Line], None]] = {
    "services": _services,
    "drop_shipping": _drop_shipping,
    "late_papers": _late_papers,
}


def plant(ground: Ground) -> None:
    """A seller with phantom shipments to some buyers, and three that look like it."""
    line = _Line(ground)
    _phantoms(line)
    line.plant(RING)
    for kind, leave_rows in LOOK_ALIKES.items():
        line = _Line(ground)
        leave_rows(line)
        line.plant(kind)
