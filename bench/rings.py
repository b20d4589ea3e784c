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
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
from rich.console import Console
from rich.table import Table

from bench.measuring import peak_mb
from gnn.champion import markdown
from graph.duckdb_store import DuckDBStore
from graph.relations import day_of
from graph.rings.detection import in_order, search
from graph.rings.typologies import TYPOLOGIES
from graph.rings.typology import Typology
from graph.snapshot import Snapshot
from graph.workspace import Workspace
from loaders import load
from loaders.synthetic import EcosystemSettings, generate
from loaders.synthetic.rings.ground import RING

FROZEN = Path(__file__).parent / "frozen" / "rings.json"
PAGE = Path(__file__).parents[1] / "docs" / "rings-measured.md"

_HEAD = """# Rings, measured

Planted rings and their benign look-alikes ([synthetic.md](synthetic.md)), searched with default settings.
*Recall*: planted rings of which a finding has half of the joined members or more; *precision*: findings that
have so with a planted ring, of all findings; *look-alikes*: findings that have with a benign one; *other*:
with nothing planted; *in shuffles*: findings in a shuffle of the same data searched as if it were data.
Written by `python -m bench.rings --freeze`; do not edit it by hand.

Thresholds were tuned on seeds 1 and 2, the rule that circles must be less than expected on seed 3, how
chance is counted on shuffles of seeds 3 and 4; no choice rests on what seed 4 plants. Findings that rest
on another typology's planted rings count as *other*.

## On real records

`ecorisk load cumcm2020c DIR`, then `ecorisk rings --as-of 2020-03-31` (1.1 million invoices, 110,886
parties, 9 CPU seconds): no circles, since the 425 firms are never each other's counterparties and so
nothing can come back; no tight communities; 165 dense blocks of 1,004 seen (115 in a shuffle). In the
middle a block has 4 sellers, 24 invoices and 2,100 CNY an invoice: the same few sellers for several firms
within months. Shuffles know no places and no trades, so local services look like this too, and an analyst
would dismiss many. Olist (`ecorisk rings --as-of 2018-10-22`, 40,847 parties): 10 blocks of 3 or 4
sellers and a handful of customers, 54 to 127 BRL an invoice, and nothing else. SCMS has neither invoices
nor guarantees; what a source lacks is named.

## In scores

`ecorisk train --rings` beside `ecorisk train` on Olist (`--task dormant_next_quarter`, 4,498 test cases)
and on an ecosystem of 10,000 parties with 3 rings a typology (`--task default_1y`, 7,007): the same AUC
to four digits, .8288 and .7955, since hardly anybody was in a ring on the training days. On the second it
took 131 CPU seconds for 74.
"""

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
    """The truth of a generated folder; empty where no rings were planted."""
    if not (folder / "truth" / "rings.parquet").exists():
        return []
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
    return in_order(store.read(as_of=day_of(settings.extracted_on), purpose=None))


def planted_share(one: Recovery) -> tuple[str, str]:
    """Recall and precision as text; "-" where nothing was planted."""
    return (f"{one.recall:.2f}", f"{one.precision:.2f}") if one.planted else ("-", "-")


HEADINGS = (
    "typology", "planted", "recall", "precision", "findings", "look-alikes", "other", "in shuffles", "CPU s",
)  # fmt: skip

_NUMERIC = (HEADINGS[0], *(f">{heading}" for heading in HEADINGS[1:]))


def _cells(one: Recovery) -> tuple[str, ...]:
    shuffled = " ".join(map(str, one.on_shuffled)) or "-"
    counts = (str(one.rings), str(one.look_alikes), str(one.strange), shuffled, f"{one.cpu_seconds:.1f}")
    return (one.typology, str(one.planted), *planted_share(one), *counts)


def table(recoveries: Sequence[Recovery], title: str) -> Table:
    """The figures on a terminal."""
    found = Table(title=title, title_justify="left")
    for heading in HEADINGS:
        found.add_column(heading, justify="left" if heading == "typology" else "right")
    for one in recoveries:
        found.add_row(*_cells(one))
    return found


def page(frozen: Mapping[str, Any]) -> str:
    """``docs/rings-measured.md``."""
    lines = [_HEAD]
    for title, found in frozen.items():
        recoveries = [Recovery(**{**one, "on_shuffled": tuple(one["on_shuffled"])}) for one in found["found"]]
        lines += [f"## {title}", "", f"`{found['command']}`", ""]
        lines.append(markdown.table(_NUMERIC, map(_cells, recoveries)))
        cpu = sum(one.cpu_seconds for one in recoveries)
        lines += [
            "",
            f"Together {cpu:.0f} CPU seconds, shuffles included; peak memory {found['peak_gb']} GB.",
            "",
        ]
        cuts = [f"- {one.typology}: {cut}" for one in recoveries for cut in one.cuts]
        lines += [*(["Cut:", "", *cuts, ""] if cuts else [])]
    return "\n".join(lines)


def _freeze(title: str, command: str, recoveries: Sequence[Recovery]) -> None:
    frozen = json.loads(FROZEN.read_text("utf-8")) if FROZEN.exists() else {}
    frozen[title] = {
        "command": command,
        "peak_gb": round(peak_mb() / 1024, 1),
        "found": [asdict(one) for one in recoveries],
    }
    FROZEN.write_text(json.dumps(frozen, indent=1) + "\n", encoding="utf-8")
    PAGE.write_text(page(frozen), encoding="utf-8")


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
    parser.add_argument("--freeze", action="store_true", help="keep the figures, and render the page")
    options = parser.parse_args()
    settings = EcosystemSettings(parties=options.parties, seed=options.seed, rings=options.rings)
    chosen = [t for t in TYPOLOGIES if not options.typology or t.code in options.typology]
    with tempfile.TemporaryDirectory() as temporary:
        folder = options.folder or Path(temporary)
        snapshot = snapshot_of(folder, settings)
        truth = planted(folder / "tables")
        recoveries = [recover(snapshot, t, truth, options.seed, options.shuffled) for t in chosen]
    invoices = snapshot.tables["invoices"].num_rows
    title = (
        f"{options.parties:,} parties, {invoices:,} invoices, {options.rings} rings a typology, "
        f"seed {options.seed}"
    )
    if options.freeze:
        asked = f"--parties {options.parties} --rings {options.rings} --seed {options.seed}"
        _freeze(title, f"python -m bench.rings {asked} --shuffled {options.shuffled}", recoveries)
    if options.json:
        print(json.dumps([asdict(one) for one in recoveries], indent=1))
        return
    Console(width=120).print(table(recoveries, title))
    for one in recoveries:
        for cut in one.cuts:
            print(f"{one.typology}: {cut}")


if __name__ == "__main__":
    main()
