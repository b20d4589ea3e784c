"""How indicators are declared: words and Ibis expression side by side, grouped by the query they share."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Literal

import ibis.expr.types as ir

from graph.indicators.facts import Facts

Better = Literal["higher", "lower"]
Cause = Literal["own", "environment", "counterparty"]


@dataclass(frozen=True)
class Indicator:
    """What people and models are told of one indicator.

    ``unit``: "minor units" (of the base currency), "days", "share" (0 to 1), "ratio", "count" and the like.
    ``window_days``: days before ``as_of`` that it looks at (None: all of them, or the present state).
    ``better``: which direction is good news (None: neither). ``actionable``: the party can change it itself.
    ``cause``: whose doing it is; ``relation`` names the relation a counterparty-caused one came through.
    ``reason``: shown where the indicator speaks against the party. ``tables``: contract tables it needs.
    """

    name: str
    group: str
    unit: str
    window_days: int | None
    better: Better | None
    actionable: bool
    cause: Cause
    relation: str | None
    meaning: str
    reason: str
    tables: tuple[str, ...]


def column(name: str) -> Callable[[ir.Table], ir.Value]:
    """The value of a column of the query as it is."""
    return lambda rows: rows[name]


@dataclass(frozen=True)
class Definition:
    """An indicator's own words, and its value as an expression over the rows of its sheet's query.

    ``needs``: what must be there beside the sheet's tables (see ``Facts.filled``).
    """

    name: str
    unit: str
    window_days: int | None
    better: Better | None
    meaning: str
    reason: str
    value: Callable[[ir.Table], ir.Value]
    actionable: bool = False
    needs: tuple[str, ...] = ()


@dataclass(frozen=True)
class Sheet:
    """Indicators that share a query: ``query`` gives one row a party, keyed by ``party_code``.

    ``any_of``: tables of which the query takes those that are there, and needs one at least.
    """

    group: str
    tables: tuple[str, ...]
    query: Callable[[Facts], ir.Table]
    definitions: tuple[Definition, ...]
    cause: Cause = "own"
    relation: str | None = None
    needs: tuple[str, ...] = ()
    any_of: tuple[str, ...] = ()

    def computable(self, filled: frozenset[str]) -> tuple[Definition, ...]:
        """The definitions for which everything is there; ``filled``: see ``Facts.filled``."""
        if self.any_of and filled.isdisjoint(self.any_of):
            return ()
        return tuple(d for d in self.definitions if filled.issuperset((*self.tables, *self.needs, *d.needs)))

    def indicators(self) -> Iterator[Indicator]:
        """The sheet's definitions as catalogue entries."""
        for d in self.definitions:
            needed = (*self.tables, *(need.split(".")[0] for need in (*self.needs, *d.needs)))
            yield Indicator(
                name=d.name,
                group=self.group,
                unit=d.unit,
                window_days=d.window_days,
                better=d.better,
                actionable=d.actionable,
                cause=self.cause,
                relation=self.relation,
                meaning=d.meaning,
                reason=d.reason,
                tables=tuple(dict.fromkeys(table for table in needed if table != "figures")),
            )
