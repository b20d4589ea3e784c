"""Rings of one day as they are kept and served: party ids instead of codes, cases, one JSON file."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from graph.errors import ArtifactMismatch, NoPublishedRun, UnknownRing
from graph.rings.finding import EvidenceRow, Search
from graph.workspace import Workspace

FILE = "rings.json"
FORMAT = 1


@dataclass(frozen=True)
class RingMember:
    """A party of a ring and what it does there."""

    party_id: str
    role: str


@dataclass(frozen=True)
class RingRecord:
    """A ring as people and services read it.

    ``first_on`` / ``last_on``: ISO days. ``amount``: int minor units of the report's base currency.
    ``severity``: 0 to 1; ``expected_by_chance``: such findings that one shuffle of the data brings.
    """

    ring_id: str
    typology: str
    title: str
    severity: float
    expected_by_chance: float
    first_on: str
    last_on: str
    amount: int
    members: tuple[RingMember, ...]
    evidence: tuple[EvidenceRow, ...]
    explanation: str
    facts: Mapping[str, float | int | str]
    case_id: str

    @classmethod
    def from_json(cls, body: Mapping[str, Any]) -> RingRecord:
        """The inverse of ``dataclasses.asdict``."""
        members = tuple(RingMember(**member) for member in body["members"])
        evidence = tuple(EvidenceRow(row["table"], tuple(row["key"])) for row in body["evidence"])
        return cls(**{**body, "members": members, "evidence": evidence})


@dataclass(frozen=True)
class CaseRecord:
    """Overlapping rings, to be looked at together. ``status``: open, confirmed, dismissed or watch (what the
    last verdict said), or reopened: dismissed, but there is evidence that was not there then. ``amount``: of
    its largest ring. ``absorbed``: earlier cases that went into this one."""

    case_id: str
    status: str
    note: str
    severity: float
    amount: int
    first_on: str
    last_on: str
    typologies: tuple[str, ...]
    ring_ids: tuple[str, ...]
    party_ids: tuple[str, ...]
    absorbed: tuple[str, ...]

    @classmethod
    def from_json(cls, body: Mapping[str, Any]) -> CaseRecord:
        """The inverse of ``dataclasses.asdict``."""
        lists = ("typologies", "ring_ids", "party_ids", "absorbed")
        return cls(**{**body, **{name: tuple(body[name]) for name in lists}})


@dataclass(frozen=True)
class RingReport:
    """All rings and cases of a day. ``lacking``: typologies not searched, and the tables they would need."""

    run_id: str
    as_of: str
    snapshot_sha: str
    base_currency: str
    parties: int
    searches: tuple[Search, ...]
    lacking: Mapping[str, tuple[str, ...]]
    rings: tuple[RingRecord, ...]
    cases: tuple[CaseRecord, ...]

    def to_json(self) -> dict[str, Any]:
        """One object for machines."""
        return {"format": FORMAT, **asdict(self)}

    @classmethod
    def from_json(cls, body: Mapping[str, Any]) -> RingReport:
        """The inverse of ``to_json``. Raises ``ArtifactMismatch`` for another format."""
        if body.get("format") != FORMAT:
            raise ArtifactMismatch(
                f"rings of format {body.get('format')}, expected {FORMAT}: run 'ecorisk rings'"
            )
        held = {name: value for name, value in body.items() if name != "format"}
        return cls(
            **{
                **held,
                "searches": tuple(Search(**{**s, "cuts": tuple(s["cuts"])}) for s in body["searches"]),
                "lacking": {code: tuple(names) for code, names in body["lacking"].items()},
                "rings": tuple(map(RingRecord.from_json, body["rings"])),
                "cases": tuple(map(CaseRecord.from_json, body["cases"])),
            }
        )

    def ring(self, ring_id: str) -> RingRecord:
        """Raises ``UnknownRing``."""
        for ring in self.rings:
            if ring.ring_id == ring_id:
                return ring
        raise UnknownRing(f"no ring {ring_id!r} as of {self.as_of}", ring_id=ring_id)

    def of_party(self, party_id: str) -> tuple[RingRecord, ...]:
        """Rings that a party is a member of, in the report's order."""
        return tuple(r for r in self.rings if any(m.party_id == party_id for m in r.members))


def write_report(folder: Path, report: RingReport) -> None:
    """Fill an empty folder."""
    text = json.dumps(report.to_json(), ensure_ascii=False, separators=(",", ":"))
    (folder / FILE).write_text(text, encoding="utf-8")


def read_report(folder: Path) -> RingReport:
    """What ``write_report`` wrote. Raises ``ArtifactMismatch`` where it cannot be read."""
    try:
        return RingReport.from_json(json.loads((folder / FILE).read_text("utf-8")))
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ArtifactMismatch(f"{folder / FILE} cannot be read ({error}): run 'ecorisk rings'") from error


def current_report(workspace: Workspace) -> RingReport:
    """The published rings. Raises ``NoPublishedRun``, or ``ArtifactMismatch`` for broken ones."""
    folder = workspace.current_rings()
    if folder is None:
        raise NoPublishedRun(
            f"no rings were searched in {workspace.folder}: run 'ecorisk rings --as-of YYYY-MM-DD'"
        )
    return read_report(folder)
