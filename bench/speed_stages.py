"""What is timed: the functions behind the commands, each on what the stages before it left in a folder."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import date
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import orjson
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray

from bench.loopback import ask_all, get, post
from bench.measuring import Measure, timed
from graph.duckdb_store import DuckDBStore
from graph.snapshot import Snapshot
from graph.workspace import Workspace
from loaders.synthetic import EcosystemSettings, generate

if TYPE_CHECKING:
    # What a stage imports counts in its memory: each brings its own.
    from gnn.columns.views import View

#: Invoices a party, so that all tables together hold about ten records a party.
INVOICES_PER_PARTY = 2.0

#: Columns whose neighbour means are compared.
COLUMNS = 32

GETS, BATCHES, BATCH, SECONDS = 20_000, 60, 1_000, 20.0


@dataclass(frozen=True)
class Place:
    """Where the stages of one size find each other's results."""

    folder: Path

    @property
    def tables(self) -> Path:
        return self.folder / "tables"

    @property
    def workspace(self) -> Workspace:
        return Workspace.open(self.folder / "workspace")

    @property
    def store(self) -> DuckDBStore:
        return DuckDBStore(self.workspace.database)

    @property
    def as_of(self) -> date:
        """The test day of the ecosystem's task."""
        return self.store.sources()[0].tasks[0].as_of["test"][0]

    def snapshot(self) -> Snapshot:
        return self.store.read(self.as_of, None)

    def make(self, parties: int) -> int:
        """Write the ecosystem, once; returns its records (rows of all tables but the parties)."""
        if not (self.tables / "source.yaml").exists():
            generate(EcosystemSettings(parties=parties, invoices_per_party=INVOICES_PER_PARTY), self.tables)
        files = [path for path in self.tables.glob("*.parquet") if path.stem != "parties"]
        return sum(pq.read_metadata(path).num_rows for path in files)


def load(place: Place) -> Measure:
    from loaders import load

    workspace = place.workspace
    with timed() as found:
        report = load("canonical", place.tables, place.store, workspace.folder)
    found.facts = {"rows": sum(counts.accepted for counts in report.tables.values())}
    return found


def snapshot(place: Place) -> Measure:
    as_of, store = place.as_of, place.store
    with timed() as found:
        taken = store.read(as_of, None)
    found.facts = {
        "rows": sum(table.num_rows for table in taken.tables.values()),
        "pairs": sum(relation.n_pairs for relation in taken.relations.values()),
    }
    return found


def indicators(place: Place) -> Measure:
    from graph.indicators import compute

    taken = place.snapshot()
    with timed() as found:
        columns = compute(taken).columns
    found.facts = {"indicators": len(columns)}
    return found


def given_columns(n: int) -> NDArray[np.float32]:
    """The same numbers for every way of aggregating them, float32 [n, COLUMNS]."""
    return np.random.default_rng(1).standard_normal((n, COLUMNS), dtype=np.float32)


def neighbour_means(place: Place) -> Measure:
    from gnn.columns.operators import gather, operators

    taken = place.snapshot()
    values, everyone = given_columns(taken.n_parties), np.arange(taken.n_parties, dtype=np.int32)
    found_operators = operators(taken)
    gather(found_operators["any"], values, everyone[:1])  # compiles
    with timed() as found:
        for name in taken.relations:
            gather(found_operators[name], values, everyone)
    found.facts = {"columns": COLUMNS, "relations": len(taken.relations)}
    return found


def _columns_around(view: View, rows: NDArray[np.int32]) -> int:
    """Make the columns of every relation for ``rows`` as scoring does; returns how many the trees read."""
    from gnn.columns.views import relation_columns
    from gnn.threads import by_chunks

    view.make_shared()

    def made(chunk: slice) -> int:
        found = [relation_columns(view, name, rows[chunk]) for name in view.preparation.relations]
        return sum(len(columns.matrix.names) for columns in found)

    return by_chunks(len(rows), made)[0]


