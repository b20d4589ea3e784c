"""kill -9 at random moments: afterwards the earlier state or the whole new one, and the next job works."""

from __future__ import annotations

import os
import random
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path

import duckdb
import pytest

from gnn import artifact
from gnn.runs.reader import open_current_run
from gnn.runs.scoring_job import score_and_publish
from graph.duckdb_store import DuckDBStore
from graph.workspace import Workspace
from loaders import load
from loaders.synthetic import EcosystemSettings, generate

# Moments are drawn from how long a whole job takes here; on a busy machine that is long.
pytestmark = [pytest.mark.slow, pytest.mark.timeout(1500)]

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


def test_a_killed_synth_leaves_nothing_or_the_whole_ecosystem(tmp_path: Path) -> None:
    line = ("-m", "ecorisk", "synth", "--parties", "3000", "--rings", "2", "--seed", "5")
    whole_s = run_through(*line, str(tmp_path / "whole"))

    def files(folder: Path) -> dict[str, bytes]:
        return {str(p.relative_to(folder)): p.read_bytes() for p in folder.rglob("*") if p.is_file()}

    whole, moments, out = files(tmp_path / "whole"), random.Random(3), tmp_path / "out"
    for _ in range(TRIALS):
        kill_at_random((*line, str(out)), whole_s, moments)
        if out.exists():
            assert files(out) == whole
            shutil.rmtree(out)
    run_through(*line, str(out))
    assert files(out) == whole
    assert {path.name for path in tmp_path.iterdir()} == {"whole", "out"}


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


SMALL = """
source: small
dated: false
files: {nodes: {path: nodes.csv}, edges: {path: edges.csv}}
tables:
  - table: parties
    from: nodes
    x: [size]
    columns: {party_id: id, kind: {value: company}, known_on: {value: 2019-12-31}}
  - table: links
    from: edges
    columns: {source_id: a, target_id: b, kind: {value: SUPPLIES}, valid_from: {value: 2019-12-31},
              known_on: {value: 2019-12-31}}
  - table: outcomes
    from: nodes
    columns: {outcome_id: id, party_id: id, kind: {value: fraud}, value: bad,
              occurred_on: {value: 2023-12-31}, known_on: {value: 2023-12-31}}
  - table: splits
    from: nodes
    columns: {party_id: id, task: {value: fraud}, fold: {value: 0}, part: part, known_on: {value: 2019-12-31}}
tasks:
  - {name: fraud, outcome: fraud, dated: false, by_splits: true,
     as_of: {train: 2020-12-31, valid: 2021-12-31, test: 2022-12-31}}
"""


def small_workspace(folder: Path) -> Workspace:
    """A loaded workspace on which a training takes a few seconds."""
    random_ = random.Random(4)
    source = folder / "source"
    source.mkdir(parents=True)
    nodes = ["id,size,bad,part"]
    for i in range(400):
        size = random_.gauss(0, 1)
        part = ("train", "train", "valid", "test")[i % 4]
        nodes.append(f"n{i},{size:.3f},{int(size + random_.gauss(0, 0.5) > 1)},{part}")
    edges = {(random_.randrange(200), random_.randrange(200, 400)) for _ in range(600)}
    (source / "nodes.csv").write_text("\n".join([*nodes, ""]))
    (source / "edges.csv").write_text("\n".join(["a,b", *(f"n{a},n{b}" for a, b in sorted(edges)), ""]))
    (source / "small.yaml").write_text(SMALL)
    workspace = Workspace.open(folder / "workspace")
    load(str(source / "small.yaml"), source, DuckDBStore(workspace.database), workspace.folder)
    return workspace


def kill_at_random(line: tuple[str, ...], whole_s: float, moments: random.Random) -> None:
    """Start ``ecorisk`` and kill it at a moment of its work, now and then just after."""
    process = start(*line)
    time.sleep(moments.uniform(0.3 * whole_s, 1.1 * whole_s))
    kill(process)


