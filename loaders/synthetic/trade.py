"""Who trades with whom, and the invoices they would exchange if nobody ever got into trouble."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from loaders.synthetic.population import INDUSTRIES, TIER, Population
from loaders.synthetic.settings import WARM_UP_MONTHS, EcosystemSettings, stream

#: Half of the supply relations are gone after 13 months (see docs/synthetic.md for the source).
RELATION_HALF_LIFE_MONTHS = 13.0
MONTHLY_END_PROBABILITY = 1.0 - 2.0 ** (-1.0 / RELATION_HALF_LIFE_MONTHS)
#: Suppliers at a time: 1 + Poisson(this x size, bounded).
EXTRA_SUPPLIERS = 1.2
LARGEST_BUYER_SIZE = 150.0
SAME_REGION_SHARE = 0.5
#: Probability of a supplier's tier (columns) by the buyer's tier (rows).
SUPPLIER_TIER = np.array(
    [
        [0.55, 0.20, 0.15, 0.10, 0.00],
        [0.75, 0.15, 0.05, 0.05, 0.00],
        [0.10, 0.70, 0.12, 0.08, 0.00],
        [0.05, 0.15, 0.60, 0.20, 0.00],
        [0.00, 0.05, 0.25, 0.65, 0.05],
    ]
)
TERMS_DAYS = np.array([14, 30, 45, 60, 90], np.int32)
#: Invoices lost to stress, defaults and seasonal thinning, made up for beforehand.
PLANNED_OVER_KEPT = 1.2
SLOT_BLOCK = 1 << 17


@dataclass(frozen=True)
class Trade:
    """Supply relations (arrays [r]) and planned invoices (arrays [m], by month).

    Relation: ``seller``, ``buyer`` int32 codes of traders, alive in months [``start``, ``end``),
    ``terms_days`` int32. Invoice: ``relation`` int32, ``issued_on`` int32 day, ``amount`` int64 minor units
    of EUR; those of month t lie at ``month_offsets[t]:month_offsets[t + 1]``.
    """

    seller: NDArray[np.int32]
    buyer: NDArray[np.int32]
    start: NDArray[np.int32]
    end: NDArray[np.int32]
    terms_days: NDArray[np.int32]
    relation: NDArray[np.int32]
    issued_on: NDArray[np.int32]
    amount: NDArray[np.int64]
    month_offsets: NDArray[np.int64]


class _Suppliers:
    """Draws suppliers by tier and region with probability in proportion to their size."""

    def __init__(self, population: Population) -> None:
        traders = population.traders
        self.regions = int(population.region.max()) + 1
        group = population.tier[:traders].astype(np.int64) * self.regions + population.region[:traders]
        self.order = np.argsort(group, kind="stable").astype(np.int32)
        mass = np.concatenate([[0.0], np.cumsum(population.size[:traders][self.order], dtype=np.float64)])
        self.mass = mass
        tiers = int(TIER.max()) + 1
        self.edges = mass[np.searchsorted(group[self.order], np.arange(tiers * self.regions + 1))]

    def draw(
        self, tier: NDArray[np.int64], region: NDArray[np.int64], rng: np.random.Generator
    ) -> NDArray[np.int32]:
        """A supplier of each tier, from the region or (where it is -1) from anywhere."""
        first = tier * self.regions + np.maximum(region, 0)
        last = np.where(region >= 0, first + 1, (tier + 1) * self.regions)
        low, high = self.edges[first], self.edges[last]
        point = low + rng.random(len(tier)) * (high - low)
        found = np.searchsorted(self.mass, point, side="right") - 1
        drawn: NDArray[np.int32] = self.order[np.clip(found, 0, len(self.order) - 1)]
        return drawn


def _lives(
    slots: int, months: int, rng: np.random.Generator
) -> tuple[NDArray[np.int32], NDArray[np.int32], NDArray[np.int32]]:
    """Successive relations of ``slots`` places for a supplier: (slot, first month, month after the last)."""
    over = rng.random((slots, months - 1), dtype=np.float32) < MONTHLY_END_PROBABILITY
    slot, month = np.nonzero(over)
    all_slots = np.concatenate([np.arange(slots), slot])
    start = np.concatenate([np.zeros(slots, np.int64), month + 1])
    order = np.lexsort((start, all_slots))
    slot, start = all_slots[order], start[order]
    end = np.append(start[1:], months)
    end[np.append(slot[1:] != slot[:-1], True)] = months
    return slot.astype(np.int32), start.astype(np.int32), end.astype(np.int32)


def _draw_relations(
    population: Population, settings: EcosystemSettings, rng: np.random.Generator
) -> tuple[NDArray[np.int32], ...]:
    """(seller, buyer, start, end) of every relation there ever is."""
    traders = population.traders
    wanted = EXTRA_SUPPLIERS * np.minimum(population.size[:traders], LARGEST_BUYER_SIZE)
    places = np.repeat(np.arange(traders, dtype=np.int32), 1 + rng.poisson(wanted))
    suppliers = _Suppliers(population)
    tier_edges = np.cumsum(SUPPLIER_TIER, axis=1)
    parts: list[tuple[NDArray[np.int32], ...]] = []
    for first in range(0, len(places), SLOT_BLOCK):
        block = places[first : first + SLOT_BLOCK]
        slot, start, end = _lives(len(block), settings.months, rng)
        buyer = block[slot]
        edges = tier_edges[population.tier[buyer]]
        tier = (rng.random(len(buyer))[:, None] >= edges[:, :-1]).sum(axis=1)
        local = rng.random(len(buyer)) < SAME_REGION_SHARE
        seller = suppliers.draw(tier, np.where(local, population.region[buyer], -1), rng)
        start = np.maximum(start, np.maximum(population.entered[buyer], population.entered[seller]))
        visible = population.on_platform[buyer] | population.on_platform[seller]
        keep = (seller != buyer) & (start < end) & visible
        parts.append((seller[keep], buyer[keep], start[keep].astype(np.int32), end[keep]))
    return tuple(np.concatenate(columns) for columns in zip(*parts, strict=True))


def _season(settings: EcosystemSettings) -> NDArray[np.float64]:
    """Level of trade by industry and month, at most 1; float64 [industries, months]."""
    month = np.arange(settings.months)
    calendar_month = (settings.start.month - 1 + month - WARM_UP_MONTHS) % 12
    rows = []
    for _, _, _, swing, peak, growth, _ in INDUSTRIES:
        rows.append(
            (1 + swing * np.cos(2 * np.pi * (calendar_month - peak) / 12)) * (1 + growth) ** (month / 12)
        )
    level = np.array(rows)
    return np.asarray(level / level.max())


def plan_trade(population: Population, settings: EcosystemSettings) -> Trade:
    """Relations and planned invoices; nothing here depends on anyone's stress."""
    rng = stream(settings, "trade")
    seller, buyer, start, end = _draw_relations(population, settings, rng)
    season = _season(settings)
    pace = np.exp(rng.normal(0, 0.5, len(seller))) * (end - start)
    per_month = settings.invoices_each * settings.parties / (12 * settings.years)
    planned = settings.months * per_month * PLANNED_OVER_KEPT / season.mean()
    count = rng.poisson(pace * (planned / pace.sum()))
    relation = np.repeat(np.arange(len(seller), dtype=np.int32), count)
    moment = start[relation] + rng.random(len(relation)) * (end - start)[relation]
    month = np.minimum(moment.astype(np.int32), end[relation] - 1)
    level = season[population.industry[seller[relation]], month]
    keep = np.flatnonzero(rng.random(len(relation)) < level)
    keep = keep[np.argsort(month[keep], kind="stable")]
    relation, month, moment = relation[keep], month[keep], moment[keep]
    month_days = np.diff(settings.month_starts)
    issued_on = settings.month_starts[month] + ((moment - month) * month_days[month]).astype(np.int32)
    typical = np.sqrt(population.size[seller] * population.size[buyer])[relation]
    amount = np.round(np.exp(rng.normal(8.0, 0.6, len(relation))) * typical * 100)
    used, position = np.unique(relation, return_inverse=True)
    return Trade(
        seller=seller[used],
        buyer=buyer[used],
        start=start[used],
        end=end[used],
        terms_days=rng.choice(TERMS_DAYS, len(used), p=[0.1, 0.4, 0.15, 0.25, 0.1]),
        relation=position.astype(np.int32),
        issued_on=issued_on.astype(np.int32),
        amount=amount.astype(np.int64),
        month_offsets=np.searchsorted(month, np.arange(settings.months + 1)).astype(np.int64),
    )
