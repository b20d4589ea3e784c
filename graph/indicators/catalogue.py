"""The declared catalogue: every indicator there is, in the order in which columns are kept."""

from __future__ import annotations

from collections.abc import Mapping

from graph.indicators import (
    activity,
    buyers,
    disputes,
    environment,
    financing,
    guarantees,
    inventory,
    logistics,
    outcomes,
    ownership,
    payments,
    peers,
    rings,
    sales,
    suppliers,
)
from graph.indicators.sheet import Indicator, Sheet

__all__ = ["CATALOGUE", "OF_ONE_KIND", "SHEETS", "Indicator"]

SHEETS: tuple[Sheet, ...] = (
    *sales.SHEETS,
    *buyers.SHEETS,
    *suppliers.SHEETS,
    *payments.SHEETS,
    *inventory.SHEETS,
    *disputes.SHEETS,
    *outcomes.SHEETS,
    *logistics.SHEETS,
    *financing.SHEETS,
    *guarantees.SHEETS,
    *ownership.SHEETS,
    *activity.SHEETS,
    *rings.SHEETS,
    *environment.SHEETS,
)

#: Sheets over ``figures``, the indicators of the sheets above.
COMPARING: tuple[Sheet, ...] = (*environment.COMPARING, *peers.COMPARING)

CATALOGUE: Mapping[str, Indicator] = {
    i.name: i for sheet in (*SHEETS, *COMPARING) for i in sheet.indicators()
}

#: What is told of bad things of any kind, and of one kind: of a party that had no other, it is one fact.
OF_ONE_KIND: Mapping[str, tuple[str, ...]] = {**disputes.OF_ONE_KIND, **outcomes.OF_ONE_KIND}

#: Names of the indicators that parties are compared by.
FIGURES = frozenset(
    need.removeprefix("figures.")
    for sheet in COMPARING
    for definition in sheet.definitions
    for need in definition.needs
    if need.startswith("figures.")
)
