"""Relations between parties: flows and links, grouped by pair and kept as CSR arrays.

A relation is read from the party in focus to its counterparties. ``SUPPLIES.out`` leads from a seller to
its buyers, ``SUPPLIES.in`` from a buyer to its suppliers; a symmetric relation has no suffix.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields, replace
from datetime import date, timedelta
from functools import lru_cache
from typing import Any

import duckdb
import ibis
import ibis.expr.types as ir
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import scipy.sparse as sp
from numpy.typing import NDArray

from graph.errors import BadInput
from graph.queries import TODAY, Schemas, schemas_of, sql_of, unbound
from graph.vocabulary import LINK_KINDS, KindDeclaration

#: What a row says of its pair counts half after 13 months: in Hungary's full firm network 55 % of the supply
#: links were gone after a year.
HALF_LIFE_DAYS = 395

#: An invoice this many days past due counts as a bad case of the pair's record.
PAST_DUE_DAYS = 30

#: Declared weights and recency are summed in millionths: integer sums do not depend on the order of threads.
MICRO_UNITS = 1_000_000
MICRO = 1 / MICRO_UNITS

#: Sums of minor units are int64.
_TOO_MUCH = 2.0**63

EPOCH = date(1970, 1, 1)


def day_number(day: date) -> int:
    """Days since 1970-01-01."""
    return (day - EPOCH).days


def day_of(number: int) -> date:
    """The day of a day number."""
    return EPOCH + timedelta(int(number))


@dataclass(frozen=True)
class Relation:
    """One relation of n parties with m pairs, as CSR: row i holds the counterparties of party i.

    ``indptr`` int64 [n+1]; ``indices`` int32 [m], ascending in a row. Per pair: ``count`` int32 rows
    behind it, ``amount`` int64 minor units of the base currency, ``first_on`` / ``last_on`` int32 day
    numbers, ``matured`` int32 cases whose result is known, ``bad`` int32 those that went wrong (late,
    unpaid, denied), ``strength`` float64 the sum of declared link weights. ``recent_*`` float64: the same
    sums with every row halved for each ``HALF_LIFE_DAYS`` since its day.
    """

    name: str
    indptr: NDArray[np.int64]
    indices: NDArray[np.int32]
    count: NDArray[np.int32]
    amount: NDArray[np.int64]
    first_on: NDArray[np.int32]
    last_on: NDArray[np.int32]
    matured: NDArray[np.int32]
    bad: NDArray[np.int32]
    strength: NDArray[np.float64]
    recent_amount: NDArray[np.float64]
    recent_matured: NDArray[np.float64]
    recent_bad: NDArray[np.float64]
    recent_strength: NDArray[np.float64]

    @property
    def kind(self) -> str:
        return self.name.removesuffix(".out").removesuffix(".in")

    @property
    def n_pairs(self) -> int:
        return len(self.indices)

    def arrays(self) -> Iterable[tuple[str, NDArray[np.generic]]]:
        """Name and array of every field but the name."""
        return ((f.name, getattr(self, f.name)) for f in fields(self) if f.name != "name")

    def without(self, *measures: str) -> Relation:
        """The same pairs without some measures, whose arrays are then empty."""
        empty: dict[str, Any] = {name: np.empty(0, getattr(self, name).dtype) for name in measures}
        return replace(self, **empty)

    def degree(self) -> NDArray[np.int64]:
        """Counterparties of each party, int64 [n]."""
        return np.diff(self.indptr)

    def counterparties(self, code: int) -> slice:
        """Positions of a party's pairs in the arrays."""
        return slice(int(self.indptr[code]), int(self.indptr[code + 1]))


def recency(age_days: NDArray[np.integer] | int) -> NDArray[np.float64]:
    """What is left of a row's weight after so many days, float64 [rows], at least ``MICRO``."""
    left: NDArray[np.float64] = np.maximum(0.5 ** (np.maximum(age_days, 0) / HALF_LIFE_DAYS), MICRO)
    return left


