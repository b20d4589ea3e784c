"""Planted rings found again, their benign look-alikes left alone, and shuffled data left in peace.

``python -m bench.rings --parties 20000 --rings 50`` prints a table by typology, or one JSON object with
``--json``. It generates, loads and reads a snapshot with the calls of the command line; the truth is read
afterwards. A planted ring counts as found where a finding of its typology has a member Jaccard of .5 or more
with it; a finding that has with no ring but with a look-alike counts against precision, and so does one
that has with neither. ``--shuffled`` searches shuffles of the data as if they were data.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import timedelta
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
from rich.console import Console
from rich.table import Table

from graph.duckdb_store import DuckDBStore
from graph.relations import EPOCH
from graph.rings.detection import in_order, search
from graph.rings.typologies import TYPOLOGIES
from graph.rings.typology import Typology
from graph.snapshot import Snapshot
from graph.workspace import Workspace
from loaders import load
from loaders.synthetic import EcosystemSettings, generate
from loaders.synthetic.rings.ground import RING

#: A finding and a planted pattern are the same where their members overlap by so much.
SAME_JACCARD = 0.5


@dataclass(frozen=True)
class Plot:
    """A planted pattern: ``kind`` is ``RING`` or a look-alike's name; ``members`` party ids."""

    typology: str
    kind: str
    members: frozenset[str]


@dataclass(frozen=True)
class Recovery:
    """What became of one typology. ``look_alikes``: findings that match one; ``strange``: that match nothing
    planted; ``on_shuffled``: findings in each shuffle searched as if it were data."""

    typology: str
    planted: int
    found: int
    rings: int
    look_alikes: int
    strange: int
    recall: float
    precision: float
    cpu_seconds: float
    shuffles: int
    by_chance: int
    on_shuffled: tuple[int, ...]
    cuts: tuple[str, ...]


def planted(folder: Path) -> list[Plot]:
    """The truth of a generated folder."""
    rows = pq.read_table(folder / "truth" / "rings.parquet").to_pandas()
    grouped = rows.groupby("ring_id", sort=True)
    return [
        Plot(group["typology"].iloc[0], group["kind"].iloc[0], frozenset(group["party_id"]))
        for _, group in grouped
    ]


def jaccard(one: frozenset[str], other: frozenset[str]) -> float:
    """Shared members of all members."""
    return len(one & other) / len(one | other)


def _best(members: frozenset[str], plots: Sequence[Plot]) -> Plot | None:
    best = max(plots, key=lambda plot: jaccard(members, plot.members), default=None)
    return best if best is not None and jaccard(members, best.members) >= SAME_JACCARD else None


def recover(
    snapshot: Snapshot, typology: Typology, truth: Sequence[Plot], seed: int, shuffled: int
) -> Recovery:
    """Search one typology and hold what is found against what was planted. ``snapshot``: in order."""
    started = time.process_time()
    rings, searched = search(snapshot, typology, seed)
    cpu_seconds = time.process_time() - started
    ids = snapshot.party_ids
    found = [frozenset(ids[code].as_py() for code in ring.finding.codes) for ring in rings]
    plots = [plot for plot in truth if plot.typology == typology.code]
    meant = [plot for plot in plots if plot.kind == RING]
    hits = [_best(members, plots) for members in found]
    right = sum(plot is not None and plot.kind == RING for plot in hits)
    alike = sum(plot is not None and plot.kind != RING for plot in hits)
    recalled = sum(any(jaccard(members, plot.members) >= SAME_JACCARD for members in found) for plot in meant)
    random = np.random.default_rng([seed + 1, *typology.code.encode()])
    on_shuffled = tuple(
        len(search(typology.shuffle(snapshot, random), typology, seed)[0]) for _ in range(shuffled)
    )
    return Recovery(
        typology=typology.code,
        planted=len(meant),
        found=recalled,
        rings=len(rings),
        look_alikes=alike,
        strange=len(rings) - right - alike,
        recall=recalled / max(len(meant), 1),
        precision=right / max(len(rings), 1),
        cpu_seconds=round(cpu_seconds, 1),
        shuffles=searched.shuffles,
        by_chance=searched.by_chance,
        on_shuffled=on_shuffled,
        cuts=searched.cuts,
    )


def snapshot_of(folder: Path, settings: EcosystemSettings) -> Snapshot:
    """Generate (where ``folder`` has no tables yet), load and read as of the last day of the extract."""
    tables, workspace = folder / "tables", Workspace.open(folder / "workspace")
    store = DuckDBStore(workspace.database)
    if not tables.exists():
        generate(settings, tables)
        load("canonical", tables, store, workspace.folder)
    last = EPOCH + timedelta(days=settings.extracted_on)
    return in_order(store.read(as_of=last, purpose=None))


def _table(recoveries: Sequence[Recovery], title: str) -> Table:
    table = Table(title=title, title_justify="left")
    for name in (
        "typology",
        "planted",
        "recall",
        "precision",
        "findings",
        "look-alikes",
        "other",
        "shuffled",
        "CPU s",
    ):
        table.add_column(name, justify="left" if name == "typology" else "right")
    for one in recoveries:
        table.add_row(
            one.typology, str(one.planted), f"{one.recall:.2f}", f"{one.precision:.2f}", str(one.rings),
            str(one.look_alikes), str(one.strange), " ".join(map(str, one.on_shuffled)),
            f"{one.cpu_seconds:.1f}",
        )  # fmt: skip
    return table


def main() -> None:
    """Command line of the bench."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--parties", type=int, default=20_000)
    parser.add_argument("--rings", type=int, default=50, help="planted of each typology")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--typology", nargs="*", help="only these codes")
    parser.add_argument("--shuffled", type=int, default=1, help="shuffles searched as if they were data")
    parser.add_argument("--folder", type=Path, help="keep the data here, and take it from here")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    settings = EcosystemSettings(parties=options.parties, seed=options.seed, rings=options.rings)
    chosen = [t for t in TYPOLOGIES if not options.typology or t.code in options.typology]
    with tempfile.TemporaryDirectory() as temporary:
        folder = options.folder or Path(temporary)
        snapshot = snapshot_of(folder, settings)
        truth = planted(folder / "tables")
        recoveries = [recover(snapshot, t, truth, options.seed, options.shuffled) for t in chosen]
    if options.json:
        print(json.dumps([asdict(one) for one in recoveries], indent=1))
        return
    title = f"{options.parties:,} parties, {options.rings} rings a typology, seed {options.seed}"
    Console(width=110).print(_table(recoveries, title))
    for one in recoveries:
        for cut in one.cuts:
            print(f"{one.typology}: {cut}")


if __name__ == "__main__":
    main()
