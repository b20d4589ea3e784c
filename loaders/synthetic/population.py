"""Who there is: trading companies by industry, tier, region and size; carriers, financiers, owners."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from graph.vocabulary import SIZE_BANDS
from loaders.synthetic.columns import NEVER, Chosen, Column, Days, Numbered, party, write_contract
from loaders.synthetic.settings import EcosystemSettings, stream

#: Industry, tier of the supply chain (0: raw material, 4: retail), share of companies, seasonal swing,
#: month of the peak (0: January), growth a year, what it sells.
INDUSTRIES: tuple[tuple[str, int, float, float, int, float, str], ...] = (
    ("agriculture", 0, 0.08, 0.35, 8, 0.01, "grain and produce"),
    ("mining", 0, 0.07, 0.05, 5, 0.00, "ore and minerals"),
    ("chemicals", 1, 0.09, 0.10, 3, 0.02, "chemicals"),
    ("metals", 1, 0.10, 0.08, 4, 0.01, "metal parts"),
    ("textiles", 1, 0.06, 0.25, 7, -0.02, "cloth"),
    ("machinery", 2, 0.10, 0.10, 10, 0.03, "machines"),
    ("electronics", 2, 0.09, 0.20, 9, 0.06, "devices"),
    ("food", 2, 0.08, 0.20, 10, 0.02, "packaged food"),
    ("wholesale", 3, 0.16, 0.15, 10, 0.02, "mixed goods"),
    ("retail", 4, 0.17, 0.30, 11, 0.04, "consumer goods"),
)
INDUSTRY_NAMES = (*(row[0] for row in INDUSTRIES), "transport", "finance")
INDUSTRY_SHARES = np.array([row[2] for row in INDUSTRIES] + [0.0, 0.0])
TRANSPORT, FINANCE = len(INDUSTRIES), len(INDUSTRIES) + 1
TIER = np.array([row[1] for row in INDUSTRIES] + [3, 3], np.int8)
RETAIL_TIER = 4
REGIONS = tuple(f"R{number:02d}" for number in range(1, 11))
REGION_SHARES = np.linspace(2.0, 1.0, len(REGIONS)) / (1.5 * len(REGIONS))
#: Country of each region: the first eight are at home.
COUNTRIES = ("DE", "PL")
COUNTRY_OF_REGION = np.array([0] * 8 + [1] * 2, np.int8)

TRADER_SHARE = 0.83
CARRIER_SHARE = 0.012
FINANCIER_SHARE = 0.003
OFF_PLATFORM_SHARE = 0.10
IDENTIFIED_SHARE = 0.2
ENTRANT_SHARE = 0.12
#: Tail exponent of company size, and the largest share of its tier one company may have.
SIZE_EXPONENT = 1.6
LARGEST_SHARE_OF_TIER = 0.02
#: Sizes that part the size bands.
SIZE_EDGES = np.array([0.6, 1.2, 4.0])


@dataclass(frozen=True)
class Population:
    """All parties; codes run over traders, carriers, financiers, then persons.

    Arrays over companies (traders, carriers, financiers): ``industry``, ``region`` int8 positions;
    ``size`` float32 with mean 1 among traders; ``registered_on`` int32 day; ``entered`` int16 month of the
    first possible trade; ``on_platform`` bool; ``standing`` float32 log-odds that size and age give.
    """

    traders: int
    carriers: int
    financiers: int
    persons: int
    industry: NDArray[np.int8]
    region: NDArray[np.int8]
    size: NDArray[np.float32]
    registered_on: NDArray[np.int32]
    entered: NDArray[np.int16]
    on_platform: NDArray[np.bool_]
    standing: NDArray[np.float32]

    @property
    def companies(self) -> int:
        return self.traders + self.carriers + self.financiers

    @property
    def parties(self) -> int:
        return self.companies + self.persons

    @property
    def tier(self) -> NDArray[np.int8]:
        return TIER[self.industry]


def _sizes(tier: NDArray[np.int8], rng: np.random.Generator) -> NDArray[np.float32]:
    size = (1.0 - rng.random(len(tier))) ** (-1.0 / SIZE_EXPONENT)
    for level in np.unique(tier):
        mine = tier == level
        size[mine] = np.minimum(size[mine], max(2.0, LARGEST_SHARE_OF_TIER * size[mine].sum()))
    return np.asarray(size / size.mean(), np.float32)


def draw_population(settings: EcosystemSettings) -> Population:
    """Parties of the ecosystem; nothing here depends on anyone's later stress."""
    rng = stream(settings, "population")
    n = settings.parties
    carriers = max(5, round(n * CARRIER_SHARE))
    financiers = max(3, round(n * FINANCIER_SHARE))
    traders = round(n * TRADER_SHARE)
    companies = traders + carriers + financiers
    industry = np.full(companies, FINANCE, np.int8)
    industry[:traders] = rng.choice(len(INDUSTRY_NAMES), traders, p=INDUSTRY_SHARES)
    industry[traders : traders + carriers] = TRANSPORT
    region = rng.choice(len(REGIONS), companies, p=REGION_SHARES).astype(np.int8)
    size = np.ones(companies, np.float32)
    size[:traders] = _sizes(TIER[industry[:traders]], rng)

    entered = np.zeros(companies, np.int16)
    late = rng.random(traders) < ENTRANT_SHARE
    entered[:traders][late] = rng.integers(1, settings.months, int(late.sum()))
    age_days = rng.exponential(8 * 365, companies).astype(np.int32) + 90
    first = settings.month_starts[entered]
    registered_on = np.where(entered > 0, first - 45, settings.first_day - age_days).astype(np.int32)
    # Small and young companies fail more often; centred and fixed: a standing trait of the party.
    age_years = (settings.month_starts[settings.months // 2] - registered_on) / 365.25
    standing = -0.18 * np.log(size) - 0.18 * np.log(np.maximum(age_years, 0.3) / 5)
    return Population(
        traders=traders,
        carriers=carriers,
        financiers=financiers,
        persons=n - companies,
        industry=industry,
        region=region,
        size=size,
        registered_on=np.maximum(registered_on, -25_000).astype(np.int32),
        entered=entered,
        on_platform=rng.random(companies) >= OFF_PLATFORM_SHARE,
        standing=(standing - standing[:traders].mean()).astype(np.float32),
    )


def _roles(population: Population) -> Chosen:
    words = ("merchant|buyer|supplier", "merchant|buyer", "carrier", "financier", "buyer|supplier")
    role = np.full(population.parties, -1, np.int64)
    retail = population.tier == RETAIL_TIER
    role[: population.companies] = np.where(population.on_platform, np.where(retail, 1, 0), 4)
    role[population.traders : population.traders + population.carriers] = 2
    role[population.traders + population.carriers : population.companies] = 3
    return Chosen(words, role)


def _known_on(population: Population, settings: EcosystemSettings) -> NDArray[np.int32]:
    """Day from which each party is known: two weeks after its registration; the early ones from the start."""
    registered = np.full(population.parties, settings.first_day, np.int32)
    registered[: population.companies] = population.registered_on + 14
    return np.maximum(registered, settings.first_day)


def write_parties(population: Population, settings: EcosystemSettings, folder: Path) -> None:
    """Table ``parties``."""
    n, companies = population.parties, population.companies

    def everyone(values: NDArray[np.integer]) -> NDArray[np.integer]:
        return np.concatenate([values, np.full(n - companies, -1, values.dtype)])

    registered_on = np.full(n, NEVER, np.int32)
    registered_on[:companies] = population.registered_on
    country = np.zeros(n, np.int64)
    country[:companies] = COUNTRY_OF_REGION[population.region]
    on_platform = np.zeros(n, np.bool_)
    on_platform[:companies] = population.on_platform
    columns: dict[str, Column] = {
        "party_id": party(np.arange(n)),
        "kind": Chosen(("company", "person"), (np.arange(n) >= companies).astype(np.int64)),
        "roles": _roles(population),
        "name": Numbered("Party ", np.arange(n), 7),
        "country": Chosen(COUNTRIES, country),
        "region": Chosen(REGIONS, everyone(population.region)),
        "industry": Chosen(INDUSTRY_NAMES, everyone(population.industry)),
        "registered_on": Days(registered_on),
        "size_band": Chosen(SIZE_BANDS, everyone(np.searchsorted(SIZE_EDGES, population.size))),
        "on_platform": on_platform,
        "known_on": Days(_known_on(population, settings)),
    }
    write_contract(folder, "parties", columns)


def write_identifiers(population: Population, settings: EcosystemSettings, folder: Path) -> None:
    """Table ``identifiers``: one for a share of the companies."""
    rng = stream(settings, "identifiers")
    named = np.flatnonzero(rng.random(population.companies) < IDENTIFIED_SHARE)
    columns: dict[str, Column] = {
        "party_id": party(named),
        "scheme": Chosen(("VAT", "LEI"), (population.size[named] > 2.0).astype(np.int64)),
        "value": Numbered("XX", named, 12),
        "known_on": Days(_known_on(population, settings)[named]),
    }
    write_contract(folder, "identifiers", columns)
