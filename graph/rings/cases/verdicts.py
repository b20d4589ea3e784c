"""What analysts decided about cases, and how often they agreed with each typology."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from typing import Any, Literal

from scipy.stats import binomtest

from graph.errors import BadInput, UnknownRing
from graph.rings.cases.report import CaseRecord, RingRecord, RingReport

Decision = Literal["confirmed", "dismissed", "watch"]
DECISIONS: tuple[Decision, ...] = ("confirmed", "dismissed", "watch")
OPEN, REOPENED = "open", "reopened"
LEVEL = 0.9


@dataclass(frozen=True)
class Verdict:
    """A decision about a case. ``decided_at``: ISO 8601 in UTC. ``typologies`` and ``evidence``: what the
    case rested on when it was decided (digests of the rows' keys: those of links name parties)."""

    case_id: str
    decision: Decision
    note: str
    decided_at: str
    typologies: tuple[str, ...]
    evidence: tuple[str, ...]

    def to_json(self) -> dict[str, Any]:
        """One object for machines."""
        return asdict(self)

    @classmethod
    def from_json(cls, body: Mapping[str, Any]) -> Verdict:
        """The inverse of ``to_json``."""
        return cls(**{**body, "typologies": tuple(body["typologies"]), "evidence": tuple(body["evidence"])})


def _evidence(case: CaseRecord, rings: Iterable[RingRecord]) -> tuple[str, ...]:
    mine = set(case.ring_ids)
    return tuple(sorted({row.digest for ring in rings if ring.ring_id in mine for row in ring.evidence}))


def decide(report: RingReport, case_id: str, decision: str, note: str) -> Verdict:
    """A verdict on a case of the report, as of now. Raises ``UnknownRing``, ``BadInput`` for other words."""
    if decision not in DECISIONS:
        raise BadInput(f"{decision!r} is no verdict: expected {', '.join(DECISIONS)}")
    case = next((case for case in report.cases if case.case_id == case_id), None)
    if case is None:
        raise UnknownRing(f"no case {case_id!r} as of {report.as_of}: 'ecorisk cases' lists them")
    now = datetime.now(UTC).isoformat(timespec="microseconds")
    return Verdict(case_id, decision, note, now, case.typologies, _evidence(case, report.rings))


def _last(verdicts: Iterable[Verdict]) -> dict[str, Verdict]:
    """The last verdict on each case, by its id."""
    return {verdict.case_id: verdict for verdict in sorted(verdicts, key=lambda v: v.decided_at)}


def with_verdicts(report: RingReport, verdicts: Sequence[Verdict]) -> RingReport:
    """The report with every case's status and note from its last verdict.

    A dismissed case stays dismissed as long as all of its evidence was there when it was dismissed.
    """
    last = _last(verdicts)

    def judged(case: CaseRecord) -> CaseRecord:
        verdict = last.get(case.case_id)
        if verdict is None:
            return replace(case, status=OPEN, note="")
        fresh = set(_evidence(case, report.rings)) - set(verdict.evidence)
        status = REOPENED if verdict.decision == "dismissed" and fresh else verdict.decision
        return replace(case, status=status, note=verdict.note)

    return replace(report, cases=tuple(map(judged, report.cases)))


@dataclass(frozen=True)
class Precision:
    """Share of decided cases of a typology that were confirmed, with its 90 % Wilson interval (1927).

    ``month``: of the decision, YYYY-MM; "all": all months together."""

    typology: str
    month: str
    confirmed: int
    dismissed: int
    precision: float
    low: float
    high: float


def precision_by_typology(verdicts: Sequence[Verdict]) -> tuple[Precision, ...]:
    """By typology and month of the last verdict on each case; cases to be watched are not decided."""
    counts: dict[tuple[str, str], list[int]] = {}
    for verdict in _last(verdicts).values():
        if verdict.decision == "watch":
            continue
        for typology in verdict.typologies:
            for month in (verdict.decided_at[:7], "all"):
                pair = counts.setdefault((typology, month), [0, 0])
                pair[verdict.decision == "dismissed"] += 1
    found = []
    for (typology, month), (confirmed, dismissed) in sorted(counts.items()):
        interval = binomtest(confirmed, confirmed + dismissed).proportion_ci(LEVEL, method="wilson")
        share = confirmed / (confirmed + dismissed)
        found.append(
            Precision(typology, month, confirmed, dismissed, share, float(interval.low), float(interval.high))
        )
    return tuple(found)
