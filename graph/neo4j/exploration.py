"""What people explore, made of the rows of a committed load: parties, current rows, ties and flows.

Every step may be cut off and run again: it sets what the record says, whatever was there. So a load whose
process was killed after it committed is completed by the next job.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from itertools import islice

from graph.contract import TABLES
from graph.neo4j.lease import Lease
from graph.neo4j.schema import (
    FLOWS,
    LABELS,
    ROLE_LABELS,
    ROW_TABLES,
    TIES,
    Flow,
    Tie,
    event_flow,
    property_name,
    quoted,
    relationship_type,
    version_label,
)
from graph.neo4j.session import Neo4jSession, Row
from graph.store import Tell

PARTIES_A_FLOW_BATCH = 200
TIE_TYPES = "|".join(sorted({tie.type for ties in TIES.values() for tie in ties}))

#: (table, party column) to the ids whose flows have to be summed up anew; ("events", "kind"): of which kinds.
Touched = defaultdict[tuple[str, str], set[str]]


def tie_load(session: Neo4jSession, lease: Lease, load_id: str, tell: Tell) -> None:
    """Bring what people see up to date with a committed load, then mark it tied."""
    tying = _Tying(session, lease, load_id, tell)
    tying.each_batch("parties", tying.update_parties)
    for table in ROW_TABLES:
        tying.each_batch(table, partial(tying.choose_current, table))
    for table, ties in TIES.items():
        tying.each_batch(table, partial(tying.tie, table, ties))
    tying.each_batch("invoices", tying.tie_to_invoices)
    tying.each_batch("links", tying.update_links)
    for flow in FLOWS:
        tying.sum_flow(flow)
    tying.sum_events()
    lease.write("MATCH (l:Load {loadId: $load}) SET l.tied = true", load=load_id)


class _Tying:
    """One pass over the rows of a load, a transaction a batch."""

    def __init__(self, session: Neo4jSession, lease: Lease, load_id: str, tell: Tell) -> None:
        self._session = session
        self._lease = lease
        self._load_id = load_id
        self._tell = tell
        self._touched: Touched = defaultdict(set)
        self._batches: dict[str, list[int]] = {}

    def each_batch(self, table: str, work: Callable[[int], object]) -> None:
        """Call ``work`` with the number of every batch in which the load wrote rows of ``table``."""
        if table not in self._batches:
            label = version_label(table)
            found = self._session.read(
                f"MATCH (v:{label}) USING INDEX v:{label}(loadId, loadBatch) "
                "WHERE v.loadId = $load AND v.loadBatch >= 0 "
                "RETURN DISTINCT v.loadBatch AS batch ORDER BY batch",
                load=self._load_id,
            )
            self._batches[table] = [row["batch"] for row in found]
        for done, batch in enumerate(self._batches[table]):
            self._tell(f"tying {table}", done / len(self._batches[table]))
            work(batch)

    def update_parties(self, batch: int) -> None:
        """The party's node says what its last version says; results and people's own notes stay."""
        projected = ", ".join(f".{quoted(property_name(name))}" for name in TABLES["parties"].column_names)
        labels = " ".join(
            f"FOREACH (_ IN CASE WHEN '{role}' IN roles THEN [1] ELSE [] END | SET p:{label})"
            for role, label in ROLE_LABELS.items()
        )
        self._write(
            f"""{_rows("parties")}
                MERGE (p:Party {{partyId: v.partyId}})
                MERGE (v)-[:VERSION_OF]->(p)
                WITH p, v ORDER BY v.knownOn DESC
                WITH p, head(collect(v)) AS v
                WHERE p.knownOn IS NULL OR p.knownOn <= v.knownOn
                SET p += v{{{projected}}}
                FOREACH (name IN [k IN keys(p) + keys(v) WHERE k STARTS WITH 'x_'] | SET p[name] = v[name])
                REMOVE p:{":".join(ROLE_LABELS.values())}
                WITH p, split(coalesce(v.roles, ''), '|') AS roles
                {labels}""",
            batch,
        )

    def choose_current(self, table: str, batch: int) -> None:
        """Of all versions of the batch's things, the last one carries the table's label and the ties."""
        label, version = LABELS[table], version_label(table)
        versions = f"""{_rows(table)}
            WITH DISTINCT left(v.versionKey, 33) AS key
            MATCH (o:{version}) USING INDEX o:{version}(versionKey) WHERE o.versionKey STARTS WITH key
            WITH key, o ORDER BY o.versionKey DESC
            WITH key, collect(o) AS versions"""
        columns = [flow.a_column for flow in FLOWS if flow.table == table]
        columns += ["party_id", "kind"] if table == "events" else []
        returned = "".join(f", o.{property_name(column)} AS {column}" for column in columns)
        found = self._write(
            f"""{versions}
                FOREACH (old IN tail(versions) | REMOVE old:{label})
                WITH versions, head(versions) AS current SET current:{label}
                WITH versions UNWIND versions AS o
                RETURN DISTINCT size(versions) > 1 AS corrected{returned}""",
            batch,
        )
        if any(row["corrected"] for row in found):
            self._write(
                f"""{versions} WHERE size(versions) > 1
                    UNWIND tail(versions) AS old
                    MATCH (old)-[tie:{TIE_TYPES}]-() DELETE tie""",
                batch,
            )
        for column in columns:
            self._touched[table, column].update(row[column] for row in found if row[column] is not None)

    def tie(self, table: str, ties: tuple[Tie, ...], batch: int) -> None:
        """Tie the batch's current rows to what their columns name."""
        self._write(f"{_rows(table)} AND v:{LABELS[table]}\n{tie_clauses(ties)}", batch)

    def tie_to_invoices(self, batch: int) -> None:
        """Tie rows that were there before to the invoices they name."""
        for table, ties in TIES.items():
            for tie in ties:
                if tie.target != "invoices":
                    continue
                self._write(f"{_rows('invoices')} AND v:Invoice\n{tie_back_query(table, tie)}", batch)
        found = self._session.read(
            f"{_rows('invoices')} MATCH (f:Financing {{invoiceId: v.invoiceId}}) "
            "USING INDEX f:Financing(invoiceId) RETURN DISTINCT f.financierId AS id",
            load=self._load_id,
            batch=batch,
        )
        self._touched["financings", "financier_id"].update(row["id"] for row in found)

    def update_links(self, batch: int) -> None:
        """A link is a relationship of its kind's type; its last version counts."""
        kinds = self._session.read(
            f"{_rows('links')} RETURN DISTINCT v.kind AS kind", load=self._load_id, batch=batch
        )
        names = [name for name in TABLES["links"].column_names if name not in ("source_id", "target_id")]
        projected = ", ".join(f".{property_name(name)}" for name in names)
        for kind in (row["kind"] for row in kinds):
            self._write(
                f"""{_rows("links")} AND v.kind = $kind
                    WITH left(v.versionKey, 32) AS key, v ORDER BY v.knownOn DESC
                    WITH key, head(collect(v)) AS v
                    MATCH (a:Party {{partyId: v.sourceId}})
                    MATCH (b:Party {{partyId: v.targetId}})
                    MERGE (a)-[r:{quoted(relationship_type(kind))} {{linkKey: key}}]->(b)
                    WITH r, v WHERE r.knownOn IS NULL OR r.knownOn <= v.knownOn
                    SET r += v{{{projected}, basis: 'links'}}""",
                batch,
                kind=kind,
            )

    def sum_flow(self, flow: Flow, kind: str | None = None) -> None:
        """Sum a flow up anew for every party it leads from and whose rows the load touched."""
        touched = self._touched[flow.table, flow.a_column]
        for done, parties in enumerate(_chunks(touched, PARTIES_A_FLOW_BATCH)):
            self._tell(f"summing up {flow.type}", done * PARTIES_A_FLOW_BATCH / len(touched))
            self._lease.write_all(flow_queries(flow), parties=parties, basis=flow.table, kind=kind)

    def sum_events(self) -> None:
        """Events that name a counterparty are flows too, one relationship type a kind."""
        for kind in sorted(self._touched["events", "kind"]):
            self.sum_flow(event_flow(kind), kind)

    def _write(self, query: str, batch: int, **parameters: object) -> list[Row]:
        return self._lease.write(query, load=self._load_id, batch=batch, **parameters)


