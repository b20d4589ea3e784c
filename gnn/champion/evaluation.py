"""The model against its challengers on rows it has not seen: later days, or the given test part."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta

import numpy as np
from numpy.typing import NDArray
from rich.box import SIMPLE_HEAD
from rich.table import Table

from gnn.champion.challengers import Challenger, with_links
from gnn.champion.intervals import auc_differences, difference_text
from gnn.champion.metrics import Metrics, calibration_line, measure
from gnn.champion.reliability import Calibration, calibration_of
from gnn.champion.slices import Slice, groupings, slices
from gnn.columns.views import designs
from gnn.learning.rows import origin_view
from gnn.learning.training import NETWORK_ALONE
from gnn.model import Model
from gnn.panels.panel import Panel
from gnn.scoring import RawParts, blended, raw_parts
from graph.errors import Refused
from graph.source import Part

#: The network alone, and what is served.
NETWORK, DEFAULT = "gnn", "default"


@dataclass(frozen=True)
class Evaluation:
    """Figures of every model on the test part.

    ``days``: (first prediction day, end of the last label window) as ISO text. ``differences``: (low, mid,
    high) of AUC(champion) - AUC(model), 95 % party bootstrap. ``lines``: calibration (intercept, slope).
    ``inherited_share``: mean|inherited| / mean Σ|parts| of the default model. ``calibration`` and ``slices``
    (by size, counterparties and thickness of the file) are the champion's.
    """

    task: str
    n: int
    positives: int
    days: tuple[str, str]
    champion: str
    models: Mapping[str, Metrics]
    differences: Mapping[str, tuple[float, float, float]]
    lines: Mapping[str, tuple[float, float]]
    inherited_share: float
    calibration: Calibration
    slices: tuple[Slice, ...]

    def to_json(self) -> dict[str, object]:
        """The object that ``ecorisk evaluate --json`` prints."""
        first, last = self.days
        return {
            "task": self.task,
            "test": {"n": self.n, "positives": self.positives, "from": first, "to": last},
            "champion": self.champion,
            "models": {name: metrics.to_json() for name, metrics in self.models.items()},
            "differences": {name: {"auc": list(found)} for name, found in self.differences.items()},
            "inherited_share": self.inherited_share,
        }

    def to_file(self) -> dict[str, object]:
        """The object that is kept beside the model: the same, with the served model's slices."""
        return {
            **self.to_json(),
            "calibration": self.calibration.to_json(),
            "slices": [each.to_json() for each in self.slices],
        }

    def table(self) -> Table:
        """One row a model, for people."""
        title = (
            f"{self.task}: {self.n:,} cases, {self.positives:,} bad ({self.positives / self.n:.1%}), "
            f"{self.days[0]} to {self.days[1]}"
        )
        table = Table(
            title=title,
            title_justify="left",
            caption=f"* served: {self.calibration.sentence()}; inherited share {self.inherited_share:.2f}\n"
            "intervals: 95 %, over parties",
            caption_justify="left",
            box=SIMPLE_HEAD,
            padding=(0, 1, 0, 0),
        )
        table.add_column("model", no_wrap=True)
        for heading in (
            "AUC",
            "AP",
            "KS",
            "Brier",
            "ECE",
            "lift5",
            "slope",
            f"{self.champion} less it (AUC)",
        ):
            table.add_column(heading, justify="right")
        for name, m in self.models.items():
            table.add_row(
                f"{name} *" if name == self.champion else name,
                *(f"{value:.3f}" for value in (m.auc, m.ap, m.ks, m.brier, m.ece)),
                f"{m.lift5:.1f}",
                f"{self.lines[name][1]:.2f}",
                "" if name == self.champion else difference_text(self.differences[name]),
            )
        return table


@dataclass(frozen=True)
class PartScores:
    """Log-odds of a part's rows by model, and the default's parts: own, environment, inherited [rows, 3]."""

    z: dict[str, NDArray[np.float64]]
    parts: NDArray[np.float64]


def champion_of(panel: Panel) -> str:
    """What is served: the blend where there are links, else trees without a graph."""
    return DEFAULT if any(origin.snapshot.relations for origin in panel.origins) else "gbdt_own"


def _network_z(model: Model, raw: RawParts) -> NDArray[np.float64]:
    """The network alone, calibrated as training found it on validation rows."""
    *_, own, inherited = raw.centred(model.centres, len(model.preparation.schema.own)).blended_columns()
    slope, intercept = np.asarray(model.facts[NETWORK_ALONE], np.float64)
    z: NDArray[np.float64] = intercept + slope * (own + inherited)
    return z


def score_part(model: Model, challengers: Mapping[str, Challenger], panel: Panel, part: Part) -> PartScores:
    """Scores of one part's rows, in the order of ``panel.labels(part)``, by ``challengers`` and model."""
    z: dict[str, list[NDArray[np.float64]]] = {name: [] for name in (*challengers, NETWORK, DEFAULT)}
    parts = []
    for origin in panel.of(part):
        view = origin_view(with_links(model.preparation), origin)
        for features in designs(view, origin.codes) if challengers else ():
            for name, challenger in challengers.items():
                z[name].append(challenger.z(features))
        raw = raw_parts(model.preparation, model.trees, model.network, view, origin.codes)
        z[NETWORK].append(_network_z(model, raw))
        found = blended(model, raw)
        inherited = sum(found.inherited.values(), np.zeros(len(found.own)))
        z[DEFAULT].append(model.blend.base + found.own + found.environment + inherited)
        parts.append(np.column_stack((found.own, found.environment, inherited)))
    return PartScores({name: np.concatenate(values) for name, values in z.items()}, np.concatenate(parts))


def evaluate(
    model: Model,
    challengers: Mapping[str, Challenger],
    panel: Panel,
    progress: Callable[[str], None] | None = None,
) -> Evaluation:
    """Figures of ``model`` and its ``challengers`` on the test part of ``panel``.

    ``challengers``: of the same training (``gnn.champion.challengers``). Nothing is fitted on test rows.
    Raises ``Refused`` where the test part holds a single class.
    """
    tell = progress or (lambda _: None)
    labels, champion = panel.labels("test"), champion_of(panel)
    if len(np.unique(labels)) < 2:
        raise Refused(
            f"task {panel.task.name}: all {len(labels)} test cases have one outcome, so models cannot be "
            "compared. Choose other test days, or load a longer history"
        )
    tell("scoring the test part")
    scored = score_part(model, challengers, panel, "test")
    tell("intervals by a bootstrap over parties")
    party, served = panel.parties("test"), scored.z[champion]
    differences = auc_differences(labels, party, scored.z, champion)
    origins = panel.of("test")
    horizon = timedelta(panel.task.horizon_days if panel.task.dated else 0)
    absolute = np.abs(scored.parts)
    return Evaluation(
        task=panel.task.name,
        n=len(labels),
        positives=int(labels.sum()),
        days=(origins[0].as_of.isoformat(), (origins[-1].as_of + horizon).isoformat()),
        champion=champion,
        models={name: measure(labels, z) for name, z in scored.z.items()},
        differences=differences,
        lines={name: calibration_line(labels, z) for name, z in scored.z.items()},
        inherited_share=float(absolute[:, 2].mean() / max(absolute.sum(axis=1).mean(), 1e-12)),
        calibration=calibration_of(labels, party, served),
        slices=slices(labels, party, served, groupings(origins)),
    )