def _pair_columns(
    rows: ir.Table, source: str, target: str, when: tuple[ir.Value, ir.Value], **measures: ir.Value | None
) -> ir.Table:
    """Rows in the common shape that is grouped by pair; absent measures are 0 (strength: 1)."""
    first, last = when

    def known(value: ir.Value | None, missing: int | bool) -> ir.Value:
        return ibis.literal(missing) if value is None else value.fill_null(missing)

    strength = measures.get("strength")
    return rows.select(
        source=rows[source],
        target=rows[target],
        first=first,
        last=last,
        amount=known(measures.get("amount"), 0).cast("int64"),
        matured=known(measures.get("matured"), False),
        bad=known(measures.get("bad"), False),
        strength=ibis.literal(MICRO_UNITS, "int64")
        if strength is None
        else (strength.fill_null(1.0) * MICRO_UNITS).round().cast("int64"),
    )


def _past_due(rows: ir.Table, paid: str, today: ir.DateScalar) -> tuple[ir.BooleanValue, ir.BooleanValue]:
    """(result is known, went bad) of claims with ``due_on`` and a day of payment."""
    overdue_today = (today.delta(rows["due_on"], unit="day")) > PAST_DUE_DAYS
    paid_late = rows[paid].delta(rows["due_on"], unit="day") > PAST_DUE_DAYS
    is_paid = rows[paid].notnull()
    known = rows["due_on"].notnull() & (is_paid | overdue_today)
    return known, known & is_paid.ifelse(paid_late, overdue_today)


def _invoice_pairs(rows: ir.Table, today: ir.DateScalar) -> ir.Table:
    rows = rows.filter(rows["status"].isnull() | rows["status"].isin(["open", "paid"]))
    matured, bad = _past_due(rows, "paid_on", today)
    when = (rows["issued_on"], rows["issued_on"])
    return _pair_columns(
        rows, "seller_code", "buyer_code", when, amount=rows["amount"], matured=matured, bad=bad
    )


def _shipment_measures(
    rows: ir.Table, today: ir.DateScalar
) -> tuple[tuple[ir.Value, ir.Value], dict[str, ir.Value | None]]:
    arrived = rows["delivered_on"].notnull()
    overdue = rows["promised_on"] < today
    matured = rows["promised_on"].notnull() & (arrived | overdue)
    bad = matured & arrived.ifelse(rows["delivered_on"] > rows["promised_on"], overdue)
    when = ibis.coalesce(rows["dispatched_on"], rows["delivered_on"], rows["promised_on"], today)
    when = ibis.least(when, today)
    return (when, when), {"amount": rows["value"], "matured": matured, "bad": bad}


def _shipment_pairs(rows: ir.Table, today: ir.DateScalar) -> ir.Table:
    when, measures = _shipment_measures(rows, today)
    return _pair_columns(rows, "shipper_code", "consignee_code", when, **measures)


def _carriage_pairs(rows: ir.Table, today: ir.DateScalar) -> ir.Table:
    rows = rows.filter(rows["carrier_code"].notnull() & (rows["carrier_code"] != rows["shipper_code"]))
    when, measures = _shipment_measures(rows, today)
    return _pair_columns(rows, "carrier_code", "shipper_code", when, **measures)


def _payment_pairs(rows: ir.Table, today: ir.DateScalar) -> ir.Table:
    when = (rows["paid_on"], rows["paid_on"])
    return _pair_columns(rows, "payer_code", "payee_code", when, amount=rows["amount"])


def _financing_pairs(rows: ir.Table, invoices: ir.Table, today: ir.DateScalar) -> ir.Table:
    sellers = invoices.select("invoice_id", financed_code=invoices["seller_code"])
    rows = rows.inner_join(sellers, "invoice_id")
    rows = rows.filter(rows["financed_code"] != rows["financier_code"])
    matured, bad = _past_due(rows, "repaid_on", today)
    when = (rows["financed_on"], rows["financed_on"])
    return _pair_columns(
        rows, "financier_code", "financed_code", when, amount=rows["amount"], matured=matured, bad=bad
    )


