"""The declared catalogue: every indicator there is, in the order in which columns are kept."""

from __future__ import annotations

from collections.abc import Mapping

from graph.indicators import (
    activity,
    buyers,
    disputes,
    financing,
    guarantees,
    inventory,
    logistics,
    outcomes,
    ownership,
    payments,
    sales,
    suppliers,
)
from graph.indicators.sheet import Indicator, Sheet

__all__ = ["CATALOGUE", "SHEETS", "Indicator"]

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
)

CATALOGUE: Mapping[str, Indicator] = {i.name: i for sheet in SHEETS for i in sheet.indicators()}
