"""The course of events: stress, contagion and defaults, month by month.

Per trading company i and month t (log-odds of getting into distress in that month)::

    logit h = base + own + environment + inherited
    own         = OWN_LOADING e + HIDDEN_LOADING u + standing      e, u: AR(1), unit variance
    environment = nation + industry + region, with shocks that fade
    inherited   = X GAIN sum_r STRENGTH_r sum_j share_r(i, j) pressure_j
    pressure_j  = average of strain_j, above the ecosystem's mean, over past months; the last weighs most
    strain      = e + environment + DISTRESS [in distress] + SECOND_HOP inherited

``strain`` is what others can see (late payments, disputes, falling sales) and what is passed on; u is
seen by nobody. A company in distress is declared in default 2 to 5 months later.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from loaders.synthetic.environment import Environment
from loaders.synthetic.population import Population
from loaders.synthetic.settings import WARM_UP_MONTHS, EcosystemSettings, stream
from loaders.synthetic.ties import Guarantees
from loaders.synthetic.trade import Trade

OWN_LOADING = 1.0
HIDDEN_LOADING = 1.4
PERSISTENCE = 0.95
DISTRESS = 3.0
SECOND_HOP = 0.2
#: Common gain of contagion, and its strength by relation, read from the party in focus.
GAIN = 1.3
STRENGTH = {"SUPPLIES.out": 1.0, "SUPPLIES.in": 0.7, "GUARANTEES.out": 0.8, "GUARANTEES.in": 0.4}
#: Months after which a past invoice, or past strain, counts half.
TRADE_HALF_LIFE_MONTHS = 6.0
PRESSURE_HALF_LIFE_MONTHS = 3.0
#: Months from distress to the declared default: each as likely.
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


class _Simulation:
    """One pass over the months with a given base: its arrays are the state that the steps move on."""

    def __init__(self, world: World, base: float) -> None:
        n, months = world.population.traders, world.settings.months
        self.world, self.base, self.n = world, np.float32(base), n
        self.rng = stream(world.settings, "course")
        self.entered = world.population.entered[:n]
        self.e, self.u = self._noise(), self._noise()
        self.pressure = np.zeros(n, np.float32)
        self.exposure = np.zeros(len(world.trade.seller), np.float32)
        self.unnamed = _unnamed_trade(world)
        self.strain = np.empty((months, n), np.float32)
        self.hazard = np.empty((months, n), np.float32)
        self.distress_month, self.default_month = np.full(n, NOT_YET), np.full(n, NOT_YET)
        self.kept = np.zeros(len(world.trade.relation), np.bool_)
        self.moments: dict[int, Moment] = {}

    def _noise(self) -> Float:
        return self.rng.standard_normal(self.n, dtype=np.float32)

    def run(self) -> Course:
        for month in range(self.world.settings.months):
            environment, inherited = self._strike(month)
            strain = self.e + environment + np.float32(SECOND_HOP) * inherited
            strain += np.float32(DISTRESS) * (self.distress_month <= month)
            self.strain[month] = strain
            self._trade(month)
            self._press(month)
        return Course(
            self.strain,
            self.hazard,
            self.distress_month,
            self.default_month,
            self.kept,
            self.moments,
            float(self.base),
        )

    def _strike(self, month: int) -> tuple[Float, Float]:
        """Move own stress on, and let the hazard strike; (environment, inherited) log-odds [traders]."""
        settings, population = self.world.settings, self.world.population
        innovation = np.float32(np.sqrt(1 - PERSISTENCE**2))
        self.e = np.float32(PERSISTENCE) * self.e + innovation * self._noise()
        self.u = np.float32(PERSISTENCE) * self.u + innovation * self._noise()
        own = np.float32(OWN_LOADING) * self.e + np.float32(HIDDEN_LOADING) * self.u
        own += population.standing[: self.n]
        environment = self.world.environment.of_companies(month, population)[: self.n]
        unit, scale_out, scale_in = _inherited(self.world, month, self.pressure, self.exposure, self.unnamed)
        inherited = np.float32(settings.contagion) * unit
        if any(month in months for months in settings.prediction_months.values()):
            state = (self.pressure.copy(), self.exposure.copy(), scale_out, scale_in)
            self.moments[month] = Moment(month, own, environment, inherited, *state)
        hazard = 1 / (1 + np.exp(-(self.base + own + environment + inherited)))
        self.hazard[month] = hazard
        free = (self.distress_month == NOT_YET) & (self.entered <= month)
        struck = free & (self.rng.random(self.n, dtype=np.float32) < hazard)
        run_up = self.rng.integers(SHORTEST_RUN_UP, LONGEST_RUN_UP + 1, self.n)
        self.distress_month[struck] = month
        self.default_month[struck] = month + run_up[struck]
        return environment, inherited

    def _trade(self, month: int) -> None:
        """Issue the month's invoices between living parties, fewer where the seller is strained."""
        trade = self.world.trade
        rows = slice(trade.month_offsets[month], trade.month_offsets[month + 1])
        relation = trade.relation[rows]
        seller, buyer = trade.seller[relation], trade.buyer[relation]
        loss = np.clip(np.float32(SALES_LOSS) * self.strain[month][seller], 0, 0.9)
        trading = (self.default_month[seller] > month) & (self.default_month[buyer] > month)
        now = trading & (self.rng.random(len(relation), dtype=np.float32) >= loss)
        self.kept[rows] = now
        self.exposure *= _decay(TRADE_HALF_LIFE_MONTHS)
        fresh = np.bincount(relation[now], trade.amount[rows][now], len(self.exposure))
        self.exposure += fresh.astype(np.float32)

    def _press(self, month: int) -> None:
        """Average strain above the ecosystem's: what all share is environment, and cascades stay finite."""
        living = (self.default_month > month) & (self.entered <= month)
        strain, decay = self.strain[month], _decay(PRESSURE_HALF_LIFE_MONTHS)
        above = strain - strain[living].mean(dtype=np.float64).astype(np.float32)
        self.pressure = decay * self.pressure + (1 - decay) * above


def _decay(half_life_months: float) -> np.float32:
    return np.float32(2 ** (-1 / half_life_months))


def _free_hazard(world: World, course: Course) -> float:
    """Mean monthly hazard of the companies that are there and not in distress, once rows are left."""
    months = np.arange(WARM_UP_MONTHS, world.settings.months)[:, None]
    free = course.distress_month[None, :] >= months
    present = world.population.entered[None, : world.population.traders] <= months
    return float(course.hazard[WARM_UP_MONTHS:][free & present].mean(dtype=np.float64))


def run_course(world: World) -> Course:
    """Simulate; passes with a guessed base, on the same random numbers, find the one of the base rate."""
    wanted = -np.log1p(-world.settings.base_rate) / 12
    base = float(np.log(wanted)) - 1.0
    for _ in range(2):
        base += float(np.log(wanted / _free_hazard(world, _Simulation(world, base).run())))
    return _Simulation(world, base).run()
