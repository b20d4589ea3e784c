"""How a party's counterparties stand, in one number a relation: what inherited reasons show."""

from __future__ import annotations

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from graph.relations import Relation
from graph.snapshot import Snapshot


def has_record(relation: Relation) -> bool:
    """Whether the relation knows cases that went well or wrong."""
    return bool(relation.matured.any())


def _bad_share_with_others(relation: Relation, n: int) -> NDArray[np.float32]:
    """Share of the counterparties' cases with others than the party that went wrong, float32 [n]."""

    def with_others(cases: NDArray[np.int32]) -> NDArray[np.float64]:
        of_counterparty = np.bincount(relation.indices, weights=cases, minlength=n).astype(np.float64)
        party = np.repeat(np.arange(n), relation.degree())
        others: NDArray[np.float64] = of_counterparty[relation.indices] - cases
        return np.bincount(party, weights=others, minlength=n).astype(np.float64)

    matured, bad = with_others(relation.matured), with_others(relation.bad)
    share = np.full(n, np.nan, np.float32)
    np.divide(bad, matured, out=share, where=matured > 0, casting="unsafe")
    return share


def _mean_score(
    relation: Relation, score: NDArray[np.int64], scored: NDArray[np.bool_]
) -> NDArray[np.float32]:
    """Mean score of the scored counterparties, float32 [n]."""
    n = len(score)
    pairs = sp.csr_matrix((np.ones(relation.n_pairs), relation.indices, relation.indptr), shape=(n, n))
    known, total = pairs @ scored.astype(np.float64), pairs @ np.where(scored, score, 0).astype(np.float64)
    mean = np.full(n, np.nan, np.float32)
    np.divide(total, known, out=mean, where=known > 0, casting="unsafe")
    return mean


def counterparty_record(
    snapshot: Snapshot, name: str, score: NDArray[np.int64], scored: NDArray[np.bool_]
) -> NDArray[np.float32]:
    """The relation's record of counterparties with others, or their mean score where it knows no cases.

    float32 [n]; NaN where nothing is known.
    """
    relation = snapshot.relations.get(name)
    if relation is None:
        return np.full(len(score), np.nan, np.float32)
    if has_record(relation):
        return _bad_share_with_others(relation, len(score))
    return _mean_score(relation, score, scored)


def record_unit(snapshot: Snapshot, name: str) -> str:
    """Unit of ``counterparty_record``: "share" (of cases gone wrong) or "mean score"."""
    relation = snapshot.relations.get(name)
    return "share" if relation is not None and has_record(relation) else "mean score"
