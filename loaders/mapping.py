"""The mapping language as data: what one YAML file says about one source.

``loaders.parsing`` makes these from YAML; ``docs/mapping.md`` explains every key.
"""

from __future__ import annotations

import fnmatch
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from typing import Literal

from graph.source import SourceDeclaration
from loaders.expressions import Expression

Format = Literal["auto", "csv", "tsv", "parquet", "jsonl", "json", "npz"]
Distinct = Literal["first", "last", "mode", "versions"]
Others = Literal["refuse", "keep", "null"]
Unit = Literal["major", "minor"]
Take = Literal["first", "last"]
Negatives = Literal["leading", "trailing", "parentheses"]
Case = Literal["upper", "lower"]
Scalar = str | int | float | bool | date

_RANGE = re.compile(r"^(.*?)(\d+)\.\.(.*?)(\d+)$")


@dataclass(frozen=True)
class NumberText:
    """How numbers are written in text: decimal mark, thousands separator, characters to drop, minus."""

    decimal: str = "."
    thousands: str = ""
    strip: str = ""
    negatives: Negatives = "leading"

    def overlaid(self, marks: Mapping[str, str]) -> NumberText:
        """These marks, those in ``marks`` instead; a new decimal mark separates no thousands any more."""
        inherited = {} if marks.get("decimal", "") != self.thousands else {"thousands": ""}
        return replace(self, **(inherited | dict(marks)))  # type: ignore[arg-type]


@dataclass(frozen=True)
class Lookup:
    """A left join of another file of the mapping, at most one of its rows a key.

    ``on``: this file's column to the other's. ``columns``: patterns of the columns taken (its key left
    out); ``prefix`` is put before their names. ``take``: which row counts where a key has several
    (None: that refuses the load).
    """

    file: str
    on: tuple[tuple[str, str], ...]
    columns: tuple[str, ...] = ("*",)
    prefix: str = ""
    take: Take | None = None


@dataclass(frozen=True)
class FileMapping:
    """Which files of the source's folder are read as one, and how."""

    name: str
    paths: tuple[str, ...]
    format: Format = "auto"
    optional: bool = False
    encoding: str = "utf-8"
    delimiter: str | None = None
    skip: int = 0
    comment: str = ""
    quote: str | None = '"'
    escape: str | None = None
    header: bool | tuple[str, ...] = True
    multiline: bool = False
    nulls: tuple[str, ...] = ()
    numbers: NumberText = NumberText()
    dates: tuple[str, ...] = ()
    array: str | None = None
    transpose: bool = False
    min_rows: int = 1
    max_rows: int | None = None
    ignore: tuple[str, ...] = ()
    lookups: tuple[Lookup, ...] = ()


@dataclass(frozen=True)
class ColumnMapping:
    """Where one contract column comes from (exactly one of column, value, expr) and how it is read."""

    column: str | None = None
    value: Scalar | None = None
    expr: Expression | None = None
    dates: tuple[str, ...] | None = None
    unit: Unit | None = None
    scale: float = 1.0
    absolute: bool = False
    values: Mapping[str, Scalar | None] = field(default_factory=dict)
    others: Others = "refuse"
    prefix: str = ""
    default: Scalar | None = None
    nulls: tuple[str, ...] = ()
    marks: Mapping[str, str] = field(default_factory=dict)
    case: Case | None = None


@dataclass(frozen=True)
class OpenColumns:
    """Source columns that become ``x_*`` columns; ``{name}`` in ``to`` is the source column's name."""

    columns: tuple[str, ...]
    to: str = "x_{name}"


@dataclass(frozen=True)
class Unpivot:
    """Several columns turned into rows: ``name`` holds the column's name, ``value`` its value."""

    columns: tuple[str, ...]
    name: str
    value: str


@dataclass(frozen=True)
class Feed:
    """One file filling one table. ``place``: where it stands in the YAML, for messages."""

    table: str
    file: str
    columns: Mapping[str, ColumnMapping]
    place: str
    where: Expression | None = None
    distinct: Distinct | None = None
    open_columns: tuple[OpenColumns, ...] = ()
    same_names: bool = False
    unpivot: Unpivot | None = None


@dataclass(frozen=True)
class SourceMapping:
    """A whole source. ``reject_share``: allowed share of rejected rows in any table."""

    path: str
    declaration: SourceDeclaration
    licence: str
    files: Mapping[str, FileMapping]
    feeds: tuple[Feed, ...]
    reject_share: float = 0.01
    declared_in: tuple[str, ...] = ()


def matching(patterns: tuple[str, ...], names: tuple[str, ...]) -> tuple[str, ...]:
    """The ``names`` that any of ``patterns`` means, in the order of ``names``.

    A pattern is a name, a glob (``fin_*``, ``c[0-9]``) or a range (``c0..c56``).
    """
    wanted: set[str] = set()
    for pattern in patterns:
        span = _RANGE.match(pattern)
        if pattern in names:
            wanted.add(pattern)
        elif span and span[1] == span[3]:
            wanted |= {f"{span[1]}{number}" for number in range(int(span[2]), int(span[4]) + 1)}
        else:
            wanted |= {name for name in names if fnmatch.fnmatchcase(name, pattern)}
    return tuple(name for name in names if name in wanted)
