"""Indicators of every party as of the snapshot's day: one declared catalogue, one way to compute it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, replace

import ibis
import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from graph.digest import folds_of
from graph.indicators.catalogue import CATALOGUE, COMPARING, FIGURES, SHEETS, Indicator
from graph.indicators.environment import FOLDS
from graph.indicators.facts import Facts, filled_of
from graph.indicators.sheet import Sheet
from graph.snapshot import Snapshot

__all__ = ["CATALOGUE", "Indicator", "Indicators", "compute"]

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


def compute(snapshot: Snapshot) -> Indicators:
    """Every indicator of the catalogue that the snapshot has tables for.

    Same snapshot, same bytes.
    """
    _, tables = snapshot.connect()
    found: dict[str, Column] = {}
    with ExitStack() as kept:
        facts = Facts(
            tables=tables,
            as_of=snapshot.as_of,
            kinds=snapshot.kinds,
            filled=filled_of(snapshot.tables),
            keep=lambda rows: kept.enter_context(rows.cache()),
        )
        for sheet in SHEETS:
            found.update(_columns(sheet, facts, snapshot.n_parties))
        facts = _with_figures(facts, snapshot, found)
        for sheet in COMPARING:
            found.update(_columns(sheet, facts, snapshot.n_parties))
    columns = {name: found[name] for name in CATALOGUE if name in found}
    absent = tuple(name for name in CATALOGUE if name not in found)
    return Indicators(columns, absent, _coverage(columns, snapshot.n_parties))


def _with_figures(facts: Facts, snapshot: Snapshot, found: Mapping[str, Column]) -> Facts:
    """``facts`` with a table more: ``figures``, parties with their fold and what they are compared by."""
    figures = snapshot.tables["parties"].select(
        ["party_code", "kind", "industry", "country", "region", "size_band"]
    )
    figures = figures.append_column("fold", pa.array(folds_of(snapshot.party_ids, FOLDS)))
    for name in sorted(FIGURES.intersection(found)):
        figures = figures.append_column(name, pa.array(found[name], from_pandas=True))
    return replace(
        facts,
        tables={**facts.tables, "figures": ibis.memtable(figures)},
        filled=facts.filled | filled_of({"figures": figures}),
    )


def _columns(sheet: Sheet, facts: Facts, n: int) -> Iterator[tuple[str, Column]]:
    """The sheet's computable indicators as dense columns."""
    wanted = sheet.computable(facts.filled)
    if not wanted:
        return
    rows = sheet.query(facts)
    result: pa.Table = rows.select(
        "party_code", **{d.name: d.value(rows).cast("float32") for d in wanted}
    ).to_pyarrow()
    codes = result["party_code"].to_numpy()
    for d in wanted:
        column = np.full(n, np.nan, np.float32)
        column[codes] = result[d.name].to_numpy()
        yield d.name, column


def _coverage(columns: Mapping[str, Column], n: int) -> Column:
    own = [column for name, column in columns.items() if CATALOGUE[name].cause == "own"]
    known = np.zeros(n, np.int32)
    for column in own:
        known += ~np.isnan(column)
    return (known / np.float32(max(len(own), 1))).astype(np.float32)
