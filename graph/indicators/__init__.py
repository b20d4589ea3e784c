"""Indicators of every party as of the snapshot's day: one declared catalogue, one way to compute it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache

import ibis
import ibis.expr.types as ir
import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from graph.digest import folds_of
from graph.indicators.catalogue import CATALOGUE, COMPARING, FIGURES, OF_ONE_KIND, SHEETS, Indicator
from graph.indicators.environment import FOLDS
from graph.indicators.facts import Facts, filled_of
from graph.indicators.sheet import Sheet
from graph.queries import TODAY, Schemas, connected, schemas_of, sql_of, unbound
from graph.snapshot import Snapshot
from graph.vocabulary import KindDeclaration

__all__ = ["CATALOGUE", "OF_ONE_KIND", "Indicator", "Indicators", "compute"]

Column = NDArray[np.float32]


@dataclass(frozen=True)
class Indicators:
    """Indicators of n parties.

    ``columns``: float32 [n] by name in the catalogue's order, NaN = unknown or no evidence; only those the
    source has tables and columns for. ``absent``: names of the others. ``coverage``: float32 [n], the share
    of the party's own computed indicators that are known.
    """

    columns: Mapping[str, Column]
    absent: tuple[str, ...]
    coverage: Column


@dataclass(frozen=True)
class _Script:
    """SQL of sheets: tables that several of them read (name, SQL), and the columns that each query gives."""

    kept: tuple[tuple[str, str], ...]
    queries: tuple[tuple[tuple[str, ...], str], ...]


@lru_cache(maxsize=64)
def _script(
    sheets: tuple[Sheet, ...],
    schemas: Schemas,
    kinds: tuple[tuple[str, KindDeclaration], ...],
    filled: frozenset[str],
) -> _Script:
    kept: list[tuple[str, str]] = []

    def keep(rows: ir.Table) -> ir.Table:
        name = f"kept_{len(kept)}"
        kept.append((name, sql_of(rows)))
        return ibis.table(rows.schema(), name)

    facts = Facts(unbound(schemas), TODAY, dict(kinds), filled, keep)
    queries = []
    for sheet in sheets:
        wanted = sheet.computable(filled)
        if wanted:
            rows = sheet.query(facts)
            values = {d.name: d.value(rows).cast("float32") for d in wanted}
            queries.append((tuple(values), sql_of(rows.select("party_code", **values))))
    return _Script(tuple(kept), tuple(queries))


def compute(snapshot: Snapshot) -> Indicators:
    """Every indicator of the catalogue that the snapshot has tables for.

    Same snapshot, same bytes.
    """
    found = dict(_columns(SHEETS, snapshot, snapshot.tables))
    found |= _columns(COMPARING, snapshot, {**snapshot.tables, "figures": _figures(snapshot, found)})
    columns = {name: found[name] for name in CATALOGUE if name in found}
    absent = tuple(name for name in CATALOGUE if name not in found)
    return Indicators(columns, absent, _coverage(columns, snapshot.n_parties))


def _figures(snapshot: Snapshot, found: Mapping[str, Column]) -> pa.Table:
    """Parties with their fold and what they are compared by."""
    figures = snapshot.tables["parties"].select(
        ["party_code", "kind", "industry", "country", "region", "size_band"]
    )
    figures = figures.append_column("fold", pa.array(folds_of(snapshot.party_ids, FOLDS)))
    for name in sorted(FIGURES.intersection(found)):
        figures = figures.append_column(name, pa.array(found[name], from_pandas=True))
    return figures


def _columns(
    sheets: tuple[Sheet, ...], snapshot: Snapshot, tables: Mapping[str, pa.Table]
) -> Iterator[tuple[str, Column]]:
    """The sheets' computable indicators as dense columns."""
    script = _script(sheets, schemas_of(tables), tuple(sorted(snapshot.kinds.items())), filled_of(tables))
    with connected(tables, snapshot.as_of) as connection:
        for name, sql in script.kept:
            connection.execute(f"CREATE TEMP TABLE {name} AS {sql}")
        for names, sql in script.queries:
            result = connection.execute(sql).to_arrow_table()
            codes = result["party_code"].to_numpy()
            for name in names:
                column = np.full(snapshot.n_parties, np.nan, np.float32)
                column[codes] = result[name].to_numpy()
                yield name, column


def _coverage(columns: Mapping[str, Column], n: int) -> Column:
    own = [column for name, column in columns.items() if CATALOGUE[name].cause == "own"]
    known = np.zeros(n, np.int32)
    for column in own:
        known += ~np.isnan(column)
    return (known / np.float32(max(len(own), 1))).astype(np.float32)
