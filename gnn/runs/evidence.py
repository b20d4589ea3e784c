"""The rows behind a score: for each party and table, the few that tell most."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import ibis
import ibis.expr.types as ir
import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from gnn.runs.evidence_rows import NO_AMOUNT, NO_DAY
from gnn.runs.texts import Texts, pack
from graph.relations import PAST_DUE_DAYS
from graph.snapshot import Snapshot

#: Rows kept by party, table and role.
MAX_ROWS = 5


@dataclass(frozen=True)
class Evidence:
    """Rows of one table by party: those of party i lie from ``indptr[i]`` to ``indptr[i + 1]``.

    ``roles`` names what ``role`` int8 [k] counts: the party's side in the row. ``keys``: the row's key;
    ``on`` int32 day numbers, ``amount`` int64 minor units, ``adverse`` bool: bad news by itself. Bad news
    comes first, then the latest.
    """

    roles: tuple[str, ...]
    indptr: NDArray[np.int64]
    role: NDArray[np.int8]
    on: NDArray[np.int32]
    amount: NDArray[np.int64]
    adverse: NDArray[np.bool_]
    keys: Texts


@dataclass(frozen=True)
class _Rows:
    """How one table's rows are shown: its party columns by role, and key, day, amount, adverse."""

    roles: Mapping[str, str]
    describe: Callable[[ir.Table], tuple[ir.Value, ir.Value, ir.Value | None, ir.Value | None]]


def _specs(snapshot: Snapshot) -> dict[str, _Rows]:
    today = ibis.date(snapshot.as_of.isoformat())
    adverse_kinds = [kind.name for kind in snapshot.kinds.values() if kind.adverse]
    by_status = [kind for kind in snapshot.kinds.values() if kind.adverse_statuses]

    def overdue(rows: ir.Table, done: str) -> ir.Value:
        late = ibis.coalesce(rows[done], today).delta(rows["due_on"], unit="day") > PAST_DUE_DAYS
        return late.fill_null(False)

    def delayed(rows: ir.Table) -> ir.Value:
        return (ibis.coalesce(rows["delivered_on"], today) > rows["promised_on"]).fill_null(False)

    def bad_news(rows: ir.Table) -> ir.Value:
        bad = rows["kind"].isin(adverse_kinds)
        for kind in by_status:
            bad = bad | ((rows["kind"] == kind.name) & rows["status"].isin(list(kind.adverse_statuses)))
        return bad.fill_null(False)

    def shipped_on(rows: ir.Table) -> ir.Value:
        return ibis.coalesce(rows["dispatched_on"], rows["delivered_on"], rows["promised_on"])

    return {
        "invoices": _Rows(
            {"seller": "seller_code", "buyer": "buyer_code"},
            lambda t: (
                t["invoice_id"],
                t["issued_on"],
                t["amount"],
                overdue(t, "paid_on") | t["status"].isin(["void", "credit_note"]).fill_null(False),
            ),
        ),
        "payments": _Rows(
            {"payer": "payer_code", "payee": "payee_code"},
            lambda t: (t["payment_id"], t["paid_on"], t["amount"], None),
        ),
        "shipments": _Rows(
            {"shipper": "shipper_code", "consignee": "consignee_code", "carrier": "carrier_code"},
            lambda t: (t["shipment_id"], shipped_on(t), t["value"], delayed(t)),
        ),
        "financings": _Rows(
            {"financier": "financier_code", "assignee": "assignee_code", "seller": "seller_code"},
            lambda t: (t["financing_id"], t["financed_on"], t["amount"], overdue(t, "repaid_on")),
        ),
        "events": _Rows(
            {"party": "party_code", "counterparty": "counterparty_code"},
            lambda t: (t["event_id"], t["occurred_on"], None, bad_news(t)),
        ),
        "stocks": _Rows(
            {"party": "party_code"}, lambda t: (t["on"].cast("string"), t["on"], t["value"], None)
        ),
        "outcomes": _Rows(
            {"party": "party_code"},
            lambda t: (t["outcome_id"], t["occurred_on"], None, t["value"] == 1),
        ),
        "rings": _Rows({"member": "party_code"}, lambda t: (t["ring_id"], t["last_on"], t["amount"], True)),
        "links": _Rows(
            {"source": "source_code", "target": "target_code"},
            lambda t: (
                t["source_id"] + " " + t["kind"] + " " + t["target_id"],
                t["valid_from"],
                t["amount"],
                None,
            ),
        ),
    }


def _prepared(tables: Mapping[str, ir.Table], name: str, ids: ir.Table) -> ir.Table:
    """A table with what its rows are described by beside their own columns."""
    rows = tables[name]
    if name == "financings":
        if "invoices" not in tables:
            return rows.mutate(seller_code=ibis.null("int32"))
        sellers = tables["invoices"].select("invoice_id", "seller_code")
        return rows.left_join(sellers, "invoice_id").drop("invoice_id_right")
    if name == "links":
        sources = ids.rename({"source_code": "code", "source_id": "party_id"})
        targets = ids.rename({"target_code": "code", "target_id": "party_id"})
        return rows.inner_join(sources, "source_code").inner_join(targets, "target_code")
    return rows


def _telling_rows(rows: ir.Table, spec: _Rows) -> pa.Table:
    key, on, amount, adverse = spec.describe(rows)
    described = rows.mutate(
        key=key,
        on=on,
        amount=ibis.literal(NO_AMOUNT, "int64") if amount is None else amount.fill_null(NO_AMOUNT),
        adverse=ibis.literal(False) if adverse is None else adverse,
    )
    sides = [
        described.filter(described[column].notnull()).select(
            "key", "on", "amount", "adverse", party=described[column], role=ibis.literal(place, "int8")
        )
        for place, column in enumerate(spec.roles.values())
    ]
    listed = ibis.union(*sides) if len(sides) > 1 else sides[0]
    order = [ibis.desc("adverse"), ibis.desc("on"), ibis.desc("amount"), ibis.asc("key")]
    ranked = listed.mutate(
        place=ibis.row_number().over(ibis.window(group_by=["party", "role"], order_by=order))
    )
    return ranked.filter(ranked["place"] < MAX_ROWS).order_by("party", "role", "place").to_pyarrow()


def collect(snapshot: Snapshot) -> dict[str, Evidence]:
    """Evidence by table name, of the tables that the snapshot has."""
    backend, tables = snapshot.connect()
    codes = pa.array(np.arange(snapshot.n_parties, dtype=np.int32))
    ids = backend.create_table("party_codes", pa.table({"code": codes, "party_id": snapshot.party_ids}))
    found = {}
    for name, spec in _specs(snapshot).items():
        if name not in tables:
            continue
        rows = _telling_rows(_prepared(tables, name, ids), spec)
        indptr = np.searchsorted(rows["party"].to_numpy(), np.arange(snapshot.n_parties + 1))
        found[name] = Evidence(
            roles=tuple(spec.roles),
            indptr=indptr.astype(np.int64),
            role=rows["role"].to_numpy(),
            on=rows["on"].cast("int32").fill_null(NO_DAY).to_numpy(),
            amount=rows["amount"].to_numpy(),
            adverse=rows["adverse"].to_numpy(),
            keys=pack(rows["key"].combine_chunks()),
        )
    backend.disconnect()
    return found
