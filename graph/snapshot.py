"""The ecosystem as it could be known on one day: immutable columns, int32 codes, one CSR a relation."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from functools import cached_property

import duckdb
import ibis
import ibis.expr.types as ir
import networkx as nx
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from babel.numbers import get_currency_precision
from ibis.backends.duckdb import Backend
from numpy.typing import NDArray

from graph.asof import (
    StoredEcosystem,
    base_currency_of,
    code_column,
    currencies_of,
    party_columns,
    visible,
)
from graph.contract import TABLES, Table
from graph.errors import BadInput, UnknownParty
from graph.queries import connected
from graph.relations import Relation, build_relations
from graph.vocabulary import EVENT_KINDS, LINK_KINDS, KindDeclaration

#: Columns that say where a row came from, not what it says (``row_digest``: stores of earlier versions).
PROVENANCE = ("source", "known_on", "purpose", "consent_until", "row_digest", "name", "currency")
#: Those that say something in their table.
_SAYING = {"fx": ("currency",), "context": ("name",)}

BATCH_ROWS = 1 << 17


@dataclass(frozen=True)
class TableDigest:
    """Number of rows of a table as it was read, and a sha256 that equal tables share."""

    rows: int
    sha256: str


@dataclass(frozen=True, eq=False)
class Snapshot:
    """An ecosystem of n parties as of a day. Two are the same where their ``sha256`` is.

    ``party_ids``: text [n], ascending by UTF-8 bytes; a party's code is its position.
    ``tables``: visible rows by contract name; party columns are int32 codes (``seller_code``), amounts
    int64 minor units of ``base_currency``; table ``parties`` is ordered by code. Row order elsewhere is
    not defined: sum integers, or sort.
    ``relations``: by name (see ``graph.relations``).
    ``sha256``: of all of the above; equal tables give an equal sha, whichever store held them.
    ``digests``: by table; where two shas differ, they say which tables do.
    """

    as_of: date
    purpose: str | None
    base_currency: str
    party_ids: pa.StringArray
    tables: Mapping[str, pa.Table]
    relations: Mapping[str, Relation]
    kinds: Mapping[str, KindDeclaration]
    sha256: str
    digests: Mapping[str, TableDigest]

    @property
    def n_parties(self) -> int:
        return len(self.party_ids)

    def connect(self) -> tuple[Backend, dict[str, ir.Table]]:
        """A fresh in-memory DuckDB with the tables as views, and their Ibis expressions by name."""
        backend = ibis.duckdb.from_connection(connected(self.tables, self.as_of))
        return backend, {name: backend.table(name) for name in self.tables}

    @cached_property
    def _codes(self) -> dict[str, int]:
        return {party_id: code for code, party_id in enumerate(self.party_ids.to_pylist())}

    def code(self, party_id: str) -> int:
        """Code of a party; ``UnknownParty`` where it could not be known on that day."""
        try:
            return self._codes[party_id]
        except KeyError:
            raise UnknownParty(f"no party {party_id!r} as of {self.as_of}", party_id=party_id) from None

    def to_networkx(self) -> nx.MultiDiGraph:
        """Parties as nodes (by id), one edge a pair and relation, keyed by relation name.

        Each pair appears once: ``.in`` relations are their ``.out`` read backwards.
        """
        graph = nx.MultiDiGraph(as_of=self.as_of.isoformat(), sha256=self.sha256)
        ids = self.party_ids.to_pylist()
        attributes = self.tables["parties"].select(["kind", "country", "region", "industry"]).to_pylist()
        graph.add_nodes_from(zip(ids, attributes, strict=True))
        for relation in self.relations.values():
            if relation.name.endswith(".in"):
                continue
            sources = np.repeat(np.arange(self.n_parties), relation.degree())
            for position, (i, j) in enumerate(zip(sources, relation.indices, strict=True)):
                graph.add_edge(
                    ids[i],
                    ids[j],
                    key=relation.kind,
                    count=int(relation.count[position]),
                    amount=int(relation.amount[position]),
                )
        return graph


def kinds_of(ecosystem: StoredEcosystem) -> dict[str, KindDeclaration]:
    """Shipped kinds, then the ones sources declare, by name."""
    kinds = LINK_KINDS | EVENT_KINDS
    for declaration in ecosystem.declarations:
        kinds |= {kind.name: kind for kind in (*declaration.link_kinds, *declaration.event_kinds)}
    return kinds


def _with_parties(rows: pa.Table, table: Table, codes: NDArray[np.int32]) -> pa.Table:
    """Store codes replaced by snapshot codes; rows that name an invisible party are gone.

    ``codes``: the snapshot's code by store code, -1 for parties that are not visible.
    """
    gone = np.zeros(rows.num_rows, bool)
    for column in party_columns(table):
        name = code_column(column)
        held = rows[name].combine_chunks()
        nobody = held.is_null().to_numpy(zero_copy_only=False)
        found = codes[held.fill_null(0).to_numpy()]
        gone |= nobody if table.column(column).required else np.zeros_like(nobody)
        gone |= (found < 0) & ~nobody
        rows = rows.drop_columns([name]).append_column(name, pa.array(found, mask=nobody))
    return rows.filter(pa.array(~gone)) if gone.any() else rows


def _in_batches(rows: pa.Table) -> pa.Table:
    """The same rows in batches, of which DuckDB gives each thread its own."""
    return pa.Table.from_batches(rows.to_batches(max_chunksize=BATCH_ROWS), rows.schema)


def _party_codes(listing: pa.Table, ecosystem: StoredEcosystem) -> NDArray[np.int32]:
    """Position in ``listing`` of every code of the store's dictionary, -1 where it is not there."""
    last = ecosystem.dictionary["code"].max().to_pyarrow().as_py()
    codes = np.full(0 if last is None else last + 1, -1, np.int32)
    codes[listing["store_code"].to_numpy()] = np.arange(listing.num_rows, dtype=np.int32)
    return codes


