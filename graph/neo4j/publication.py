"""A run's results on the parties that people explore: all of them or none, for readers that ask the run.

Neo4j has no snapshot isolation: while a large transaction is applied, a reader may for some tenths of a
second see part of it. So the run in force is named by ``(:Run {state: 'published'})``; while results
change none is, and what began to read before is waited for. A query that picks that node first
(``CURRENT_RUN``) and then asks for the parties of that run sees all of them, or no run.
"""

from __future__ import annotations

import time

import pyarrow as pa
import pyarrow.compute as pc

from graph.neo4j.lease import Lease
from graph.neo4j.session import Neo4jSession, Transaction
from graph.store import PublishedScores

#: How a query begins that must see one whole run. ``LIMIT`` makes Neo4j pick the run before anything else;
#: without it the planner may ask for the state anew at every party, and see it change on the way.
CURRENT_RUN = "MATCH (r:Run {state: 'published'}) WITH r LIMIT 1 MATCH (p:Party {runId: r.runId})"
BATCH_ROWS = 10_000
KEY = "party_id"
#: Column of the published scores to property of the party.
RISK_COLUMNS = {
    KEY: "partyId",
    "score": "riskScore",
    "band": "riskBand",
    "pd": "riskPd",
    "percentile": "riskPercentile",
    "inherited_points": "riskInheritedPoints",
}
#: The band as a label too: styles in Neo4j Browser know labels, and no conditions.
BAND_LABELS = {band: f"Risk{band}" for band in "ABCDE"}
RISK_PROPERTIES = (*(name for column, name in RISK_COLUMNS.items() if column != KEY), "riskAsOf", "runId")
#: A query that has been reading for longer than this while a run is replaced may see both.
READERS_LIMIT_S = 10.0
POLL_S = 0.02


def publish(session: Neo4jSession, lease: Lease, run: PublishedScores) -> None:
    """Withdraw the run in force, write the new one's results in one transaction, put it in force.

    Killed before that transaction, ``settle`` puts the earlier run back; after it, the new one in force.
    """
    lease.write("MATCH (r:Run {state: 'published'}) SET r.state = 'withdrawn'")
    _wait_for_readers(session)

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


def _wait_for_readers(session: Neo4jSession) -> None:
    """Wait, up to a limit, until every transaction has ended that may have seen the earlier run in force."""
    deadline = time.monotonic() + READERS_LIMIT_S
    query = "SHOW TRANSACTIONS YIELD transactionId RETURN transactionId AS id"
    earlier = {row["id"] for row in session.alone(query)}
    while earlier and time.monotonic() < deadline:
        time.sleep(POLL_S)
        earlier &= {row["id"] for row in session.alone(query)}


def _write_results(transaction: Transaction, run: PublishedScores) -> None:
    rows: pa.Table = run.scores.select(list(RISK_COLUMNS))
    values = ", ".join(f"p.{name} = row.{column}" for column, name in RISK_COLUMNS.items() if column != KEY)
    labels = ":".join(BAND_LABELS.values())
    for band in rows["band"].unique().to_pylist():
        of_band = rows.filter(pc.equal(rows["band"], band) if band is not None else pc.is_null(rows["band"]))
        label = f", p:{BAND_LABELS[band]}" if band in BAND_LABELS else ""
        for start in range(0, of_band.num_rows, BATCH_ROWS):
            transaction.run(
                f"""UNWIND $rows AS row MATCH (p:Party {{partyId: row.{KEY}}})
                    REMOVE p:{labels}
                    SET {values}, p.riskAsOf = $as_of, p.runId = $run{label}""",
                rows=of_band.slice(start, BATCH_ROWS).to_pylist(),
                as_of=run.as_of,
                run=run.run_id,
            )
    removed = ", ".join((*(f"p.{name}" for name in RISK_PROPERTIES), f"p:{labels}"))
    transaction.run(f"MATCH (p:Party) WHERE p.runId <> $run REMOVE {removed}", run=run.run_id)
