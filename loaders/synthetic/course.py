"""The course of events: stress, contagion and defaults, month by month.

Per trading company i and month t (log-odds of getting into distress in that month)::

    logit h = base + own + environment + inherited
    own         = OWN_LOADING e + HIDDEN_LOADING u + standing      e, u: AR(1), unit variance
    environment = nation + industry + region, with shocks that fade
    inherited   = X GAIN sum_r STRENGTH_r sum_j share_r(i, j) pressure_j
    pressure_j  = average of strain_j, above the ecosystem's mean, over past months; the last weighs most
    strain      = e + environment + DISTRESS [in distress] + SECOND_HOP inherited

``strain`` is what others can see (late payments, disputes, falling sales) and what is passed on; u is
seen by nobody. A company in distress is declared in default 2 to 7 months later.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from loaders.synthetic.environment import Environment
from loaders.synthetic.population import Population
from loaders.synthetic.settings import EcosystemSettings, stream
from loaders.synthetic.ties import Guarantees
from loaders.synthetic.trade import Trade

OWN_LOADING = 1.0
HIDDEN_LOADING = 1.4
PERSISTENCE = 0.95
DISTRESS = 3.0
SECOND_HOP = 0.2
#: Common gain of contagion, and its strength by relation, read from the party in focus.
GAIN = 1.27
STRENGTH = {"SUPPLIES.out": 1.0, "SUPPLIES.in": 0.7, "GUARANTEES.out": 0.8, "GUARANTEES.in": 0.4}
#: Months after which a past invoice, or past strain, counts half.
TRADE_HALF_LIFE_MONTHS = 6.0
PRESSURE_HALF_LIFE_MONTHS = 3.0
#: Months from distress to the declared default: 2 to 7, each as likely.
SHORTEST_RUN_UP, LONGEST_RUN_UP = 2, 5
#: Sales lost to a unit of the seller's strain.
SALES_LOSS = 0.12
#: Share of a party's planned monthly trade that counts as trade with nobody.
UNNAMED_TRADE = 0.5
NOT_YET = np.int16(32767)

Float = NDArray[np.float32]


@dataclass(frozen=True)
class Moment:
    """State at the start of a prediction month: parts of the log-odds float32 [traders], ``pressure``
    float32 [traders], ``exposure`` float32 [relations] recent trade, ``scale_out`` / ``scale_in`` float32
    [traders] totals that make shares of it."""

    month: int
    own: Float
    environment: Float
    inherited: Float
    pressure: Float
    exposure: Float
    scale_out: Float
    scale_in: Float


@dataclass(frozen=True)
class Course:
    """``strain`` and ``hazard`` float32 [months, traders]; ``distress_month`` and ``default_month`` int16
    (``NOT_YET``: never); ``kept`` bool [planned invoices]; ``moments`` by prediction month; ``base``."""

    strain: Float
    hazard: Float
    distress_month: NDArray[np.int16]
    default_month: NDArray[np.int16]
    kept: NDArray[np.bool_]
    moments: dict[int, Moment]
    base: float


@dataclass(frozen=True)
class World:
    """All that the course runs over."""

    settings: EcosystemSettings
    population: Population
    trade: Trade
    guarantees: Guarantees
    environment: Environment


def guarantee_shares(
    world: World, month: int
) -> tuple[NDArray[np.bool_], NDArray[np.float64], NDArray[np.float64]]:
    """(alive, share of each guarantee in its guarantor's, share in its guaranteed's) in ``month``."""
    g, n = world.guarantees, world.population.traders
    alive = (g.start <= month) & (g.end > month)
    amount = np.where(alive, g.amount, 0).astype(np.float64)
    given = np.bincount(g.guarantor, amount, n)[g.guarantor]
    taken = np.bincount(g.guaranteed, amount, n)[g.guaranteed]
    return alive, amount / np.maximum(given, 1), amount / np.maximum(taken, 1)


def _inherited(
    world: World, month: int, pressure: Float, exposure: Float, unnamed: tuple[Float, Float]
) -> tuple[Float, Float, Float]:
    """(inherited log-odds at X = 1, total exposure to buyers, to suppliers); float32 [traders] each."""
    trade, g, n = world.trade, world.guarantees, world.population.traders
    scale_out = np.bincount(trade.seller, exposure, n) + unnamed[0]
    scale_in = np.bincount(trade.buyer, exposure, n) + unnamed[1]
    from_buyers = np.bincount(trade.seller, exposure * pressure[trade.buyer], n) / scale_out
    from_suppliers = np.bincount(trade.buyer, exposure * pressure[trade.seller], n) / scale_in
    _, given, taken = guarantee_shares(world, month)
    from_guaranteed = np.bincount(g.guarantor, given * pressure[g.guaranteed], n)
    from_guarantors = np.bincount(g.guaranteed, taken * pressure[g.guarantor], n)
    total = (
        STRENGTH["SUPPLIES.out"] * from_buyers
        + STRENGTH["SUPPLIES.in"] * from_suppliers
        + STRENGTH["GUARANTEES.out"] * from_guaranteed
        + STRENGTH["GUARANTEES.in"] * from_guarantors
    )
    return (GAIN * total).astype(np.float32), scale_out.astype(np.float32), scale_in.astype(np.float32)


def _unnamed_trade(world: World) -> tuple[Float, Float]:
    """What stands in each party's shares for trade that the ecosystem does not see; [traders] each."""
    trade, n = world.trade, world.population.traders
    amount = trade.amount.astype(np.float64)
    per_month = UNNAMED_TRADE / world.settings.months
    sold = np.bincount(trade.seller[trade.relation], amount, n) * per_month
    bought = np.bincount(trade.buyer[trade.relation], amount, n) * per_month
    return np.maximum(sold, 1).astype(np.float32), np.maximum(bought, 1).astype(np.float32)


