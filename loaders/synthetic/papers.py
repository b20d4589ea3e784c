"""What goes with trade: shipments, financings, complaints and reviews, lawsuits, stocks."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from loaders.synthetic.columns import NEVER, Chosen, Column, Days, Numbered, party, write_contract
from loaders.synthetic.course import NOT_YET, Course, World
from loaders.synthetic.invoices import CURRENCIES, Defaults, Invoices, chance
from loaders.synthetic.population import INDUSTRIES, RETAIL_TIER
from loaders.synthetic.settings import MOST_INVOICES_PER_PARTY, WARM_UP_MONTHS, stream

SHIPPED_SHARE = 0.70
MODES = ("road", "rail", "sea", "air")
EVENT_KINDS = ("dispute", "return", "complaint", "bad_review", "review", "lawsuit")
DISPUTE, RETURN, COMPLAINT, BAD_REVIEW, REVIEW, LAWSUIT = range(6)
#: Log-odds of an event about the seller per invoice (or consumer contact), and what its strain adds.
EVENT_ODDS = {COMPLAINT: (-4.0, 0.7), BAD_REVIEW: (-3.8, 0.7), REVIEW: (-2.2, -0.2)}
#: Consumer contacts that leave a trace, per retailer and month, at 24 invoices a party.
CONSUMER_CONTACTS = 1.5
STOCK_SHARE = 0.30


def write_shipments(invoices: Invoices, world: World, folder: Path) -> None:
    """Table ``shipments``: for most invoices, by a carrier that stays with the relation."""
    settings, population = world.settings, world.population
    rng = stream(settings, "shipments")
    size = rng.pareto(1.5, population.carriers) + 1
    quality_days = rng.normal(0.5, 2.0, population.carriers)
    of_relation = rng.choice(population.carriers, len(world.trade.seller), p=size / size.sum())
    shipped = (rng.random(len(invoices)) < SHIPPED_SHARE) & (invoices.void_on == NEVER)
    invoice = np.flatnonzero(shipped)
    k = len(invoice)
    carrier = of_relation[invoices.relation[invoice]]
    dispatched_on = invoices.issued_on[invoice] + rng.integers(0, 4, k)
    promised_on = dispatched_on + rng.integers(3, 13, k)
    late = quality_days[carrier] + 0.8 * invoices.strain_seller[invoice] + 2.5 * rng.standard_normal(k)
    delivered_on = np.maximum(promised_on + np.round(late), dispatched_on + 1)
    unproven = (rng.random(k) < 0.02) | (delivered_on > settings.extracted_on)
    value = invoices.amount[invoice]
    write_contract(
        folder,
        "shipments",
        {
            "shipment_id": Numbered("S", np.arange(k)),
            "shipper_id": party(invoices.seller[invoice]),
            "consignee_id": party(invoices.buyer[invoice]),
            "carrier_id": party(carrier + population.traders),
            "dispatched_on": Days(dispatched_on.astype(np.int32)),
            "promised_on": Days(promised_on.astype(np.int32)),
            "delivered_on": Days(np.where(unproven, NEVER, delivered_on).astype(np.int32)),
            "value": value,
            "currency": Chosen(CURRENCIES, invoices.currency[invoice]),
            "quantity": np.round(np.maximum(value / 100 / np.exp(rng.normal(4, 0.5, k)), 1)),
            "mode": Chosen(MODES, rng.choice(len(MODES), k, p=[0.7, 0.12, 0.13, 0.05])),
            "goods": Chosen(
                tuple(row[-1] for row in INDUSTRIES), population.industry[invoices.seller[invoice]]
            ),
            "invoice_id": Numbered("I", invoice),
            "known_on": Days((dispatched_on + rng.integers(0, 2, k)).astype(np.int32)),
        },
    )


def write_financings(invoices: Invoices, world: World, folder: Path) -> None:
    """Table ``financings``: strained sellers turn more invoices into money."""
    settings, population = world.settings, world.population
    rng = stream(settings, "financings")
    k = len(invoices)
    financed_on = invoices.issued_on + rng.integers(2, 11, k)
    asked = rng.random(k) < chance(-3.0 + 0.5 * invoices.strain_seller)
    asked &= (invoices.void_on == NEVER) & (financed_on < invoices.first_on) & (financed_on < invoices.due_on)
    invoice = np.flatnonzero(asked)
    k, financed_on = len(invoice), financed_on[invoice].astype(np.int32)
    rate = rng.choice(np.array([0.7, 0.8, 0.9]), k)
    amount = (invoices.amount[invoice] * rate).astype(np.int64)
    bank = rng.integers(0, population.financiers, len(world.trade.seller))[invoices.relation[invoice]]
    write_contract(
        folder,
        "financings",
        {
            "financing_id": Numbered("F", np.arange(k)),
            "invoice_id": Numbered("I", invoice),
            "financier_id": party(bank + population.traders + population.carriers),
            "financed_on": Days(financed_on),
            "due_on": Days(invoices.due_on[invoice]),
            "amount": amount,
            "currency": Chosen(CURRENCIES, invoices.currency[invoice]),
            "recourse": rng.random(k) < 0.7,
            "advance_rate": rate,
            "limit": amount * rng.integers(3, 12, k),
            "repaid_on": Days(invoices.paid_on[invoice]),
            "known_on": Days(financed_on),
        },
    )


Rows = dict[str, NDArray[np.generic]]


def _event_rows(
    kind: int, about: NDArray[np.integer], by: NDArray[np.integer] | int, day: NDArray[np.integer]
) -> Rows:
    n = len(about)
    return {
        "kind": np.full(n, kind),
        "party": about.astype(np.int64),
        "counterparty": np.broadcast_to(np.asarray(by, np.int64), (n,)),
        "day": day.astype(np.int64),
        "value": np.full(n, np.nan),
    }


def _invoice_events(invoices: Invoices, rng: np.random.Generator) -> list[Rows]:
    """Disputes, returns, complaints and reviews by buyers, days after the invoice."""
    k = len(invoices)
    happened = {DISPUTE: invoices.disputed, RETURN: invoices.returned > 0}
    for kind, (level, slope) in EVENT_ODDS.items():
        odds = chance(level + slope * invoices.strain_seller)
        happened[kind] = (rng.random(k) < odds) & (invoices.void_on == NEVER)
    parts = []
    for kind, mask in happened.items():
        found = np.flatnonzero(mask)
        day = invoices.issued_on[found] + rng.integers(3, 30, len(found))
        rows = _event_rows(kind, invoices.seller[found], invoices.buyer[found], day)
        if kind == RETURN:
            rows["value"] = np.round(invoices.returned[found] / invoices.amount[found], 4)
        parts.append(rows)
    return parts


def _consumer_events(world: World, course: Course, rng: np.random.Generator) -> list[Rows]:
    """What consumers leave about retailers on the platform."""
    settings, population = world.settings, world.population
    retail = (population.tier == RETAIL_TIER) & population.on_platform
    shops = np.flatnonzero(retail[: population.traders])
    pace = CONSUMER_CONTACTS * settings.invoices_each / MOST_INVOICES_PER_PARTY
    count = rng.poisson(pace * 12 * settings.years * np.sqrt(population.size[shops]))
    about = np.repeat(shops, count)
    day = rng.integers(settings.first_day, settings.month_starts[-1], len(about))
    strain = course.strain[settings.month_of(day.astype(np.int32)), about]
    bad, back = rng.random(len(about)) < chance(-1.5 + strain), rng.random(len(about)) < chance(-2.5 + strain)
    kind = np.where(bad, np.where(back, COMPLAINT, BAD_REVIEW), REVIEW)
    open_for_business = day >= settings.month_starts[population.entered[about]]
    rows = _event_rows(REVIEW, about, -1, day) | {"kind": kind}
    return [{name: values[open_for_business] for name, values in rows.items()}]


def _lawsuits(world: World, course: Course, rng: np.random.Generator) -> list[Rows]:
    """Some companies in distress are sued before they fail."""
    struck = np.flatnonzero(course.distress_month != NOT_YET)
    sued = struck[rng.random(len(struck)) < 0.25]
    start = world.settings.month_starts[course.distress_month[sued]]
    return [_event_rows(LAWSUIT, sued, -1, start + rng.integers(20, 120, len(sued)))]


def write_events(invoices: Invoices, world: World, course: Course, defaults: Defaults, folder: Path) -> None:
    """Table ``events``, by day; none after the party's default or the extract."""
    settings = world.settings
    rng = stream(settings, "events")
    parts = (
        _invoice_events(invoices, rng) + _consumer_events(world, course, rng) + _lawsuits(world, course, rng)
    )
    rows = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
    shown = (rows["day"] < defaults.on[rows["party"]]) & (rows["day"] <= settings.extracted_on)
    shown &= rows["day"] >= settings.first_day
    order = np.flatnonzero(shown)[np.argsort(rows["day"][shown], kind="stable")]
    rows = {name: values[order] for name, values in rows.items()}
    n = len(order)
    stars = np.where(rows["kind"] == REVIEW, rng.integers(3, 6, n), rng.integers(1, 3, n))
    is_review = (rows["kind"] == REVIEW) | (rows["kind"] == BAD_REVIEW)
    day = rows["day"].astype(np.int32)
    columns: dict[str, Column] = {
        "event_id": Numbered("E", np.arange(n)),
        "party_id": party(rows["party"]),
        "counterparty_id": party(rows["counterparty"]),
        "kind": Chosen(EVENT_KINDS, rows["kind"]),
        "occurred_on": Days(day),
        "value": np.where(is_review, stars, rows["value"]),
        "known_on": Days(day + rng.integers(0, 4, n).astype(np.int32)),
    }
    write_contract(folder, "events", columns)


