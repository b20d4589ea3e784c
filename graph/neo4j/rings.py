"""Rings, cases and verdicts in Neo4j: ``(:Ring)-[:INVOLVES {role}]->(:Party)``, with the rows behind them.

::

    (:Ring {ringId, typology, severity, …})-[:INVOLVES {role}]->(:Party)
    (:Ring)-[:RESTS_ON]->(:Invoice | :Payment | :Shipment | …)      the evidence
    (:Ring)-[:PART_OF]->(:Case {caseId, status, …})-[:HAS_VERDICT]->(:Verdict {decision, note, decidedAt})

The rings of a day replace those of the day before in one transaction, so that all there are belong to one
search. Cases on which there is a verdict stay, also where no ring leads to them any more.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import pyarrow as pa

from graph.contract import TABLES
from graph.neo4j.lease import Lease
from graph.neo4j.schema import LABELS, ROW_TABLES, property_name
from graph.neo4j.session import Neo4jSession, Transaction
from graph.store import PublishedRings

BATCH_ROWS = 5_000


def publish_rings(session: Neo4jSession, lease: Lease, found: PublishedRings) -> None:
    """Replace all rings, all or nothing."""

    def work(transaction: Transaction) -> None:
        lease.renew(transaction)
        transaction.run("MATCH (r:Ring) DETACH DELETE r")
        transaction.run("MATCH (c:Case) WHERE NOT (c)-[:HAS_VERDICT]->() DETACH DELETE c")
        transaction.run("MATCH (c:Case) REMOVE c.runId")
        stamp = {"run": found.run_id, "as_of": found.as_of}
        _each(transaction, found.cases, _nodes("Case", "case_id", found.cases), **stamp)
        _each(transaction, found.rings, _nodes("Ring", "ring_id", found.rings), **stamp)
        _each(
            transaction,
            found.rings.select(["ring_id", "case_id"]),
            "MATCH (r:Ring {ringId: row.ring_id}) MATCH (c:Case {caseId: row.case_id}) "
            "MERGE (r)-[:PART_OF]->(c)",
        )
        _each(
            transaction,
            found.members,
            "MATCH (r:Ring {ringId: row.ring_id}) MATCH (p:Party {partyId: row.party_id}) "
            "MERGE (r)-[i:INVOLVES]->(p) SET i.role = row.role",
        )
        for table in ROW_TABLES:
            rows = found.evidence.filter(pa.compute.equal(found.evidence["table"], table))
            if len(TABLES[table].key) == 1 and rows.num_rows:
                _each(transaction, rows, _resting_on(table))

    session.transact(work)


def record_verdict(lease: Lease, verdict: Mapping[str, Any]) -> None:
    """Keep a verdict beside its case, and show it on the case."""
    lease.write(
        """MERGE (c:Case {caseId: $case_id}) SET c.status = $decision, c.note = $note
           MERGE (v:Verdict {caseId: $case_id, decidedAt: $decided_at})
           SET v.decision = $decision, v.note = $note, v.body = $body
           MERGE (c)-[:HAS_VERDICT]->(v)""",
        body=json.dumps(verdict),
        **{name: verdict[name] for name in ("case_id", "decision", "note", "decided_at")},
    )


def verdicts(session: Neo4jSession) -> tuple[Mapping[str, Any], ...]:
    """All verdicts, earliest first."""
    rows = session.read("MATCH (v:Verdict) RETURN v.body AS body ORDER BY v.decidedAt, v.caseId")
    return tuple(json.loads(row["body"]) for row in rows)


def erase_rings(transaction: Transaction, party_id: str) -> None:
    """Rings that name a party go whole, since their explanations name it too."""
    transaction.run("MATCH (r:Ring)-[:INVOLVES]->(:Party {partyId: $party}) DETACH DELETE r", party=party_id)


def _nodes(label: str, key: str, rows: pa.Table) -> str:
    values = ", ".join(f"n.{property_name(name)} = row.{name}" for name in rows.column_names if name != key)
    return (
        f"MERGE (n:{label} {{{property_name(key)}: row.{key}}}) SET {values}, n.asOf = $as_of, n.runId = $run"
    )


def _resting_on(table: str) -> str:
    key = property_name(TABLES[table].key[0])
    return (
        f"MATCH (r:Ring {{ringId: row.ring_id}}) MATCH (e:{LABELS[table]} {{{key}: row.key}}) "
        "MERGE (r)-[:RESTS_ON]->(e)"
    )


def _each(transaction: Transaction, rows: pa.Table, query: str, **parameters: object) -> None:
    for start in range(0, rows.num_rows, BATCH_ROWS):
        batch = rows.slice(start, BATCH_ROWS).to_pylist()
        transaction.run(f"UNWIND $rows AS row {query}", rows=batch, **parameters)
