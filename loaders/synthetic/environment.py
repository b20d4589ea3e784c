"""The economy around the parties: slow swings by industry and region, and shocks that fade.

Both are centred on the economy as a whole, so that the base rate asked for holds in every year.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from loaders.synthetic.columns import Chosen, Days, write_contract
from loaders.synthetic.population import INDUSTRY_NAMES, INDUSTRY_SHARES, REGION_SHARES, REGIONS, Population
from loaders.synthetic.settings import EcosystemSettings, stream

PERSISTENCE = 0.93
#: Standard deviation of the swings of an industry, a region (log-odds).
INDUSTRY_SWING, REGION_SWING = 0.20, 0.15
#: One shock in this many years to each industry and each region.
YEARS_BETWEEN_SHOCKS = 5.0
SMALLEST_SHOCK, LARGEST_SHOCK = 0.5, 1.2
SHOCK_HALF_LIFE_MONTHS = 5.0
EARLIER_MONTHS = 24
PUBLICATION_DELAY_DAYS = 30
INDEX_NOISE = 0.03


@dataclass(frozen=True)
class Environment:
    """Log-odds that the economy adds: float32 [months, industries] and [months, regions].

    Shocks: arrays [s] of ``scope`` (0 industry, 1 region), ``place``, ``month``, ``size``.
    """

    by_industry: NDArray[np.float32]
    by_region: NDArray[np.float32]
    scope: NDArray[np.int64]
    place: NDArray[np.int64]
    month: NDArray[np.int64]
    size: NDArray[np.float64]

    def of_companies(self, month: int, population: Population) -> NDArray[np.float32]:
        """Log-odds of each company in a month; float32 [companies]."""
        of_industry = self.by_industry[month][population.industry]
        return np.asarray(of_industry + self.by_region[month][population.region], np.float32)


def _swings(shape: tuple[int, int], spread: float, rng: np.random.Generator) -> NDArray[np.float64]:
    """Stationary AR(1) columns; float64 [months, places]."""
    values = np.empty(shape)
    values[0] = rng.normal(0, 1, shape[1])
    for month in range(1, shape[0]):
        values[month] = PERSISTENCE * values[month - 1] + np.sqrt(1 - PERSISTENCE**2) * rng.normal(
            0, 1, shape[1]
        )
    return values * spread


def draw_environment(settings: EcosystemSettings) -> Environment:
    """Swings and shocks of the whole time."""
    rng = stream(settings, "environment")
    # Started two years early, so that the first month knows fading shocks too.
    months = EARLIER_MONTHS + settings.months
    places = (len(INDUSTRY_NAMES), len(REGIONS))
    levels = [
        _swings((months, places[0]), INDUSTRY_SWING, rng),
        _swings((months, places[1]), REGION_SWING, rng),
    ]
    scope, place, month = np.nonzero(
        np.stack(
            [
                np.pad(
                    rng.random((count, months)) < 1 / (12 * YEARS_BETWEEN_SHOCKS),
                    ((0, max(places) - count), (0, 0)),
                )
                for count in places
            ]
        )
    )
    size = rng.uniform(SMALLEST_SHOCK, LARGEST_SHOCK, len(scope))
    for which, where, when, height in zip(scope, place, month, size, strict=True):
        fading = height * 2.0 ** (-np.arange(months - when) / SHOCK_HALF_LIFE_MONTHS)
        levels[which][when:, where] += fading
    by_industry, by_region = (
        (level - (level @ share)[:, None])[EARLIER_MONTHS:].astype(np.float32)
        for level, share in zip(levels, (INDUSTRY_SHARES, REGION_SHARES), strict=True)
    )
    seen = month >= EARLIER_MONTHS
    return Environment(
        by_industry, by_region, scope[seen], place[seen], month[seen] - EARLIER_MONTHS, size[seen]
    )


def write_environment(environment: Environment, settings: EcosystemSettings, folder: Path) -> None:
    """Tables ``context`` (quarterly, 100 = calm, lower = worse) and ``fx`` (weekly)."""
    rng = stream(settings, "context")
    quarters = settings.months // 3
    level = (
        environment.by_industry.reshape(quarters, 3, -1).mean(axis=1)[:, :, None]
        + environment.by_region.reshape(quarters, 3, -1).mean(axis=1)[:, None, :]
    )
    quarter, industry, region = (axis.ravel() for axis in np.indices(level.shape))
    on = settings.month_starts[3 * (quarter + 1)] - 1
    index = np.round(100 * np.exp(-0.2 * (level.ravel() + rng.normal(0, INDEX_NOISE, level.size))), 3)
    write_contract(
        folder,
        "context",
        {
            "industry": Chosen(INDUSTRY_NAMES, industry),
            "region": Chosen(REGIONS, region),
            "on": Days(on.astype(np.int32)),
            "name": "activity_index",
            "value": index.astype(np.float64),
            "known_on": Days((on + PUBLICATION_DELAY_DAYS).astype(np.int32)),
        },
    )
    days = np.arange(settings.first_day, settings.extracted_on + 1, 7, dtype=np.int32)
    rate = 0.23 * np.exp(np.cumsum(rng.normal(0, 0.006, len(days))))
    write_contract(
        folder,
        "fx",
        {"currency": "PLN", "on": Days(days), "rate": np.round(rate, 6), "known_on": Days(days)},
    )
