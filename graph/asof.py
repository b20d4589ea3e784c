"""What could be known on a day: versions, later facts and consent, as Ibis expressions over stored tables.

A stored table is *coded*: its party columns hold int32 codes of the store's party dictionary, under the
contract's column name with ``_id`` replaced by ``_code``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

import ibis
import ibis.expr.types as ir

from graph.contract import TABLES, Table
from graph.errors import BadInput
from graph.source import SourceDeclaration


@dataclass(frozen=True)
class StoredEcosystem:
    """A store's tables as ``graph.snapshot.build`` takes them.

    ``tables``: coded tables by contract name (absent: no rows). ``dictionary``: columns code (int32),
    party_id (text). ``versioned``: tables in which some key has more than one version.
    """

    tables: Mapping[str, ir.Table]
    dictionary: ir.Table
    versioned: frozenset[str]
    declarations: tuple[SourceDeclaration, ...]


def code_column(column: str) -> str:
    """``seller_id`` → ``seller_code``."""
    return column.removesuffix("_id") + "_code"


def party_columns(table: Table) -> tuple[str, ...]:
    """Columns of ``table`` that name a party, in the contract's order."""
    if table.name == "parties":
        return ("party_id",)
    return tuple(column.name for column in table.columns if column.references == "parties")


def coded_key(table: Table) -> tuple[str, ...]:
    """The key of ``table`` as a stored table names it: parties by their codes."""
    coded = set(party_columns(table))
    return tuple(code_column(name) if name in coded else name for name in table.key)


def visible(stored: ir.Table, table: Table, versioned: bool, as_of: date, purpose: str | None) -> ir.Table:
    """Rows of ``stored`` that could be known on ``as_of`` and may be used for ``purpose``.

    The last version of each key counts; where its consent has lapsed or does not permit the purpose the
    row is gone (an earlier version does not come back). Later facts read null.
    """
    day = ibis.date(as_of.isoformat())
    rows = stored.filter(stored["known_on"] <= day)
    if versioned:
        window = ibis.window(group_by=coded_key(table), order_by=ibis.desc("known_on"))
        rows = rows.mutate(version=ibis.row_number().over(window))
        rows = rows.filter(rows["version"] == 0).drop("version")
    rows = rows.filter(rows["consent_until"].isnull() | (rows["consent_until"] >= day))
    if purpose is not None:
        permitted = ("|" + rows["purpose"] + "|").contains(f"|{purpose}|")
        rows = rows.filter(rows["purpose"].isnull() | permitted)
    if table.event_column is not None:
        event = rows[table.event_column]
        rows = rows.filter(event.isnull() | (event <= day))
    return blank_later_facts(rows, table, day)


def blank_later_facts(rows: ir.Table, table: Table, day: ir.DateScalar) -> ir.Table:
    """Null for every fact of a day after ``day``, and for the columns that day reveals."""
    blanked: dict[str, ir.Value] = {}
    for column in table.columns:
        if column.later:
            unknown = rows[column.name] > day
            for name in (column.name, *column.reveals):
                blanked[name] = unknown.fill_null(False).ifelse(ibis.null(rows[name].type()), rows[name])
    return rows.mutate(**blanked) if blanked else rows


def currencies_of(ecosystem: StoredEcosystem) -> dict[str, frozenset[str]]:
    """Currencies that each stored table names; tables without a column for one are left out."""
    return {
        name: frozenset(stored["currency"].as_table().distinct().to_pyarrow()[0].drop_null().to_pylist())
        for name, stored in ecosystem.tables.items()
        if "currency" in TABLES[name].column_names
    }


def base_currency_of(currencies: Mapping[str, frozenset[str]]) -> str:
    """The currency all amounts are converted into, where the workspace names none.

    The only one of ``currencies`` (by table); with several, the one that has amounts but no rates of its own.
    """
    used = frozenset[str]().union(*(named for table, named in currencies.items() if table != "fx"))
    if len(used) > 1:
        used -= currencies.get("fx", frozenset())
    if len(used) > 1:
        raise BadInput(
            f"amounts are in several currencies ({', '.join(sorted(used))}): load rates into table "
            "fx for all but one of them, or name base_currency in ecorisk.toml"
        )
    return next(iter(used), "XXX")
