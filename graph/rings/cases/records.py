"""Findings of a search as they are kept: ids instead of codes, explained, gathered into cases."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

import pyarrow as pa

from graph.rings.cases.merging import Case
from graph.rings.cases.report import CaseRecord, RingMember, RingRecord
from graph.rings.detection import Ring, RingsFound
from graph.rings.finding import digest_of
from graph.rings.typology import Typology
from graph.rings.wording import day
from graph.snapshot import Snapshot


def case_records(cases: Sequence[Case], rings: Sequence[RingRecord]) -> tuple[CaseRecord, ...]:
    """Cases over the rings that they were merged from, nobody's verdict asked yet."""
    return tuple(
        CaseRecord(
            case_id=case.case_id,
            status="open",
            note="",
            severity=round(case.severity, 4),
            amount=case.amount,
            first_on=day(case.first_on),
            last_on=day(case.last_on),
            typologies=case.typologies,
            ring_ids=tuple(rings[position].ring_id for position in case.rings),
            party_ids=case.members,
            absorbed=case.absorbed,
        )
        for case in cases
    )


def names_of(rings: Sequence[Ring], party_ids: pa.StringArray) -> dict[int, str]:
    """Party ids of all members by code."""
    codes = sorted({code for ring in rings for code in ring.finding.codes})
    return dict(zip(codes, party_ids.take(pa.array(codes, pa.int64())).to_pylist(), strict=True))


def ring_ids(rings: Sequence[Ring], names: Mapping[int, str]) -> list[str]:
    """An id of each ring: it stays as long as typology and members do. ``names``: party ids by code."""
    seen, found = Counter[str](), []
    for ring in rings:
        ring_id = f"{ring.finding.typology}-{digest_of(sorted(names[code] for code in ring.finding.codes))}"
        seen[ring_id] += 1
        found.append(ring_id if seen[ring_id] == 1 else f"{ring_id}-{seen[ring_id]}")
    return found


def ring_records(
    found: RingsFound, typologies: Sequence[Typology], snapshot: Snapshot
) -> tuple[RingRecord, ...]:
    """Findings with ids instead of codes, explained; ``case_id`` is still empty."""
    by_code = {typology.code: typology for typology in typologies}
    names = names_of(found.rings, snapshot.party_ids)

    def record(ring: Ring, ring_id: str) -> RingRecord:
        finding, typology = ring.finding, by_code[ring.finding.typology]
        members = tuple(RingMember(names[m.code], m.role) for m in finding.members)
        return RingRecord(
            ring_id=ring_id,
            typology=finding.typology,
            title=typology.title,
            severity=round(ring.severity, 4),
            expected_by_chance=ring.expected_by_chance,
            first_on=day(finding.first_on),
            last_on=day(finding.last_on),
            amount=finding.amount,
            members=members,
            evidence=finding.evidence,
            explanation=typology.explain(finding, names.__getitem__, snapshot.base_currency),
            facts=dict(finding.facts),
            case_id="",
        )

    return tuple(map(record, found.rings, ring_ids(found.rings, names)))
