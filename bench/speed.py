"""How long each step takes, what it needs, and how the ordinary ways do, in the same run.

``python -m bench.speed [--parties 100000 1000000] [--out FILE] [--check]`` prints a table. Every stage runs
in a process of its own, so that peak memory is its own; reading a stage's input is not timed, but its memory
counts. ``--check`` adds the ratio of CPU seconds to the frozen figures (``bench/frozen/speed.json``): on a
shared machine they say more than the time on the wall.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from rich.box import SIMPLE
from rich.console import Console
from rich.table import Table

FROZEN = Path(__file__).parent / "frozen" / "speed.json"

Figures = dict[str, Any]


def machine() -> Figures:
    """What the figures were taken on, in general terms."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return {
        "cores": os.cpu_count(),
        "memory_gb": round(memory),
        "system": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
    }


def run_stage(name: str, folder: Path) -> Figures:
    """One stage, in a process of its own. Raises ``RuntimeError`` where it fails."""
    command = [sys.executable, "-m", "bench.speed", "--one", name, "--folder", str(folder)]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"stage {name!r} ended with {done.returncode}")
    figures: Figures = json.loads(done.stdout.splitlines()[-1])
    return figures


def _one(name: str, folder: Path) -> None:
    from bench.speed_peers import PEERS
    from bench.speed_stages import STAGES, Place

    run = STAGES[name] if name in STAGES else PEERS[name][1]
    print(json.dumps(run(Place(folder)).to_json()))


def measure(parties: int, folder: Path, chosen: Sequence[str] | None = None) -> Iterator[tuple[str, Figures]]:
    """Every stage's figures, and after it those of the ordinary ways to do the same, at one size."""
    from bench.speed_peers import PEERS
    from bench.speed_stages import STAGES

    console = Console(stderr=True)
    for name in STAGES:
        for step in (name, *(peer for peer, (beside, _) in PEERS.items() if beside == name)):
            if chosen is None or step in chosen:
                figures = run_stage(step, folder)
                console.print(f"{parties:,} {step}: {figures}", highlight=False)
                yield step, figures


def _ratio(figures: Figures, name: str, frozen: Mapping[str, Any]) -> str:
    earlier = frozen.get(name, {}).get("cpu_s")
    return f"{figures['cpu_s'] / earlier:.2f}" if earlier else ""


def table(parties: str, size: Figures, frozen: Mapping[str, Any]) -> Table:
    """One row a stage; peers stand under the stage they are compared with."""
    from bench.speed_peers import PEERS

    shown = Table(title=f"{int(parties):,} parties, {size['records']:,} records", box=SIMPLE)
    headings = ("wall s", "CPU s", "peak MB", "x ours (CPU)", "CPU / frozen")
    shown.add_column("stage")
    for heading in headings:
        shown.add_column(heading, justify="right")
    shown.add_column("what")
    for name, figures in size["stages"].items():
        ours = size["stages"].get(PEERS[name][0]) if name in PEERS else None
        times = f"{figures['cpu_s'] / ours['cpu_s']:.1f}" if ours and ours["cpu_s"] else ""
        shown.add_row(
            f"  {name}" if name in PEERS else name,
            f"{figures['wall_s']:.2f}", f"{figures['cpu_s']:.2f}", f"{figures['peak_mb']:,}",
            times, _ratio(figures, name, frozen), json.dumps(figures["facts"]),
        )  # fmt: skip
    return shown


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure and print; ``--out`` keeps the figures, added to those the file already has."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--parties", type=int, nargs="+", default=[100_000])
    parser.add_argument(
        "--stages", nargs="+", help="these alone (they need what earlier ones left in --folder)"
    )
    parser.add_argument(
        "--folder", type=Path, help="keep data here, to go on later; default: a folder that goes"
    )
    parser.add_argument("--out", type=Path, help="JSON file to write")
    parser.add_argument("--check", action="store_true", help="show ratios to the frozen figures")
    parser.add_argument("--one", help=argparse.SUPPRESS)
    asked = parser.parse_args(arguments)
    if asked.one:
        _one(asked.one, asked.folder)
        return
    from bench.speed_stages import Place

    frozen = json.loads(FROZEN.read_text("utf-8"))["sizes"] if asked.check else {}
    kept: Figures = {"machine": machine(), "sizes": {}}
    if asked.out is not None and asked.out.exists():
        kept = json.loads(asked.out.read_text("utf-8"))
    for parties in asked.parties:
        with tempfile.TemporaryDirectory() as scratch:
            folder = (asked.folder or Path(scratch)) / str(parties)
            size: Figures = {"records": Place(folder).make(parties), "stages": {}}
            for name, figures in measure(parties, folder, asked.stages):
                size["stages"][name] = figures
                kept["sizes"].setdefault(str(parties), {**size, "stages": {}})["stages"][name] = figures
                if asked.out is not None:
                    asked.out.parent.mkdir(parents=True, exist_ok=True)
                    asked.out.write_text(json.dumps(kept, indent=1) + "\n", encoding="utf-8")
        Console(width=160).print(table(str(parties), size, frozen.get(str(parties), {}).get("stages", {})))


if __name__ == "__main__":
    main()
