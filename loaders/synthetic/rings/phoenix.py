"""Phoenix firms, and what looks like them: an entrant, a declared successor, a spin-off."""

from __future__ import annotations

import numpy as np

from loaders.synthetic.rings.ground import RING, Ground, Trail

CODE = "phoenix"
#: Of so many firms drawn, the first with enough counterparties that live on is taken, or the one with most.
TRIES, ENOUGH_PARTNERS = 6, 5
#: Days of trade that are left for the new firm, at least.
DAYS_LEFT = 200

Partner = tuple[int, bool]


def _partners(ground: Ground, firm: int, on: int) -> list[Partner]:
    """Living buyers (False) and suppliers (True) with planned invoices in a firm's last ten months."""
    trade = ground.trade
    month = int(ground.settings.month_of(np.array([on], np.int32))[0])
    planned = trade.relation[trade.month_offsets[max(month - 10, 0)] : trade.month_offsets[month]]
    recent = np.unique(planned[(trade.seller[planned] == firm) | (trade.buyer[planned] == firm)])
    buyers = trade.buyer[recent[trade.seller[recent] == firm]]
    suppliers = trade.seller[recent[trade.buyer[recent] == firm]]
    living = set(ground.living.tolist())
    found = [(int(code), False) for code in np.unique(buyers)]
    found += [(int(code), True) for code in np.unique(suppliers)]
    return [partner for partner in found if partner[0] in living]


def _old_firm(ground: Ground, failed: bool) -> tuple[int, int, list[Partner]]:
    """A firm with counterparties to take over, the day it failed (or any, where it lives), and those."""
    first, last = ground.settings.first_day + 400, ground.last_day - DAYS_LEFT
    pool = ground.failed[(ground.failed_on[ground.failed] > first) & (ground.failed_on[ground.failed] < last)]
    best: tuple[int, int, list[Partner]] = (-1, 0, [])
    for _ in range(TRIES):
        firm = ground.companies(CODE, 1, pool if failed else ground.living)[0]
        on = int(ground.failed_on[firm]) if failed else int(ground.random.integers(first, last))
        partners = _partners(ground, firm, on)
        if best[0] < 0 or len(partners) > len(best[2]):
            best = (firm, on, partners)
        if len(partners) >= ENOUGH_PARTNERS:
            break
    return best


def _carry_on(ground: Ground, new: int, begun: int, partners: list[Partner]) -> int:
    """Trade of the new firm with each partner until the last day; returns the day of the last invoice."""
    random, last = ground.random, begun
    for partner, supplies in partners:
        start = min(begun + int(random.integers(0, 120)), ground.last_day - 30)
        for on in np.sort(random.integers(start, ground.last_day, int(random.integers(2, 7)))).tolist():
            ends = (partner, new) if supplies else (new, partner)
            ground.sell(*ends, on, ground.amount(*ends), Trail(paid_after_days=int(random.integers(10, 60))))
            last = max(last, on)
    return last


def _strangers(ground: Ground, count: int) -> list[Partner]:
    """Counterparties of its own that a new firm finds."""
    return [
        (int(code), bool(ground.random.random() < 0.4)) for code in ground.random.choice(ground.living, count)
    ]


def _some(ground: Ground, partners: list[Partner], least: float, most: float) -> list[Partner]:
    count = max(3, round(len(partners) * ground.random.uniform(least, most)))
    chosen = ground.random.permutation(len(partners))[:count]
    return [partners[position] for position in chosen.tolist()]


def _represented(ground: Ground, firm: int, since: int, person: int | None = None) -> int:
    """A person who represents or owns the firm."""
    person = ground.person() if person is None else person
    kind = "LEGAL_REP_OF" if ground.random.random() < 0.5 else "OWNS"
    ground.link(person, firm, kind, since)
    return person


def _tie(ground: Ground, old: int, new: int, on: int, begun: int) -> list[tuple[int, str]]:
    """The same person, the same address, or people who share a phone. Returns those between."""
    random, long_ago = ground.random, on - int(ground.random.integers(300, 1500))
    way = random.random()
    if way < 0.25:
        ground.link(old, new, "SHARES_ADDRESS", begun)
        if random.random() < 0.5:
            ground.link(old, new, "SHARES_PHONE", begun)
        return []
    person = _represented(ground, old, long_ago)
    if way < 0.75:
        _represented(ground, new, begun, person)
        return [(person, "controller")]
    other = _represented(ground, new, begun)
    if other != person:
        ground.link(person, other, "SHARES_PHONE" if random.random() < 0.5 else "SHARES_DEVICE", begun)
    return [(person, "controller"), (other, "controller")] if other != person else [(person, "controller")]


def _ring(ground: Ground) -> None:
    old, on, partners = _old_firm(ground, failed=True)
    begun = on + int(ground.random.integers(-60, 100))
    new = ground.new_company(begun - int(ground.random.integers(5, 60)), like=old)
    between = _tie(ground, old, new, on, begun - 5)
    own = _strangers(ground, int(ground.random.integers(1, 4)))
    last = _carry_on(ground, new, begun, _some(ground, partners, 0.5, 0.95) + own)
    ground.plant(CODE, RING, [(old, "predecessor"), (new, "successor"), *between], on, last)


def _entrant(ground: Ground) -> None:
    """A newcomer of the same niche who wins some of a failed firm's customers, and others."""
    old, on, partners = _old_firm(ground, failed=True)
    begun = on + int(ground.random.integers(-60, 150))
    new = ground.new_company(begun - 30, like=old)
    _represented(ground, new, begun - 30)
    own = _strangers(ground, int(ground.random.integers(2, 6)))
    last = _carry_on(ground, new, begun, _some(ground, partners, 0.3, 0.6) + own)
    ground.plant(CODE, "entrant", [(old, "predecessor"), (new, "successor")], min(on, begun), last)


def _successor(ground: Ground) -> None:
    """A declared successor: it owns the firm whose business it carries on, or that is its branch."""
    old, on, partners = _old_firm(ground, failed=True)
    begun = on + int(ground.random.integers(-60, 100))
    new = ground.new_company(begun - 30, like=old)
    between = _tie(ground, old, new, on, begun - 5)
    if ground.random.random() < 0.5:
        ground.link(new, old, "OWNS", begun - 20)
    else:
        ground.link(old, new, "BRANCH_OF", begun - 20)
    last = _carry_on(ground, new, begun, _some(ground, partners, 0.5, 0.95))
    members = [(old, "predecessor"), (new, "successor"), *between]
    ground.plant(CODE, "declared_successor", members, min(on, begun), last)


def _spin_off(ground: Ground) -> None:
    """A new firm of the same people with some of the counterparties, while the old one trades on."""
    old, on, partners = _old_firm(ground, failed=False)
    new = ground.new_company(on - 30, like=old)
    between = _tie(ground, old, new, on, on - 5)
    last = _carry_on(ground, new, on, _some(ground, partners, 0.4, 0.8))
    # The old firm goes on with all of them.
    _carry_on(ground, old, on, partners)
    ground.plant(CODE, "spin_off", [(old, "predecessor"), (new, "successor"), *between], on, last)


def plant(ground: Ground) -> None:
    """One phoenix, one entrant, one declared successor, one spin-off."""
    _ring(ground)
    _entrant(ground)
    _successor(ground)
    _spin_off(ground)
