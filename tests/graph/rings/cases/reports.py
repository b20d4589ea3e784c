"""A report of three rings, two of one case, with hostile names."""

from __future__ import annotations

from graph.rings.cases.report import CaseRecord, RingMember, RingRecord, RingReport
from graph.rings.finding import EvidenceRow, Search

HOSTILE = "=<script>[red]\x07 a/b 公司"


def ring(ring_id: str, typology: str, severity: float, case_id: str, *parties: str) -> RingRecord:
    return RingRecord(
        ring_id=ring_id,
        typology=typology,
        title="Circular trading",
        severity=severity,
        expected_by_chance=10**-severity,
        first_on="2022-01-03",
        last_on="2022-03-04",
        amount=123_456,
        members=tuple(RingMember(party, "trader") for party in parties),
        evidence=(EvidenceRow("invoices", (f"I-{ring_id}",)), EvidenceRow("links", ("A", "B"))),
        explanation=f"The records show trade in a circle: {', '.join(parties)}.",
        facts={"cycles": 2},
        case_id=case_id,
    )


def case(case_id: str, *rings: RingRecord) -> CaseRecord:
    return CaseRecord(
        case_id=case_id,
        status="open",
        note="",
        severity=max(one.severity for one in rings),
        amount=123_456,
        first_on="2022-01-03",
        last_on="2022-03-04",
        typologies=tuple(sorted({one.typology for one in rings})),
        ring_ids=tuple(one.ring_id for one in rings),
        party_ids=tuple(sorted({member.party_id for one in rings for member in one.members})),
        absorbed=(),
    )


RINGS = (
    ring("circular_trading-1", "circular_trading", 0.9, "case-1", "P001", "P002", HOSTILE),
    ring("circular_trading-2", "circular_trading", 0.2, "case-2", "P003", "P004"),
    ring("carousel-1", "carousel", 0.5, "case-1", "P001", "P002"),
)
REPORT = RingReport(
    run_id="2022-06-01-abc",
    as_of="2022-06-01",
    snapshot_sha="sha",
    base_currency="EUR",
    parties=60,
    searches=(Search("circular_trading", 9, 2, 20, 3, ("a hub was cut",)),),
    lacking={"phoenix": ("outcomes",)},
    rings=RINGS,
    cases=(case("case-1", RINGS[0], RINGS[2]), case("case-2", RINGS[1])),
)