#: Puts models in place and promotes them until it is killed.
PLACE_ON = """
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


def test_a_model_killed_while_it_is_put_in_place_is_there_or_not(tmp_path: Path) -> None:
    workspace = small_workspace(tmp_path)
    line = ("-m", "ecorisk", "train", "--workspace", str(workspace.folder))
    run_through(*line)
    champion = workspace.require_champion().name

    moments = random.Random(8)
    for trial in range(TRIALS):
        process = start("-c", PLACE_ON, str(workspace.folder), str(trial * 1_000_000))
        time.sleep(moments.uniform(1.5, 3.5))
        kill(process)
        artifact.load(workspace.require_champion())
        whole = [entry for entry in workspace.models.iterdir() if entry.is_dir() and entry.name[0] != "."]
        for model in whole:
            artifact.load(model)
        for scratch in workspace.folder.glob("scratch-*"):
            shutil.rmtree(scratch)
    workspace.promote(champion)
    assert run_through(*line) > 0
    # The same data and seeds: the same model.
    assert workspace.require_champion().name == champion
    assert not list(workspace.models.glob(".writing-*"))


def test_trainings_killed_whole_leave_the_old_champion_or_the_new_one(tmp_path: Path) -> None:
    workspace = small_workspace(tmp_path)
    store = DuckDBStore(workspace.database)
    data = store.read(date(2022, 12, 31), None).sha256
    line = ("-m", "ecorisk", "train", "--workspace", str(workspace.folder))
    whole_s = run_through(*line)
    trained = workspace.require_champion().name
    model = artifact.load(workspace.require_champion())
    older = replace(model, facts={**model.facts, "older": True})
    (tmp_path / "older").mkdir()
    old = artifact.save(older, tmp_path / "older")

    moments, seen = random.Random(9), set()
    for trial in range(TRIALS):
        shutil.rmtree(workspace.models)
        workspace = Workspace.open(workspace.folder)
        if has_champion := bool(trial % 2):
            workspace.place_model(old, lambda target: str(artifact.save(older, target)))
            workspace.promote(old)
        kill_at_random(line, whole_s, moments)
        champion = workspace.champion()
        seen.add(None if champion is None else champion.name)
        assert (champion is not None and champion.name == old) if has_champion else champion != old
        for folder in workspace.models.glob("[!.]*"):
            if folder.is_dir():
                artifact.load(folder)
        if champion is not None:
            run = score_and_publish(store, workspace, date(2022, 12, 31), None, lambda what: None)
            assert run.facts.n_scored == 400
            assert run.facts.model_sha == champion.name
        assert store.read(date(2022, 12, 31), None).sha256 == data
    assert seen <= {None, old, trained}
    assert run_through(*line) > 0
    assert {path.name for path in workspace.models.iterdir() if path.is_dir()} == {old, trained}
    assert not list(workspace.models.glob(".writing-*"))


def test_scorings_killed_whole_leave_the_old_run_or_the_new_one(tmp_path: Path) -> None:
    workspace = small_workspace(tmp_path)
    command = ("-m", "ecorisk", "--workspace", str(workspace.folder))
    run_through(*command, "train")
    days = [date(2022, 12, 1) + timedelta(day) for day in range(TRIALS + 2)]
    whole_s = run_through(*command, "score", "--as-of", days[0].isoformat())
    published = open_current_run(workspace).facts.as_of

    moments = random.Random(10)
    for day in days[1:-1]:
        kill_at_random((*command, "score", "--as-of", day.isoformat()), whole_s, moments)
        run = open_current_run(workspace)
        assert run.facts.as_of in (published, day.isoformat())
        assert run.explanation(run.riskiest())["score"] == run.score(run.riskiest())["score"]
        published = run.facts.as_of
    run_through(*command, "score", "--as-of", days[-1].isoformat())
    assert open_current_run(workspace).facts.as_of == days[-1].isoformat()
    assert not list(workspace.runs.glob(".writing-*"))
    with duckdb.connect(str(workspace.database), read_only=True) as connection:
        found = connection.execute("SELECT DISTINCT run_id FROM published_scores").fetchall()
    assert found == [(open_current_run(workspace).facts.run_id,)]
