"""A run's results on the parties that people explore: all of them or none, for readers that ask the run.

Neo4j has no snapshot isolation: while a large transaction is applied, a reader may for some tenths of a
second see part of it. So the run in force is named by ``(:Run {state: 'published'})``; while its
properties change none is, and a reader that starts there sees a whole run or no run.
"""

from __future__ import annotations

import pyarrow as pa

from graph.neo4j.lease import Lease
from graph.neo4j.schema import RISK_PROPERTIES
from graph.neo4j.session import Neo4jSession, Transaction
from graph.store import PublishedScores

BATCH_ROWS = 10_000


def publish(session: Neo4jSession, lease: Lease, run: PublishedScores) -> None:
    """Withdraw the run in force, write the new one's results in one transaction, put it in force.

    Killed before that transaction, ``settle`` puts the earlier run back; after it, the new one in force.
    """
    lease.write("MATCH (r:Run {state: 'published'}) SET r.state = 'withdrawn'")

    def work(transaction: Transaction) -> None:
        lease.renew(transaction)
        _write_results(transaction, run)
        transaction.run("MATCH (r:Run {state: 'withdrawn'}) SET r.state = 'superseded'")
        transaction.run(
            """MERGE (r:Run {runId: $run})
               SET r.state = 'written', r.asOf = $as_of, r.modelSha = $model, r.snapshotSha = $snapshot,
                   r.parties = $parties""",
            run=run.run_id,
            as_of=run.as_of,
            model=run.model_sha,
            snapshot=run.snapshot_sha,
            parties=run.scores.num_rows,
        )

    try:
        session.transact(work)
    finally:
        settle(lease)


def settle(lease: Lease) -> None:
    """Put the run in force whose results stand on the parties, wherever a publication was cut off."""
    lease.write("MATCH (r:Run) WHERE r.state IN ['written', 'withdrawn'] SET r.state = 'published'")


def _write_results(transaction: Transaction, run: PublishedScores) -> None:
    names = {
        "party_id": "partyId", "score": "riskScore", "band": "riskBand", "pd": "riskPd",
        "percentile": "riskPercentile", "inherited_points": "riskInheritedPoints",
    }  # fmt: skip
    rows: pa.Table = run.scores.select(list(names)).rename_columns(list(names.values()))
    for start in range(0, rows.num_rows, BATCH_ROWS):
        transaction.run(
            """UNWIND $rows AS row MATCH (p:Party {partyId: row.partyId})
               SET p += row, p.riskAsOf = $as_of, p.runId = $run""",
            rows=rows.slice(start, BATCH_ROWS).to_pylist(),
            as_of=run.as_of,
            run=run.run_id,
        )
    removed = ", ".join(f"p.{name}" for name in RISK_PROPERTIES)
    transaction.run(f"MATCH (p:Party) WHERE p.runId <> $run REMOVE {removed}", run=run.run_id)
