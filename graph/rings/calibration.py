"""How often chance alone brings a finding as striking: counted on shuffles of the same data.

The expected number of findings of strength s or more in one shuffle is the count over all shuffles divided
by their number. Above the strengths that shuffles have many of, the tail is taken to fall off
exponentially (excesses over a high threshold, Pickands 1975, of shape 0), so that a strength never seen in
a shuffle has its own number instead of the same small one. Where shuffles bring too few for a tail to be
fitted, half a finding is counted for none seen (the mean under Jeffreys' prior), and strengths beyond are
taken at their word: surprises in nats, which chance exceeds by one with probability 1/e.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

#: The tail is fitted to so many of the largest strengths, where there are as many.
TAIL = 50
#: With fewer there is no tail to fit.
SMALLEST_TAIL = 5
#: What is counted where shuffles bring none as strong.
NONE_SEEN = 0.5
#: Findings are kept that chance would bring at most so often among 10,000 parties.
ALLOWED_PER_10K = 0.2
#: Severity 1 stands for a finding that chance brings once in so many data sets like this one.
SHUFFLES_FOR_FULL_SEVERITY = 10_000


@dataclass(frozen=True)
class Chance:
    """Strengths that ``shuffles`` shuffles brought: ``strengths`` float64, ascending. ``floor``: the least
    strength that the detector reports at all."""

    strengths: NDArray[np.float64]
    shuffles: int
    floor: float

    @classmethod
    def of(cls, strengths: Sequence[float], shuffles: int, floor: float) -> Chance:
        """From the strengths of all findings in all shuffles."""
        return cls(np.sort(np.asarray(strengths, np.float64)), shuffles, floor)

    def expected(self, strength: NDArray[np.float64]) -> NDArray[np.float64]:
        """Findings as strong or stronger that one shuffle is expected to bring; float64, above 0."""
        seen = len(self.strengths) - np.searchsorted(self.strengths, strength, side="left")
        counted = seen / self.shuffles
        tail = self.strengths[-TAIL:]
        excess = float((tail - tail[0]).mean()) if len(tail) >= SMALLEST_TAIL else 0.0
        if excess > 0:
            start, at_start, beyond = tail[0], len(tail) / self.shuffles, strength > tail[0]
        else:
            start = self.strengths[-1] if len(tail) else self.floor
            at_start, excess, beyond = NONE_SEEN / self.shuffles, 1.0, seen == 0
        carried_on = at_start * np.exp(-np.maximum(strength - start, 0) / excess)
        return np.asarray(np.where(beyond, np.maximum(carried_on, np.finfo(float).tiny), counted))


def allowed(n_parties: int) -> float:
    """Chance findings that are put up with among ``n_parties``, per typology."""
    return ALLOWED_PER_10K * max(1.0, n_parties / 10_000)


def severity_of(expected: NDArray[np.float64]) -> NDArray[np.float64]:
    """0 to 1: how many powers of ten below one, full at one in ``SHUFFLES_FOR_FULL_SEVERITY``; float64."""
    powers = -np.log10(np.maximum(expected, np.finfo(float).tiny))
    return np.asarray(np.clip(powers / np.log10(SHUFFLES_FOR_FULL_SEVERITY), 0.0, 1.0))
