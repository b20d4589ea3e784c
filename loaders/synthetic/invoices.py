"""Invoices that were really issued, how they were settled, and what went with them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from loaders.synthetic.columns import NEVER, Chosen, Column, Days, Numbered, party, write_contract
from loaders.synthetic.course import Course, World
from loaders.synthetic.population import COUNTRY_OF_REGION, INDUSTRIES
from loaders.synthetic.settings import EcosystemSettings, stream

#: Days past due: habit of the payer, what a unit of its strain adds, and chance.
HABIT_DAYS, STRAIN_DAYS, CHANCE_DAYS = 4.0, 10.0, 7.0
#: Amounts of sellers in regions abroad are in PLN, at about this many EUR.
EUR_PER_PLN = 0.23
CURRENCIES = ("EUR", "PLN")
OPEN, PAID, VOID, CREDIT_NOTE = range(4)
STATUSES = ("open", "paid", "void", "credit_note")
#: Invoices voided, and invoices that are never paid for no reason.
VOID_SHARE, FORGOTTEN_SHARE = 0.015, 0.008
Int32 = NDArray[np.int32]
Flags = NDArray[np.bool_]


@dataclass(frozen=True)
class Defaults:
    """Day of the declared default and day it becomes known, by trader; int32, ``NEVER`` where none."""

    on: Int32
    known_on: Int32


@dataclass(frozen=True)
class Invoices:
    """Issued invoices, arrays [k]: parties, days, amounts in minor units of ``currency`` (0 EUR, 1 PLN).

    ``relation``: position in the trade. ``strain_seller`` at issue; ``void_on``; ``returned`` int64 amount
    of goods sent back; ``first_on`` / ``second_on`` days of payment, ``first_amount`` / ``second_amount``
    int64; ``paid_on`` the day of the last payment, once all is paid.
    """

    relation: Int32
    seller: Int32
    buyer: Int32
    issued_on: Int32
    due_on: Int32
    amount: NDArray[np.int64]
    currency: NDArray[np.int8]
    strain_seller: NDArray[np.float32]
    void_on: Int32
    returned: NDArray[np.int64]
    disputed: NDArray[np.bool_]
    first_on: Int32
    first_amount: NDArray[np.int64]
    second_on: Int32
    second_amount: NDArray[np.int64]
    paid_on: Int32

    def __len__(self) -> int:
        return len(self.seller)


def chance(log_odds: NDArray[np.floating]) -> NDArray[np.floating]:
    """Probability of log-odds."""
    return np.asarray(1 / (1 + np.exp(-log_odds)))


def date_defaults(world: World, course: Course) -> Defaults:
    """A day within the month of each default, and when it becomes known."""
    settings, n = world.settings, world.population.traders
    rng = stream(settings, "defaults")
    within, delay = rng.random(n), rng.integers(0, settings.outcome_delay_days + 1, n)
    month = course.default_month.astype(np.int64)
    inside = month < settings.months
    month = np.where(inside, month, 0)
    days = np.diff(settings.month_starts)[month]
    on = settings.month_starts[month] + (within * days).astype(np.int32)
    return Defaults(
        np.where(inside, on, NEVER).astype(np.int32), np.where(inside, on + delay, NEVER).astype(np.int32)
    )


def write_outcomes(defaults: Defaults, folder: Path) -> None:
    """Table ``outcomes``: one row a default."""
    struck = np.flatnonzero(defaults.on != NEVER)
    struck = struck[np.argsort(defaults.on[struck], kind="stable")]
    write_contract(
        folder,
        "outcomes",
        {
            "outcome_id": Numbered("O", np.arange(len(struck))),
            "party_id": party(struck),
            "kind": "default",
            "occurred_on": Days(defaults.on[struck]),
            "value": np.ones(len(struck), np.int64),
            "known_on": Days(defaults.known_on[struck]),
        },
    )


def _drawn(world: World, course: Course, defaults: Defaults) -> NDArray[np.int64]:
    """Planned invoices that leave rows: kept, reported, and issued before either side's default."""
    trade = world.trade
    relation = trade.relation
    hidden = stream(world.settings, "missing").random(len(trade.seller)) < world.settings.missing_links
    solvent = np.minimum(defaults.on[trade.seller], defaults.on[trade.buyer])[relation] > trade.issued_on
    reported = trade.issued_on >= world.settings.first_day
    return np.flatnonzero(course.kept & reported & solvent & ~hidden[relation])


