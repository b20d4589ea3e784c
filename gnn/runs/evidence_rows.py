"""The stored rows behind a reason, as they are shown."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, timedelta
from typing import Any

import numpy as np

from gnn.runs.run_files import StoredRun
from gnn.runs.texts import Texts

#: At most so many rows are shown with a reason.
MAX_SHOWN = 5
#: Stand for an unknown day or amount in stored evidence.
NO_DAY, NO_AMOUNT = int(np.iinfo(np.int32).min), int(np.iinfo(np.int64).min)

_EPOCH = date(1970, 1, 1)


def day_text(day: int) -> str | None:
    """ISO date of a day number, None for ``NO_DAY``."""
    return None if day == NO_DAY else (_EPOCH + timedelta(days=day)).isoformat()


def _rows(run: StoredRun, table: str, code: int) -> list[tuple[bool, int, dict[str, Any]]]:
    stored = run.evidence[table]
    row = slice(int(stored["indptr"][code]), int(stored["indptr"][code + 1]))
    keys = Texts(stored["key_offsets"], stored["key_blob"])
    roles = run.facts.evidence_roles[table]
    columns = (stored[name][row].tolist() for name in ("role", "on", "amount", "adverse"))
    return [
        (
            not adverse,
            -on,
            {
                "table": table,
                "key": keys[row.start + place],
                "role": roles[role],
                "on": day_text(on),
                "amount": None if amount == NO_AMOUNT else amount,
                "adverse": adverse,
            },
        )
        for place, (role, on, amount, adverse) in enumerate(zip(*columns, strict=True))
    ]


def rows_behind(run: StoredRun, code: int, tables: Iterable[str]) -> list[dict[str, Any]]:
    """The party's most telling rows of ``tables``: bad news first, then the latest."""
    found = [row for table in tables if table in run.evidence for row in _rows(run, table, code)]
    return [row for *_, row in sorted(found, key=lambda row: row[:2])[:MAX_SHOWN]]
