"""How much is known of each party: a thin file is not a bad one, and gets no score."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gnn.columns.features import rows_on_record
from gnn.runs.meanings import meaning_of
from graph.indicators import CATALOGUE
from graph.snapshot import Snapshot

#: Below this share of known columns there is no score.
MINIMUM_SHARE = 0.1

Columns = Mapping[str, NDArray[np.float32]]


@dataclass(frozen=True)
class Coverage:
    """``known_share`` float32 [n]: share of the model's columns of record that are known. ``rows`` int32
    [n]: rows of any table that name the party. ``described`` bool [n]: the source itself gives features."""

    known_share: NDArray[np.float32]
    rows: NDArray[np.int32]
    described: NDArray[np.bool_]

    def too_thin(self, minimum_share: float) -> NDArray[np.bool_]:
        """Parties without enough evidence for a score, bool [n]."""
        unseen: NDArray[np.bool_] = (self.rows == 0) & ~self.described
        return unseen | (self.known_share < minimum_share)


def coverage_of(features: Columns, snapshot: Snapshot) -> Coverage:
    """Coverage of every party by the model's own and environment columns."""
    n = snapshot.n_parties
    of_record = [column for name, column in features.items() if meaning_of(name, {}).of_record]
    known = np.zeros(n, np.int32)
    for column in of_record:
        known += ~np.isnan(column)
    share = known / len(of_record) if of_record else np.ones(n)
    described = np.zeros(n, bool)
    for name, column in features.items():
        if name.startswith("x_"):
            described |= ~np.isnan(column)
    return Coverage(share.astype(np.float32), rows_on_record(snapshot), described)


def absent_tables(snapshot: Snapshot) -> tuple[str, ...]:
    """Tables that indicators could use and the data lack, by name."""
    usable = {table for indicator in CATALOGUE.values() for table in indicator.tables}
    return tuple(sorted(usable - set(snapshot.tables)))
