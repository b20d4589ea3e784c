"""Whether intervals hold the truth: the ordinary path on a synthetic ecosystem, against its known hazards.

``python -m bench.precision --parties 10000 --seed 1 --contagion 1`` prints a table by risk decile of the
test day, or one JSON object with ``--json``. Asked of every decile: whether the interval of the rate
holds the decile's mean true PD, and for how many parties each interval holds the party's own true PD.

``python -m bench.precision --set h2 --data DIR`` asks it of real records, where no party's PD is known: in
how many tenths of the test cases the bad rate lies in the mean interval, with the drift of the bad rate and
without.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table

from bench.quality_sets import SETS, Place
from gnn.champion.candidate import task_of
from gnn.learning.training import train
from gnn.panels.panel import Origin, Panel, build_panel
from gnn.precision import party_interval, z_interval
from gnn.runs.scorecard import pd_of
from gnn.scoring import score
from graph.duckdb_store import DuckDBStore
from graph.source import PARTS
from graph.workspace import Workspace
from loaders import load
from loaders.synthetic import EcosystemSettings, generate

DECILES = 10


def true_pds(folder: Path, origin: Origin) -> tuple[NDArray[np.int32], NDArray[np.float64]]:
    """Codes of the origin's population that can fail, and their true PDs in the year that followed."""
    day = pc.field("as_of") == pa.scalar(origin.as_of)
    hazard = pq.read_table(folder / "truth" / "hazard.parquet", filters=day)
    ids = origin.snapshot.party_ids.take(pa.array(origin.codes))
    place = pc.index_in(ids, value_set=hazard["party_id"].combine_chunks())
    there = place.is_valid().to_numpy(zero_copy_only=False)
    return origin.codes[there], hazard["pd"].take(place.drop_null()).to_numpy()


def by_decile(
    z: NDArray[np.float64], spread: NDArray[np.float64], truth: NDArray[np.float64]
) -> list[dict[str, float]]:
    """Figures of each tenth of the parties, the safest first."""
    low, high = (pd_of(end) for end in z_interval(z, spread))
    own_low, own_high = (pd_of(end) for end in party_interval(z, spread))
    found = []
    for mine in np.array_split(np.argsort(z, kind="stable"), DECILES):
        true = truth[mine]
        found.append(
            {
                "parties": len(mine),
                "pd": float(pd_of(z[mine]).mean()),
                "low": float(low[mine].mean()),
                "high": float(high[mine].mean()),
                "true_pd": float(true.mean()),
                "party_low": float(own_low[mine].mean()),
                "party_high": float(own_high[mine].mean()),
                "held_by_rate": float(((low[mine] <= true) & (true <= high[mine])).mean()),
                "held_by_party": float(((own_low[mine] <= true) & (true <= own_high[mine])).mean()),
            }
        )
    return found


def measure(settings: EcosystemSettings, folder: Path) -> dict[str, Any]:
    """Every figure of one ecosystem; ``folder`` receives its tables and a workspace."""
    workspace = Workspace.open(folder / "workspace")
    store = DuckDBStore(workspace.database, workspace.settings.base_currency)
    generate(settings, folder / "tables")
    load("canonical", folder / "tables", store, workspace.folder)
    panel = build_panel(store, task_of(store, None, None))
    model, origin = train(panel), panel.of("test")[0]
    parts = score(model, origin.snapshot, origin.known)
    codes, truth = true_pds(folder / "tables", origin)
    deciles = by_decile(parts.z()[codes], parts.spread[codes], truth)
    return {
        "parties": settings.parties,
        "contagion": settings.contagion,
        "seed": settings.seed,
        "spread_of_members": model.uncertainty.spread,
        "deciles_held_by_rate": sum(d["low"] <= d["true_pd"] <= d["high"] for d in deciles),
        "parties_held_by_party": float(np.mean([d["held_by_party"] for d in deciles])),
        "deciles": deciles,
    }


def held_deciles(z: NDArray[np.float64], spread: NDArray[np.floating], labels: NDArray[np.int8]) -> int:
    """In how many tenths by risk the bad rate lies in the mean interval of its cases."""
    low, high = (pd_of(end) for end in z_interval(z, spread))
    tenths = np.array_split(np.argsort(z, kind="stable"), DECILES)
    return sum(bool(low[mine].mean() <= labels[mine].mean() <= high[mine].mean()) for mine in tenths)


def on_records(panel: Panel) -> dict[str, Any]:
    """Figures of the test cases of real records."""
    model = train(panel)
    found = [(score(model, o.snapshot, o.known, o.codes), o.codes) for o in panel.of("test")]
    z = np.concatenate([parts.z()[codes] for parts, codes in found])
    spread = np.concatenate([parts.spread[codes] for parts, codes in found])
    labels, drift = panel.labels("test"), model.uncertainty.drift
    return {
        "bad_rate": {part: round(float(panel.labels(part).mean()), 4) for part in PARTS},
        "drift": drift,
        "deciles_held": held_deciles(z, spread, labels),
        "deciles_held_without_drift": held_deciles(z, np.sqrt(spread**2 - drift**2), labels),
    }


def table(found: dict[str, Any]) -> Table:
    """The figures by decile for people."""
    title = f"{found['parties']:,} parties, X = {found['contagion']:g}, seed {found['seed']}"
    shown = Table(*found["deciles"][0], title=title, title_justify="left")
    for decile in found["deciles"]:
        shown.add_row(
            *(f"{value:.4f}" if isinstance(value, float) else str(value) for value in decile.values())
        )
    shown.caption = (
        f"rate: mean true PD inside in {found['deciles_held_by_rate']} of {DECILES} deciles; "
        f"party: {found['parties_held_by_party']:.1%} of parties inside"
    )
    return shown


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure one ecosystem or set and print what was found."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--parties", type=int, default=10_000)
    parser.add_argument("--contagion", type=float, default=1.0)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument("--set", choices=tuple(SETS), help="real records in place of an ecosystem")
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    asked = parser.parse_args(arguments)
    settings = EcosystemSettings(parties=asked.parties, seed=asked.seed, contagion=asked.contagion)
    with tempfile.TemporaryDirectory() as folder:
        if asked.set is None:
            found = measure(settings, Path(folder))
        else:
            panel = Place(asked.data, Path(folder)).panel(SETS[asked.set], 0, lambda _: None)
            found = on_records(panel)
    if asked.json or asked.set is not None:
        print(json.dumps(found))
    else:
        Console(width=140).print(table(found))


if __name__ == "__main__":
    main()
