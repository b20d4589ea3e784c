"""A score run put together: from the model's parts and the snapshot to what is published."""

from __future__ import annotations

from dataclasses import asdict

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from gnn.parts import ScoredParts
from gnn.precision import UNSEEN
from gnn.runs.circumstances import made_with
from gnn.runs.composition import Composition, Question, as_columns, compose
from gnn.runs.counterparty_records import record_unit
from gnn.runs.coverage import absent_tables
from gnn.runs.evidence import Evidence, collect
from gnn.runs.meanings import counterparties_text, meaning_of
from gnn.runs.run_files import RelationFacts, RunFacts, ScoreRun, run_id_of
from gnn.runs.scorecard import BANDS, SCORED
from gnn.runs.texts import pack
from graph.relations import Relation
from graph.snapshot import Snapshot
from graph.store import PublishedScores


def _facts(
    parts: ScoredParts,
    snapshot: Snapshot,
    question: Question,
    composition: Composition,
    evidence: dict[str, Evidence],
) -> RunFacts:
    task, as_of = question.task, snapshot.as_of.isoformat()
    groups = composition.peer_groups
    return RunFacts(
        run_id=run_id_of(as_of, question.model_sha, snapshot.sha256, task.name),
        as_of=as_of,
        task=task.name,
        outcome=task.outcome,
        horizon_days=task.horizon_days if task.dated else None,
        calibrated=question.calibrated,
        model_sha=question.model_sha,
        snapshot_sha=snapshot.sha256,
        base_currency=snapshot.base_currency,
        base=float(parts.base),
        n_parties=snapshot.n_parties,
        n_scored=int(np.count_nonzero(composition.status == SCORED)),
        minimum_coverage=question.minimum_coverage,
        absent_tables=list(absent_tables(snapshot)),
        inherited=[
            RelationFacts(name, counterparties_text(name, snapshot.kinds), record_unit(snapshot, name))
            for name in parts.inherited
        ],
        relations=sorted(snapshot.relations),
        columns=[asdict(meaning_of(name, snapshot.kinds)) for name in parts.features],
        peer_groups=[
            {"shared": shared, "members": size}
            for shared, size in zip(groups.shared, groups.sizes().tolist(), strict=True)
        ],
        evidence_roles={name: list(rows.roles) for name, rows in evidence.items()},
        groups=[asdict(group) | {"supply": group.supply} for group in composition.coverage.groups],
        unseen_spread=UNSEEN.spread,
        purpose=snapshot.purpose,
        tables={name: asdict(digest) for name, digest in snapshot.digests.items()},
        made_with=made_with(),
        certain_share=UNSEEN.certain_share,
    )


def _relation_arrays(relation: Relation) -> dict[str, NDArray[np.generic]]:
    """What is kept of a relation: pairs, and their records in the direction they are shown."""
    weight = relation.amount if relation.amount.any() else relation.count
    kept: dict[str, NDArray[np.generic]] = {
        "indptr": relation.indptr,
        "indices": relation.indices,
        "weight": weight,
    }
    if not relation.name.endswith(".in"):
        names = ("count", "amount", "first_on", "last_on", "matured", "bad")
        kept |= {name: getattr(relation, name) for name in names}
    return kept


def _evidence_arrays(evidence: Evidence) -> dict[str, NDArray[np.generic]]:
    return {
        "indptr": evidence.indptr,
        "role": evidence.role,
        "on": evidence.on,
        "amount": evidence.amount,
        "adverse": evidence.adverse,
        "key_offsets": evidence.keys.offsets,
        "key_blob": evidence.keys.blob,
    }


def score_run(parts: ScoredParts, snapshot: Snapshot, question: Question) -> ScoreRun:
    """Everything a run holds: scores, reasons and the rows behind them, relations, attribution."""
    composition = compose(parts, snapshot, question)
    evidence = collect(snapshot)
    arrays: dict[str, NDArray[np.generic]] = {
        **as_columns(composition),
        "own": parts.own,
        "environment": parts.environment,
        "inherited": np.column_stack([np.zeros((snapshot.n_parties, 0)), *parts.inherited.values()]),
        "column_source": parts.reason_columns,
        "column_log_odds": parts.reason_parts,
    }
    for name, relation in snapshot.relations.items():
        arrays |= {f"relations/{name}/{key}": array for key, array in _relation_arrays(relation).items()}
    for name, rows in evidence.items():
        arrays |= {f"evidence/{name}/{key}": array for key, array in _evidence_arrays(rows).items()}
    arrays |= {f"attribution/{name}": array for name, array in parts.attribution.items()}
    facts = _facts(parts, snapshot, question, composition, evidence)
    return ScoreRun(facts, pack(snapshot.party_ids), arrays)


def published_scores(run: ScoreRun, snapshot: Snapshot) -> PublishedScores:
    """The scored parties' results, as they are written back to the store people explore."""
    rows = np.flatnonzero(run.arrays["status"] == SCORED)
    band = np.array(BANDS, object)[run.arrays["band"][rows]]
    calibrated = run.facts.calibrated
    scores = pa.table(
        {
            "party_id": snapshot.party_ids.take(pa.array(rows)),
            "score": pa.array(run.arrays["score"][rows].astype(np.int32)),
            "band": pa.array(band if calibrated else [None] * len(rows), pa.string()),
            "pd": pa.array(run.arrays["pd"][rows] if calibrated else [None] * len(rows), pa.float64()),
            "percentile": pa.array(run.arrays["percentile"][rows].astype(np.float64)),
            "inherited_points": pa.array(
                run.arrays["points"][rows, 3:-1].sum(axis=1).astype(np.int32), pa.int32()
            ),
        }
    )
    return PublishedScores(
        run_id=run.facts.run_id,
        as_of=snapshot.as_of,
        model_sha=run.facts.model_sha,
        snapshot_sha=run.facts.snapshot_sha,
        scores=scores,
    )
