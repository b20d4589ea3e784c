"""Every model of the quality bench, fitted on one panel with one seed: scores of validation and test rows."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from bench.quality_peers import fit_peers
from gnn.champion.challengers import CHALLENGERS, train_challengers
from gnn.champion.evaluation import DEFAULT, NETWORK, PartScores, score_part
from gnn.learning.training import TrainingSettings, train
from gnn.model import Model
from gnn.panels.panel import Panel
from gnn.panels.placebo import permute_panel
from graph.source import Part

Scores = dict[str, NDArray[np.float64]]

PLACEBO = "placebo"
SCORED: tuple[Part, ...] = ("valid", "test")


@dataclass
class RunScores:
    """What one run found: log-odds by model, of validation and test rows.

    ``parts``: the default's own, environment and inherited parts [rows, 3]; ``seconds`` by step; ``facts``
    of the default's training.
    """

    z: dict[Part, Scores]
    parts: dict[Part, NDArray[np.float64]]
    seconds: dict[str, float] = field(default_factory=dict)
    facts: dict[str, object] = field(default_factory=dict)


def settings_of(run: int) -> TrainingSettings:
    """The default settings with seeds that no other run has."""
    plain = TrainingSettings()
    return replace(plain, seeds=tuple(seed + len(plain.seeds) * run for seed in plain.seeds))


def _scored(model: Model, panel: Panel, seed: int) -> dict[Part, PartScores]:
    peers = train_challengers(model, panel, seed)
    return {part: score_part(model, peers, panel, part) for part in SCORED}


def run_models(panel: Panel, run: int, tell: Callable[[str], None]) -> RunScores:
    """All models of run number ``run``; test rows are scored, never learnt from."""
    found = RunScores({part: {} for part in SCORED}, {})

    def timed(name: str, started: float) -> None:
        found.seconds[name] = round(time.perf_counter() - started, 1)

    started = time.perf_counter()
    tell("default")
    model = train(panel, settings_of(run))
    timed("train", started)
    started = time.perf_counter()
    tell("challengers")
    for part, scored in _scored(model, panel, run).items():
        found.z[part] |= {name: scored.z[name] for name in (*CHALLENGERS, NETWORK, DEFAULT)}
        found.parts[part] = scored.parts
    timed("challengers", started)
    started = time.perf_counter()
    for name, by_part in fit_peers(panel, model.preparation, run, tell).items():
        for part in SCORED:
            found.z[part][name] = by_part[part]
    timed("peers", started)
    names = ("inherited", "inherited_gain_in_standard_errors", "valid_log_loss", "valid_log_loss_own")
    found.facts = {name: model.facts.get(name) for name in names}
    started = time.perf_counter()
    tell("placebo")
    permuted = permute_panel(panel, 1_000 * (run + 1))
    for part, scored in _scored(train(permuted, settings_of(run)), permuted, run).items():
        found.z[part][PLACEBO] = scored.z[DEFAULT]
    timed("placebo", started)
    return found
