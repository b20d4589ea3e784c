"""How the table contract looks in Neo4j: labels, properties, relationship types, constraints.

Every version of every row is one node of the table's version label (``:InvoiceVersion``) and holds all of
its columns: the record, read back without loss. What people explore is made of it: the last version of a
row also carries the table's own label (``:Invoice``) and is tied to ``(:Party)`` nodes.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from graph.contract import TABLES, Table
from graph.vocabulary import ROLES

#: Label of a table's rows. Parties and links have people's forms of their own: a node that outlives its
#: versions, and a relationship.
LABELS: Mapping[str, str] = {
    "parties": "Party",
    "identifiers": "Identifier",
    "links": "Link",
    "invoices": "Invoice",
    "payments": "Payment",
    "shipments": "Shipment",
    "financings": "Financing",
    "events": "Event",
    "stocks": "Stock",
    "outcomes": "Outcome",
    "splits": "Split",
    "fx": "FxRate",
    "context": "ContextValue",
}
#: Tables whose rows people see as nodes of the version itself.
ROW_TABLES = tuple(name for name in LABELS if name not in ("parties", "links"))
ROLE_LABELS: Mapping[str, str] = {role: role.capitalize() for role in ROLES}
#: Bookkeeping of a version node, beside the contract's columns.
VERSION_PROPERTIES = ("versionKey", "rowDigest", "loadId", "loadBatch")

#: Label and key of nodes that are no rows of the contract.
BOOKKEEPING = (
    ("Load", "loadId"), ("Run", "runId"), ("Source", "name"), ("Lease", "name"),
    ("Schema", "name"),
    ("Ring", "ringId"), ("Case", "caseId"),
)  # fmt: skip

_TYPE = re.compile(r"[A-Z][A-Z0-9_]*")
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]*")


@dataclass(frozen=True)
class Tie:
    """A relationship between a row and the party (or row) that one of its columns names."""

    column: str
    type: str
    towards_row: bool = False
    target: str = "parties"


TIES: Mapping[str, tuple[Tie, ...]] = {
    "identifiers": (Tie("party_id", "IDENTIFIED_BY", towards_row=True),),
    "invoices": (
        Tie("seller_id", "ISSUED", towards_row=True),
        Tie("buyer_id", "BILLED_TO"),
        Tie("corrects_invoice_id", "CORRECTS", target="invoices"),
    ),
    "payments": (
        Tie("payer_id", "MADE", towards_row=True),
        Tie("payee_id", "PAID_TO"),
        Tie("invoice_id", "PAYS", target="invoices"),
    ),
    "shipments": (
        Tie("shipper_id", "SHIPPED", towards_row=True),
        Tie("consignee_id", "DELIVERED_TO"),
        Tie("carrier_id", "CARRIED_BY"),
        Tie("invoice_id", "FULFILS", target="invoices"),
    ),
    "financings": (
        Tie("financier_id", "PROVIDED", towards_row=True),
        Tie("assignee_id", "ASSIGNED_TO"),
        Tie("invoice_id", "FINANCES", target="invoices"),
    ),
    "events": (
        Tie("party_id", "HAS_EVENT", towards_row=True),
        Tie("counterparty_id", "WITH_COUNTERPARTY"),
    ),
    "stocks": (Tie("party_id", "HOLDS", towards_row=True),),
    "outcomes": (Tie("party_id", "HAS_OUTCOME", towards_row=True),),
    "splits": (Tie("party_id", "HAS_SPLIT", towards_row=True),),
}


@dataclass(frozen=True)
class Flow:
    """Rows of a table summed up as one relationship between two parties (Cypher over ``row``).

    ``path`` leads from party ``a`` over ``row`` to party ``b``; ``a_column`` and ``b_column`` name their
    columns of the row (b's of the row's invoice where ``via_invoice``).
    """

    type: str
    table: str
    path: str
    a_column: str
    b_column: str
    day: str
    amount: str
    late: str = "null"
    where: str = "true"
    via_invoice: bool = False


FLOWS: tuple[Flow, ...] = (
    Flow(
        "SUPPLIES", "invoices", "(a)-[:ISSUED]->(row)-[:BILLED_TO]->(b)", "seller_id", "buyer_id",
        day="row.issuedOn", amount="row.amount", late="row.paidOn > row.dueOn",
        where="coalesce(row.status, 'open') IN ['open', 'paid']",
    ),
    Flow(
        "SHIPS_TO", "shipments", "(a)-[:SHIPPED]->(row)-[:DELIVERED_TO]->(b)", "shipper_id", "consignee_id",
        day="coalesce(row.dispatchedOn, row.deliveredOn)", amount="row.value",
        late="row.deliveredOn > row.promisedOn",
    ),
    Flow(
        "SHIPS_FOR", "shipments", "(a)<-[:CARRIED_BY]-(row)<-[:SHIPPED]-(b)", "carrier_id", "shipper_id",
        day="coalesce(row.dispatchedOn, row.deliveredOn)", amount="row.value",
        late="row.deliveredOn > row.promisedOn",
    ),
    Flow(
        "PAYS", "payments", "(a)-[:MADE]->(row)-[:PAID_TO]->(b)", "payer_id", "payee_id",
        day="row.paidOn", amount="row.amount",
    ),
    Flow(
        "FINANCES", "financings",
        "(a)-[:PROVIDED]->(row)-[:FINANCES]->()<-[:ISSUED]-(b)", "financier_id", "seller_id",
        day="row.financedOn", amount="row.amount", late="row.repaidOn > row.dueOn", via_invoice=True,
    ),
)  # fmt: skip


def event_flow(kind: str) -> Flow:
    """Events of a kind that name a counterparty are flows too, of a relationship type of their own."""
    path = "(a)-[:HAS_EVENT]->(row:Event {kind: $kind})-[:WITH_COUNTERPARTY]->(b)"
    ends = ("party_id", "counterparty_id")
    return Flow(relationship_type(kind), "events", path, *ends, day="row.occurredOn", amount="null")


def version_label(table: str) -> str:
    """``invoices`` → ``InvoiceVersion``."""
    return LABELS[table] + "Version"


def property_name(column: str) -> str:
    """``seller_id`` → ``sellerId``; a source's own ``x_*`` column keeps its name as it is."""
    if column.startswith("x_"):
        return column
    first, *rest = column.split("_")
    return first + "".join(word.capitalize() for word in rest)


