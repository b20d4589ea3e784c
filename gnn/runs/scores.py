"""Scores as they are handed out: one plain object a party, made for many parties at once."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gnn.precision import LEVEL, Unseen, party_interval, z_interval
from gnn.runs.evidence_rows import rows_behind
from gnn.runs.run_files import RelationFacts, StoredRun
from gnn.runs.scorecard import BANDS, INSUFFICIENT_EVIDENCE, SCORED, STATUSES, pd_of, score_of
from graph.vocabulary import whose

Body = dict[str, Any]

_DIGITS = 6
#: Who differs from the peers by less than this share of the value is as they are.
_HARDLY = 0.005
_BETTER = {"share": "lower", "mean score": "higher"}


def significant(values: NDArray[np.floating]) -> list[Any]:
    """Nested lists of floats with six significant digits, None for NaN."""
    wide = np.asarray(values, np.float64)
    with np.errstate(divide="ignore", invalid="ignore"):
        scale = 10.0 ** (_DIGITS - 1 - np.floor(np.log10(np.abs(wide))))
        rounded = np.where(wide == 0, 0.0, np.round(wide * scale) / scale)
    listed = rounded.astype(object)
    listed[np.isnan(wide)] = None
    nested: list[Any] = listed.tolist()
    return nested


def _worse(better: str | None, value: float, peers: float) -> bool:
    if math.isclose(value, peers, rel_tol=_HARDLY):
        return False
    return better is None or (value < peers if better == "higher" else value > peers)


def column_text(column: Body, value: float | None, peers: float | None) -> str:
    """What is said of a column that speaks against a party.

    Its reason, where the value is worse than the peers'; nobody reads of low sales who has high ones, or
    none on record. Of bad things that are counted the reason says that there are any.
    """
    meaning = column["meaning"].removesuffix(".")
    if value is None:
        return f"Not on record: {meaning[:1].lower()}{meaning[1:]}"
    if column["unit"] == "count" and column["better"] == "lower" and value > 0:
        return str(column["reason"])
    if peers is None or not _worse(column["better"], value, peers):
        return f"{meaning}: as for many with bad outcomes"
    return str(column["reason"])


def relation_text(relation: RelationFacts, has_any: bool, value: float | None, peers: float | None) -> str:
    """What is said of a relation that speaks against a party; ``has_any``: whether it has anybody there.

    Who has nobody is measured against the average party too: where counterparties speak for most, to have
    none speaks against.
    """
    if not has_any:
        return f"No {relation.counterparties} on record: as for many with bad outcomes"
    them = whose(relation.counterparties)
    if value is None or peers is None or not _worse(_BETTER[relation.unit], value, peers):
        return f"What is known of {them}, and whom they deal with, goes with bad outcomes"
    if relation.unit == "share":
        return f"Record of {them} with others is worse than usual"
    return f"Scores of {them} are lower than usual"


def _column_reason(
    run: StoredRun, source: int, points: int, value: float | None, peers: float | None
) -> Body:
    column = run.facts.columns[source]
    return {
        "code": column["code"],
        "text": column_text(column, value, peers),
        "part": column["part"],
        "relation": None,
        "value": value,
        "unit": column["unit"],
        "peers_value": peers,
        "points": points,
        "actionable": column["actionable"],
        "evidence": None,
    }


def _relation_reason(
    run: StoredRun, code: int, source: int, points: int, value: float | None, peers: float | None
) -> Body:
    relation = run.facts.inherited[-2 - source]
    has_any = run.has_counterparties(code, relation.name)
    return {
        "code": f"INHERITED:{relation.name}",
        "text": relation_text(relation, has_any, value, peers),
        "part": "inherited",
        "relation": relation.name,
        "value": value,
        "unit": relation.unit,
        "peers_value": peers,
        "points": points,
        "actionable": False,
        "evidence": None,
    }


def _reasons(run: StoredRun, at: NDArray[np.int64]) -> list[list[Body]]:
    """Reasons of each party, without evidence."""
    arrays = run.arrays
    columns = (
        arrays["reason_source"][at].tolist(),
        arrays["reason_points"][at].tolist(),
        significant(arrays["reason_value"][at]),
        significant(arrays["reason_peers"][at]),
    )
    return [
        [
            _column_reason(run, source, *rest) if source >= 0 else _relation_reason(run, code, source, *rest)
            for source, *rest in zip(*row, strict=True)
            if source != -1
        ]
        for code, *row in zip(at.tolist(), *columns, strict=True)
    ]


def _points(run: StoredRun, row: list[int]) -> Body:
    """The exact split in whole points: the numbers sum to the score."""
    base, own, environment, *inherited, clamp = row
    names = (relation.name for relation in run.facts.inherited)
    return {
        "base": base,
        "own": own,
        "environment": environment,
        "inherited": dict(zip(names, inherited, strict=True)),
        "clamp": clamp,
    }


def _peer_group(run: StoredRun, group: int) -> Body:
    peers = run.facts.peer_groups[group]
    return {"shared": peers["shared"], "members": peers["members"]}


def _intervals(run: StoredRun, at: NDArray[np.int64]) -> list[Body]:
    """The interval of each PD: of the rate among parties that look the same, and of the party's own."""
    z, spread = run.arrays["z"][at], run.arrays["spread"][at]
    unseen = Unseen(run.facts.unseen_spread, run.facts.certain_share)
    assumed = {"unseen_spread": unseen.spread, "certain_share": unseen.certain_share}
    rate, own = z_interval(z, spread), party_interval(z, spread, unseen)
    columns = {
        **dict(zip(("low", "high"), (significant(pd_of(end)) for end in rate), strict=True)),
        # The riskier end of the PD is the lower end of the score.
        **dict(zip(("score_high", "score_low"), (score_of(end).tolist() for end in rate), strict=True)),
        **dict(zip(("party_low", "party_high"), (significant(pd_of(end)) for end in own), strict=True)),
    }
    return [
        {"level": LEVEL, **dict(zip(columns, row, strict=True)), **assumed}
        for row in zip(*columns.values(), strict=True)
    ]


