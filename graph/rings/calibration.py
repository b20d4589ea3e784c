"""How often chance alone brings a finding as striking: counted on shuffles of the same data.

The expected number of findings of strength s or more in one shuffle is the count over all shuffles divided
by their number. Beyond the strongest that shuffles bring, half a finding is counted (the mean under Jeffreys'
prior where none is seen), and falls off exponentially, with the mean excess of the largest strengths
(excesses over a high threshold, Pickands 1975, of shape 0). Where shuffles bring too few for that, strengths
are taken at their word: surprises in nats, which chance exceeds by one with probability 1/e.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from graph.rings.arrays import Floats

#: The tail is fitted to so many of the largest strengths, where there are as many.
TAIL = 50
#: With fewer there is no tail to fit.
SMALLEST_TAIL = 5
#: What is counted where shuffles bring none as strong.
NONE_SEEN = 0.5
#: No tail is believed beyond this.
LEAST_EXPECTED = 1e-6
#: Findings are kept that chance would bring at most so often among 10,000 parties.
ALLOWED_PER_10K = 0.2
#: Severity 1 stands for a finding that chance brings once in so many data sets like this one.
SHUFFLES_FOR_FULL_SEVERITY = 10_000


@dataclass(frozen=True)
class Chance:
    """Strengths that ``shuffles`` shuffles brought: ``strengths`` float64, ascending. ``floor``: the least
    strength that the detector reports at all."""

    strengths: Floats
    shuffles: int
    floor: float

    @classmethod
    def of(cls, strengths: Sequence[float], shuffles: int, floor: float) -> Chance:
        """From the strengths of all findings in all shuffles."""
        return cls(np.sort(np.asarray(strengths, np.float64)), shuffles, floor)

    def expected(self, strength: Floats) -> Floats:
        """Findings as strong or stronger that one shuffle is expected to bring; float64, above 0."""
        seen = len(self.strengths) - np.searchsorted(self.strengths, strength, side="left")
        tail = self.strengths[-TAIL:]
        excess = float((tail - tail[0]).mean()) if len(tail) >= SMALLEST_TAIL else 0.0
        start = self.strengths[-1] if len(tail) else self.floor
        falls_off = np.exp(-np.maximum(strength - start, 0) / (excess or 1.0))
        beyond = np.maximum(NONE_SEEN / self.shuffles * falls_off, LEAST_EXPECTED)
        return np.asarray(np.where(seen > 0, seen / self.shuffles, beyond))


def allowed(n_parties: int) -> float:
    """Chance findings that are put up with among ``n_parties``, per typology."""
    return ALLOWED_PER_10K * max(1.0, n_parties / 10_000)


def severity_of(expected: Floats) -> Floats:
    """0 to 1: how many powers of ten below one, full at one in ``SHUFFLES_FOR_FULL_SEVERITY``; float64."""
    powers = -np.log10(np.maximum(expected, LEAST_EXPECTED))
    return np.asarray(np.clip(powers / np.log10(SHUFFLES_FOR_FULL_SEVERITY), 0.0, 1.0))
