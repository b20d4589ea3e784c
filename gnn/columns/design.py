"""What a party's counterparties give to it: columns by relation, for one and two hops.

Two kinds of columns, made in one way for training and for scoring:

- *linear* columns are sums over counterparties (over paths, for two hops) of what each gives, divided by
  something the party alone decides; the network reads them, and each can be taken apart exactly;
- the trees of a relation read these and more: means of the counterparties' own columns, known cases, the
  party's degree, and the indicators that counterparties caused.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from gnn.columns.linear_columns import (
    ANY,
    EPSILON,
    GIVEN,
    PRIOR_CASES,
    RECORDS,
    RESIDUAL_FLOOR,
    LinearColumn,
)
from gnn.columns.operators import (
    Operator,
    count_paths,
    gather,
    gather_hops,
    gather_known,
    gather_known_two_hops,
    gather_pairs,
)
from gnn.panels.targets import KnownOutcomes
from gnn.threads import by_chunks
from graph.relations import Relation

_Float = TypeVar("_Float", np.float32, np.float64)


def payload(
    s: NDArray[np.float64],
    has: NDArray[np.bool_],
    degree: NDArray[np.int64],
    known: KnownOutcomes,
    prior: float,
    shown: float = 1.0,
) -> NDArray[np.float64]:
    """What every party gives, float64 [n, len(GIVEN)].

    ``s``: log-odds by own features; ``has``: whether it has any; ``degree``: over any relation.
    A party without features gives s = has = 0, one without known results zeros there. Where ``known`` holds
    the drawn share ``shown`` of all results, each stands for 1 / shown of them (Horvitz and Thompson 1952).
    """
    out = np.empty((len(s), len(GIVEN)))

    def fill(chunk: slice) -> None:
        n, bad = known.n[chunk].astype(np.float64), known.bad[chunk].astype(np.float64)
        seen = n > 0
        rate = np.divide(bad, n, out=np.zeros_like(n), where=seen)
        residual = np.where(seen, rate - 1.0 / (1.0 + np.exp(-s[chunk])), 0.0)
        results = (bad - prior * n, n, residual, seen)
        given = (np.where(has[chunk], s[chunk], 0.0), has[chunk], np.log1p(degree[chunk]))
        for place, column in enumerate((*given, *(result / shown for result in results))):
            out[chunk, place] = column

    by_chunks(len(s), fill)
    return out


def pair_records(relation: Relation, prior: float) -> NDArray[np.float64]:
    """Per pair, the counterparty's recent record with all others, float64 [m, len(RECORDS)].

    The party's own cases with it are taken out, so nobody inherits what it caused itself.
    """
    n = len(relation.indptr) - 1
    if not relation.matured.any():
        return np.zeros((relation.n_pairs, len(RECORDS)))

    def with_others(measure: NDArray[np.float64]) -> NDArray[np.float64]:
        total = np.bincount(relation.indices, weights=measure, minlength=n)[relation.indices]
        return np.maximum(total - measure, 0.0)

    cases, bad = with_others(relation.recent_matured), with_others(relation.recent_bad)
    rate = (bad + PRIOR_CASES * prior) / (cases + PRIOR_CASES) - prior
    return np.column_stack((bad - prior * cases, cases, rate, np.log1p(cases)))


@dataclass(frozen=True)
class Surroundings:
    """Operators of one snapshot by relation, and what their pairs carry (``pair_records``)."""

    operators: dict[str, Operator]
    records: dict[str, NDArray[np.float64]]

    @property
    def any(self) -> Operator:
        return self.operators[ANY]


#: Less than this share of known values is what rounding left of the way back.
_ROUNDING = 1e-4


def gather_any(surroundings: Surroundings, given: NDArray[np.float64]) -> NDArray[np.float64]:
    """One step over any relation, for every party."""
    everyone = np.arange(len(given), dtype=np.int32)
    return gather(surroundings.any, given, everyone)


def gather_any_own(surroundings: Surroundings, own: NDArray[np.float32]) -> NDArray[np.float32]:
    """Sums of own columns over any relation, and the weight of what is known, float32 [n, k, 2]."""
    everyone = np.arange(len(own), dtype=np.int32)
    return gather_known(surroundings.any, own, np.arange(own.shape[1]), everyone)


@dataclass(frozen=True)
class Averaged:
    """Own columns whose means are taken, float32 [n, k], and ``gathered``: ``gather_any_own`` of them."""

    own: NDArray[np.float32]
    gathered: NDArray[np.float32]


def gather_averages(
    operator: Operator,
    averaged: Averaged,
    columns: Mapping[int, NDArray[np.int64]],
    rows: NDArray[np.int32],
) -> NDArray[np.float32]:
    """Means over counterparties, NaN where nobody is known, float32 [rows, columns]: hop 1, then hop 2.

    ``columns``: by hop, which of ``averaged``.
    """
    near = gather_known(operator, averaged.own, columns[1], rows)
    far = gather_known_two_hops(operator, averaged.gathered, averaged.own, columns[2], rows)
    far[..., 1][far[..., 1] < _ROUNDING] = 0.0
    return np.concatenate([_divided(sums[..., 0], sums[..., 1]) for sums in (near, far)], axis=1)


def _divided(top: NDArray[_Float], bottom: NDArray[_Float]) -> NDArray[_Float]:
    enough = bottom > EPSILON
    return np.divide(top, bottom, out=np.full_like(top, np.nan), where=enough)


@dataclass(frozen=True)
class HopSums:
    """Σ weight·given over a hop for some rows, and the denominators of the linear columns, by name."""

    given: NDArray[np.float64]
    records: NDArray[np.float64]
    denominators: dict[str, NDArray[np.float64]]

    def known_cases(self) -> NDArray[np.float64]:
        """Log of the known cases around each row: per counterparty on average, times counterparties."""
        average = self.given[:, GIVEN.index("cases")]
        pseudo = self.denominators["cases"] - average
        return np.log1p(np.maximum(average, 0.0) * PRIOR_CASES / pseudo)

    def column(self, column: LinearColumn) -> NDArray[np.float64]:
        """The column's values; NaN where a mean has nobody to average."""
        if column.given == "one":
            top = self.denominators["reach"]
        elif column.given in GIVEN:
            top = self.given[:, GIVEN.index(column.given)]
        else:
            top = self.records[:, RECORDS.index(column.given)]
        bottom = self.denominators[column.denominator]
        return _divided(top, bottom) if column.centred else top / bottom


