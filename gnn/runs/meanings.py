"""What people are told of the model's columns and relations."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from graph.indicators import CATALOGUE
from graph.vocabulary import KindDeclaration, whose

_MILIEUS = {"industry": "industry", "region": "region", "country": "country", "size_band": "size band"}


@dataclass(frozen=True)
class ColumnMeaning:
    """A column as reasons show it.

    ``code`` is stable across versions. ``reason`` is said where the value lies on the bad side of the
    peers'; see ``gnn.runs.scores.column_text`` for what is said elsewhere. ``part``: own or environment.
    ``better``: "higher", "lower" or None. ``tables``: contract tables behind the value.
    ``of_record``: knowing it takes records of the party, so it counts for data coverage. ``group``: of the
    indicator; "features" for a source's own.
    """

    name: str
    code: str
    meaning: str
    reason: str
    unit: str | None
    part: str
    better: str | None
    actionable: bool
    tables: tuple[str, ...]
    of_record: bool
    group: str


def counterparties_text(relation: str, kinds: Mapping[str, KindDeclaration]) -> str:
    """What the counterparties of a relation are called: ``SUPPLIES.in`` → "suppliers"."""
    kind = relation.removesuffix(".out").removesuffix(".in")
    declared = kinds.get(kind) or kinds.get(kind.lower())
    if declared is None:
        return "counterparties"
    return declared.in_text if relation.endswith(".in") else declared.out_text


def meaning_of(name: str, kinds: Mapping[str, KindDeclaration]) -> ColumnMeaning:
    """The meaning of a model's column: an indicator, a source's ``x_*``, a degree or a milieu's rate."""
    indicator = CATALOGUE.get(name)
    if indicator is not None:
        return ColumnMeaning(
            name,
            name.upper(),
            indicator.meaning,
            indicator.reason,
            indicator.unit,
            "environment" if indicator.cause == "environment" else "own",
            indicator.better,
            indicator.actionable,
            indicator.tables,
            indicator.cause == "own",
            indicator.group,
        )
    family, _, rest = name.partition(":")
    if family == "log_degree":
        them = whose(counterparties_text(rest, kinds))
        code = f"NUMBER_OF_COUNTERPARTIES:{rest}"
        return _plain(
            name, code, f"Number of {them}.", f"The number of {them} is unlike its peers'", unit="count"
        )
    if family == "rate":
        milieu = _MILIEUS.get(rest, rest)
        meaning = f"Rate of bad outcomes seen in its {milieu}."
        reason = f"Its {milieu} has a worse record than others"
        code = f"RECORD_OF_{rest.upper()}"
        return _plain(name, code, meaning, reason, unit="share", part="environment", better="lower")
    label = name.removeprefix("x_")
    reason = f"The source's feature {label} has a value that goes with bad outcomes"
    return _plain(name, name.upper(), f"Feature {label} of the source.", reason, of_record=True)


def _plain(
    name: str,
    code: str,
    meaning: str,
    reason: str,
    *,
    unit: str | None = None,
    part: str = "own",
    better: str | None = None,
    of_record: bool = False,
) -> ColumnMeaning:
    return ColumnMeaning(
        name, code, meaning, reason, unit, part, better, False, ("parties",), of_record, "features"
    )


def shown(name: str, column: NDArray[np.float32]) -> NDArray[np.float32]:
    """A column in the unit of its meaning: degrees are counts, not logarithms."""
    return np.expm1(column) if name.startswith("log_degree:") else column