def _factors(amounts: ir.Table, name: str, fx: ir.Table | None, base: str) -> pa.Table | None:
    """What an amount of ``fx_currency`` on ``fx_on`` is multiplied by; None where all are in ``base``.

    ``amounts``: columns currency and fx_on. The last rate of or before the day counts.
    """
    foreign = amounts.filter(amounts["currency"] != base)
    days = foreign.group_by(fx_currency=foreign["currency"], fx_on=foreign["fx_on"]).aggregate(
        amounts=foreign.count()
    )
    found = days.to_pyarrow()
    if not found.num_rows:
        return None
    currencies = sorted(found["fx_currency"].unique().to_pylist())
    if fx is None:
        raise BadInput(f"{name}: amounts in {', '.join(currencies)} but table fx has no rates to {base}")
    days = ibis.memtable(found)
    rates = fx.select(fx["currency"], fx["on"], fx["rate"])
    rated = days.asof_join(
        rates, on=days["fx_on"] >= rates["on"], predicates=[days["fx_currency"] == rates["currency"]]
    )
    digits = get_currency_precision(base)
    power = ibis.cases(
        *((rated["fx_currency"] == c, 10.0 ** (digits - get_currency_precision(c))) for c in currencies),
        else_=1.0,
    )
    found = rated.select("fx_currency", "fx_on", "amounts", factor=rated["rate"] * power).to_pyarrow()
    missing = pc.sum(found.filter(pc.field("factor").is_null())["amounts"]).as_py()
    if missing:
        raise BadInput(f"{name}: {missing} amounts in {', '.join(currencies)} lie before the first fx rate")
    return found.drop_columns(["amounts"])


def _in_base_currency(rows: ir.Table, table: Table, fx: ir.Table | None, base: str) -> ir.Table:
    """Money columns in minor units of ``base``, converted at the last rate of or before the row's day."""
    money = [column.name for column in table.columns if column.type == "money"]
    if not money or table.event_column is None:
        return rows
    rows = rows.mutate(fx_on=ibis.coalesce(rows[table.event_column], rows["known_on"]))
    # Rates are looked up by day and not by row: of days there are few.
    factors = _factors(rows, table.name, fx, base)
    if factors is None:
        return rows.drop("fx_on")
    by_day = ibis.memtable(factors)
    rows = rows.left_join(
        by_day, [rows["currency"] == by_day["fx_currency"], rows["fx_on"] == by_day["fx_on"]]
    )
    local = rows["factor"].isnull()
    rows = rows.mutate(
        **{m: local.ifelse(rows[m], (rows[m] * rows["factor"]).round().cast("int64")) for m in money}
    )
    return rows.drop("fx_on", "fx_currency", "fx_on_right", "factor")


