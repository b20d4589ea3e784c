"""From log-odds by part to scores, whole points, percentiles in the peer group and reasons, in columns."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gnn.parts import ScoredParts
from gnn.runs.counterparty_records import counterparty_record
from gnn.runs.coverage import MINIMUM_SHARE, Coverage, coverage_of
from gnn.runs.meanings import shown
from gnn.runs.peers import PeerGroups, peer_groups
from gnn.runs.scorecard import (
    INSUFFICIENT_EVIDENCE,
    OUTSIDE_POPULATION,
    SCORED,
    band_of,
    pd_of,
    points_of,
    split_points,
)
from graph.snapshot import Snapshot
from graph.source import Task

#: At most so many principal reasons are given.
MAX_REASONS = 4


@dataclass(frozen=True)
class Question:
    """What was asked, of whom (``population`` int32: party codes), and how little knowledge is too little."""

    task: Task
    model_sha: str
    population: NDArray[np.int32]
    minimum_coverage: float = MINIMUM_SHARE

    @property
    def calibrated(self) -> bool:
        """Whether a PD can be stated: a sample's bad rate is none."""
        return self.task.dated or self.task.prior is not None


@dataclass(frozen=True)
class Reasons:
    """The adverse reasons of n parties, largest first, k = ``MAX_REASONS`` columns.

    ``source`` int16 [n, k]: c ≥ 0 is column c of the model's features, -2 - r is relation r, -1 is none.
    ``points`` int16 [n, k], below 0. ``value`` and ``peers`` (the peer group's median) float32 [n, k]: of
    the column, or the record of the relation's counterparties; NaN where unknown.
    """

    source: NDArray[np.int16]
    points: NDArray[np.int16]
    value: NDArray[np.float32]
    peers: NDArray[np.float32]


@dataclass(frozen=True)
class Composition:
    """Scores of n parties.

    ``points`` int64 [n, 3 + relations + 1]: base, own, environment, inherited by relation, clamping; rows sum
    to ``score`` int64 [n]. ``status`` int8 [n]: position in ``scorecard.STATUSES``.
    ``spread`` float64 [n]: standard deviation of ``z``. ``percentile`` float64 [n]: percent of the peer
    group that is less safe, NaN where there is no score.
    ``column_values`` and ``column_peers`` (the peers' median) float32 [n, m]: of ``parts.reason_columns``.
    """

    z: NDArray[np.float64]
    spread: NDArray[np.float64]
    score: NDArray[np.int64]
    points: NDArray[np.int64]
    status: NDArray[np.int8]
    coverage: Coverage
    peer_groups: PeerGroups
    percentile: NDArray[np.float64]
    reasons: Reasons
    column_values: NDArray[np.float32]
    column_peers: NDArray[np.float32]

    @cached_property
    def pd(self) -> NDArray[np.float64]:
        """σ(z), float64 [n]; a probability only where the question is calibrated."""
        return pd_of(self.z)

    @cached_property
    def band(self) -> NDArray[np.int8]:
        """Position in ``scorecard.BANDS``, int8 [n]."""
        return band_of(self.pd)


def _status(question: Question, coverage: Coverage) -> NDArray[np.int8]:
    status = np.full(len(coverage.rows), OUTSIDE_POPULATION, np.int8)
    thin = coverage.too_thin(question.minimum_coverage)[question.population]
    status[question.population] = np.where(thin, INSUFFICIENT_EVIDENCE, SCORED)
    return status