def tie_clauses(ties: tuple[Tie, ...]) -> str:
    """Cypher that ties the row ``v`` to what its columns name."""
    matches, merges = [], []
    for n, tie in enumerate(ties):
        other = "Party {partyId" if tie.target == "parties" else "Invoice {invoiceId"
        pattern = f"(t{n})-[:{tie.type}]->(v)" if tie.towards_row else f"(v)-[:{tie.type}]->(t{n})"
        matches.append(f"OPTIONAL MATCH (t{n}:{other}: v.{property_name(tie.column)}}})")
        merges.append(f"FOREACH (_ IN CASE WHEN t{n} IS NULL THEN [] ELSE [1] END | MERGE {pattern})")
    return "\n".join([*matches, *merges])


def tie_back_query(table: str, tie: Tie) -> str:
    """Cypher that ties rows of ``table`` that were there before to the invoice ``v`` that they name."""
    label, name = LABELS[table], property_name(tie.column)
    return f"""MATCH (t:{label} {{{name}: v.invoiceId}}) USING INDEX t:{label}({name})
        MERGE (t)-[:{tie.type}]->(v)"""


def flow_queries(flow: Flow) -> tuple[str, str]:
    """Cypher that removes a flow from ``$parties`` and sums it up anew (``$basis``, ``$kind``)."""
    remove = f"""UNWIND $parties AS id
        MATCH (:Party {{partyId: id}})-[old:{quoted(flow.type)} {{basis: $basis}}]->()
        WHERE coalesce(old.kind, '') = coalesce($kind, '') DELETE old"""
    add = f"""UNWIND $parties AS id
        MATCH (a:Party {{partyId: id}})
        MATCH {flow.path} WHERE a <> b AND {flow.where}
        WITH a, b, count(*) AS n, sum({flow.amount}) AS amount, min({flow.day}) AS first,
             max({flow.day}) AS last, collect(DISTINCT row.currency) AS currencies,
             sum(CASE {flow.late} WHEN true THEN 1 ELSE 0 END) AS late, count({flow.late}) AS dated
        CREATE (a)-[:{quoted(flow.type)} {{
            basis: $basis, kind: $kind, count: n, firstOn: first, lastOn: last,
            lateShare: CASE WHEN dated > 0 THEN toFloat(late) / dated END,
            amount: CASE size(currencies) WHEN 1 THEN amount END,
            currency: CASE size(currencies) WHEN 1 THEN currencies[0] END}}]->(b)"""
    return remove, add


def _rows(table: str) -> str:
    """The versions of one batch of a load, as ``v``.

    Indexes are named here and below: what a planner chooses while the store is still empty scans later.
    """
    label = version_label(table)
    return (
        f"MATCH (v:{label}) USING INDEX v:{label}(loadId, loadBatch) "
        "WHERE v.loadId = $load AND v.loadBatch = $batch"
    )


def _chunks(ids: Iterable[str], size: int) -> Iterator[list[str]]:
    ordered = iter(sorted(ids))
    while chunk := list(islice(ordered, size)):
        yield chunk
