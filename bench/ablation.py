"""What each piece of the recipe is worth: the same fit with a piece left out, on every real set.

``python -m bench.ablation --data DIR [--folder DIR] [--sets smesd h2] [--freeze]`` fits the default and
its variants on the panels of ``bench.quality`` (first run, first split), weighs each on validation as
training does, and compares them on test rows. ``--freeze`` keeps the figures in
``bench/frozen/ablation.json``; they are shown on ``docs/quality.md``.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rich.console import Console

from bench.quality_sets import SETS, BenchSet, Place, available
from gnn.champion.intervals import auc_differences, difference_text
from gnn.champion.markdown import table
from gnn.learning.blend import weigh
from gnn.learning.fitted import Fitted
from gnn.learning.training import TrainingSettings, train_with_members
from gnn.panels.panel import Panel

FROZEN = Path(__file__).parent / "frozen" / "ablation.json"
DEFAULT = "default"
#: Positions of ``RawParts.blended_columns`` that are weighed: own and inherited by trees, by network.
EVERY_PART = (0, 1, 2, 3)
_PLAIN = TrainingSettings()

#: Variant to settings it is fitted with, and parts that are weighed. Those of equal settings share a fit.
VARIANTS: Mapping[str, tuple[TrainingSettings, tuple[int, ...]]] = {
    DEFAULT: (_PLAIN, EVERY_PART),
    "trees alone": (_PLAIN, (0, 1)),
    "network alone": (_PLAIN, (2, 3)),
    "inherited by trees alone": (_PLAIN, (0, 1, 2)),
    "inherited by network alone": (_PLAIN, (0, 2, 3)),
    "nothing inherited": (_PLAIN, (0, 2)),
    "one ensemble for four": (replace(_PLAIN, seeds=_PLAIN.seeds[:1]), EVERY_PART),
    "four ensembles alike": (replace(_PLAIN, trees=_PLAIN.trees[:1]), EVERY_PART),
    "no tree reads own columns and a relation's": (replace(_PLAIN, interactions=False), EVERY_PART),
    "not fitted again with validation rows": (replace(_PLAIN, again=False), EVERY_PART),
    "no means of own columns": (replace(_PLAIN, averaged_columns=0), EVERY_PART),
}

#: The other way round: what is added.
RINGS = "membership in rings added"

Figures = dict[str, Any]
Columns = Sequence[NDArray[np.float64]]


def _columns(panel: Panel, settings: TrainingSettings) -> tuple[Columns, Columns]:
    """Parts of validation and of test rows."""
    trained = train_with_members(panel, settings)
    fitted = Fitted.of(trained.model, trained.members)
    valid = trained.columns or fitted.columns(panel.of("valid"))
    return valid, replace(fitted, members=()).columns(panel.of("test"))


def ablate(panel: Panel, with_rings: Panel | None = None) -> Figures:
    """AUC of every variant on test rows, and default less it with its 95 % party bootstrap.

    ``with_rings``: the same rows with membership in rings among their indicators.
    """
    labels, scores = panel.labels("valid"), {}
    fits: dict[TrainingSettings, tuple[Columns, Columns]] = {}
    for name, (settings, chosen) in VARIANTS.items():
        if settings not in fits:
            fits[settings] = _columns(panel, settings)
        valid, test = fits[settings]
        weights = weigh([valid[i] for i in chosen], labels)
        scores[name] = weights.z([test[i] for i in chosen])
    if with_rings is not None:
        valid, test = _columns(with_rings, _PLAIN)
        scores[RINGS] = weigh(valid, labels).z(test)
    null = np.zeros(len(panel.labels("test")))
    differences = auc_differences(
        panel.labels("test"), panel.parties("test"), {**scores, "null": null}, DEFAULT
    )
    auc = 0.5 + differences["null"][1]
    return {
        name: {"auc": round(auc - mid, 6), "difference": [round(value, 6) for value in (low, mid, high)]}
        for name, (low, mid, high) in differences.items()
        if name != "null"
    }


def section(figures: Mapping[str, Figures]) -> list[str]:
    """The table of the frozen figures, as Markdown lines."""
    rows = [["(default's AUC)", *(f"{found[DEFAULT]['auc']:.3f}" for found in figures.values())]]
    rows += [
        [variant, *(difference_text(found[variant]["difference"]) for found in figures.values())]
        for variant in (*VARIANTS, RINGS)
        if variant != DEFAULT and all(variant in found for found in figures.values())
    ]
    return [
        "## What each piece is worth",
        "",
        "The default less what is left when a piece is taken out of it, in AUC, with its 95 % party "
        "bootstrap (`python -m bench.ablation --freeze`; one run a set). The last row is the other way "
        "round: the default less what it becomes with membership in rings, as of each day, among its "
        "indicators; a source without tables to search them in has no rings.",
        "",
        table(("without", *(f">{name}" for name in figures)), rows),
        "",
    ]


def measure(chosen: BenchSet, place: Place, console: Console) -> Figures:
    """All variants on one set."""

    def tell(what: str) -> None:
        console.print(f"{chosen.name}: {what}", highlight=False)

    panel = place.panel(chosen, chosen.fold_of(0), tell)
    tell("rings of every day")
    with_rings = place.panel(chosen, chosen.fold_of(0), tell, rings=True)
    tell(f"{len(VARIANTS) + 1} variants")
    return ablate(panel, with_rings)


def main() -> None:
    """Command line of the bench."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--folder", type=Path, help="keep loaded sets here")
    parser.add_argument("--sets", nargs="+", choices=tuple(SETS), help="these alone")
    parser.add_argument("--freeze", action="store_true", help="keep the figures")
    asked = parser.parse_args()
    sets, console = available(asked.data), Console(stderr=True)
    figures: dict[str, Figures] = json.loads(FROZEN.read_text("utf-8")) if FROZEN.exists() else {}
    with tempfile.TemporaryDirectory() as scratch:
        place = Place(asked.data, asked.folder or Path(scratch))
        for name, chosen in sets.items():
            if asked.sets is None or name in asked.sets:
                figures[name] = measure(chosen, place, console)
                print("\n".join(section({name: figures[name]})))
                if asked.freeze:
                    FROZEN.write_text(json.dumps(figures, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