def denominators(
    given: NDArray[np.float64],
    records: NDArray[np.float64],
    reach: NDArray[np.float64],
    paths: NDArray[np.float64],
) -> dict[str, NDArray[np.float64]]:
    """Denominators of a hop: ``reach`` is the weight that arrives [rows], ``paths`` how many bring it."""
    # Weights sum to 1 a row, so the prior's pseudo-cases are divided by the number of counterparties.
    pseudo = PRIOR_CASES / np.maximum(paths, 1.0)
    found = {
        "one": np.ones_like(reach),
        "has": given[:, GIVEN.index("has")],
        "reach": reach,
        "cases": given[:, GIVEN.index("cases")] + pseudo,
        "known": given[:, GIVEN.index("known")] + RESIDUAL_FLOOR,
    }
    if records.shape[1]:
        found["record"] = records[:, RECORDS.index("record_cases")] + pseudo
    return found


def hops(
    surroundings: Surroundings, relation: str, both: NDArray[np.float64], rows: NDArray[np.int32]
) -> dict[int, HopSums]:
    """What direct counterparties (1) and their other counterparties (2) give to ``rows``.

    ``both`` [n, 2 * len(GIVEN)]: what every party gives (``payload``), and ``gather_any`` of it.
    """
    operator = surroundings.operators[relation]
    near, far = gather_hops(operator, both, rows)
    records = surroundings.records.get(relation)
    paired = np.zeros((len(rows), 0)) if records is None else gather_pairs(operator, records, rows)
    degree = operator.degree(rows).astype(np.float64)
    linked = (degree > 0).astype(np.float64)
    far[np.abs(far) < EPSILON * 1e-3] = 0.0
    paths, none = count_paths(operator, surroundings.any, rows), np.zeros((len(rows), 0))
    reach = np.maximum(linked - operator.back_total[rows], 0.0)
    reach[paths == 0] = 0.0
    return {
        1: HopSums(near, paired, denominators(near, paired, linked, degree)),
        2: HopSums(far, none, denominators(far, none, reach, paths)),
    }