def neighbour_columns(place: Place) -> Measure:
    """All that the model looks at around every party: two hops over each relation, as scoring makes it."""
    from gnn import artifact
    from gnn.columns.views import view_of
    from gnn.panels.targets import known_outcomes

    taken = place.snapshot()
    model = artifact.load(place.workspace.require_champion())
    view = view_of(model.preparation, taken, known_outcomes(taken, artifact.task_of(model)))
    everyone = np.arange(taken.n_parties, dtype=np.int32)
    _columns_around(replace(view), everyone[:1])  # compiles
    with timed() as found:
        columns = _columns_around(view, everyone)
    found.facts = {"columns": columns, "relations": len(model.preparation.relations)}
    return found


def _lasted(steps: list[tuple[str, float]]) -> dict[str, float]:
    """Seconds from each step, as the command tells it, to the next."""
    return {what: round(until - since, 1) for (what, since), (_, until) in pairwise(steps)}


def train(place: Place) -> Measure:
    from gnn.champion.candidate import make_candidate

    steps: list[tuple[str, float]] = []
    with timed() as found:
        candidate = make_candidate(
            place.store, place.workspace, None, None, lambda what: steps.append((what, time.perf_counter()))
        )
        steps.append(("end", time.perf_counter()))
    models = candidate.evaluation.models
    found.facts = {
        "steps_s": _lasted(steps),
        "auc": {name: round(metrics.auc, 3) for name, metrics in models.items()},
    }
    return found


def network(place: Place) -> Measure:
    """The network alone: two hops of messages to all parties over each relation, then trained to the optimum
    on as many rows as training draws (labels are drawn from its own part)."""
    import torch

    from gnn import artifact
    from gnn.columns.views import view_of
    from gnn.heterodata import learning_data
    from gnn.learning.training import DEFAULTS
    from gnn.network import EcosystemNetwork
    from gnn.panels.targets import known_outcomes, population

    taken = place.snapshot()
    model = artifact.load(place.workspace.require_champion())
    task, prepared = artifact.task_of(model), model.preparation
    view = view_of(prepared, taken, known_outcomes(taken, task))
    torch.manual_seed(1)
    asked = torch.from_numpy(population(taken, task).astype(np.int64))
    rows = asked[torch.randperm(len(asked))[: DEFAULTS.max_rows]]
    s = torch.from_numpy(view.s)[rows]
    labels = (torch.rand(len(rows)) < torch.sigmoid(s)).to(torch.int8)
    made = EcosystemNetwork(prepared.relations, {r: len(c) for r, c in prepared.schema.caused.items()})
    with timed() as found:
        columns = {}
        for name, found_columns in made.gather(learning_data(view, view.sights[0])):
            columns[name] = found_columns[rows]
        gathered = time.process_time()
        made.fit(columns, s, labels)
        fitted = time.process_time() - gathered
    found.facts = {"rows": len(rows), "fit_cpu_s": round(fitted, 1), "hops": 2}
    return found


def score(place: Place) -> Measure:
    """From a snapshot to log-odds by part, with reasons, of everybody who is asked about.

    ``given_indicators``: once indicators are there; of that ``around``: operators, their sums and columns
    (seconds on the wall, CPU seconds).
    """
    from gnn import artifact
    from gnn.columns.views import surroundings_of, view_of
    from gnn.panels.targets import known_outcomes, population
    from gnn.scoring import score

    taken = place.snapshot()
    model = artifact.load(place.workspace.require_champion())
    task = artifact.task_of(model)
    known, asked = known_outcomes(taken, task), population(taken, task)
    with timed() as found:
        score(model, taken, known, asked)
    with timed() as given_indicators:
        score(model, taken, known, asked)
    view = view_of(model.preparation, taken, known)
    with timed() as around:
        surroundings = surroundings_of(taken, model.preparation)
        _columns_around(replace(view, surroundings=surroundings), asked)
    found.facts = {
        "parties": taken.n_parties,
        "asked_about": len(asked),
        "given_indicators": [round(given_indicators.wall_s, 2), round(given_indicators.cpu_s, 2)],
        "around": [round(around.wall_s, 2), round(around.cpu_s, 2)],
    }
    return found


