"""Planted contagion found again: the ordinary path on a synthetic ecosystem, against its truth.

``python -m bench.contagion --parties 20000 --contagion 1 --seed 1 --placebo`` prints a table, or one JSON
object with ``--json``. It generates, loads, trains, evaluates and scores with the calls of the command line;
the truth is read afterwards. ``--placebo`` trains and scores a second time on permuted links.
"""

from __future__ import annotations

import argparse
import json
import resource
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table
from scipy.stats import spearmanr

from gnn import artifact
from gnn.attribution import counterparty_parts
from gnn.champion.candidate import make_candidate
from gnn.champion.evaluation import Evaluation
from gnn.champion.metrics import measure as measure_scores
from gnn.learning.training import train
from gnn.panels.panel import Origin, Panel, build_panel
from gnn.panels.placebo import permute_panel
from gnn.parts import ScoredParts
from gnn.scoring import score
from graph.duckdb_store import DuckDBStore
from graph.workspace import Workspace
from loaders import load
from loaders.synthetic import EcosystemSettings, generate

Vector = NDArray[np.float64]

#: A hazard is mostly inherited where that part at least doubles the odds and exceeds own and environment.
DOUBLED = float(np.log(2.0))
#: At most so many of them are asked for their top counterparty.
MAX_ASKED = 1_000
PLACEBO_SEED = 7


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
        self.peak_gb[name] = round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20, 2)


@dataclass(frozen=True)
class Truth:
    """What was planted in the parties ``codes`` (int32 [n]): log-odds float64 [n]; contributions by pair."""

    codes: NDArray[np.int32]
    own: Vector
    environment: Vector
    inherited: Vector
    pairs: pa.Table


def read_truth(folder: Path, origin: Origin) -> Truth:
    """The truth of ``origin``'s day, of those in its population that can fail (carriers, say, cannot)."""
    day = pc.field("as_of") == pa.scalar(origin.as_of)
    hazard = pq.read_table(folder / "truth" / "hazard.parquet", filters=day)
    pairs = pq.read_table(folder / "truth" / "inherited.parquet", filters=day)
    ids = origin.snapshot.party_ids.take(pa.array(origin.codes))
    place = pc.index_in(ids, value_set=hazard["party_id"].combine_chunks())
    there = place.is_valid().to_numpy(zero_copy_only=False)
    found = hazard.take(place.drop_null())
    own, environment, inherited = (
        found[name].to_numpy().astype(np.float64) for name in ("own", "environment", "inherited")
    )
    return Truth(origin.codes[there], own, environment, inherited, pairs)


def inherited_share(parts: ScoredParts, codes: NDArray[np.int32]) -> float:
    """mean|inherited| over the mean of the sum of absolute parts."""
    sizes = [np.abs(part[codes]).mean() for part in (parts.own, parts.environment, parts.inherited_total())]
    return float(sizes[2] / max(sum(sizes), 1e-12))


def top_carriers(truth: Truth, parts: ScoredParts, origin: Origin) -> dict[str, float]:
    """How often the counterparty that the explanation names first is the one that passed on most.

    A path over two hops counts for the counterparty through which it comes. ``by_chance``: the same for a
    counterparty drawn among those that the truth knows.
    """
    ids = origin.snapshot.party_ids.to_pylist()
    mostly = (truth.inherited >= DOUBLED) & (truth.inherited > np.maximum(truth.own, truth.environment))
    asked = truth.codes[mostly][:MAX_ASKED]
    if not len(asked):
        return {"parties": 0}
    names = {ids[code]: code for code in asked}
    carried: dict[str, dict[str, float]] = {name: {} for name in names}
    among = truth.pairs.filter(pc.is_in(truth.pairs["party_id"], value_set=pa.array(list(names))))
    for row in among.select(["party_id", "counterparty_id", "contribution"]).to_pylist():
        by = carried[row["party_id"]]
        by[row["counterparty_id"]] = by.get(row["counterparty_id"], 0.0) + row["contribution"]
    hits, in_three, chance = [], [], []
    for name, code in names.items():
        told = _told(parts, code)
        planted = max(carried[name], key=lambda other: carried[name][other])
        hits.append([ids[other] for other in told[:1]] == [planted])
        in_three.append(planted in [ids[other] for other in told[:3]])
        chance.append(1.0 / len(carried[name]))
    means = (float(np.mean(found)) for found in (hits, in_three, chance))
    return {"parties": len(asked), **dict(zip(("first", "among_three", "by_chance"), means, strict=True))}