def _named_buyers(world: World) -> Int32:
    """The buyer that each relation's rows name: a wrong one for ``false_links`` of them."""
    trade = world.trade
    rng = stream(world.settings, "false")
    wrong = rng.random(len(trade.buyer)) < world.settings.false_links
    stranger = rng.integers(0, world.population.traders, len(trade.buyer)).astype(np.int32)
    return np.where(wrong & (stranger != trade.seller), stranger, trade.buyer)


@dataclass(frozen=True)
class _Settlement:
    """How invoices [k] were paid (see ``Invoices``)."""

    first_on: Int32
    first_amount: NDArray[np.int64]
    second_on: Int32
    second_amount: NDArray[np.int64]
    paid_on: Int32


def _pay(
    owed: NDArray[np.int64], first_on: Int32, in_parts: Flags, last_day: Int32, rng: Generator
) -> _Settlement:
    """Pay ``owed`` from ``first_on`` on, at once or in two parts, as far as it happens by ``last_day``."""
    k = len(owed)
    first_amount = np.where(in_parts, (owed * rng.uniform(0.3, 0.7, k)).astype(np.int64), owed)
    second_on = np.where(in_parts, first_on + rng.integers(15, 90, k), NEVER)
    first_on = np.where(first_on <= last_day, first_on, NEVER).astype(np.int32)
    second_on = np.where(second_on <= last_day, second_on, NEVER).astype(np.int32)
    paid_on = np.where(in_parts, second_on, first_on)
    return _Settlement(first_on, first_amount, second_on, owed - first_amount, paid_on)


def settle_invoices(world: World, course: Course, defaults: Defaults) -> Invoices:
    """Draw how each invoice was paid: late and in parts where its buyer is strained, never after default."""
    settings, trade = world.settings, world.trade
    rng = stream(settings, "invoices")
    drawn = _drawn(world, course, defaults)
    k, relation, issued_on = len(drawn), trade.relation[drawn], trade.issued_on[drawn]
    seller, payer = trade.seller[relation], trade.buyer[relation]
    due_on = (issued_on + trade.terms_days[relation]).astype(np.int32)
    strain_seller = course.strain[settings.month_of(issued_on), seller]
    strain_buyer = course.strain[settings.month_of(due_on), payer]
    currency = COUNTRY_OF_REGION[world.population.region[seller]]
    amount = np.where(currency == 1, trade.amount[drawn] / EUR_PER_PLN, trade.amount[drawn]).astype(np.int64)

    void = rng.random(k) < VOID_SHARE
    returns = rng.random(k) < chance(-3.6 + 0.8 * strain_seller)
    returned = (amount * np.where(returns & ~void, rng.uniform(0.05, 0.6, k), 0)).astype(np.int64)
    disputed = (rng.random(k) < chance(-3.6 + 0.8 * strain_seller)) & ~void
    deducted = np.where(disputed & (rng.random(k) < 0.6), rng.uniform(0.02, 0.12, k), 0)

    habit = stream(settings, "habits").normal(0, HABIT_DAYS, world.population.traders)
    late = habit[payer] + STRAIN_DAYS * strain_buyer + CHANCE_DAYS * settings.noise * rng.standard_normal(k)
    first_on = np.maximum(due_on + np.maximum(np.round(late), -15), issued_on + 1).astype(np.int32)
    never = void | (rng.random(k) < FORGOTTEN_SHARE)
    last_day = np.where(never, issued_on, np.minimum(defaults.on[payer] - 1, settings.extracted_on))
    in_parts = rng.random(k) < chance(1.3 * strain_buyer - 4.0)
    owed = amount - returned - (amount * deducted).astype(np.int64)
    void_on = np.minimum(issued_on + rng.integers(1, 21, k), settings.extracted_on)
    return Invoices(
        relation=relation,
        seller=seller,
        buyer=_named_buyers(world)[relation],
        issued_on=issued_on,
        due_on=due_on,
        amount=amount,
        currency=currency,
        strain_seller=strain_seller,
        void_on=np.where(void, void_on, NEVER).astype(np.int32),
        returned=returned,
        disputed=disputed,
        **vars(_pay(owed, first_on, in_parts, last_day, rng)),
    )


