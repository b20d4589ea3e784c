"""From a store to published rings: search, merge into cases, ask the verdicts, publish."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from graph.errors import BadInput
from graph.rings.cases.merging import Case, merge
from graph.rings.cases.publication import published_rings
from graph.rings.cases.records import case_records, ring_records
from graph.rings.cases.report import CaseRecord, RingReport, current_report, read_report, write_report
from graph.rings.cases.verdicts import Verdict, decide, with_verdicts
from graph.rings.detection import SEED, Progress, RingsFound, find_rings
from graph.rings.finding import digest_of
from graph.rings.typologies import TYPOLOGIES
from graph.rings.typology import Typology
from graph.snapshot import Snapshot
from graph.store import EcosystemStore
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
        run_id=f"{snapshot.as_of}-{digest_of([text])}",
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
    found = find_rings(snapshot, typologies, progress=tell)
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