def write_stocks(world: World, course: Course, defaults: Defaults, folder: Path) -> None:
    """Table ``stocks``: month-end stock of a share of the merchants; it builds up under strain."""
    settings, population = world.settings, world.population
    rng = stream(settings, "stocks")
    n = population.traders
    share = STOCK_SHARE * min(1.0, settings.invoices_each / MOST_INVOICES_PER_PARTY)
    chosen = np.flatnonzero((rng.random(n) < share) & population.on_platform[:n])
    base = np.exp(rng.normal(6, 0.7, len(chosen))) * population.size[chosen]
    price = np.round(np.exp(rng.normal(7, 0.7, len(chosen)))).astype(np.int64)
    month, holder = (axis.ravel() for axis in np.indices((12 * settings.years, len(chosen))))
    month += WARM_UP_MONTHS
    level = 0.20 * course.strain[
        WARM_UP_MONTHS:, chosen
    ].ravel() + 0.15 * settings.noise * rng.standard_normal(len(month))
    units = np.round(base[holder] * np.exp(level))
    on = settings.month_starts[month + 1] - 1
    here = (on < defaults.on[chosen[holder]]) & (population.entered[chosen[holder]] <= month)
    holder, units, on = holder[here], units[here], on[here]
    write_contract(
        folder,
        "stocks",
        {
            "party_id": party(chosen[holder]),
            "on": Days(on.astype(np.int32)),
            "units": units,
            "value": (units * price[holder]).astype(np.int64),
            "currency": "EUR",
            "known_on": Days((on + rng.integers(1, 4, len(on))).astype(np.int32)),
        },
    )
