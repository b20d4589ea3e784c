"""Every model of the quality bench, fitted on one panel with one seed: scores of test rows."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from bench.measuring import timed as measured
from bench.quality_peers import fit_peers
from gnn.champion.candidate import best_on_validation
from gnn.champion.evaluation import DEFAULT, PartScores, score_part
from gnn.learning.training import Trained, TrainingSettings
from gnn.panels.panel import Panel
from gnn.panels.placebo import permute_panel

Tell = Callable[[str], None]
Scores = dict[str, NDArray[np.float64]]

PLACEBO = "placebo"
#: Days of one panel are permuted with seeds of their own, and so are runs.
PLACEBO_SEEDS = 1_000


@dataclass(frozen=True)
class RunScores:
    """What one run found: log-odds of test rows by model.

    ``parts``: the default's own, environment and inherited parts [rows, 3]; ``seconds`` (wall) and
    ``cpu_seconds`` by step; ``facts`` of the default's training.
    """

    z: Scores
    parts: NDArray[np.float64]
    seconds: Mapping[str, float]
    cpu_seconds: Mapping[str, float]
    facts: Mapping[str, object]


def settings_of(run: int) -> TrainingSettings:
    """The default settings with seeds that no other run has."""
    plain = TrainingSettings()
    return replace(plain, seeds=tuple(seed + len(plain.seeds) * run for seed in plain.seeds))


@dataclass(frozen=True)
class _Fitted:
    """The model that ``ecorisk train`` would make of a panel, and scores of it and its challengers."""

    trained: Trained
    scores: PartScores


def _fitted(panel: Panel, run: int, tell: Tell) -> _Fitted:
    made = best_on_validation(panel, {}, tell, settings_of(run), run)
    return _Fitted(made.trained, score_part(made.trained.model, made.peers, panel, "test"))


def run_models(panel: Panel, run: int, tell: Tell) -> RunScores:
    """All models of run number ``run``; test rows are scored, never learnt from."""
    seconds, cpu_seconds = {}, {}

    @contextmanager
    def timed(name: str) -> Iterator[None]:
        with measured() as took:
            yield
        seconds[name], cpu_seconds[name] = round(took.wall_s, 1), round(took.cpu_s, 1)

    with timed("default and challengers"):
        fitted = _fitted(panel, run, tell)
    z = dict(fitted.scores.z)
    with timed("networks and propagation"):
        z |= fit_peers(panel, fitted.trained.prepared, run, tell)
    tell("permuted links")
    with timed("placebo"):
        permuted = permute_panel(panel, PLACEBO_SEEDS * (run + 1))
        z[PLACEBO] = _fitted(permuted, run, tell).scores.z[DEFAULT]
    names = ("inherited", "inherited_gain_in_standard_errors", "valid_log_loss", "valid_log_loss_own")
    facts = {name: fitted.trained.model.facts.get(name) for name in names}
    return RunScores(z, fitted.scores.parts, seconds, cpu_seconds, facts)