def properties_of(table: Table, open_columns: tuple[str, ...] = ()) -> dict[str, str]:
    """Property name to contract column of everything a version node holds of its row."""
    return {property_name(column): column for column in (*table.column_names, *open_columns)}


def quoted(name: str) -> str:
    """A label, type or property name of ours inside a query's text (names from data travel as parameters)."""
    if not _NAME.fullmatch(name):
        raise ValueError(f"{name!r} may not stand in a query's text")
    return f"`{name}`"


def relationship_type(kind: str) -> str:
    """The relationship type of a declared kind: UPPER_SNAKE, nothing else ever reaches a query's text."""
    name = re.sub(r"[^A-Z0-9]+", "_", kind.upper()).strip("_")
    return name if _TYPE.fullmatch(name) else f"KIND_{name}".rstrip("_")


def _constraints() -> Iterator[tuple[str, str]]:
    """Name and requirement of every uniqueness constraint and index."""
    for table in LABELS:
        label = version_label(table)
        yield f"ecorisk_{table}_version", f"FOR (n:{label}) REQUIRE n.versionKey IS UNIQUE"
    yield "ecorisk_parties", "FOR (n:Party) REQUIRE n.partyId IS UNIQUE"
    for table in ROW_TABLES:
        key = ", ".join(f"n.{quoted(property_name(name))}" for name in TABLES[table].key)
        yield f"ecorisk_{table}", f"FOR (n:{LABELS[table]}) REQUIRE ({key}) IS UNIQUE"
    for label, name in BOOKKEEPING:
        yield f"ecorisk_{label.lower()}", f"FOR (n:{label}) REQUIRE n.{name} IS UNIQUE"


def _indexes() -> Iterator[tuple[str, str]]:
    # The riskiest are asked for first, in every query that analysts begin with.
    yield "ecorisk_party_score", "FOR (n:Party) ON (n.riskScore)"
    for table in LABELS:
        yield f"ecorisk_{table}_load", f"FOR (n:{version_label(table)}) ON (n.loadId, n.loadBatch)"
    for table, ties in TIES.items():
        for tie in ties:
            if tie.target == "invoices":
                name = property_name(tie.column)
                yield f"ecorisk_{table}_{tie.column}", f"FOR (n:{LABELS[table]}) ON (n.{name})"


def schema_statements() -> dict[str, str]:
    """Name to statement of every constraint and index; all are made before the first row."""
    statements = {name: f"CREATE CONSTRAINT {name} IF NOT EXISTS {text}" for name, text in _constraints()}
    return statements | {name: f"CREATE INDEX {name} IF NOT EXISTS {text}" for name, text in _indexes()}
