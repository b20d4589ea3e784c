"""A party and every row that names it deleted in one transaction, and what people see brought in line.

Where the last version of a thing named the party and an earlier one did not, that earlier one is the last
one now. Flows between others that were summed over deleted rows are summed up anew.
"""

from __future__ import annotations

from collections import defaultdict

from graph.contract import TABLES
from graph.neo4j import rings
from graph.neo4j.exploration import Touched, flow_queries, tie_back_query, tie_clauses
from graph.neo4j.schema import FLOWS, LABELS, ROW_TABLES, TIES, event_flow, property_name, version_label
from graph.neo4j.session import Transaction


def erase(transaction: Transaction, party_id: str) -> int:
    """Delete the party and the rows that name it; returns how many rows. Ties and rings go with them."""
    touched: Touched = defaultdict(set)
    deleted = 0
    for table in LABELS:
        named = [c.name for c in TABLES[table].columns if c.references == "parties"]
        named = ["party_id"] if table == "parties" else named
        if not named:
            continue
        condition = " OR ".join(f"v.{property_name(name)} = $party" for name in named)
        keys = _note(transaction, table, condition, party_id, touched)
        found = transaction.run(
            f"MATCH (v:{version_label(table)}) WHERE {condition} DETACH DELETE v RETURN count(*) AS n",
            party=party_id,
        )
        deleted += found[0]["n"]
        if table in ROW_TABLES:
            _choose_again(transaction, table, keys, touched)
    rings.erase_rings(transaction, party_id)
    transaction.run("MATCH (p:Party {partyId: $party}) DETACH DELETE p", party=party_id)
    _sum_again(transaction, touched)
    _count_again(transaction)
    transaction.run("MATCH (l:Lease {name: 'writer'}) SET l.erasures = coalesce(l.erasures, 0) + 1")
    return deleted


def _note(transaction: Transaction, table: str, condition: str, party_id: str, touched: Touched) -> list[str]:
    """Keys of the rows to be deleted; whose flows to others they were part of goes into ``touched``."""
    flows = [flow for flow in FLOWS if flow.table == table]
    others = "".join(
        f", CASE WHEN v.{property_name(flow.b_column)} = $party THEN null "
        f"ELSE v.{property_name(flow.a_column)} END AS {flow.type}"
        for flow in flows
    )
    rows = transaction.run(
        f"MATCH (v:{version_label(table)}) WHERE {condition} RETURN left(v.versionKey, 33) AS key{others}",
        party=party_id,
    )
    for flow in flows:
        touched[table, flow.a_column].update({row[flow.type] for row in rows} - {None, party_id})
    if table == "invoices":
        financiers = transaction.run(
            f"""MATCH (v:{version_label(table)}) WHERE {condition}
                MATCH (f:Financing {{invoiceId: v.invoiceId}}) RETURN DISTINCT f.financierId AS id""",
            party=party_id,
        )
        touched["financings", "financier_id"].update({row["id"] for row in financiers} - {party_id})
    return sorted({row["key"] for row in rows})


def _choose_again(transaction: Transaction, table: str, keys: list[str], touched: Touched) -> None:
    """Let the last version that is left carry the table's label and the ties."""
    label, version = LABELS[table], version_label(table)
    chosen = transaction.run(
        f"""UNWIND $keys AS key
            MATCH (o:{version}) USING INDEX o:{version}(versionKey) WHERE o.versionKey STARTS WITH key
            WITH key, o ORDER BY o.versionKey DESC
            WITH key, head(collect(o)) AS v WHERE NOT v:{label}
            SET v:{label} RETURN v.versionKey AS key, properties(v) AS said""",
        keys=keys,
    )
    if not chosen:
        return
    again = [row["key"] for row in chosen]
    rows = f"UNWIND $keys AS key MATCH (v:{version} {{versionKey: key}})"
    transaction.run(f"{rows}\n{tie_clauses(TIES[table])}", keys=again)
    columns = [flow.a_column for flow in FLOWS if flow.table == table]
    for column in [*columns, *(["party_id", "kind"] if table == "events" else [])]:
        found = {row["said"].get(property_name(column)) for row in chosen}
        touched[table, column].update(found - {None})
    if table == "invoices":
        for other, ties in TIES.items():
            for tie in ties:
                if tie.target == "invoices":
                    transaction.run(f"{rows}\n{tie_back_query(other, tie)}", keys=again)


def _sum_again(transaction: Transaction, touched: Touched) -> None:
    for flow in FLOWS:
        parties = sorted(touched[flow.table, flow.a_column])
        for query in flow_queries(flow):
            transaction.run(query, parties=parties, basis=flow.table, kind=None)
    parties = sorted(touched["events", "party_id"])
    for kind in sorted(touched["events", "kind"]):
        for query in flow_queries(event_flow(kind)):
            transaction.run(query, parties=parties, basis="events", kind=kind)


def _count_again(transaction: Transaction) -> None:
    """How many rows each load has, and up to which day."""
    transaction.run("MATCH (l:Load {state: 'committed'}) SET l.rows = 0 REMOVE l.latestKnownOn")
    for table in LABELS:
        transaction.run(
            f"""MATCH (v:{version_label(table)})
                WITH v.loadId AS load, max(v.knownOn) AS latest, count(*) AS rows
                MATCH (l:Load {{loadId: load}}) SET l.rows = l.rows + rows
                WITH l, latest WHERE l.latestKnownOn IS NULL OR l.latestKnownOn < latest
                SET l.latestKnownOn = latest"""
        )
