from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from gnn.artifact import ARRAYS_FILE, MODEL_FILE, load, save
from gnn.model import Model
from gnn.panels.panel import Panel
from gnn.parts import ScoredParts
from gnn.scoring import score
from graph.errors import ArtifactMismatch


def test_a_model_read_back_scores_the_same(
    trained: Model, scored: ScoredParts, panel_of_parts: Panel, tmp_path: Path
) -> None:
    sha = save(trained, tmp_path)
    test = panel_of_parts.of("test")[0]
    found = score(load(tmp_path), test.snapshot, test.known)
    np.testing.assert_array_equal(found.z(), scored.z())
    for name, values in scored.attribution.items():
        np.testing.assert_array_equal(found.attribution[name], values)
    (tmp_path / "again").mkdir()
    assert save(load(tmp_path), tmp_path / "again") == sha


def test_arrays_of_another_model_are_refused(trained: Model, tmp_path: Path) -> None:
    save(trained, tmp_path)
    with np.load(tmp_path / ARRAYS_FILE) as stored:
        arrays = {name: stored[name] for name in stored.files}
    changed = next(name for name in arrays if name.endswith("threshold"))
    arrays[changed] = arrays[changed] + 1.0
    np.savez(tmp_path / ARRAYS_FILE, **arrays)
    with pytest.raises(ArtifactMismatch, match="does not belong"):
        load(tmp_path)


def test_another_layout_is_refused(trained: Model, tmp_path: Path) -> None:
    save(trained, tmp_path)
    document = json.loads((tmp_path / MODEL_FILE).read_text())
    document["layout"] = 0
    (tmp_path / MODEL_FILE).write_text(json.dumps(document))
    with pytest.raises(ArtifactMismatch, match="layout"):
        load(tmp_path)


@pytest.mark.parametrize("file", [ARRAYS_FILE, MODEL_FILE])
def test_half_a_model_is_refused(trained: Model, tmp_path: Path, file: str) -> None:
    save(trained, tmp_path)
    (tmp_path / file).write_bytes((tmp_path / file).read_bytes()[:100])
    with pytest.raises(ArtifactMismatch):
        load(tmp_path)
    (tmp_path / file).unlink()
    with pytest.raises(ArtifactMismatch):
        load(tmp_path)
