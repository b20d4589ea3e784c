"""Counterparties as explanations name them against scores made anew without each of them.

``python -m bench.leave_one_out --data DIR [--sets generator h2 tolokers]`` trains the default on each set,
draws parties of the test day with several counterparties, takes away every pair of one party and one
counterparty from all relations of the snapshot, scores again, and compares: does the counterparty that is
said to give most change the score most when it is gone? ``--freeze`` keeps the figures in
``bench/frozen/leave_one_out.json`` and renders ``docs/attribution.md``.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray
from rich.console import Console

from bench.contagion_truth import rank_correlation
from bench.leave_one_out_report import render, table
from bench.quality_sets import SETS, BenchSet, Place
from bench.speed import machine
from gnn.attribution import direct_parts
from gnn.champion.candidate import best_on_validation
from gnn.columns.features import RawColumns, raw_columns
from gnn.columns.views import view_of
from gnn.model import Model
from gnn.panels.panel import Origin
from gnn.scoring import blended, raw_parts, score
from graph.relations import Relation
from graph.snapshot import Snapshot

FROZEN = Path(__file__).parent / "frozen" / "leave_one_out.json"
PAGE = Path(__file__).parent.parent / "docs" / "attribution.md"

CHOSEN: Mapping[str, BenchSet] = {
    "generator": replace(SETS["synthetic"], task="default_1y"),
    "h2": SETS["h2"],
    "tolokers": SETS["tolokers"],
}

PARTIES = 200
FEWEST, MOST = 3, 20
#: Pairs taken away at a time, at most.
AT_ONCE = 64
#: So many are also taken away one at a time, to see what the others of a round did to them.
CHECKED = 20
DIGITS = 6

Vector = NDArray[np.float64]
Codes = NDArray[np.int64]
Pair = tuple[int, int]


def everybody(snapshot: Snapshot) -> sp.csr_matrix:
    """Who is a direct counterparty of whom, over any relation; n x n."""
    n = snapshot.n_parties
    union = sp.csr_matrix((n, n))
    for relation in snapshot.relations.values():
        ones = np.ones(relation.n_pairs)
        union = union + sp.csr_matrix((ones, relation.indices, relation.indptr), shape=(n, n))
    union.setdiag(0)
    union.eliminate_zeros()
    union.sort_indices()
    return union


def without_pairs(snapshot: Snapshot, pairs: Sequence[Pair]) -> Snapshot:
    """``snapshot`` without these pairs, in every relation and both ways; tables are as they were."""
    relations = {}
    for name, relation in snapshot.relations.items():
        gone = [
            start + int(np.searchsorted(relation.indices[start:end], other))
            for one, two in pairs
            for who, other in ((one, two), (two, one))
            for start, end in [relation.indptr[who : who + 2]]
            if other in relation.indices[start:end]
        ]
        kept = np.ones(relation.n_pairs, bool)
        kept[gone] = False
        before = np.concatenate(([0], np.cumsum(kept)))
        columns: dict[str, NDArray[Any]] = {
            key: values[kept] for key, values in relation.arrays() if key != "indptr"
        }
        columns["indptr"] = before[relation.indptr].astype(np.int64)
        relations[name] = Relation(name=name, **columns)
    return replace(snapshot, relations=relations)


@dataclass(frozen=True)
class Rescored:
    """Log-odds of some parties, float64 [rows]: ``z`` less the base, and its inherited part."""

    z: Vector
    inherited: Vector


def rescore(
    model: Model, origin: Origin, snapshot: Snapshot, raw: RawColumns, rows: NDArray[np.int32]
) -> Rescored:
    """``rows`` of ``snapshot`` scored the ordinary way; ``raw``: its columns, but for the degrees."""
    degrees = {
        f"log_degree:{name}": np.log1p(relation.degree()).astype(np.float32)
        for name, relation in snapshot.relations.items()
    }
    columns = replace(raw, own={**raw.own, **degrees})
    view = view_of(model.preparation, snapshot, origin.known, raw=columns)
    found = blended(model, raw_parts(model.preparation, model.trees, model.network, view, rows))
    inherited = sum(found.inherited.values(), np.zeros(len(rows)))
    return Rescored(found.own + found.environment + inherited, inherited)


def rounds(union: sp.csr_matrix, asked: Mapping[int, list[int]]) -> Iterator[list[Pair]]:
    """All pairs of ``asked`` (counterparties by party), in rounds of pairs that are far enough apart.

    In a round no party loses two counterparties, and nobody who loses a link is a direct counterparty of
    another party that is asked: what is changed further away hardly reaches it.
    """
    waiting = {party: list(others) for party, others in asked.items()}
    near = {
        party: {party, *union.indices[union.indptr[party] : union.indptr[party + 1]].tolist()}
        for party in asked
    }
    while waiting:
        taken: list[Pair] = []
        watched: set[int] = set()
        changed: set[int] = set()
        for party, others in list(waiting.items()):
            if len(taken) == AT_ONCE:
                break
            if near[party] & changed:
                continue
            free = next((other for other in others if other not in watched), None)
            if free is None or party in watched:
                continue
            taken.append((party, free))
            watched |= near[party]
            changed |= {party, free}
            others.remove(free)
            if not others:
                del waiting[party]
        yield taken


@dataclass(frozen=True)
class Changes:
    """By counterparty of a party: what the score loses without it, what its inherited part loses, what the
    explanation says it gives, and its weight among links; float64 [k] each."""

    score: Vector
    inherited: Vector
    told: Vector
    weight: Vector


def changes(model: Model, origin: Origin, asked: Mapping[int, list[int]]) -> tuple[list[Changes], float]:
    """Of every party of ``asked``, by each of its counterparties; and how far rounds are off at most.

    The latter: the largest difference, in log-odds, to taking a pair away alone, over some pairs.
    """
    snapshot, raw = origin.snapshot, raw_columns(origin.snapshot)
    union = everybody(snapshot)
    parties = np.array(list(asked), np.int32)
    whole = rescore(model, origin, snapshot, raw, parties)
    before = dict(zip(parties.tolist(), zip(whole.z, whole.inherited, strict=True), strict=True))
    lost: dict[Pair, tuple[float, float]] = {}
    for pairs in rounds(union, asked):
        rows = np.array([party for party, _ in pairs], np.int32)
        after = rescore(model, origin, without_pairs(snapshot, pairs), raw, rows)
        for pair, z, inherited in zip(pairs, after.z, after.inherited, strict=True):
            was = before[pair[0]]
            lost[pair] = (float(was[0] - z), float(was[1] - inherited))
    off = 0.0
    for pair in list(lost)[:: max(len(lost) // CHECKED, 1)]:
        alone = rescore(model, origin, without_pairs(snapshot, [pair]), raw, np.array(pair[:1], np.int32))
        off = max(off, abs(before[pair[0]][0] - float(alone.z[0]) - lost[pair][0]))
    parts = score(model, snapshot, origin.known, parties)
    found = []
    for party, others in asked.items():
        direct, log_odds = direct_parts(parts.attribution, party)
        told = dict(zip(direct.tolist(), log_odds.tolist(), strict=True))
        weight = parts.attribution["any.weight"][_row(parts.attribution["any.indptr"], party)]
        links = dict(
            zip(
                parts.attribution["any.indices"][_row(parts.attribution["any.indptr"], party)].tolist(),
                weight,
                strict=True,
            )
        )
        found.append(
            Changes(
                np.array([lost[party, other][0] for other in others]),
                np.array([lost[party, other][1] for other in others]),
                np.array([told.get(other, 0.0) for other in others]),
                np.array([links[other] for other in others]),
            )
        )
    return found, off


def _row(indptr: NDArray[Any], party: int) -> slice:
    return slice(int(indptr[party]), int(indptr[party + 1]))


def draw(origin: Origin, parties: int) -> dict[int, list[int]]:
    """Counterparties of so many parties of the population, drawn among those with 3 to 20."""
    union = everybody(origin.snapshot)
    degree = np.diff(union.indptr)[origin.codes]
    can = origin.codes[(degree >= FEWEST) & (degree <= MOST)]
    drawn = np.sort(np.random.default_rng(3).permutation(can)[:parties])
    return {
        int(party): union.indices[union.indptr[party] : union.indptr[party + 1]].tolist() for party in drawn
    }


def agreement(found: Sequence[Changes]) -> dict[str, Any]:
    """Mean Spearman within a party, and how often the first of one order is the first of the other."""

    def mean_rank(one: str, other: str) -> float | None:
        ranks = [rank_correlation(getattr(each, one), getattr(each, other)) for each in found]
        told = [rank for rank in ranks if rank is not None]
        return float(np.mean(told)) if told else None

    first = [int(np.argmax(each.score)) for each in found]
    named = [np.argsort(-each.told, kind="stable") for each in found]
    return {
        "parties": len(found),
        "pairs": sum(len(each.told) for each in found),
        "spearman": mean_rank("told", "score"),
        "spearman_inherited": mean_rank("told", "inherited"),
        "spearman_of_weights": mean_rank("weight", "score"),
        "first": float(np.mean([order[0] == top for order, top in zip(named, first, strict=True)])),
        "among_three": float(np.mean([top in order[:3] for order, top in zip(named, first, strict=True)])),
        "by_chance": float(np.mean([1.0 / len(each.told) for each in found])),
        "pooled": rank_correlation(
            np.concatenate([each.told for each in found]), np.concatenate([each.score for each in found])
        ),
        "spread": float(np.mean([each.score.std() for each in found])),
    }


def measure(chosen: BenchSet, place: Place, parties: int = PARTIES) -> dict[str, Any]:
    """Agreement on one set, on its first test day."""
    panel = place.panel(chosen, 0, lambda _: None)
    model = best_on_validation(panel, {}, lambda _: None).trained.model
    origin = panel.of("test")[0]
    found, off = changes(model, origin, draw(origin, parties))
    figures = {**agreement(found), "rounds_off": off}
    return {name: round(v, DIGITS) if isinstance(v, float) else v for name, v in figures.items()}


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure, print, keep."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument(
        "--data", type=Path, default=Path("../shared/data"), help="folder of the sets' folders"
    )
    parser.add_argument("--folder", type=Path, help="keep what was loaded here; default: a folder that goes")
    parser.add_argument("--sets", nargs="+", choices=tuple(CHOSEN), default=list(CHOSEN))
    parser.add_argument("--parties", type=int, default=PARTIES)
    parser.add_argument("--freeze", action="store_true", help="keep the figures and render the page")
    parser.add_argument(
        "--render", action="store_true", help="render the page of the frozen figures, no more"
    )
    asked = parser.parse_args(arguments)
    if asked.render:
        PAGE.write_text(render(json.loads(FROZEN.read_text("utf-8"))), encoding="utf-8")
        return
    with tempfile.TemporaryDirectory() as scratch:
        place = Place(asked.data, asked.folder or Path(scratch))
        found = {name: measure(CHOSEN[name], place, asked.parties) for name in asked.sets}
    kept = json.loads(FROZEN.read_text("utf-8")) if asked.freeze and FROZEN.exists() else {}
    together = {**kept.get("sets", {}), **found}
    figures = {"machine": machine(), "sets": {name: together[name] for name in CHOSEN if name in together}}
    Console(width=120).print(table(figures))
    if asked.freeze:
        FROZEN.write_text(json.dumps(figures, indent=1) + "\n", encoding="utf-8")
        PAGE.write_text(render(figures), encoding="utf-8")


if __name__ == "__main__":
    main()
