"""How well each model ranks parties it has not seen, on every set that carries a target.

``python -m bench.quality --data DIR [--folder DIR] [--sets smesd h2] [--runs 0 1]`` measures the runs that
are not yet in ``--folder`` and prints a table a set. Every model sees the same parts: the default through the
ordinary load, panel, training and evaluation; its challengers; plain networks and label propagation; and the
default on permuted links. ``--freeze`` keeps the figures in ``bench/frozen/quality.json`` and renders
``docs/quality.md``; ``--render`` renders the frozen ones again; ``--check`` compares with the frozen ones.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import tempfile
import time
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

from rich.console import Console

from bench.quality_figures import SetFigures, pooled, set_figures
from bench.quality_models import run_models
from bench.quality_report import changes, render, table
from bench.quality_runs import code_sha, keep, read_runs, run_file
from bench.quality_sets import SETS, BenchSet, Place, available
from bench.speed import machine
from graph.source import PARTS

FROZEN = Path(__file__).parent / "frozen" / "quality.json"
PAGE = Path(__file__).parent.parent / "docs" / "quality.md"

#: Sets that are measured at a time: all sums run on one thread, so that a core each is what they use.
WORKERS = 2

#: A check fails where the default's mean AUC on a set fell by more than this.
ALLOWED_FALL = 0.005

Figures = dict[str, Any]


def measure(chosen: BenchSet, place: Place, runs: Sequence[int]) -> None:
    """Fit every model in those of ``runs`` that were not kept yet."""
    console, panel, fold = Console(stderr=True), None, -1
    for run in runs:
        path = run_file(place.folder, chosen.name, run)
        if path.exists():
            continue
        started = time.perf_counter()

        def tell(what: str, run: int = run, started: float = started) -> None:
            seconds = time.perf_counter() - started
            console.print(f"{chosen.name} run {run}, {seconds:.0f} s: {what}", highlight=False)

        if panel is None or chosen.fold_of(run) != fold:
            fold = chosen.fold_of(run)
            panel = place.panel(chosen, fold, tell)
        panel_seconds = round(time.perf_counter() - started, 1)
        scores = run_models(panel, run, tell)
        about = {
            "fold": fold,
            "cases": {part: [len(panel.labels(part)), int(panel.labels(part).sum())] for part in PARTS},
            "seconds": {"panel": panel_seconds, **scores.seconds},
            "cpu_seconds": scores.cpu_seconds,
            "facts": scores.facts,
            "code": code_sha(),
        }
        keep(path, panel, scores, about)


def _measure_all(sets: Sequence[BenchSet], place: Place, only: Sequence[int] | None) -> None:
    """Sets side by side, one process each: they share no file. The longest ones come last in the table."""
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(min(WORKERS, len(sets)), mp_context=context) as workers:
        jobs = []
        for chosen in reversed(sets):
            runs = [run for run in range(chosen.runs) if only is None or run in only]
            jobs.append(workers.submit(measure, chosen, place, runs))
        for job in jobs:
            job.result()


def summarise(folder: Path, names: Sequence[str]) -> Figures:
    """Figures of all runs that were kept of the sets ``names``."""
    found: dict[str, SetFigures] = {}
    for name in names:
        runs = read_runs(folder, name)
        if runs:
            found[name] = set_figures(runs)
    return {
        "machine": machine(),
        "sets": {name: one.figures for name, one in found.items()},
        "pooled": pooled(found),
    }


def _write(figures: Figures) -> None:
    FROZEN.write_text(json.dumps(figures, indent=1) + "\n", encoding="utf-8")
    PAGE.write_text(render(figures), encoding="utf-8")


def _arguments(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument(
        "--data", type=Path, default=Path("../shared/data"), help="folder of the sets' folders"
    )
    parser.add_argument(
        "--folder", type=Path, help="keep runs here, to go on later; default: a folder that goes"
    )
    parser.add_argument("--sets", nargs="+", choices=tuple(SETS), help="these alone")
    parser.add_argument("--runs", type=int, nargs="+", help="these alone, from 0")
    parser.add_argument("--summary", action="store_true", help="fit nothing, show what --folder holds")
    parser.add_argument("--freeze", action="store_true", help="keep the figures and render the page")
    parser.add_argument(
        "--render", action="store_true", help="render the page of the frozen figures, no more"
    )
    parser.add_argument("--check", action="store_true", help="compare with the frozen figures")
    return parser.parse_args(arguments)


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, print, keep; 1 where a check finds that the default has become worse."""
    asked = _arguments(arguments)
    console = Console(stderr=True)
    if asked.render:
        PAGE.write_text(render(json.loads(FROZEN.read_text("utf-8"))), encoding="utf-8")
        return 0
    sets = available(asked.data)
    for name in sorted(set(SETS) - set(sets)):
        console.print(f"{name}: no folder {asked.data / SETS[name].source}, left out", highlight=False)
    names = [name for name in sets if asked.sets is None or name in asked.sets]
    with tempfile.TemporaryDirectory() as scratch:
        place = Place(asked.data, asked.folder or Path(scratch))
        if names and not asked.summary:
            _measure_all([sets[name] for name in names], place, asked.runs)
        figures = summarise(place.folder, names)
    for name, found in figures["sets"].items():
        Console(width=150).print(table(SETS[name], found))
    if asked.freeze:
        _write(figures)
    if asked.check:
        worse = changes(figures, json.loads(FROZEN.read_text("utf-8")), ALLOWED_FALL)
        Console(width=150).print(worse.table)
        return int(worse.failed)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
