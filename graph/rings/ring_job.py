"""From a store to published rings: search, merge into cases, ask the verdicts, publish."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import replace
from datetime import date

import pyarrow as pa

from graph.errors import BadInput
from graph.rings.cases import Case, merge
from graph.rings.detection import Progress, RingsFound, find_rings
from graph.rings.membership import SEED
from graph.rings.records import case_records, ring_records
from graph.rings.report import CaseRecord, RingReport, current_report, read_report, write_report
from graph.rings.typologies import TYPOLOGIES
from graph.rings.typology import Typology
from graph.rings.verdicts import Verdict, decide, with_verdicts
from graph.snapshot import Snapshot
from graph.store import EcosystemStore, PublishedRings
from graph.workspace import Workspace


def typologies_of(codes: Sequence[str]) -> tuple[Typology, ...]:
    """Typologies by code, all where none is named. Raises ``BadInput`` for a code that there is not."""
    known = {typology.code: typology for typology in TYPOLOGIES}
    unknown = sorted(set(codes) - set(known))
    if unknown:
        raise BadInput(f"no typology {', '.join(unknown)}; there are: {', '.join(known)}")
    return tuple(typology for code, typology in known.items() if not codes or code in codes)


def _earlier(case: CaseRecord) -> Case:
    return Case(case.case_id, (), case.party_ids, case.typologies, case.severity, 0, 0, case.amount)


def make_report(
    found: RingsFound,
    typologies: Sequence[Typology],
    snapshot: Snapshot,
    previous: RingReport | None,
    verdicts: Sequence[Verdict],
) -> RingReport:
    """Findings as they are kept: explained, merged into cases that carry on earlier ones, judged."""
    earlier = [] if previous is None else [_earlier(case) for case in previous.cases]
    rings = ring_records(found, typologies, snapshot)
    cases = case_records(merge(found.rings, snapshot.party_ids, earlier), rings)
    case_of = {ring_id: case.case_id for case in cases for ring_id in case.ring_ids}
    codes = "|".join(typology.code for typology in typologies)
    text = f"{snapshot.sha256}|{SEED}|{codes}|{'|'.join(sorted(case_of.values()))}"
    report = RingReport(
        run_id=f"{snapshot.as_of}-{hashlib.sha256(text.encode()).hexdigest()[:12]}",
        as_of=snapshot.as_of.isoformat(),
        snapshot_sha=snapshot.sha256,
        base_currency=snapshot.base_currency,
        parties=snapshot.n_parties,
        searches=found.searches,
        lacking=found.lacking,
        rings=tuple(replace(ring, case_id=case_of[ring.ring_id]) for ring in rings),
        cases=cases,
    )
    return with_verdicts(report, verdicts)


def judged_report(workspace: Workspace, store: EcosystemStore) -> RingReport:
    """The published rings with the store's verdicts of this moment."""
    return with_verdicts(current_report(workspace), verdicts_of(store))


def search_and_publish(
    store: EcosystemStore,
    workspace: Workspace,
    snapshot: Snapshot,
    codes: Sequence[str] = (),
    tell: Progress = lambda what, share: None,
) -> RingReport:
    """Rings of the snapshot. Published here and in the store where all typologies are searched; a search
    of some of them alone is only returned."""
    typologies = typologies_of(codes)
    folder = workspace.current_rings()
    previous = None if folder is None else read_report(folder)
    found = find_rings(snapshot, typologies, seed=SEED, progress=tell)
    report = make_report(found, typologies, snapshot, previous, verdicts_of(store))
    if len(typologies) == len(TYPOLOGIES):
        tell("publishing", 1.0)
        workspace.publish_rings(report.run_id, lambda target: write_report(target, report))
        store.publish_rings(published_rings(report))
    return report


def give_verdict(
    store: EcosystemStore, workspace: Workspace, case_id: str, decision: str, note: str
) -> Verdict:
    """Record a verdict on a published case. Raises ``UnknownRing``, or ``BadInput`` for other decisions."""
    verdict = decide(current_report(workspace), case_id, decision, note)
    store.record_verdict(verdict.to_json())
    return verdict


def verdicts_of(store: EcosystemStore) -> tuple[Verdict, ...]:
    """All verdicts that the store keeps, earliest first."""
    return tuple(map(Verdict.from_json, store.verdicts()))


def published_rings(report: RingReport) -> PublishedRings:
    """The report as the columns that a store takes."""

    def days(texts: Sequence[str]) -> pa.Array:
        return pa.array([date.fromisoformat(text) for text in texts], pa.date32())

    rings, cases, text = report.rings, report.cases, pa.string()
    return PublishedRings(
        run_id=report.run_id,
        as_of=date.fromisoformat(report.as_of),
        snapshot_sha=report.snapshot_sha,
        rings=pa.table(
            {
                "ring_id": pa.array([r.ring_id for r in rings], text),
                "typology": pa.array([r.typology for r in rings], text),
                "title": pa.array([r.title for r in rings], text),
                "severity": pa.array([r.severity for r in rings], pa.float64()),
                "expected_by_chance": pa.array([r.expected_by_chance for r in rings], pa.float64()),
                "first_on": days([r.first_on for r in rings]),
                "last_on": days([r.last_on for r in rings]),
                "amount": pa.array([r.amount for r in rings], pa.int64()),
                "explanation": pa.array([r.explanation for r in rings], text),
                "case_id": pa.array([r.case_id for r in rings], text),
            }
        ),
        members=pa.table(
            {
                "ring_id": pa.array([r.ring_id for r in rings for _ in r.members], text),
                "party_id": pa.array([m.party_id for r in rings for m in r.members], text),
                "role": pa.array([m.role for r in rings for m in r.members], text),
            }
        ),
        evidence=pa.table(
            {
                "ring_id": pa.array([r.ring_id for r in rings for _ in r.evidence], text),
                "table": pa.array([e.table for r in rings for e in r.evidence], text),
                "key": pa.array(["|".join(e.key) for r in rings for e in r.evidence], text),
            }
        ),
        cases=pa.table(
            {
                "case_id": pa.array([c.case_id for c in cases], text),
                "status": pa.array([c.status for c in cases], text),
                "note": pa.array([c.note for c in cases], text),
                "severity": pa.array([c.severity for c in cases], pa.float64()),
                "first_on": days([c.first_on for c in cases]),
                "last_on": days([c.last_on for c in cases]),
                "amount": pa.array([c.amount for c in cases], pa.int64()),
                "typologies": pa.array(["|".join(c.typologies) for c in cases], text),
            }
        ),
    )
