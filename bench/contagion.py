"""Planted contagion found again: the ordinary path on synthetic ecosystems, against their truth.

``python -m bench.contagion --parties 10000 --seeds 1 2`` measures every condition (all links shown, 30 % of
them missing, 10 % false, outcomes known late, all three, no contagion) and prints one table; ``--freeze``
keeps the figures in ``bench/frozen/contagion.json`` and renders ``docs/contagion.md``; ``--folder`` keeps
runs, to go on later. ``--contagion``, ``--missing-links``, ``--false-links`` and ``--outcome-delay-days``
measure one condition of one's own instead. It generates, loads, trains, evaluates and scores with the calls
of the command line; the truth is read afterwards.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console

from bench.contagion_oracle import oracle_spearman
from bench.contagion_report import render, table
from bench.contagion_truth import compare, inherited_share, read_truth
from bench.measuring import peak_mb
from bench.speed import machine
from gnn.champion.candidate import best_on_validation, task_of
from gnn.champion.evaluation import DEFAULT, Evaluation, evaluate, score_part
from gnn.champion.intervals import auc_differences
from gnn.champion.metrics import measure as measure_scores
from gnn.learning.training import TrainingSettings, train
from gnn.model import Model
from gnn.panels.panel import Panel, build_panel, require_evidence
from gnn.panels.placebo import permute_panel
from gnn.scoring import score
from graph.duckdb_store import DuckDBStore
from graph.workspace import Workspace
from loaders import load
from loaders.synthetic import EcosystemSettings, generate

FROZEN = Path(__file__).parent / "frozen" / "contagion.json"
PAGE = Path(__file__).parent.parent / "docs" / "contagion.md"

PLACEBO_SEED = 7
DIGITS = 6

#: What differs from an ecosystem of which all links are shown and outcomes are known at once.
CONDITIONS: Mapping[str, Mapping[str, float]] = {
    "clean": {},
    "missing": {"missing_links": 0.3},
    "false": {"false_links": 0.1},
    "late": {"outcome_delay_days": 90},
    "all three": {"missing_links": 0.3, "false_links": 0.1, "outcome_delay_days": 90},
    "no contagion": {"contagion": 0.0},
}
#: Links are permuted where there is no contagion to be found.
WITH_PLACEBO = ("no contagion",)

Figures = dict[str, Any]


@dataclass
class Stages:
    """Seconds, CPU seconds and peak memory of the process by stage."""

    seconds: dict[str, float] = field(default_factory=dict)
    cpu_seconds: dict[str, float] = field(default_factory=dict)
    peak_gb: dict[str, float] = field(default_factory=dict)

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        started, worked = time.perf_counter(), time.process_time()
        yield
        self.seconds[name] = round(time.perf_counter() - started, 1)
        self.cpu_seconds[name] = round(time.process_time() - worked, 1)
        self.peak_gb[name] = round(peak_mb() / 1024, 2)


def settings_of(condition: str, parties: int, seed: int) -> EcosystemSettings:
    """The ecosystem of one of ``CONDITIONS``."""
    changed: dict[str, Any] = {"outcome_delay_days": 0, **CONDITIONS[condition]}
    return EcosystemSettings(parties=parties, seed=seed, **changed)


def placebo_figures(panel: Panel) -> Figures:
    """Share and AUC of a model that is trained and scored on permuted links."""
    permuted = permute_panel(panel, PLACEBO_SEED)
    model = train(permuted)
    origin = permuted.of("test")[0]
    parts = score(model, origin.snapshot, origin.known)
    return {
        "inherited_share": inherited_share(parts, origin.codes),
        "auc": measure_scores(origin.labels, parts.z()[origin.codes]).auc,
        "inherited_gain_in_standard_errors": model.facts.get("inherited_gain_in_standard_errors"),
    }


def links_gain(model: Model, panel: Panel) -> Figures:
    """The served model against the same model made without links: rows, seeds and trees are the same.

    ``gain``: (low, mid, high) of the difference in AUC. Where training kept links out both are one.
    """
    without = model
    if model.relations:
        without = train(panel, TrainingSettings(links=False))
    z = {
        name: score_part(one, {}, panel, "test").z[DEFAULT]
        for name, one in (("with links", model), ("without links", without))
    }
    labels = panel.labels("test")
    differences = auc_differences(labels, panel.parties("test"), z, "with links")
    return {
        "auc_without": measure_scores(labels, z["without links"]).auc,
        "gain": list(differences["without links"]),
    }


def _ranking(evaluation: Evaluation) -> Figures:
    models = {name: found.auc for name, found in evaluation.models.items()}
    return {
        "test": {"n": evaluation.n, "positives": evaluation.positives},
        "auc": models,
        "default_less_gbdt_own": list(evaluation.differences["gbdt_own"]),
        "default_less_gbdt_graph": list(evaluation.differences["gbdt_graph"]),
    }


def measure(settings: EcosystemSettings, folder: Path, placebo: bool = False) -> Figures:
    """Every figure of one ecosystem; ``folder`` receives its tables and a workspace."""
    stages, tables = Stages(), folder / "tables"
    workspace = Workspace.open(folder / "workspace")
    store = DuckDBStore(workspace.database, workspace.settings.base_currency)
    with stages.stage("generate"):
        generate(settings, tables)
    with stages.stage("load"):
        load("canonical", tables, store, workspace.folder)
    with stages.stage("panel"):
        panel = build_panel(store, task_of(store, None, None), keep_tables=placebo)
        require_evidence(panel)
    with stages.stage("train and evaluate"):
        made = best_on_validation(panel, {}, lambda _: None)
        model = made.trained.model
        found = _ranking(evaluate(model, made.peers, panel))
    with stages.stage("without links"):
        found["links"] = links_gain(model, panel)
    origin = panel.of("test")[0]
    with stages.stage("score"):
        parts = score(model, origin.snapshot, origin.known)
    with stages.stage("compare with truth"):
        found |= compare(read_truth(tables, origin), parts, origin, settings.contagion)
        inherited = parts.inherited_total()[origin.codes]
        found["inherited_auc"] = measure_scores(origin.labels, inherited).auc
        found["spearman"]["oracle"] = oracle_spearman(settings, tables)
        found["inherited_gain_in_standard_errors"] = model.facts.get("inherited_gain_in_standard_errors")
    if placebo:
        with stages.stage("placebo"):
            found["placebo"] = placebo_figures(panel)
    about = {"settings": json.loads(json.dumps(asdict(settings), default=str))}
    rounded: Figures = _rounded(about | found | asdict(stages))
    return rounded


def _rounded(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _rounded(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [_rounded(inner) for inner in value]
    return round(float(value), DIGITS) if isinstance(value, float | np.floating) else value


def _measured(path: Path | None, settings: EcosystemSettings, placebo: bool) -> Figures:
    """``measure``, or what ``path`` keeps of it."""
    if path is not None and path.exists():
        kept: Figures = json.loads(path.read_text("utf-8"))
        return kept
    with tempfile.TemporaryDirectory() as scratch:
        found = measure(settings, Path(scratch), placebo)
    if path is not None:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(found, indent=1), encoding="utf-8")
    return found


def measure_conditions(asked: argparse.Namespace, console: Console) -> Figures:
    """Figures of all asked conditions and seeds, one after the other."""
    runs: dict[str, list[Figures]] = {}
    for condition in asked.conditions:
        for seed in asked.seeds:
            console.print(f"{condition}, seed {seed}", highlight=False)
            path = None
            if asked.folder is not None:
                name = f"{condition.replace(' ', '-')}-{asked.parties}-{seed}.json"
                path = asked.folder / name
            settings = settings_of(condition, asked.parties, seed)
            runs.setdefault(condition, []).append(_measured(path, settings, condition in WITH_PLACEBO))
    return {"machine": machine(), "parties": asked.parties, "seeds": asked.seeds, "conditions": runs}


def _own_condition(asked: argparse.Namespace) -> Figures:
    """Figures of the one condition that the options describe."""
    given = {name: getattr(asked, name) for name in _OPTIONS if getattr(asked, name) is not None}
    runs = [
        _measured(None, EcosystemSettings(parties=asked.parties, seed=seed, **given), asked.placebo)
        for seed in asked.seeds
    ]
    return {
        "machine": machine(),
        "parties": asked.parties,
        "seeds": asked.seeds,
        "conditions": {"asked": runs},
    }


_OPTIONS: Mapping[str, type] = {
    "contagion": float, "missing_links": float, "false_links": float, "outcome_delay_days": int,
}  # fmt: skip


def _arguments(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--parties", type=int, default=10_000)
    parser.add_argument("--seeds", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--conditions", nargs="+", choices=tuple(CONDITIONS), default=list(CONDITIONS))
    for name, kind in _OPTIONS.items():
        parser.add_argument(f"--{name.replace('_', '-')}", type=kind, help="a condition of one's own")
    parser.add_argument("--placebo", action="store_true", help="train it on permuted links too")
    parser.add_argument("--folder", type=Path, help="keep runs here, to go on later")
    parser.add_argument("--freeze", action="store_true", help="keep the figures and render the page")
    parser.add_argument(
        "--render", action="store_true", help="render the page of the frozen figures, no more"
    )
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    return parser.parse_args(arguments)


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure, print, keep."""
    asked = _arguments(arguments)
    if asked.render:
        PAGE.write_text(render(json.loads(FROZEN.read_text("utf-8"))), encoding="utf-8")
        return
    if any(getattr(asked, name) is not None for name in _OPTIONS):
        figures = _own_condition(asked)
    else:
        figures = measure_conditions(asked, Console(stderr=True))
        if asked.freeze:
            FROZEN.write_text(json.dumps(figures, indent=1) + "\n", encoding="utf-8")
            PAGE.write_text(render(figures), encoding="utf-8")
    if asked.json:
        print(json.dumps(figures))
    else:
        Console(width=160).print(table(figures))


if __name__ == "__main__":
    main()
