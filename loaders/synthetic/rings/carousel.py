"""Carousels of payments, and what looks like them: a group's sweeps, refunds, loans repaid."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from loaders.synthetic.rings.circular_trading import own_group, turns
from loaders.synthetic.rings.ground import RING, Ground, Trail

CODE = "carousel"


def _circulate(ground: Ground, members: Sequence[int], papered: float) -> tuple[int, int]:
    """Money that goes round among ``members`` several times, for a fee at each hop; first and last day.

    ``papered``: share of the payments for which there is an invoice; one in each round has none.
    """
    random, hops = ground.random, len(members)
    usual = ground.amount(members[0], members[-1]) * random.uniform(1, 6)
    rounds = turns(ground, int(random.integers(2, 9)), hops)
    for days in rounds:
        kept = np.cumprod([1, *random.uniform(0.985, 1.0, hops - 1)])
        amounts = (usual * random.uniform(0.6, 1.6) * kept).astype(int).tolist()
        bare = int(random.integers(hops))
        pairs = zip(members, (*members[1:], members[0]), days, amounts, strict=True)
        for hop, (payer, payee, on, amount) in enumerate(pairs):
            if hop != bare and random.random() < papered:
                billed = int(random.integers(1, 20))
                ground.sell(payee, payer, on - billed, amount, Trail(paid_after_days=billed, shipped=False))
            else:
                ground.pay(payer, payee, on, amount)
    return rounds[0][0], rounds[-1][-1]


def _ring(ground: Ground) -> None:
    members = ground.companies(CODE, int(ground.random.integers(2, 7)))
    first, last = _circulate(ground, members, papered=0.4)
    roles = ["payer", *["conduit"] * (len(members) - 1)]
    ground.plant(CODE, RING, list(zip(members, roles, strict=True)), first, last)


def _treasury(ground: Ground) -> None:
    members = own_group(ground, CODE)
    first, last = _circulate(ground, members, papered=0.2)
    ground.plant(CODE, "treasury", [(code, "member") for code in members], first, last)


def _refunds(ground: Ground) -> None:
    """A buyer pays at once, sends goods back, is credited and gets its money back; again and again."""
    random = ground.random
    seller, buyer = ground.companies(CODE, 2)
    orders = turns(ground, int(random.integers(3, 8)), 2)
    for on, _ in orders:
        amount = ground.amount(seller, buyer)
        paid = int(random.integers(1, 8))
        invoice = ground.sell(seller, buyer, on, amount, Trail(paid_after_days=paid))
        credited = on + paid + int(random.integers(2, 15))
        back = int(amount * random.choice([1.0, 1.0, random.uniform(0.92, 1.0)]))
        note = ground.add(
            "invoices", credited, seller_id=seller, buyer_id=buyer, issued_on=credited, amount=back,
            currency="EUR", status="credit_note", status_on=credited, corrects_invoice_id=invoice,
        )  # fmt: skip
        named = random.choice([invoice, note, ""])
        ground.pay(seller, buyer, credited + int(random.integers(0, 10)), back, named or None)
    members = [(seller, "seller"), (buyer, "buyer")]
    ground.plant(CODE, "refunds", members, orders[0][0], orders[-1][0] + 33)


def _loans(ground: Ground) -> None:
    """Short loans under a standing credit line: paid out, and paid back with interest."""
    random = ground.random
    lender, borrower = ground.companies(CODE, 2)
    draws = turns(ground, int(random.integers(3, 8)), 2)
    usual = ground.amount(lender, borrower) * 4
    ground.link(lender, borrower, "LENDS_TO", draws[0][0] - int(random.integers(1, 200)), amount=usual * 2)
    for on, _ in draws:
        amount, after = int(usual * random.uniform(0.5, 1.5)), int(random.integers(10, 40))
        ground.pay(lender, borrower, on, amount)
        ground.pay(borrower, lender, on + after, int(amount * (1 + 0.0003 * after)))
    members = [(lender, "lender"), (borrower, "borrower")]
    ground.plant(CODE, "loans", members, draws[0][0], draws[-1][0] + 40)


def plant(ground: Ground) -> None:
    """One ring and three look-alikes."""
    _ring(ground)
    _treasury(ground)
    _refunds(ground)
    _loans(ground)
