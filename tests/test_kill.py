"""kill -9 at random moments: afterwards the earlier state or the whole new one, and the next job works."""

from __future__ import annotations

import os
import random
import shutil
import signal
import subprocess
import sys
import time
from datetime import date
from pathlib import Path

import pytest

from gnn import artifact
from graph.duckdb_store import DuckDBStore
from graph.workspace import Workspace
from loaders import load
from loaders.synthetic import EcosystemSettings, generate

pytestmark = pytest.mark.slow

TRIALS = 20
AS_OF = date(2024, 6, 1)


def start(*arguments: str) -> subprocess.Popen[bytes]:
    """A process of its own group, so that its threads and children die with it."""
    return subprocess.Popen(
        [sys.executable, *arguments],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )


def kill(process: subprocess.Popen[bytes]) -> None:
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def run_through(*arguments: str) -> float:
    """Seconds that the command takes when nobody kills it."""
    started = time.monotonic()
    process = start(*arguments)
    assert process.wait() == 0
    return time.monotonic() - started


def test_a_killed_load_leaves_the_earlier_store_or_the_new_one(tmp_path: Path) -> None:
    generate(EcosystemSettings(parties=3000, seed=5), tmp_path / "tables")
    first = tmp_path / "first"
    first.mkdir()
    for name in ("parties", "fx", "context", "invoices"):
        shutil.copy(tmp_path / "tables" / f"{name}.parquet", first)
    before, after = tmp_path / "before", tmp_path / "after"
    load("canonical", first, DuckDBStore(Workspace.open(before).database), before)
    shutil.copytree(before, after)
    line = ("-m", "ecorisk", "load", "canonical", str(tmp_path / "tables"), "--workspace")
    whole_s = run_through(*line, str(after))
    shas = {DuckDBStore(folder / "ecosystem.duckdb").read(AS_OF, None).sha256 for folder in (before, after)}
    assert len(shas) == 2
    new = DuckDBStore(after / "ecosystem.duckdb").read(AS_OF, None).sha256

    moments, seen = random.Random(7), set()
    for trial in range(TRIALS):
        workspace = tmp_path / f"trial-{trial}"
        shutil.copytree(before, workspace)
        process = start(*line, str(workspace))
        time.sleep(moments.uniform(0.2 * whole_s, 1.1 * whole_s))
        kill(process)
        store = DuckDBStore(workspace / "ecosystem.duckdb")
        seen.add(store.read(AS_OF, None).sha256)
        load("canonical", tmp_path / "tables", store, workspace)
        assert store.read(AS_OF, None).sha256 == new
        assert not list((workspace / "tmp").glob("*")), "a killed load's scratch files are swept by the next"
        shutil.rmtree(workspace)
    assert seen <= shas


#: Trains once, then puts models in place and promotes them until it is killed.
TRAIN_ON = """
import itertools, sys
from dataclasses import replace
from pathlib import Path
from gnn import artifact
from graph.workspace import Workspace
folder = Path(sys.argv[1])
workspace = Workspace.open(folder)
model = artifact.load(workspace.require_champion())
for number in itertools.count(int(sys.argv[2])):
    another = replace(model, facts={**model.facts, "number": number})
    scratch = folder / f"scratch-{number}"
    scratch.mkdir()
    sha = artifact.save(another, scratch)
    workspace.place_model(sha, lambda target: artifact.save(another, target))
    workspace.promote(sha)
"""


def test_a_killed_training_leaves_the_earlier_champion_or_the_new_one(tmp_path: Path) -> None:
    generate(EcosystemSettings(parties=1000, seed=6, base_rate=0.1), tmp_path / "tables")
    folder = tmp_path / "workspace"
    load("canonical", tmp_path / "tables", DuckDBStore(Workspace.open(folder).database), folder)
    line = ("-m", "ecorisk", "train", "--workspace", str(folder))
    whole_s = run_through(*line)
    workspace = Workspace.open(folder)
    champion = workspace.require_champion().name
    assert artifact.load(workspace.require_champion()).relations is not None

    moments = random.Random(8)
    for _ in range(3):
        process = start(*line)
        time.sleep(moments.uniform(0.1 * whole_s, whole_s))
        kill(process)
        # The same data and seeds: the same model, wherever the first or second training was stopped.
        assert Workspace.open(folder).require_champion().name == champion
        artifact.load(workspace.require_champion())

    for trial in range(TRIALS):
        process = start("-c", TRAIN_ON, str(folder), str(trial * 1_000_000))
        time.sleep(moments.uniform(1.5, 3.5))
        kill(process)
        artifact.load(workspace.require_champion())
        whole = [entry for entry in workspace.models.iterdir() if entry.is_dir() and entry.name[0] != "."]
        for model in whole:
            artifact.load(model)
        for scratch in folder.glob("scratch-*"):
            shutil.rmtree(scratch)
    workspace.promote(champion)
    assert run_through(*line) > 0
    assert workspace.require_champion().name == champion
    assert not list(workspace.models.glob(".writing-*"))
