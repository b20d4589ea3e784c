"""Score runs for tests: a real snapshot, with parts drawn at random in the shape a model gives."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np

from gnn.parts import ScoredParts
from gnn.runs.composition import Question
from gnn.runs.publication import score_run
from gnn.runs.run_files import ScoreRun
from graph.snapshot import Snapshot
from graph.source import Task
from tests.ecosystems import random_trade, snapshot

AS_OF = date(2021, 6, 1)
TASK = Task(name="default", outcome="default", horizon_days=365)
FEATURES = ("sales_amount_365d", "x_size", "log_degree:SUPPLIES.in", "paid_late_share_365d")


def trade(folder: Path, n: int = 120, n_invoices: int = 600, **extra: Any) -> Snapshot:
    """A snapshot of companies that invoice each other; ``extra``: further tables."""
    return snapshot(folder, {**random_trade(n, n_invoices, seed=7), **extra}, AS_OF)


def drawn_parts(taken: Snapshot, seed: int = 0, spread: float = 0.8) -> ScoredParts:
    """Parts with the snapshot's own relations; every tenth value is unknown, but for x_size."""
    rng = np.random.default_rng(seed)
    n, m = taken.n_parties, 3
    features = {}
    for name in FEATURES:
        column = rng.lognormal(0, 1, n).astype(np.float32)
        if name != "x_size":
            column[rng.random(n) < 0.1] = np.nan
        features[name] = column
    columns = np.argsort(rng.random((n, len(FEATURES))), axis=1)[:, :m].astype(np.int16)
    return ScoredParts(
        base=-2.5,
        own=rng.normal(0, spread, n),
        environment=rng.normal(0, spread / 4, n),
        inherited={name: rng.normal(0, spread / 2, n) for name in taken.relations},
        features=features,
        reason_columns=columns,
        reason_parts=rng.normal(0, spread / 2, (n, m)).astype(np.float32),
        spread=rng.uniform(0.1, 0.5, n),
        attribution={},
    )


def everyone(taken: Snapshot, **changes: Any) -> Question:
    question = Question(TASK, "m" * 64, np.arange(taken.n_parties, dtype=np.int32))
    return replace(question, **changes)


def run_of(taken: Snapshot, seed: int = 0, **changes: Any) -> ScoreRun:
    return score_run(drawn_parts(taken, seed), taken, everyone(taken, **changes))