def _run(world: World, base: float) -> Course:
    settings, population, trade = world.settings, world.population, world.trade
    n, months = population.traders, settings.months
    rng = stream(settings, "course")

    def shock() -> Float:
        return rng.standard_normal(n, dtype=np.float32)

    e, u = shock(), shock()
    innovation = np.float32(np.sqrt(1 - PERSISTENCE**2))
    trade_decay = np.float32(2 ** (-1 / TRADE_HALF_LIFE_MONTHS))
    pressure_decay = np.float32(2 ** (-1 / PRESSURE_HALF_LIFE_MONTHS))
    unnamed = _unnamed_trade(world)
    pressure = np.zeros(n, np.float32)
    exposure = np.zeros(len(trade.seller), np.float32)
    strain_by_month, hazard_by_month = np.empty((months, n), np.float32), np.empty((months, n), np.float32)
    distress_month, default_month = np.full(n, NOT_YET), np.full(n, NOT_YET)
    kept = np.zeros(len(trade.relation), bool)
    wanted = {month for part in settings.prediction_months.values() for month in part}
    moments: dict[int, Moment] = {}
    standing = population.standing[:n]
    for month in range(months):
        e = np.float32(PERSISTENCE) * e + innovation * shock()
        u = np.float32(PERSISTENCE) * u + innovation * shock()
        environment = world.environment.of_companies(month, population)[:n]
        unit, scale_out, scale_in = _inherited(world, month, pressure, exposure, unnamed)
        inherited = np.float32(settings.contagion) * unit
        own = np.float32(OWN_LOADING) * e + np.float32(HIDDEN_LOADING) * u + standing
        if month in wanted:
            moments[month] = Moment(
                month, own, environment, inherited, pressure.copy(), exposure.copy(), scale_out, scale_in
            )
        hazard = 1 / (1 + np.exp(-(np.float32(base) + own + environment + inherited)))
        hazard_by_month[month] = hazard
        free = (distress_month == NOT_YET) & (population.entered[:n] <= month)
        struck = free & (rng.random(n, dtype=np.float32) < hazard)
        run_up = rng.integers(SHORTEST_RUN_UP, LONGEST_RUN_UP + 1, n)
        distress_month[struck] = month
        default_month[struck] = month + run_up[struck]
        strain = e + environment + np.float32(SECOND_HOP) * inherited
        strain += np.float32(DISTRESS) * (distress_month <= month)
        strain_by_month[month] = strain

        rows = slice(trade.month_offsets[month], trade.month_offsets[month + 1])
        relation = trade.relation[rows]
        seller, buyer = trade.seller[relation], trade.buyer[relation]
        loss = np.clip(np.float32(SALES_LOSS) * strain[seller], 0, 0.9)
        trading = (default_month[seller] > month) & (default_month[buyer] > month)
        kept[rows] = trading & (rng.random(len(relation), dtype=np.float32) >= loss)
        now = kept[rows]
        exposure *= trade_decay
        exposure += np.bincount(
            relation[now], trade.amount[rows][now], len(exposure)
        ).astype(np.float32)
        # Above the ecosystem's level: what all share is the environment's, and cascades stay finite.
        living = (default_month > month) & (population.entered[:n] <= month)
        above = strain - strain[living].mean(dtype=np.float64).astype(np.float32)
        pressure = pressure_decay * pressure + (1 - pressure_decay) * above
    return Course(strain_by_month, hazard_by_month, distress_month, default_month, kept, moments, base)


def run_course(world: World) -> Course:
    """Simulate; a first pass with a guessed base finds the one that gives the base rate asked for."""
    wanted = -np.log1p(-world.settings.base_rate) / 12
    base = float(np.log(wanted)) - 1.0
    for _ in range(2):
        course = _run(world, base)
        free = course.distress_month[None, :] >= np.arange(world.settings.months)[:, None]
        present = world.population.entered[None, : world.population.traders] <= np.arange(
            world.settings.months
        )[:, None]
        reached = float(course.hazard[free & present].mean(dtype=np.float64))
        base += float(np.log(wanted / reached))
    return _run(world, base)


__all__ = ["Course", "Moment", "World", "guarantee_shares", "replace", "run_course"]
