"""Rings as a table of the snapshot, so that indicators, and with them scores, can tell who is in one."""

from __future__ import annotations

from dataclasses import replace

import pyarrow as pa

from graph.rings.cases.records import names_of, ring_ids
from graph.rings.detection import RingsFound, find_rings
from graph.rings.typologies import TYPOLOGIES
from graph.snapshot import Snapshot

TABLE = "rings"
SCHEMA = pa.schema(
    [
        ("ring_id", pa.string()),
        ("party_code", pa.int32()),
        ("typology", pa.string()),
        ("severity", pa.float64()),
        ("last_on", pa.date32()),
        ("amount", pa.int64()),
    ]
)


def ring_table(found: RingsFound, snapshot: Snapshot) -> pa.Table:
    """One row a member of a ring: its id, the party's code, typology, severity, last day, money at stake."""
    ids = ring_ids(found.rings, names_of(found.rings, snapshot.party_ids))
    rows = [
        (ring_id, member.code, ring)
        for ring_id, ring in zip(ids, found.rings, strict=True)
        for member in ring.finding.members
    ]
    return pa.table(
        {
            "ring_id": [ring_id for ring_id, _, _ in rows],
            "party_code": pa.array([code for _, code, _ in rows], pa.int32()),
            "typology": [ring.finding.typology for _, _, ring in rows],
            "severity": pa.array([ring.severity for _, _, ring in rows], pa.float64()),
            "last_on": pa.array([ring.finding.last_on for _, _, ring in rows], pa.int32()).cast(pa.date32()),
            "amount": pa.array([ring.finding.amount for _, _, ring in rows], pa.int64()),
        },
        schema=SCHEMA,
    )


def with_rings(snapshot: Snapshot) -> Snapshot:
    """The snapshot with the rings of its day as a table more; as it is where no typology can be searched.

    Its sha stays: the same tables give the same rings.
    """
    found = find_rings(snapshot, TYPOLOGIES)
    if not found.searches:
        return snapshot
    return replace(snapshot, tables={**snapshot.tables, TABLE: ring_table(found, snapshot)})