def publish(place: Place) -> Measure:
    """The whole of ``ecorisk score``: snapshot, score, run composed, published here and in the store."""
    from gnn.runs.scoring_job import score_and_publish

    steps: list[tuple[str, float]] = []
    with timed() as found:
        run = score_and_publish(
            place.store, place.workspace, place.as_of, None,
            lambda what: steps.append((what, time.perf_counter())),
        )  # fmt: skip
        steps.append(("end", time.perf_counter()))
    folder = place.workspace.current_run()
    assert folder is not None
    size = sum(path.stat().st_size for path in folder.iterdir())
    found.facts = {"scored": run.facts.n_scored, "steps_s": _lasted(steps), "run_mb": size >> 20}
    return found


def _free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
        return port


@contextmanager
def _served(place: Place) -> Iterator[tuple[int, Callable[[], tuple[float, float]]]]:
    """The port of ``ecorisk serve`` in a process of its own, and what tells its CPU seconds and MB."""
    import psutil

    port = _free_port()
    command = [sys.executable, "-m", "ecorisk", "--workspace", str(place.workspace.folder), "serve"]
    server = subprocess.Popen([*command, "--port", str(port)], env=os.environ | {"PYTHONPATH": "."})
    try:
        until = time.monotonic() + 60
        while True:
            try:
                ask_all(port, [get("/readyz")], 1, 5)
                break
            except OSError:
                if time.monotonic() > until or server.poll() is not None:
                    raise
                time.sleep(0.2)
        process = psutil.Process(server.pid)
        yield port, lambda: (sum(process.cpu_times()[:2]), process.memory_info().rss / 2**20)
    finally:
        server.terminate()
        server.wait(10)


def _some_ids(place: Place, n: int) -> list[str]:
    """Parties that are known on the day of the run."""
    parties = pq.read_table(place.tables / "parties.parquet", columns=["party_id", "known_on"])
    ids = parties.filter(pc.field("known_on") <= place.as_of)["party_id"]
    found: list[str] = ids.take(np.random.default_rng(2).integers(0, len(ids), n)).to_pylist()
    return found


def _asked(place: Place, requests: list[bytes], clients: int) -> Measure:
    with _served(place) as (port, used):
        ask_all(port, requests[:50], 1, SECONDS)  # pages in, compiles
        before, _ = used()
        with timed() as found:
            took = ask_all(port, requests[50:], clients, SECONDS)
        after, found.peak_mb = used()
    found.cpu_s = after - before
    found.facts = {
        "requests": len(took),
        "per_second": round(len(took) / found.wall_s),
        "per_server_cpu_second": round(len(took) / found.cpu_s),
        "p50_ms": round(float(np.quantile(took, 0.5)) * 1e3, 2),
        "p99_ms": round(float(np.quantile(took, 0.99)) * 1e3, 2),
    }
    return found


def get_score(place: Place) -> Measure:
    """One client that asks for scores with reasons, one after the other."""
    ids = _some_ids(place, GETS + 50)
    return _asked(place, [get(f"/v1/parties/{party_id}/score") for party_id in ids], 1)


def post_batch(place: Place) -> Measure:
    """1,000 ids a request, scores with reasons."""
    ids = _some_ids(place, BATCH * 10)
    bodies = [orjson.dumps({"party_ids": ids[k * BATCH : (k + 1) * BATCH]}) for k in range(10)]
    return _asked(place, [post("/v1/scores:batch", bodies[k % 10]) for k in range(BATCHES + 50)], 1)


STAGES: dict[str, Callable[[Place], Measure]] = {
    "load": load,
    "snapshot": snapshot,
    "indicators": indicators,
    "neighbour means": neighbour_means,
    "train": train,
    "neighbour columns": neighbour_columns,
    "network": network,
    "score": score,
    "publish": publish,
    "get score": get_score,
    "post batch": post_batch,
}
