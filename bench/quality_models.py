"""Every model of the quality bench, fitted on one panel with one seed: scores of validation and test rows."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from bench.measuring import timed as measured
from bench.quality_peers import fit_peers
from gnn.champion.candidate import best_on_validation
from gnn.champion.evaluation import DEFAULT, PartScores, score_part
from gnn.learning.training import TrainingSettings
from gnn.model import Model
from gnn.panels.panel import Panel
from gnn.panels.placebo import permute_panel
from graph.source import Part

Tell = Callable[[str], None]
Scores = dict[str, NDArray[np.float64]]

PLACEBO = "placebo"
#: Days of one panel are permuted with seeds of their own, and so are runs.
PLACEBO_SEEDS = 1_000

SCORED: tuple[Part, ...] = ("valid", "test")


@dataclass
class RunScores:
    """What one run found: log-odds by model, of validation and test rows.

    ``parts``: the default's own, environment and inherited parts [rows, 3]; ``seconds`` (wall) and
    ``cpu_seconds`` by step; ``facts`` of the default's training.
    """

    z: dict[Part, Scores]
    parts: dict[Part, NDArray[np.float64]]
    seconds: dict[str, float] = field(default_factory=dict)
    cpu_seconds: dict[str, float] = field(default_factory=dict)
    facts: dict[str, object] = field(default_factory=dict)


def settings_of(run: int) -> TrainingSettings:
    """The default settings with seeds that no other run has."""
    plain = TrainingSettings()
    return replace(plain, seeds=tuple(seed + len(plain.seeds) * run for seed in plain.seeds))


@dataclass(frozen=True)
class _Fitted:
    """The model that ``ecorisk train`` would make of a panel, and scores of it and its challengers."""

    model: Model
    scores: Mapping[Part, PartScores]


def _fitted(panel: Panel, run: int, tell: Tell) -> _Fitted:
    made = best_on_validation(panel, {}, tell, settings_of(run), run)
    model = made.trained.model
    return _Fitted(model, {part: score_part(model, made.peers, panel, part) for part in SCORED})


def run_models(panel: Panel, run: int, tell: Tell) -> RunScores:
    """All models of run number ``run``; test rows are scored, never learnt from."""
    found = RunScores({part: {} for part in SCORED}, {})

    @contextmanager
    def timed(name: str) -> Iterator[None]:
        with measured() as took:
            yield
        found.seconds[name], found.cpu_seconds[name] = round(took.wall_s, 1), round(took.cpu_s, 1)

    with timed("default and challengers"):
        fitted = _fitted(panel, run, tell)
    for part, scored in fitted.scores.items():
        found.z[part] |= scored.z
        found.parts[part] = scored.parts
    with timed("networks and propagation"):
        for name, by_part in fit_peers(panel, fitted.model.preparation, run, tell).items():
            for part in SCORED:
                found.z[part][name] = by_part[part]
    facts = fitted.model.facts
    names = ("inherited", "inherited_gain_in_standard_errors", "valid_log_loss", "valid_log_loss_own")
    found.facts = {name: facts.get(name) for name in names}
    tell("permuted links")
    with timed("placebo"):
        permuted = permute_panel(panel, PLACEBO_SEEDS * (run + 1))
        for part, scored in _fitted(permuted, run, tell).scores.items():
            found.z[part][PLACEBO] = scored.z[DEFAULT]
    return found
