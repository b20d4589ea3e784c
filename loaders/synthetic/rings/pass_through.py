"""Pass-through, planted: a middle that collects and passes on within days; beside it payroll, a marketplace
and a seasonal peak."""

from __future__ import annotations

from loaders.synthetic.rings.ground import RING, Ground

CODE = "pass_through"


class _Middle:
    """A company in the middle, and what came in and went out through it."""

    def __init__(self, ground: Ground) -> None:
        self.ground, self.random = ground, ground.random
        (self.code,) = ground.companies(CODE, 1)
        self.payers: set[int] = set()
        self.payees: set[int] = set()
        self.first_on, self.last_on = 2**31, 0

    def number(self, low: int, high: int) -> int:
        return int(self.random.integers(low, high))

    def firms(self, count: int) -> list[int]:
        return self.ground.companies(CODE, count)

    def people(self, count: int) -> list[int]:
        found: list[int] = []
        while len(found) < count:
            person = self.ground.person()
            # Where there are few persons, the same ones come again.
            known = self.payers | self.payees
            exhausted = len(known) + len(found) >= self.ground.population.persons
            if person not in found and (exhausted or person not in known):
                found.append(person)
        return found

    def collect(self, payers: list[int], first: int, days: int, typical: float) -> int:
        """Each pays once within so many days from the first; returns what came in."""
        total = 0
        for payer in payers:
            amount = int(typical * self.random.lognormal(0, 0.5))
            on = first + self.number(0, days)
            self._note(on)
            self.ground.pay(payer, self.code, on, amount)
            total += amount
        self.payers |= set(payers)
        return total

    def pay_out(self, payees: list[int], first: int, days: int, total: int, evenness: float = 3.0) -> None:
        """The total, in parts, within so many days from the first."""
        for payee, part in zip(payees, self.random.dirichlet([evenness] * len(payees)), strict=True):
            on = first + self.number(0, days)
            self._note(on)
            self.ground.pay(self.code, payee, on, max(1, int(total * part)))
        self.payees |= set(payees)

    def _note(self, on: int) -> None:
        self.first_on, self.last_on = min(self.first_on, on), max(self.last_on, on)

    def plant(self, kind: str) -> None:
        members = [(self.code, "middle"), *((code, "payer") for code in sorted(self.payers))]
        members += [(code, "payee") for code in sorted(self.payees - self.payers)]
        self.ground.plant(CODE, kind, members, self.first_on, self.last_on)


def _ring(ground: Ground) -> None:
    """One to three times, money of many within days; all but a few per cent of it is passed on in days."""
    middle = _Middle(ground)
    payers = middle.firms(middle.number(5, 12))
    private = middle.number(0, 4)
    payees = middle.firms(middle.number(3, 7)) + middle.people(private)
    typical = ground.amount(middle.code, payers[0]) * middle.random.uniform(0.5, 2.0)
    first = ground.start() - 30
    for _ in range(middle.number(1, 4)):
        total = middle.collect(payers, first, middle.number(1, 4), typical)
        kept = middle.random.uniform(0.01, 0.1)
        middle.pay_out(payees, first + middle.number(1, 4), middle.number(2, 5), int(total * (1 - kept)))
        first += middle.number(20, 60)
    middle.plant(RING)


def _payroll(ground: Ground) -> None:
    """Customers pay towards the end of each month, and wages and taxes take nearly all of it."""
    middle = _Middle(ground)
    customers = middle.firms(middle.number(6, 12))
    staff = middle.people(middle.number(5, 15))
    typical = ground.amount(middle.code, customers[0])
    first = ground.start() - 280
    for month in range(middle.number(10, 14)):
        paying = [code for code in customers if middle.random.random() < 0.85]
        total = middle.collect(paying or customers, first + 30 * month, 4, typical)
        middle.pay_out(staff, first + 30 * month + 4, 2, int(total * middle.random.uniform(0.85, 0.98)), 50.0)
    middle.plant("payroll")


def _marketplace(ground: Ground) -> None:
    """All year round new customers pay, and sellers, old and new, get their share days later."""
    middle = _Middle(ground)
    sellers = middle.firms(middle.number(5, 9))
    typical = ground.amount(middle.code, sellers[0]) * 0.5
    first = ground.start() - 250
    for week in range(middle.number(36, 48)):
        customers = middle.people(middle.number(5, 11))
        total = middle.collect(customers, first + 7 * week, 6, typical)
        paid = [code for code in sellers if middle.random.random() < 0.7] + middle.people(middle.number(0, 3))
        middle.pay_out(paid or sellers, first + 7 * week + 4, 4, int(total * 0.93))
    middle.plant("marketplace")


def _season(ground: Ground) -> None:
    """Many customers pay in the weeks of the peak, and the suppliers of the whole year are paid from it."""
    middle = _Middle(ground)
    suppliers = middle.firms(middle.number(3, 8))
    typical = ground.amount(middle.code, suppliers[0])
    peak = ground.start() - 30
    for month in range(-9, 4):
        total = int(typical * middle.random.uniform(0.3, 1.0) * len(suppliers))
        middle.pay_out(suppliers, peak + 30 * month - 12, 10, total)
    first = peak
    for _ in range(middle.number(1, 4)):
        total = middle.collect(middle.people(middle.number(6, 12)), first, middle.number(2, 5), typical)
        middle.pay_out(suppliers, first + 2, 5, int(total * middle.random.uniform(0.85, 0.98)))
        first += middle.number(7, 20)
    middle.plant("seasonal_peak")


def plant(ground: Ground) -> None:
    """A middle that money is passed through, and three that look like one."""
    _ring(ground)
    _payroll(ground)
    _marketplace(ground)
    _season(ground)