def _told(parts: ScoredParts, code: int) -> list[int]:
    """Direct counterparties by what comes from or through them, most first."""
    total: dict[int, float] = {}
    for part in counterparty_parts(parts.attribution, int(code), limit=1_000):
        if part.counterparty is not None:
            direct = part.counterparty if part.via is None else part.via
            total[direct] = total.get(direct, 0.0) + part.log_odds
    return sorted(total, key=lambda other: -total[other])


def _rank_correlation(found: Vector, planted: Vector) -> float | None:
    """Spearman's, or None where one of them is constant."""
    if np.ptp(found) == 0.0 or np.ptp(planted) == 0.0:
        return None
    return float(spearmanr(found, planted).statistic)


def compare(truth: Truth, parts: ScoredParts, origin: Origin) -> dict[str, Any]:
    """Found parts against planted ones, over the population of ``origin``."""
    codes = truth.codes
    return {
        "spearman": {
            "inherited": _rank_correlation(parts.inherited_total()[codes], truth.inherited),
            "environment": _rank_correlation(parts.environment[codes], truth.environment),
            "own": _rank_correlation(parts.own[codes], truth.own),
        },
        "inherited_share": inherited_share(parts, origin.codes),
        "top_carrier": top_carriers(truth, parts, origin),
    }


def placebo_figures(panel: Panel) -> dict[str, Any]:
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


def _gains(evaluation: Evaluation) -> dict[str, Any]:
    models = {name: found.auc for name, found in evaluation.models.items()}
    return {
        "auc": models,
        "gain_over_gbdt_own": {name: models[name] - models["gbdt_own"] for name in ("gnn", "default")},
        "default_less_gbdt_own": list(evaluation.differences["gbdt_own"]),
        "default_less_gbdt_graph": list(evaluation.differences["gbdt_graph"]),
    }


def measure(settings: EcosystemSettings, folder: Path, placebo: bool = False) -> dict[str, Any]:
    """Every figure of one ecosystem; ``folder`` receives its tables and a workspace."""
    stages, tables = Stages(), folder / "tables"
    workspace = Workspace.open(folder / "workspace")
    store = DuckDBStore(workspace.database, workspace.settings.base_currency)
    with stages.stage("generate"):
        generate(settings, tables)
    with stages.stage("load"):
        load("canonical", tables, store, workspace.folder)
    with stages.stage("train and evaluate"):
        candidate = make_candidate(store, workspace, None, None, lambda *_: None)
    model = artifact.load(workspace.require_champion())
    with stages.stage("panel"):
        panel = build_panel(store, artifact.task_of(model))
    origin = panel.of("test")[0]
    with stages.stage("score"):
        parts = score(model, origin.snapshot, origin.known)
    with stages.stage("compare with truth"):
        against = compare(read_truth(tables, origin), parts, origin)
    found: dict[str, Any] = {
        "parties": settings.parties,
        "contagion": settings.contagion,
        "seed": settings.seed,
        "test": {"n": candidate.evaluation.n, "positives": candidate.evaluation.positives},
        **_gains(candidate.evaluation),
        **against,
        "inherited_gain_in_standard_errors": model.facts.get("inherited_gain_in_standard_errors"),
    }
    if placebo:
        with stages.stage("placebo"):
            found["placebo"] = placebo_figures(panel)
    return found | asdict(stages)


def table(found: dict[str, Any]) -> Table:
    """The figures for people, one a row; nested names joined by dots."""
    title = f"{found['parties']:,} parties, X = {found['contagion']:g}, seed {found['seed']}"
    shown = Table("figure", "value", title=title, title_justify="left")

    def add(name: str, value: Any) -> None:
        if isinstance(value, dict):
            for key, inner in value.items():
                add(f"{name}.{key}" if name else str(key), inner)
        elif isinstance(value, list):
            shown.add_row(name, f"{value[1]:+.3f} [{value[0]:+.3f}, {value[2]:+.3f}]")
        else:
            shown.add_row(name, f"{value:.3f}" if isinstance(value, float) else str(value))

    add("", found)
    return shown


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure one ecosystem and print what was found."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--parties", type=int, default=20_000)
    parser.add_argument("--contagion", type=float, default=1.0)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--placebo", action="store_true", help="train on permuted links too")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    asked = parser.parse_args(arguments)
    settings = EcosystemSettings(parties=asked.parties, seed=asked.seed, contagion=asked.contagion)
    with tempfile.TemporaryDirectory() as folder:
        found = measure(settings, Path(folder), asked.placebo)
    if asked.json:
        print(json.dumps(found, default=float))
    else:
        Console().print(table(found))


if __name__ == "__main__":
    main()
