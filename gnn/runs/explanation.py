"""Why a party has its score: the exact split, the counterparties it comes from, the columns that moved it."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import groupby
from typing import Any

import numpy as np

from gnn.attribution import counterparty_parts
from gnn.parts import CounterpartyPart
from gnn.runs.run_files import StoredRun
from gnn.runs.scorecard import BANDS, SCORED, STATUSES, points_of, whole_points
from gnn.runs.scores import Body, score_body, significant
from graph.vocabulary import whose

#: At most so many counterparties are named, largest first.
MAX_COUNTERPARTIES = 20
#: A reason that comes from a relation shows its largest counterparties.
MAX_SHOWN_BEHIND_REASON = 3

#: Log-odds below this are what a sum left over.
ROUNDING = 1e-9

REMAINDER_TEXT = "all others, less what the average party inherits"


def _split(run: StoredRun, code: int) -> list[Body]:
    """Parts of z and of the score. Log-odds sum to z; points, clamping included, to the score."""
    arrays, facts = run.arrays, run.facts
    own, environment = float(arrays["own"][code]), float(arrays["environment"][code])
    inherited = arrays["inherited"][code].tolist()
    named: list[tuple[str, str | None, str, float | None]] = [
        ("base", None, "where everyone starts", facts.base),
        ("own", None, "its own record", own),
        ("environment", None, "its industry and region", environment),
    ]
    for relation, log_odds in zip(facts.inherited, inherited, strict=True):
        named.append(("inherited", relation.name, f"from {whose(relation.counterparties)}", log_odds))
    named.append(("clamp", None, "held within 300 to 900", None))
    return [
        {"part": part, "relation": relation, "text": text, "log_odds": log_odds, "points": points}
        for (part, relation, text, log_odds), points in zip(
            named, arrays["points"][code].tolist(), strict=True
        )
    ]


def _standing(run: StoredRun, code: int | None) -> Body:
    """Who a counterparty is, and how it stands itself."""
    if code is None:
        return {"party_id": None, "score": None, "band": None, "status": None}
    status = int(run.arrays["status"][code])
    scored = status == SCORED
    return {
        "party_id": run.party_ids[code],
        "score": int(run.arrays["score"][code]) if scored else None,
        "band": BANDS[int(run.arrays["band"][code])] if scored and run.facts.calibrated else None,
        "status": STATUSES[status],
    }


def _within_relation(
    run: StoredRun, relation: int, code: int, listed: list[CounterpartyPart]
) -> Iterator[Body]:
    """One relation's counterparties and their remainder: together exactly the relation's part."""
    named = [part for part in listed if part.counterparty is not None]
    total = float(run.arrays["inherited"][code, relation])
    log_odds = [part.log_odds for part in named]
    rest = total - sum(log_odds)
    log_odds.append(rest if abs(rest) > ROUNDING else 0.0)
    whole = np.array([run.arrays["points"][code, 3 + relation]], np.int64)
    points = whole_points(points_of(np.array([log_odds])), whole)[0].tolist()
    facts = run.facts.inherited[relation]
    for part, part_points in zip(named, points, strict=False):
        yield {
            **_standing(run, part.counterparty),
            "via": None if part.via is None else run.party_ids[part.via],
            "relation": facts.name,
            "text": facts.counterparties if part.via is None else f"counterparties of {facts.counterparties}",
            "log_odds": part.log_odds,
            "points": part_points,
        }
    yield {
        **_standing(run, None),
        "via": None,
        "relation": facts.name,
        "text": REMAINDER_TEXT,
        "log_odds": log_odds[-1],
        "points": points[-1],
    }


def _counterparties(run: StoredRun, code: int, limit: int) -> list[Body]:
    """Largest first; each relation's remainder after its counterparties are all out."""
    parts = counterparty_parts(run.attribution, code, limit)
    by_name = {
        name: list(found)
        for name, found in groupby(sorted(parts, key=lambda p: p.relation), key=lambda p: p.relation)
    }
    bodies = [
        body
        for position, relation in enumerate(run.facts.inherited)
        for body in _within_relation(run, position, code, by_name.get(relation.name, []))
        if body["party_id"] is not None or body["log_odds"]
    ]
    return sorted(bodies, key=lambda body: (body["party_id"] is None, -abs(body["log_odds"])))


def _columns(run: StoredRun, code: int) -> list[Body]:
    """The columns that moved own and environment most, by path attribution, largest first."""
    arrays = run.arrays
    rows = zip(
        arrays["column_source"][code].tolist(),
        arrays["column_log_odds"][code].astype(np.float64).tolist(),
        significant(arrays["column_values"][code]),
        significant(arrays["column_peers"][code]),
        strict=True,
    )
    listed = []
    for source, log_odds, value, peers in rows:
        if source < 0:
            continue
        column = run.facts.columns[source]
        listed.append(
            {
                **{
                    name: column[name]
                    for name in ("name", "code", "meaning", "unit", "part", "better", "actionable")
                },
                "value": value,
                "peers_value": peers,
                "log_odds": log_odds,
                "points": round(float(points_of(np.array(log_odds))), 1),
            }
        )
    return listed


def _show_counterparties(reasons: list[Body], counterparties: list[Body]) -> None:
    """Inherited reasons get their largest adverse counterparties as evidence."""
    for reason in reasons:
        if reason["relation"] is not None:
            behind = [
                {
                    "table": "parties",
                    "key": body["party_id"],
                    "role": body["text"],
                    "on": None,
                    "amount": None,
                    "adverse": True,
                }
                for body in counterparties
                if body["relation"] == reason["relation"]
                and body["party_id"] is not None
                and body["points"] < 0
            ]
            reason["evidence"] = behind[:MAX_SHOWN_BEHIND_REASON]


def explanation_body(run: StoredRun, code: int, limit: int = MAX_COUNTERPARTIES) -> dict[str, Any]:
    """The score with ``parts`` (exact split), ``counterparties`` and ``columns``; empty without a score."""
    body = score_body(run, code)
    if body["status"] != STATUSES[SCORED]:
        return body | {"parts": [], "counterparties": [], "columns": []}
    counterparties = _counterparties(run, code, limit)
    _show_counterparties(body["reasons"], counterparties)
    return body | {
        "parts": _split(run, code),
        "counterparties": counterparties,
        "columns": _columns(run, code),
    }


def explain_party(run: StoredRun, party_id: str, limit: int = MAX_COUNTERPARTIES) -> dict[str, Any]:
    """``explanation_body`` of a party by its id. Raises ``UnknownParty``."""
    return explanation_body(run, run.code(party_id), limit)