def _credit_notes(
    invoices: Invoices, defaults: Defaults, settings: EcosystemSettings
) -> tuple[NDArray[np.int64], Int32]:
    """(invoice, day issued) of credit notes for returned goods; none after the seller's default."""
    rng = stream(settings, "credit notes")
    corrected = np.flatnonzero(invoices.returned > 0)
    day = invoices.issued_on[corrected] + rng.integers(5, 41, len(corrected)).astype(np.int32)
    ok = (day <= settings.extracted_on) & (day < defaults.on[invoices.seller[corrected]])
    return corrected[ok], day[ok].astype(np.int32)


def _status(invoices: Invoices) -> tuple[NDArray[np.int64], Int32]:
    """(position in ``STATUSES``, day it was reached) of each invoice."""
    status = np.full(len(invoices), OPEN)
    status[invoices.paid_on != NEVER] = PAID
    status[invoices.void_on != NEVER] = VOID
    return status, np.minimum(invoices.paid_on, invoices.void_on)


def _confirmed_on(invoices: Invoices, settings: EcosystemSettings, rng: Generator) -> Int32:
    """Day of the buyer's confirmation: for most invoices that stand, days after issue."""
    k = len(invoices)
    day = invoices.issued_on + rng.integers(1, 11, k)
    missing = (rng.random(k) < 0.3) | (invoices.void_on != NEVER) | (day > settings.extracted_on)
    return np.where(missing, NEVER, day).astype(np.int32)


def write_invoices(invoices: Invoices, world: World, defaults: Defaults, folder: Path) -> None:
    """Table ``invoices``, credit notes after the rest."""
    rng = stream(world.settings, "invoice papers")
    corrected, credited_on = _credit_notes(invoices, defaults, world.settings)
    none = np.full(len(corrected), NEVER, np.int32)
    rows = np.concatenate([np.arange(len(invoices)), corrected])
    status, status_on = _status(invoices)
    issued_on = np.concatenate([invoices.issued_on, credited_on])
    confirmed_on = _confirmed_on(invoices, world.settings, rng)
    goods = tuple(row[-1] for row in INDUSTRIES)
    columns: dict[str, Column] = {
        "invoice_id": Numbered("I", np.arange(len(rows))),
        "seller_id": party(invoices.seller[rows]),
        "buyer_id": party(invoices.buyer[rows]),
        "issued_on": Days(issued_on),
        "amount": np.concatenate([invoices.amount, invoices.returned[corrected]]),
        "currency": Chosen(CURRENCIES, invoices.currency[rows]),
        "due_on": Days(np.concatenate([invoices.due_on, none])),
        "paid_on": Days(np.concatenate([invoices.paid_on, none])),
        "confirmed_on": Days(np.concatenate([confirmed_on, none])),
        "status": Chosen(STATUSES, np.concatenate([status, np.full(len(none), CREDIT_NOTE)])),
        "status_on": Days(np.concatenate([status_on, credited_on])),
        "corrects_invoice_id": Numbered("I", np.concatenate([np.full(len(invoices), -1), corrected])),
        "goods": Chosen(goods, world.population.industry[invoices.seller[rows]]),
        "known_on": Days(issued_on + rng.integers(0, 2, len(rows), np.int32)),
    }
    write_contract(folder, "invoices", columns)


def write_payments(invoices: Invoices, folder: Path) -> None:
    """Table ``payments``: what was paid at once or first, then what was paid second."""
    first = np.flatnonzero((invoices.first_on != NEVER) & (invoices.first_amount > 0))
    second = np.flatnonzero((invoices.second_on != NEVER) & (invoices.second_amount > 0))
    invoice = np.concatenate([first, second])
    paid_on = np.concatenate([invoices.first_on[first], invoices.second_on[second]])
    columns: dict[str, Column] = {
        "payment_id": Numbered("T", np.arange(len(invoice))),
        "payer_id": party(invoices.buyer[invoice]),
        "payee_id": party(invoices.seller[invoice]),
        "paid_on": Days(paid_on),
        "amount": np.concatenate([invoices.first_amount[first], invoices.second_amount[second]]),
        "currency": Chosen(CURRENCIES, invoices.currency[invoice]),
        "invoice_id": Numbered("I", invoice),
        "known_on": Days(paid_on),
    }
    write_contract(folder, "payments", columns)
