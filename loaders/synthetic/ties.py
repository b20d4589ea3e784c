"""Standing ties between parties: guarantees, owners, legal representatives, shared addresses."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from loaders.synthetic.columns import NEVER, Chosen, Column, Days, party, write_contract
from loaders.synthetic.population import Population
from loaders.synthetic.settings import EcosystemSettings, stream

#: Guarantees per trading company, and their half-life.
GUARANTEES_PER_COMPANY = 0.2
GUARANTEE_HALF_LIFE_MONTHS = 48.0
OWNERS_PER_COMPANY = 1.2
SHARED_ADDRESSES_PER_COMPANY = 0.08
KINDS = ("GUARANTEES", "OWNS", "LEGAL_REP_OF", "SHARES_ADDRESS")


@dataclass(frozen=True)
class Guarantees:
    """Who stands for whom in months [start, end); int32 [g] each. ``amount``: int64 minor units of EUR."""

    guarantor: NDArray[np.int32]
    guaranteed: NDArray[np.int32]
    start: NDArray[np.int32]
    end: NDArray[np.int32]
    amount: NDArray[np.int64]


def regional_partners(
    codes: NDArray[np.int32], population: Population, rng: np.random.Generator
) -> NDArray[np.int32]:
    """A uniformly drawn trader of the same region for each trader; int32 [len(codes)]."""
    region = population.region[: population.traders]
    order = np.argsort(region, kind="stable").astype(np.int32)
    starts = np.searchsorted(region[order], np.arange(region.max() + 2))
    low, high = starts[region[codes]], starts[region[codes] + 1]
    found: NDArray[np.int32] = order[low + (rng.random(len(codes)) * (high - low)).astype(np.int64)]
    return found


def draw_guarantees(population: Population, settings: EcosystemSettings) -> Guarantees:
    """Guarantees between companies of one region, drawn without regard to anyone's stress."""
    rng = stream(settings, "guarantees")
    count = round(population.traders * GUARANTEES_PER_COMPANY)
    guaranteed = rng.integers(0, population.traders, count).astype(np.int32)
    guarantor = regional_partners(guaranteed, population, rng)
    entered = np.maximum(population.entered[guaranteed], population.entered[guarantor]).astype(np.int32)
    start = rng.integers(-24, settings.months, count).astype(np.int32)
    start = np.where((start < entered) & (entered > 0), entered, start)
    life = np.ceil(rng.exponential(GUARANTEE_HALF_LIFE_MONTHS / np.log(2), count)).astype(np.int32)
    pair = guaranteed.astype(np.int64) * population.traders + guarantor
    first_of_pair = np.zeros(count, bool)
    first_of_pair[np.unique(pair, return_index=True)[1]] = True
    keep = first_of_pair & (guarantor != guaranteed) & (start + life > 0)
    amount = np.round(np.exp(rng.normal(11, 0.6, count)) * np.sqrt(population.size[guaranteed]))
    return Guarantees(
        guarantor[keep],
        guaranteed[keep],
        start[keep],
        (start + life)[keep],
        (amount[keep] * 100).astype(np.int64),
    )


def _started(months: NDArray[np.int32], settings: EcosystemSettings) -> NDArray[np.int32]:
    """First day of each month; months before the first are counted back by 30 days."""
    inside = settings.month_starts[np.clip(months, 0, settings.months)]
    return np.asarray(inside + np.minimum(months, 0) * 30, np.int32)


def _rows(
    kind: int, source: NDArray[np.integer], target: NDArray[np.integer], valid_from: NDArray[np.int32]
) -> dict[str, NDArray[np.generic]]:
    n = len(source)
    return {
        "source": source.astype(np.int32),
        "target": target.astype(np.int32),
        "kind": np.full(n, kind, np.int8),
        "valid_from": valid_from.astype(np.int32),
        "valid_to": np.full(n, NEVER, np.int32),
        "weight": np.full(n, np.nan),
        "amount": np.full(n, -1, np.int64),
    }


def _guarantee_rows(
    guarantees: Guarantees, population: Population, settings: EcosystemSettings
) -> dict[str, NDArray[np.generic]]:
    rng = stream(settings, "guarantees on paper")
    shown = rng.random(len(guarantees.start)) >= settings.missing_links
    guarantor = guarantees.guarantor.copy()
    wrong = np.flatnonzero(rng.random(len(guarantor)) < settings.false_links)
    guarantor[wrong] = rng.integers(0, population.traders, len(wrong))
    shown &= guarantor != guarantees.guaranteed
    rows = _rows(0, guarantor, guarantees.guaranteed, _started(guarantees.start, settings))
    over = guarantees.end <= settings.months
    ends = _started(guarantees.end, settings) - 1
    rows["valid_to"] = np.where(over, np.maximum(ends, rows["valid_from"]), NEVER).astype(np.int32)
    rows["amount"] = guarantees.amount
    return {name: values[shown] for name, values in rows.items()}


def _owner_rows(population: Population, rng: np.random.Generator) -> list[dict[str, NDArray[np.generic]]]:
    """Persons that own and represent companies, and companies that own companies."""
    companies, traders = population.companies, population.traders
    first_person = companies
    count = round(companies * OWNERS_PER_COMPANY)
    owned = np.concatenate([np.arange(companies), rng.integers(0, traders, count - companies)])
    owner = rng.integers(first_person, population.parties, count)
    by_company = rng.random(count) < 0.1
    owner[by_company] = rng.integers(0, traders, int(by_company.sum()))
    keep = np.zeros(count, bool)
    keep[np.unique(owned * population.parties + owner, return_index=True)[1]] = True
    keep &= owner != owned
    owners = _rows(1, owner[keep], owned[keep], population.registered_on[owned[keep]])
    owners["weight"] = np.round(0.25 + 0.75 * rng.random(int(keep.sum())), 2)
    represented = np.flatnonzero(rng.random(companies) < 0.9)
    person = rng.integers(first_person, population.parties, len(represented))
    return [owners, _rows(2, person, represented, population.registered_on[represented])]


def write_links(
    population: Population, guarantees: Guarantees, settings: EcosystemSettings, folder: Path
) -> None:
    """Table ``links``, about two rows a party."""
    rng = stream(settings, "links")
    here = rng.choice(
        population.traders, round(population.traders * SHARED_ADDRESSES_PER_COMPANY), replace=False
    ).astype(np.int32)
    there = regional_partners(here, population, rng)
    here, there = here[here != there], there[here != there]
    since = np.maximum(population.registered_on[here], population.registered_on[there])
    parts = [
        _guarantee_rows(guarantees, population, settings),
        *_owner_rows(population, rng),
        _rows(3, here, there, since),
    ]
    rows = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
    # A register publishes within a month; what was so before the first month is known from its first day on.
    known_on = np.maximum(rows["valid_from"] + rng.integers(0, 31, len(rows["kind"])), settings.first_day)
    amount = rows["amount"].astype(np.float64)
    amount[amount < 0] = np.nan
    columns: dict[str, Column] = {
        "source_id": party(rows["source"]),
        "target_id": party(rows["target"]),
        "kind": Chosen(KINDS, rows["kind"]),
        "valid_from": Days(rows["valid_from"]),
        "valid_to": Days(rows["valid_to"]),
        "weight": rows["weight"],
        "amount": amount,
        "currency": Chosen(("EUR",), np.where(np.isnan(amount), -1, 0)),
        "known_on": Days(known_on.astype(np.int32)),
    }
    write_contract(folder, "links", columns)
