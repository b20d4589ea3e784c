"""How much is known of each party: a thin file is not a bad one, and gets no score."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gnn.columns.features import rows_on_record
from gnn.runs.meanings import ColumnMeaning, meaning_of
from graph.contract import TABLES
from graph.indicators import CATALOGUE
from graph.snapshot import Snapshot

#: Below this share of known columns there is no score.
MINIMUM_SHARE = 0.1
#: What to supply where nothing of a group of columns is known.
SUPPLY = {
    "sales": "invoices that it issued, with buyer, day and amount",
    "buyers": "invoices that it issued, with their buyers",
    "suppliers": "invoices that others issued to it",
    "payments": "due and payment days of the invoices it has to pay, or its payments",
    "inventory": "its stocks, day by day",
    "disputes": "complaints, disputes, returns, reviews and the like that name it",
    "outcomes": "results of its past cases, the good ones too",
    "logistics": "shipments that it sent or received, with promised and actual days",
    "financing": "financings of its invoices, with their ends",
    "guarantees": "guarantees that it gave or has, with amounts",
    "ownership": "its owners, holdings, representatives, and whom it shares an address or account with",
    "activity": "dated records of any kind that name it, and the day it was registered",
    "rings": "invoices, payments, financings or links: rings are searched in them",
    "peers": "its industry, and invoices, shipments or events to compare with others of it",
    "features": "the source's own features of it (columns x_…)",
}

Columns = Mapping[str, NDArray[np.float32]]


@dataclass(frozen=True)
class Group:
    """Columns of record that tell of one thing: how many the model has, and the tables behind them."""

    name: str
    columns: int
    tables: tuple[str, ...]

    @property
    def supply(self) -> str:
        """What to supply where none of them is known."""
        return SUPPLY.get(self.name, f"rows of {', '.join(self.tables)}")


@dataclass(frozen=True)
class Coverage:
    """How much is known of n parties.

    ``groups``: of the model's columns of record, by name. ``known`` uint16 [n, groups]: how many of each are
    known. ``rows`` int32 [n]: rows of any table that name the party. ``described`` bool [n]: the source
    itself gives features.
    """

    groups: tuple[Group, ...]
    known: NDArray[np.uint16]
    rows: NDArray[np.int32]
    described: NDArray[np.bool_]

    @property
    def known_share(self) -> NDArray[np.float32]:
        """Share of the columns of record that are known, float32 [n]; 1 where the model has none."""
        columns = sum(group.columns for group in self.groups)
        if not columns:
            return np.ones(len(self.rows), np.float32)
        share: NDArray[np.float32] = (self.known.sum(axis=1) / columns).astype(np.float32)
        return share

    def too_thin(self, minimum_share: float) -> NDArray[np.bool_]:
        """Parties without enough evidence for a score, bool [n]."""
        unseen: NDArray[np.bool_] = (self.rows == 0) & ~self.described
        return unseen | (self.known_share < minimum_share)


def _group(name: str, meanings: Sequence[ColumnMeaning]) -> Group:
    return Group(name, len(meanings), tuple(sorted({table for m in meanings for table in m.tables})))


def coverage_of(features: Columns, snapshot: Snapshot) -> Coverage:
    """Coverage of every party by the model's own and environment columns."""
    meanings = [meaning_of(name, {}) for name in features]
    of_record = [meaning for meaning in meanings if meaning.of_record]
    names = sorted({meaning.group for meaning in of_record})
    known = np.zeros((snapshot.n_parties, len(names)), np.uint16)
    for meaning in of_record:
        known[:, names.index(meaning.group)] += ~np.isnan(features[meaning.name])
    described = np.zeros(snapshot.n_parties, bool)
    for name, column in features.items():
        if name.startswith("x_"):
            described |= ~np.isnan(column)
    groups = tuple(_group(name, [m for m in of_record if m.group == name]) for name in names)
    return Coverage(groups, known, rows_on_record(snapshot), described)


def absent_tables(snapshot: Snapshot) -> tuple[str, ...]:
    """Tables that indicators could use and the data lack, by name."""
    usable = {table for indicator in CATALOGUE.values() for table in indicator.tables}
    return tuple(sorted(usable.intersection(TABLES) - set(snapshot.tables)))