def _column_context(
    parts: ScoredParts, groups: PeerGroups
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Values of ``reason_columns`` and their peers' medians, float32 [n, m] each; NaN where unknown."""
    values = np.full(parts.reason_columns.shape, np.nan, np.float32)
    peers = values.copy()
    named = parts.reason_columns.ravel()
    by_column = np.argsort(named, kind="stable")
    bounds = np.searchsorted(named[by_column], np.arange(len(parts.features) + 1))
    for (name, feature), start, end in zip(parts.features.items(), bounds, bounds[1:], strict=False):
        if start < end:
            column, places = shown(name, feature), by_column[start:end]
            rows = places // parts.reason_columns.shape[1]
            values.flat[places] = column[rows]
            peers.flat[places] = groups.medians(column)[groups.group[rows]]
    return values, peers


@dataclass(frozen=True)
class _Candidates:
    """What may become a reason, [rows, c] each: columns first, then relations."""

    source: NDArray[np.int16]
    points: NDArray[np.float64]
    value: NDArray[np.float32]
    peers: NDArray[np.float32]


def _reasons(candidates: _Candidates, rows: NDArray[np.int64], n: int) -> Reasons:
    """The ``MAX_REASONS`` candidates of ``rows`` that cost most; none under one point. Needs as many."""
    order = np.argsort(candidates.points, axis=1, kind="stable")[:, :MAX_REASONS]
    points = np.rint(candidates.points)
    counts = np.take_along_axis(points, order, axis=1) <= -1

    def chosen(values: NDArray[np.generic], empty: float, dtype: type) -> NDArray[Any]:
        out: NDArray[Any] = np.full((n, MAX_REASONS), empty, dtype)
        out[rows] = np.where(counts, np.take_along_axis(values, order, axis=1), empty)
        return out

    return Reasons(
        source=chosen(candidates.source, -1, np.int16),
        points=chosen(points, 0, np.int16),
        value=chosen(candidates.value, np.nan, np.float32),
        peers=chosen(candidates.peers, np.nan, np.float32),
    )


def log_odds_matrix(parts: ScoredParts) -> NDArray[np.float64]:
    """Base, own, environment and each relation's part as columns, float64 [n, 3 + relations]."""
    base = np.full_like(parts.own, parts.base)
    return np.column_stack([base, parts.own, parts.environment, *parts.inherited.values()])


def compose(parts: ScoredParts, snapshot: Snapshot, question: Question) -> Composition:
    """Scores of all parties of ``snapshot``.

    Parties outside the population, or of which too little is known, have a status instead of a result.
    """
    score, points = split_points(log_odds_matrix(parts))
    coverage = coverage_of(parts.features, snapshot)
    status = _status(question, coverage)
    groups = peer_groups(snapshot.tables["parties"], status == SCORED)
    percentile = groups.percentiles(-parts.z())
    percentile[status != SCORED] = np.nan
    column_values, column_peers = _column_context(parts, groups)
    relations = tuple(parts.inherited)
    records = [counterparty_record(snapshot, name, score, status == SCORED) for name in relations]
    record_peers = [groups.medians(record)[groups.group] for record in records]
    scored = np.flatnonzero(status == SCORED)
    codes = np.tile(-2 - np.arange(len(relations), dtype=np.int16), (len(scored), 1))
    empty = np.zeros((len(scored), MAX_REASONS), np.int16)
    candidates = _Candidates(
        source=np.column_stack([parts.reason_columns[scored], codes, empty - 1]),
        points=np.column_stack([points_of(parts.reason_parts[scored]), points[scored, 3:-1], empty]),
        value=np.column_stack([column_values[scored], *(record[scored] for record in records), empty]),
        peers=np.column_stack([column_peers[scored], *(record[scored] for record in record_peers), empty]),
    )
    return Composition(
        z=parts.z(),
        spread=parts.spread,
        score=score,
        points=points,
        status=status,
        coverage=coverage,
        peer_groups=groups,
        percentile=percentile,
        reasons=_reasons(candidates, scored, len(score)),
        column_values=column_values,
        column_peers=column_peers,
    )


def as_columns(composition: Composition) -> Mapping[str, NDArray[np.generic]]:
    """The arrays of a composition that a run keeps, in the narrowest type that holds them."""
    reasons = composition.reasons
    return {
        "z": composition.z,
        "spread": composition.spread,
        "pd": composition.pd,
        "band": composition.band,
        "score": composition.score.astype(np.int16),
        "points": composition.points.astype(np.int32),
        "status": composition.status,
        "known_share": composition.coverage.known_share,
        "known": composition.coverage.known,
        "rows": composition.coverage.rows,
        "peer_group": composition.peer_groups.group,
        "percentile": composition.percentile.astype(np.float32),
        "reason_source": reasons.source,
        "reason_points": reasons.points,
        "reason_value": reasons.value,
        "reason_peers": reasons.peers,
        "column_values": composition.column_values,
        "column_peers": composition.column_peers,
    }
