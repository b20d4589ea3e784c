"""Settings of a synthetic ecosystem, and the calendar that follows from them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from graph.errors import BadInput
from graph.relations import day_of
from graph.source import SourceDeclaration, Task

SOURCE = "synthetic"
HORIZON_DAYS = 365
#: Documents keep arriving this long after the last simulated month, so that late outcomes are known.
EXTRACTION_DELAY_DAYS = 90
#: Months simulated before the first one that leaves rows: stress, contagion and failures settle in.
WARM_UP_MONTHS = 12
#: Invoices of an ecosystem of any size: few parties get a rich file each, a million get five.
INVOICE_BUDGET = 2_400_000
MOST_INVOICES_PER_PARTY = 24.0
FEWEST_INVOICES_PER_PARTY = 5.0


@dataclass(frozen=True)
class EcosystemSettings:
    """What a synthetic ecosystem is made from; equal settings give equal bytes.

    ``contagion``: strength X of inherited risk; 0 plants none, 1 makes it about 35 % of the variance of
    the hazard's log-odds.
    ``start``: first day of a month. ``base_rate``: expected defaults a year among trading companies.
    ``invoices_per_party``: None chooses 24, or fewer where there are over 100,000 parties.
    ``noise``: spread of the visible signs around what they are a sign of.
    ``missing_links`` / ``false_links``: shares of trade relations and guarantees that leave no rows, or
    rows that name a wrong counterparty.
    ``rings``: rings of each typology that are planted, each beside three benign look-alikes.
    ``outcome_delay_days``: outcomes become known up to this many days after they occurred.
    """

    parties: int = 20_000
    seed: int = 1
    contagion: float = 1.0
    years: int = 4
    start: date = date(2021, 1, 1)
    base_rate: float = 0.04
    invoices_per_party: float | None = None
    noise: float = 1.0
    missing_links: float = 0.0
    false_links: float = 0.0
    outcome_delay_days: int = 60
    rings: int = 0

    def __post_init__(self) -> None:
        bounds: tuple[tuple[str, float, float, float], ...] = (
            ("parties", self.parties, 200, 10_000_000),
            ("seed", self.seed, 0, 2**63 - 1),
            ("contagion", self.contagion, 0, 3),
            ("years", self.years, 4, 20),
            ("base_rate", self.base_rate, 0.001, 0.2),
            ("invoices_per_party", self.invoices_per_party or 1, 0.1, 200),
            ("noise", self.noise, 0, 10),
            ("missing_links", self.missing_links, 0, 0.9),
            ("false_links", self.false_links, 0, 0.9),
            ("outcome_delay_days", self.outcome_delay_days, 0, EXTRACTION_DELAY_DAYS),
            ("rings", self.rings, 0, self.parties // 400),
        )
        for name, value, low, high in bounds:
            if not low <= value <= high:
                raise BadInput(f"synthetic ecosystem: {name} is {value}, expected {low:g} to {high:g}")
        if self.start.day != 1:
            raise BadInput(f"synthetic ecosystem: start is {self.start}, expected the first day of a month")

    @property
    def months(self) -> int:
        """Simulated months; the first ``WARM_UP_MONTHS`` leave no rows."""
        return WARM_UP_MONTHS + self.years * 12

    @property
    def invoices_each(self) -> float:
        """Invoices per party over the whole time."""
        if self.invoices_per_party is not None:
            return self.invoices_per_party
        return float(
            np.clip(INVOICE_BUDGET / self.parties, FEWEST_INVOICES_PER_PARTY, MOST_INVOICES_PER_PARTY)
        )

    @cached_property
    def month_starts(self) -> NDArray[np.int32]:
        """Day number of the first day of each simulated month, and of the one after; int32 [months + 1]."""
        first = np.datetime64(self.start, "M") - WARM_UP_MONTHS
        days = (first + np.arange(self.months + 1)).astype("datetime64[D]")
        return days.astype(np.int64).astype(np.int32)

    @property
    def first_day(self) -> int:
        """Day number from which there are rows."""
        return int(self.month_starts[WARM_UP_MONTHS])

    @property
    def extracted_on(self) -> int:
        """Day number of the extract: nothing later is in the files."""
        return int(self.month_starts[-1]) + EXTRACTION_DELAY_DAYS

    def month_of(self, days: NDArray[np.int32]) -> NDArray[np.int32]:
        """Month that each day number lies in, clipped to the simulated ones."""
        found = np.searchsorted(self.month_starts, days, side="right") - 1
        return np.clip(found, 0, self.months - 1).astype(np.int32)

    @cached_property
    def prediction_months(self) -> dict[str, tuple[int, ...]]:
        """Months at whose first day predictions are asked for, by part.

        The test label window is the last year. Those of train and valid end, and are known, before it
        begins: an outcome is known up to ``EXTRACTION_DELAY_DAYS`` days, three months, late.
        """
        test = self.months - 12
        valid = test - 15
        train = tuple(range(valid - 3, WARM_UP_MONTHS + 11, -3)[::-1])
        return {"train": train, "valid": (valid,), "test": (test,)}

    def first_day_of(self, month: int) -> date:
        return day_of(self.month_starts[month])

    def declaration(self) -> SourceDeclaration:
        """The source as the loaded tables declare it, with its task."""
        task = Task(
            name="default_1y",
            outcome="default",
            horizon_days=HORIZON_DAYS,
            party_kinds=("company",),
            active_within_days=180,
            once=True,
            as_of={
                part: tuple(self.first_day_of(month) for month in self.prediction_months[part])
                for part in ("train", "valid", "test")
            },
        )
        return SourceDeclaration(
            name=SOURCE, title="Synthetic ecosystem with planted contagion", dated=True, tasks=(task,)
        )


def stream(settings: EcosystemSettings, name: str) -> np.random.Generator:
    """Random numbers of one stage: stages do not disturb each other, whatever the contagion."""
    return np.random.default_rng([settings.seed, *name.encode()])
