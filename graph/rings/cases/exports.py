"""Published rings for other programs: GraphML, CSV, FollowTheMoney's JSON lines."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import networkx as nx

from graph.errors import BadInput
from graph.rings.cases.report import RingReport
from graph.spreadsheet import guarded
from graph.workspace import write_atomically


def _ring_attributes(report: RingReport) -> dict[str, dict[str, Any]]:
    return {
        ring.ring_id: {
            "kind": "ring",
            "typology": ring.typology,
            "title": ring.title,
            "severity": ring.severity,
            "expected_by_chance": ring.expected_by_chance,
            "first_on": ring.first_on,
            "last_on": ring.last_on,
            "amount_minor_units": ring.amount,
            "currency": report.base_currency,
            "explanation": ring.explanation,
            "case_id": ring.case_id,
        }
        for ring in report.rings
    }


def graphml(report: RingReport) -> bytes:
    """Rings and parties as nodes, a member's role on its edge (http://graphml.graphdrawing.org)."""
    graph = nx.DiGraph(as_of=report.as_of, run_id=report.run_id)
    for ring_id, attributes in _ring_attributes(report).items():
        graph.add_node(f"ring:{ring_id}", **{k: _plain(v) for k, v in attributes.items()})
    for ring in report.rings:
        for member in ring.members:
            party = f"party:{_plain(member.party_id)}"
            graph.add_node(party, kind="party", party_id=_plain(member.party_id))
            graph.add_edge(f"ring:{ring.ring_id}", party, role=member.role)
    return "\n".join(nx.generate_graphml(graph)).encode()


def _plain(value: Any) -> Any:
    """XML 1.0 has no control characters: they are shown as their Unicode pictures."""
    if not isinstance(value, str):
        return value
    return "".join(chr(0x2400 + ord(c)) if ord(c) < 0x20 and c not in "\t\n" else c for c in value)


def table(report: RingReport) -> bytes:
    """CSV, a row a member of a ring; no cell can pass for a formula (``graph.spreadsheet``)."""
    attributes = _ring_attributes(report)
    columns = [
        "ring_id",
        "party_id",
        "role",
        *(name for name in next(iter(attributes.values()), {}) if name != "kind"),
    ]
    lines: list[list[Any]] = [columns]
    for ring in report.rings:
        for member in ring.members:
            row = {"ring_id": ring.ring_id, "party_id": member.party_id, "role": member.role}
            row |= attributes[ring.ring_id]
            lines.append([_cell(row[name]) for name in columns])
    return _csv(lines)


def _cell(value: Any) -> Any:
    return guarded(value) if isinstance(value, str) else value


def _csv(lines: list[list[Any]]) -> bytes:
    held = io.StringIO(newline="")
    csv.writer(held, lineterminator="\n").writerows(lines)
    return held.getvalue().encode()


def follow_the_money(report: RingReport) -> bytes:
    """FollowTheMoney entities (https://followthemoney.tech), one JSON object a line.

    A ring is an ``Event`` with its members involved; a member is a ``LegalEntity``.
    """
    entities: dict[str, Mapping[str, Any]] = {}

    def entity(entity_id: str, schema: str, **properties: Any) -> None:
        lists = {name: value if isinstance(value, list) else [value] for name, value in properties.items()}
        entities[entity_id] = {"id": entity_id, "schema": schema, "properties": lists}

    for ring in report.rings:
        for member in ring.members:
            entity(f"party-{member.party_id}", "LegalEntity", name=member.party_id)
        entity(
            ring.ring_id,
            "Event",
            name=f"{ring.title} ({ring.ring_id})",
            startDate=ring.first_on,
            endDate=ring.last_on,
            summary=ring.explanation,
            keywords=[ring.typology, *sorted({member.role for member in ring.members})],
            involved=[f"party-{member.party_id}" for member in ring.members],
        )
    lines = (json.dumps(found, ensure_ascii=False) for found in entities.values())
    return "".join(f"{line}\n" for line in lines).encode()


FORMATS: Mapping[str, Callable[[RingReport], bytes]] = {
    ".graphml": graphml,
    ".csv": table,
    ".ftm.json": follow_the_money,
}


def export(report: RingReport, path: Path) -> None:
    """Write the report in the format that the file's ending names. Raises ``BadInput`` for another one."""
    for ending, write in FORMATS.items():
        if path.name.endswith(ending):
            try:
                write_atomically(path, write(report))
            except OSError as error:
                raise BadInput(f"{path} cannot be written: {error}") from error
            return
    raise BadInput(f"{path}: expected a file that ends in {', '.join(FORMATS)}")
