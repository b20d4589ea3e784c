"""What a load did, row by row accounted for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from rich.box import SIMPLE_HEAD
from rich.markup import escape
from rich.table import Table


@dataclass
class TableCounts:
    """Rows of one table. Nothing is lost: read = accepted + quarantined + unchanged + filtered + merged.

    ``read``: records the files offered to the table (after unpivoting). ``accepted``: new versions
    written, ``updated`` of them of a thing known before. ``unchanged``: equal to a row of the store or of
    this load. ``filtered``: left out by the mapping's ``where``. ``merged``: folded into another row of
    the same thing by ``distinct``.
    """

    read: int = 0
    accepted: int = 0
    quarantined: int = 0
    updated: int = 0
    unchanged: int = 0
    filtered: int = 0
    merged: int = 0


@dataclass(frozen=True)
class LoadReport:
    """The account of one load.

    ``reasons``: faults by reason (a row may have several). ``ignored_columns``: source columns that no
    table uses; those that the mapping does not list as ignored are named in ``warnings``.
    ``resolved``: by table, things whose attributes differed between rows and were settled by ``distinct``.
    ``quarantine``: the file of rejected rows, None where there are none.
    """

    load_id: str
    source: str
    tables: Mapping[str, TableCounts]
    reasons: Mapping[str, int] = field(default_factory=dict)
    ignored_columns: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    resolved: Mapping[str, int] = field(default_factory=dict)
    quarantine: str | None = None

    def to_json(self) -> dict[str, Any]:
        """The report as JSON values; ``filtered`` and ``merged`` stand beside ``tables``."""
        shown = ("read", "accepted", "quarantined", "updated", "unchanged")
        counts = {name: asdict(table) for name, table in self.tables.items()}
        return {
            "load_id": self.load_id,
            "source": self.source,
            "tables": {name: {key: table[key] for key in shown} for name, table in counts.items()},
            "filtered": {name: table["filtered"] for name, table in counts.items() if table["filtered"]},
            "merged": {name: table["merged"] for name, table in counts.items() if table["merged"]},
            "reasons": dict(self.reasons),
            "resolved": dict(self.resolved),
            "ignored_columns": list(self.ignored_columns),
            "warnings": list(self.warnings),
            "quarantine": self.quarantine,
        }

    def table(self) -> Table:
        """The account for people: counts by table, then what was wrong and where the rows are."""
        table = Table(
            title=f"Load of {escape(self.source)}",
            title_justify="left",
            caption=self._caption(),
            caption_justify="left",
            box=SIMPLE_HEAD,
            padding=(0, 1, 0, 0),
        )
        table.add_column("table", no_wrap=True)
        always = ("read", "accepted", "updated", "unchanged", "quarantined")
        rare = ("filtered", "merged")
        # Large counts fit on a narrow terminal where what never happened takes no room.
        names = (*always, *(name for name in rare if any(getattr(t, name) for t in self.tables.values())))
        for name in names:
            table.add_column(name, justify="right", no_wrap=True)
        for name, counts in self.tables.items():
            table.add_row(name, *(f"{getattr(counts, column):,}" for column in names))
        return table

    def _caption(self) -> str:
        lines = [f"{count:,} x {reason}" for reason, count in self.reasons.items()]
        if self.quarantine is not None:
            lines.append(f"rejected rows with their reasons: {self.quarantine}")
        return "\n".join(escape(line) for line in (*lines, *self.warnings))