def _link_pairs(rows: ir.Table, kind: str, today: ir.DateScalar) -> ir.Table:
    # An open link is current; one that has ended no longer joins its parties.
    rows = rows.filter((rows["kind"] == kind) & rows["valid_to"].isnull())
    when = (rows["valid_from"], today)
    return _pair_columns(
        rows, "source_code", "target_code", when, amount=rows["amount"], strength=rows["weight"]
    )


def _event_pairs(rows: ir.Table, kind: KindDeclaration) -> ir.Table:
    rows = rows.filter((rows["kind"] == kind.name) & rows["counterparty_code"].notnull())
    status = rows["status"]
    bad = status.isin(list(kind.adverse_statuses)) if kind.adverse_statuses else ibis.literal(False)
    matured = status.notnull() if kind.adverse_statuses else ibis.literal(False)
    when = (rows["occurred_on"], rows["occurred_on"])
    return _pair_columns(rows, "party_code", "counterparty_code", when, matured=matured, bad=bad)


def _pair_rows(
    tables: Mapping[str, ir.Table],
    kinds: Mapping[str, KindDeclaration],
    present: Mapping[str, tuple[str, ...]],
) -> dict[str, list[ir.Table]]:
    """By relation name, the rows (source, target, measures) of every table that contributes to it.

    ``present``: the kinds that rows of links and of events have.
    """
    found: dict[str, list[ir.Table]] = {}

    def add(kind: str, rows: ir.Table) -> None:
        found.setdefault(kind, []).append(rows)

    if "invoices" in tables:
        add("SUPPLIES", _invoice_pairs(tables["invoices"], TODAY))
    if "shipments" in tables:
        add("SHIPS_TO", _shipment_pairs(tables["shipments"], TODAY))
        add("SHIPS_FOR", _carriage_pairs(tables["shipments"], TODAY))
    if "payments" in tables:
        add("PAYS", _payment_pairs(tables["payments"], TODAY))
    if "financings" in tables and "invoices" in tables:
        add("FINANCES", _financing_pairs(tables["financings"], tables["invoices"], TODAY))
    for kind in present.get("links", ()):
        add(kind, _link_pairs(tables["links"], kind, TODAY))
    for name in present.get("events", ()):
        declared = kinds.get(name)
        if declared is not None and declared.relation:
            add(name.upper(), _event_pairs(tables["events"], declared))
    return found


def _measured(parts: list[ir.Table], symmetric: bool, today: ir.DateScalar) -> ir.Table:
    """The rows of a relation with what is summed by pair; a symmetric one's both ways."""
    rows = ibis.union(parts[0], *parts[1:]) if len(parts) > 1 else parts[0]
    if symmetric:
        rows = ibis.union(rows, rows.mutate(source=rows["target"], target=rows["source"]))
    rows = rows.filter(rows["source"] != rows["target"])
    age = today.delta(rows["last"], unit="day").cast("float64")
    # No row is ever wholly forgotten: a pair of old rows would look as if it had none.
    rows = rows.mutate(recency=ibis.greatest(ibis.literal(0.5) ** (age / HALF_LIFE_DAYS), MICRO))
    micro = (rows["recency"] / MICRO).round().cast("int64")
    return rows.select(
        "source", "target", "first", "last", "amount", "strength",
        matured=rows["matured"].cast("int8"),
        bad=rows["bad"].cast("int8"),
        recent_amount=(rows["amount"] * rows["recency"]).round().cast("int64"),
        recent_matured=rows["matured"].ifelse(micro, 0),
        recent_bad=rows["bad"].ifelse(micro, 0),
        recent_strength=(rows["strength"] * rows["recency"]).round().cast("int64"),
    )  # fmt: skip