def _digest(connection: duckdb.DuckDBPyConnection, name: str, columns: list[str]) -> str:
    """Order-free digest of a table: row count and the exact sum of its rows' 64-bit md5 numbers.

    The number is DuckDB's ``md5_number_lower``, got from ``md5_number`` in a third of the time.
    """
    quoted = ", ".join(
        f"""coalesce(CAST("{column.replace('"', '""')}" AS VARCHAR), chr(30))""" for column in sorted(columns)
    )
    number = f"(md5_number(concat_ws(chr(31), {quoted})) >> 64)::UBIGINT"
    row = connection.execute(f'SELECT count(*), sum({number}) FROM "{name}"').fetchone()  # noqa: S608
    rows, total = row or (0, 0)
    return f"{name}:{','.join(sorted(columns))}:{rows}:{total}"


def _digests(connection: duckdb.DuckDBPyConnection, tables: Mapping[str, pa.Table]) -> dict[str, str]:
    return {name: _digest(connection, name, tables[name].column_names) for name in sorted(tables)}


def _sha256(
    as_of: date, purpose: str | None, base: str, ids: pa.StringArray, digests: Mapping[str, str]
) -> str:
    digest = hashlib.sha256(f"{as_of.isoformat()}|{purpose or ''}|{base}|{len(ids)}\n".encode())
    digest.update("".join(f"{party_id}\x1f" for party_id in ids.to_pylist()).encode())
    for name in sorted(digests):
        digest.update(digests[name].encode())
    return digest.hexdigest()


def build(
    ecosystem: StoredEcosystem, *, as_of: date, purpose: str | None, base_currency: str | None = None
) -> Snapshot:
    """Read what could be known on ``as_of``: the one way from any store to a snapshot.

    Raises ``BadInput`` where amounts cannot be converted into one currency.
    """
    currencies = currencies_of(ecosystem)
    base = base_currency or base_currency_of(currencies)
    seen = {
        name: visible(stored, TABLES[name], name in ecosystem.versioned, as_of, purpose)
        for name, stored in ecosystem.tables.items()
    }
    if "parties" not in seen:
        raise BadInput("the store holds no parties: load a source first")
    known = seen["parties"].select(store_code="party_code")
    listed = ecosystem.dictionary.join(known, ecosystem.dictionary["code"] == known["store_code"])
    listing = listed.select("party_id", "store_code").order_by("party_id").to_pyarrow()
    ids = listing["party_id"].combine_chunks()
    codes = _party_codes(listing, ecosystem)
    tables: dict[str, pa.Table] = {}
    for name, rows in seen.items():
        table = TABLES[name]
        if currencies.get(name, frozenset()) - {base}:
            rows = _in_base_currency(rows, table, seen.get("fx"), base)
        rows = rows.drop(*[c for c in PROVENANCE if c in rows.columns and c not in _SAYING.get(name, ())])
        found = _with_parties(rows.to_pyarrow(), table, codes)
        if name == "parties":
            found = _in_batches(found.take(np.argsort(found["party_code"].to_numpy())))
        if found.num_rows or name == "parties":
            tables[name] = found
    kinds = kinds_of(ecosystem)
    with connected(tables, as_of) as connection:
        digests = _digests(connection, tables)
        relations = build_relations(connection, tables, kinds, len(ids))
    return Snapshot(
        as_of=as_of,
        purpose=purpose,
        base_currency=base,
        party_ids=ids,
        tables=tables,
        relations=relations,
        kinds=kinds,
        sha256=_sha256(as_of, purpose, base, ids, digests),
        digests={
            name: TableDigest(tables[name].num_rows, hashlib.sha256(text.encode()).hexdigest())
            for name, text in digests.items()
        },
    )
