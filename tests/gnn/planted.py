"""Small ecosystems with a planted truth, for tests of the model."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import date
from pathlib import Path

import numpy as np
import pyarrow.compute as pc
from scipy.special import expit

from gnn.learning.boosting import BoostingSettings
from gnn.learning.training import TrainingSettings
from gnn.panels.panel import Origin, Panel
from gnn.panels.targets import KnownOutcomes
from graph.relations import Relation
from graph.snapshot import Snapshot
from graph.source import Part, Task
from tests.ecosystems import START, Rows, random_trade, snapshot

AS_OF = date(2021, 12, 1)
N = 1200

#: Small ensembles: what is tested does not depend on their size.
QUICK = TrainingSettings(
    seeds=(1, 2),
    averaged_columns=6,
    stage_1=BoostingSettings(rounds=20, leaves=6),
    trees=(BoostingSettings(rounds=25, leaves=6),),
)


def tables(n: int = N) -> dict[str, Rows]:
    """Companies of two industries that trade; everyone shares an address with a few others."""
    found = random_trade(n, 6 * n, 3)
    rng = np.random.default_rng(4)
    links = [
        {
            "source_id": f"P{i:03d}",
            "target_id": f"P{j:03d}",
            "kind": "SHARES_ADDRESS" if i % 2 else "GUARANTEES",
            "valid_from": START,
            "weight": float(rng.random() + 0.5),
        }
        for i in range(n)
        for j in rng.choice(n, 2, replace=False)
        if i != j
    ]
    return {**found, "links": links}


def read(folder: Path, rows: Mapping[str, Rows] | None = None) -> Snapshot:
    """The snapshot of ``rows`` (of ``tables()`` without)."""
    return snapshot(folder, tables() if rows is None else rows, AS_OF)


def static_panel(there: Snapshot, contagion: float = 4.0) -> Panel:
    """A task by splits: a party is bad by its own size, a little by its industry, and by its buyers' size,
    weighed by what they bought lately.

    Train, valid and test are thirds of all parties on one day; labels of earlier parts are known.
    """
    rng = np.random.default_rng(8)
    n = there.n_parties
    size = there.tables["parties"]["x_size"].to_numpy()
    around = np.zeros(n)
    if "SUPPLIES.out" in there.relations:
        relation = there.relations["SUPPLIES.out"]
        row = np.repeat(np.arange(n), relation.degree())
        bought = relation.recent_amount
        total = np.bincount(row, bought, n)
        around = np.bincount(row, bought * size[relation.indices], n) / np.maximum(total, 1.0)
    industry = np.where(pc.equal(there.tables["parties"]["industry"], "A"), 0.4, -0.4)
    labels = (rng.random(n) < expit(-1.0 + size + industry + contagion * around)).astype(np.int8)
    part = rng.integers(0, 3, n)
    origins = []
    parts: tuple[Part, ...] = ("train", "valid", "test")
    for number, name in enumerate(parts):
        codes = np.flatnonzero(part == number).astype(np.int32)
        seen = (part < max(number, 1)).astype(np.float32)
        known = KnownOutcomes(n=seen, bad=seen * labels)
        origins.append(Origin(name, AS_OF, there, codes, labels[codes], known, number == 0))
    days: dict[Part, tuple[date, ...]] = dict.fromkeys(parts, (AS_OF,))
    return Panel(Task("planted", "default", by_splits=True, as_of=days), tuple(origins))


def without(panel: Panel, relations: bool) -> Panel:
    """``panel`` whose snapshots keep (or lose) their relations."""
    origins = tuple(
        replace(o, snapshot=o.snapshot if relations else replace(o.snapshot, relations={}))
        for o in panel.origins
    )
    return replace(panel, origins=origins)


def misplaced(panel: Panel, seed: int = 3) -> Panel:
    """``panel`` whose parties have changed places in the graph: the same links, meaning nothing."""

    def moved(relation: Relation, place: np.ndarray) -> Relation:
        source = np.repeat(np.arange(len(place)), relation.degree())
        order = np.lexsort((place[relation.indices], place[source]))
        arrays = {k: v[order] for k, v in relation.arrays() if k not in ("indptr", "indices")}
        indptr = np.concatenate(([0], np.cumsum(np.bincount(place[source], minlength=len(place)))))
        indices = place[relation.indices][order].astype(np.int32)
        return Relation(name=relation.name, indptr=indptr, indices=indices, **arrays)

    place = np.random.default_rng(seed).permutation(panel.origins[0].snapshot.n_parties)
    origins = tuple(
        replace(
            o,
            snapshot=replace(
                o.snapshot, relations={k: moved(r, place) for k, r in o.snapshot.relations.items()}
            ),
        )
        for o in panel.origins
    )
    return replace(panel, origins=origins)
