"""Runs of the quality bench, kept as they are made: one file of scores by set and run."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from bench.quality_models import SCORED, RunScores
from gnn.panels.panel import Panel
from graph.source import Part

_ROOT = Path(__file__).parent.parent
_ROOMS = ("graph", "gnn", "loaders", "bench")


def code_sha() -> str:
    """What the figures were made with: a hash of every module and mapping, 12 hex digits."""
    digest = hashlib.sha256()
    for room in _ROOMS:
        for path in sorted((_ROOT / room).rglob("*")):
            if path.suffix in (".py", ".yaml"):
                digest.update(path.relative_to(_ROOT).as_posix().encode() + path.read_bytes())
    return digest.hexdigest()[:12]


@dataclass(frozen=True)
class PartRun:
    """One part of one run: ``labels`` int8, ``parties`` their ids, ``z`` log-odds by model [rows]."""

    labels: NDArray[np.int8]
    parties: NDArray[np.str_]
    z: Mapping[str, NDArray[np.float64]]


@dataclass(frozen=True)
class KeptRun:
    """A run as it was kept; ``about``: fold, cases by part, seconds by step, facts of training, code."""

    run: int
    parts: Mapping[Part, PartRun]
    about: Mapping[str, Any]


def run_file(folder: Path, name: str, run: int) -> Path:
    """Where run number ``run`` of set ``name`` is kept."""
    return folder / "scores" / f"{name}-{run}.npz"


def _party_ids(panel: Panel, part: Part) -> NDArray[np.str_]:
    ids = [o.snapshot.party_ids.take(pa.array(o.codes)).to_pylist() for o in panel.of(part)]
    return np.array([party for day in ids for party in day], dtype=np.str_)


def keep(path: Path, panel: Panel, scores: RunScores, about: Mapping[str, Any]) -> None:
    """Write one run, whole or not at all."""
    arrays: dict[str, NDArray[Any]] = {"about": np.array(json.dumps(about))}
    for part in SCORED:
        arrays[f"{part}/labels"] = panel.labels(part)
        arrays[f"{part}/parties"] = _party_ids(panel, part)
        arrays[f"{part}/parts"] = scores.parts[part]
        arrays |= {f"{part}/z/{name}": z for name, z in scores.z[part].items()}
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_suffix(".writing")
    with unfinished.open("wb") as file:
        np.savez_compressed(file, **arrays)  # type: ignore[arg-type]
    unfinished.replace(path)


def read_runs(folder: Path, name: str) -> list[KeptRun]:
    """Runs of set ``name`` that were kept, by number."""
    found = []
    for path in sorted((folder / "scores").glob(f"{name}-*.npz")):
        with np.load(path) as arrays:
            parts: dict[Part, PartRun] = {}
            for part in SCORED:
                prefix = f"{part}/z/"
                z = {key.removeprefix(prefix): arrays[key] for key in arrays.files if key.startswith(prefix)}
                parts[part] = PartRun(arrays[f"{part}/labels"], arrays[f"{part}/parties"], z)
            found.append(KeptRun(int(path.stem.rsplit("-", 1)[1]), parts, json.loads(str(arrays["about"]))))
    return sorted(found, key=lambda kept: kept.run)