def _from_rows(name: str, rows: pa.Table, n: int) -> Relation:
    """CSR of the rows' pairs. Sorting the pairs' numbers takes a fifth of what grouping them as rows does."""

    def column(column: str) -> NDArray[Any]:
        values = rows[column]
        found: NDArray[Any] = (values.cast("int32") if column in ("first", "last") else values).to_numpy()
        return found

    pair = column("source") * np.int64(n) + column("target")
    order = np.argsort(pair)
    pair = pair[order]
    begins = np.flatnonzero(np.diff(pair, prepend=-1))

    def total(name: str, dtype: type = np.int64, unit: float | None = None) -> NDArray[Any]:
        values = column(name)
        if not values.any():  # zeros that are never written take neither time nor memory
            return np.zeros(len(begins), dtype if unit is None else np.float64)
        sums = np.add.reduceat(values[order], begins, dtype=dtype)
        return sums if unit is None else sums * unit

    source, target = np.divmod(pair[begins], n)
    if np.abs(total("amount", np.float64)).max(initial=0.0) >= _TOO_MUCH:
        raise BadInput(f"{name}: the amounts of one pair add up to more than 2^63 minor units")
    return Relation(
        name=name,
        indptr=np.concatenate((np.zeros(1, np.int64), np.cumsum(np.bincount(source, minlength=n)))),
        indices=target.astype(np.int32),
        count=np.diff(begins, append=len(pair)).astype(np.int32),
        amount=total("amount"),
        first_on=np.minimum.reduceat(column("first")[order], begins),
        last_on=np.maximum.reduceat(column("last")[order], begins),
        matured=total("matured", np.int32),
        bad=total("bad", np.int32),
        strength=total("strength", unit=MICRO),
        recent_amount=total("recent_amount", unit=1.0),
        recent_matured=total("recent_matured", unit=MICRO),
        recent_bad=total("recent_bad", unit=MICRO),
        recent_strength=total("recent_strength", unit=MICRO),
    )


def transpose(relation: Relation, name: str) -> Relation:
    """The same pairs, read from their other end."""
    n = len(relation.indptr) - 1
    order = sp.csr_matrix(
        (np.arange(relation.n_pairs, dtype=np.int64), relation.indices, relation.indptr), shape=(n, n)
    ).tocsc()
    taken = order.data
    arrays: dict[str, Any] = {
        key: value[taken] if value.any() else value
        for key, value in relation.arrays()
        if key not in ("indptr", "indices")
    }
    return Relation(
        name=name, indptr=order.indptr.astype(np.int64), indices=order.indices.astype(np.int32), **arrays
    )


@lru_cache(maxsize=64)
def _queries(
    schemas: Schemas,
    kinds: tuple[tuple[str, KindDeclaration], ...],
    present: tuple[tuple[str, tuple[str, ...]], ...],
) -> tuple[tuple[str, bool, str], ...]:
    """Kind, whether it is symmetric, and the SQL of its rows, of every relation there may be, by name."""
    declared = dict(kinds)
    found = []
    for kind, parts in sorted(_pair_rows(unbound(schemas), declared, dict(present)).items()):
        means = declared.get(kind) or declared.get(kind.lower()) or LINK_KINDS.get(kind)
        symmetric = means is not None and means.symmetric
        found.append((kind, symmetric, sql_of(_measured(parts, symmetric, TODAY))))
    return tuple(found)


def build_relations(
    connection: duckdb.DuckDBPyConnection,
    tables: Mapping[str, pa.Table],
    kinds: Mapping[str, KindDeclaration],
    n: int,
) -> dict[str, Relation]:
    """Every relation that has at least one pair, by name, in name order.

    ``tables``: visible tables whose party columns are codes below ``n``; ``connection``: to them
    (``graph.queries.connected``).
    """
    present = tuple(
        (name, tuple(sorted(pc.unique(tables[name]["kind"]).to_pylist())))
        for name in ("links", "events")
        if name in tables
    )
    relations: dict[str, Relation] = {}
    for kind, symmetric, sql in _queries(schemas_of(tables), tuple(sorted(kinds.items())), present):
        rows = connection.execute(sql).to_arrow_table()
        if rows.num_rows == 0:
            continue
        forward = _from_rows(kind if symmetric else f"{kind}.out", rows, n)
        relations[forward.name] = forward
        if not symmetric:
            relations[f"{kind}.in"] = transpose(forward, f"{kind}.in")
    return relations
