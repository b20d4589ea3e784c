"""What scoring hands on: calibrated log-odds by part, and what is needed to explain them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class ScoredParts:
    """Calibrated log-odds of n parties as exact sums: ``z = base + own + environment + Σ inherited``.

    Parts are centred on the training population, so constants sit in ``base`` (with the calibration's
    offset). ``inherited``: float64 [n] by relation name. ``features``: the own and environment columns as
    the model saw them, float32 [n] by name, NaN where unknown. ``reason_columns`` int16 [n, m] (positions
    in ``tuple(features)``, -1: none) and ``reason_parts`` float32 [n, m]: the columns that moved own and
    environment most, in log-odds, by path attribution, largest absolute value first.
    ``spread`` float64 [n]: standard deviation of log-odds, see ``gnn.precision``.
    ``attribution``: arrays for ``gnn.attribution``, kept with the run and handed back unread.
    """

    base: float
    own: NDArray[np.float64]
    environment: NDArray[np.float64]
    inherited: Mapping[str, NDArray[np.float64]]
    features: Mapping[str, NDArray[np.float32]]
    reason_columns: NDArray[np.int16]
    reason_parts: NDArray[np.float32]
    spread: NDArray[np.float64]
    attribution: Mapping[str, NDArray[Any]]

    def inherited_total(self) -> NDArray[np.float64]:
        """Σ over relations, float64 [n]."""
        return np.sum(list(self.inherited.values()), axis=0) if self.inherited else np.zeros_like(self.own)

    def z(self) -> NDArray[np.float64]:
        """Log-odds of the bad outcome, float64 [n]."""
        return self.base + self.own + self.environment + self.inherited_total()


@dataclass(frozen=True)
class CounterpartyPart:
    """What one counterparty (or the remainder nobody can be named for) gives to a party's log-odds.

    ``counterparty`` / ``via``: party codes; ``via`` is the intermediary of a two-hop path, else None.
    ``counterparty`` None: the relation's remainder, e.g. having fewer counterparties than usual.
    """

    relation: str
    counterparty: int | None
    via: int | None
    log_odds: float
