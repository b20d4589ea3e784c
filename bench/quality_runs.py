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

from bench.quality_models import RunScores
from gnn.panels.panel import Panel

_ROOT = Path(__file__).parent.parent
_ROOMS = ("graph", "gnn", "loaders", "bench")
#: Before the name of a model whose log-odds are kept.
_Z = "z/"


def code_sha() -> str:
    """What the figures were made with: a hash of every module and mapping, 12 hex digits."""
    digest = hashlib.sha256()
    for room in _ROOMS:
        for path in sorted((_ROOT / room).rglob("*")):
            if path.suffix in (".py", ".yaml"):
                digest.update(path.relative_to(_ROOT).as_posix().encode() + path.read_bytes())
    return digest.hexdigest()[:12]


@dataclass(frozen=True)
class KeptRun:
    """A run as it was kept: of test rows ``labels`` int8, ``parties`` their ids, ``z`` log-odds by model.

    ``about``: fold, cases by part, seconds by step, facts of training, code.
    """

    run: int
    labels: NDArray[np.int8]
    parties: NDArray[np.str_]
    z: Mapping[str, NDArray[np.float64]]
    about: Mapping[str, Any]


def run_file(folder: Path, name: str, run: int) -> Path:
    """Where run number ``run`` of set ``name`` is kept."""
    return folder / "scores" / f"{name}-{run}.npz"


def _party_ids(panel: Panel) -> NDArray[np.str_]:
    ids = [o.snapshot.party_ids.take(pa.array(o.codes)).to_pylist() for o in panel.of("test")]
    return np.array([party for day in ids for party in day], dtype=np.str_)


def keep(path: Path, panel: Panel, scores: RunScores, about: Mapping[str, Any]) -> None:
    """Write one run, whole or not at all."""
    arrays: dict[str, NDArray[Any]] = {
        "about": np.array(json.dumps(about)),
        "labels": panel.labels("test"),
        "parties": _party_ids(panel),
        "parts": scores.parts,
        **{f"{_Z}{name}": z for name, z in scores.z.items()},
    }
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
            z = {key.removeprefix(_Z): arrays[key] for key in arrays.files if key.startswith(_Z)}
            run, about = int(path.stem.rsplit("-", 1)[1]), json.loads(str(arrays["about"]))
            found.append(KeptRun(run, arrays["labels"], arrays["parties"], z, about))
    return sorted(found, key=lambda kept: kept.run)
