"""A report as the tables that a store publishes."""

from __future__ import annotations

from datetime import date
from typing import Any

import pyarrow as pa

from graph.rings.cases.report import CaseRecord, RingRecord, RingReport
from graph.store import PublishedRings

_TEXT, _REAL, _DAY, _MONEY = pa.string(), pa.float64(), pa.date32(), pa.int64()
_RINGS = pa.schema(
    [
        ("ring_id", _TEXT), ("typology", _TEXT), ("title", _TEXT), ("severity", _REAL),
        ("expected_by_chance", _REAL), ("first_on", _DAY), ("last_on", _DAY), ("amount", _MONEY),
        ("explanation", _TEXT), ("case_id", _TEXT),
    ]
)  # fmt: skip
_MEMBERS = pa.schema([("ring_id", _TEXT), ("party_id", _TEXT), ("role", _TEXT)])
_EVIDENCE = pa.schema([("ring_id", _TEXT), ("table", _TEXT), ("key", _TEXT)])
_CASES = pa.schema(
    [
        ("case_id", _TEXT), ("status", _TEXT), ("note", _TEXT), ("severity", _REAL),
        ("first_on", _DAY), ("last_on", _DAY), ("amount", _MONEY), ("typologies", _TEXT),
    ]
)  # fmt: skip


def _dated(record: RingRecord | CaseRecord) -> dict[str, Any]:
    days = {name: date.fromisoformat(getattr(record, name)) for name in ("first_on", "last_on")}
    return {**vars(record), **days}


def published_rings(report: RingReport) -> PublishedRings:
    """The report as the columns that a store takes."""
    members = [{"ring_id": r.ring_id, **vars(member)} for r in report.rings for member in r.members]
    evidence = [
        {"ring_id": r.ring_id, "table": row.table, "key": "|".join(row.key)}
        for r in report.rings
        for row in r.evidence
    ]
    cases = [{**_dated(case), "typologies": "|".join(case.typologies)} for case in report.cases]
    return PublishedRings(
        run_id=report.run_id,
        as_of=date.fromisoformat(report.as_of),
        snapshot_sha=report.snapshot_sha,
        rings=pa.Table.from_pylist(list(map(_dated, report.rings)), _RINGS),
        members=pa.Table.from_pylist(members, _MEMBERS),
        evidence=pa.Table.from_pylist(evidence, _EVIDENCE),
        cases=pa.Table.from_pylist(cases, _CASES),
    )