def _shortfall(run: StoredRun, status: int, known: int, rows: int) -> str | None:
    """Why there is too little evidence, in a sentence."""
    if status != INSUFFICIENT_EVIDENCE:
        return None
    columns, minimum = sum(group["columns"] for group in run.facts.groups), run.facts.minimum_coverage
    lacking = max(math.ceil(minimum * columns) - known, 0)
    if not lacking:
        return "no row of any table names it"
    counted = f"{known:,} of {columns:,} columns are known from {rows:,} rows"
    return f"{counted}; at least {lacking:,} more must be known to reach {minimum:.0%}"


def _data_coverage(run: StoredRun, at: NDArray[np.int64]) -> list[Body]:
    """What is known of each party, and the groups of columns of which nothing is."""
    arrays, facts = run.arrays, run.facts
    columns = zip(
        arrays["status"][at].tolist(),
        significant(arrays["known_share"][at]),
        arrays["known"][at].tolist(),
        arrays["rows"][at].tolist(),
        strict=True,
    )
    return [
        {
            "known_share": share,
            "minimum_share": facts.minimum_coverage,
            "rows": rows,
            "shortfall": _shortfall(run, status, sum(known), rows),
            "missing": [group for group, count in zip(facts.groups, known, strict=True) if not count],
            "absent_tables": facts.absent_tables,
        }
        for status, share, known, rows in columns
    ]


def _frame(run: StoredRun) -> Body:
    """What every score of a run says alike."""
    facts = run.facts
    return {
        "task": facts.task,
        "outcome": facts.outcome,
        "horizon_days": facts.horizon_days,
        "calibrated": facts.calibrated,
        "base_currency": facts.base_currency,
        "trend": None,
        "raw_band": None,
        "way_back": None,
        "systemic_importance": None,
        "as_of": facts.as_of,
        "run_id": facts.run_id,
        "model_sha": facts.model_sha,
        "snapshot_sha": facts.snapshot_sha,
    }


def score_bodies(run: StoredRun, codes: Sequence[int]) -> list[Body]:
    """Scores of the parties with these codes, in their order. ``evidence`` of the reasons is None."""
    at = np.asarray(codes, np.int64)
    arrays, facts, frame = run.arrays, run.facts, _frame(run)
    columns = zip(
        run.party_ids.take(at),
        arrays["status"][at].tolist(),
        arrays["score"][at].tolist(),
        arrays["band"][at].tolist(),
        significant(arrays["pd"][at]),
        np.round(arrays["percentile"][at].astype(np.float64), 1).tolist(),
        arrays["peer_group"][at].tolist(),
        arrays["points"][at].tolist(),
        _data_coverage(run, at),
        _intervals(run, at),
        arrays["z"][at].tolist(),
        _reasons(run, at),
        strict=True,
    )
    bodies = []
    for party_id, status, score, band, pd, percentile, group, points, known, interval, z, reasons in columns:
        scored = status == SCORED
        stated = scored and facts.calibrated
        bodies.append(
            {
                "party_id": party_id,
                "status": STATUSES[status],
                "score": score if scored else None,
                "band": BANDS[band] if stated else None,
                "pd": pd if stated else None,
                "interval": interval if stated else None,
                "z": z if scored else None,
                "percentile": percentile if scored else None,
                "peer_group": _peer_group(run, group) if scored else None,
                "points": _points(run, points) if scored else None,
                "reasons": reasons,
                "data_coverage": known,
                "insufficient_evidence": STATUSES[status] == "insufficient_evidence",
                **frame,
            }
        )
    return bodies


def score_body(run: StoredRun, code: int) -> Body:
    """One party's score. Reasons of columns have the rows behind them; those of relations are behind
    counterparties, which the explanation names."""
    body = score_bodies(run, [code])[0]
    sources = run.arrays["reason_source"][code].tolist()
    for reason, source in zip(body["reasons"], sources, strict=False):
        if source >= 0:
            tables = run.facts.columns[source]["tables"] if reason["part"] == "own" else ()
            reason["evidence"] = rows_behind(run, code, tables)
    return body
