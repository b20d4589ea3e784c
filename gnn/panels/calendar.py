"""Prediction days derived from the data's span, for tasks that name none."""

from __future__ import annotations

from datetime import date

import numpy as np
from numpy.typing import NDArray

from gnn.panels.targets import ACTIVITY_TABLES, NEVER, days, event_days, label_days
from gnn.panels.tasks import LEAST_HISTORY_DAYS, days_needed, least_history_days
from graph.errors import BadInput
from graph.relations import day_number, day_of
from graph.snapshot import Snapshot
from graph.source import Part, Task

#: Days of records that should lie before the first prediction, so that there is something to see.
WISHED_HISTORY_DAYS = 180

MAX_TRAIN_DAYS, MAX_TEST_DAYS = 6, 3

#: Rows of all snapshots of a panel together; above it fewer days are taken.
MAX_PANEL_ROWS = 15_000_000

#: The first and the last few rows of a source are often stray ones: this share of them is not relied on.
STRAY_SHARE = 0.01


def _all_days(snapshot: Snapshot) -> NDArray[np.int64]:
    """Days of all activity and outcomes, int64 [rows]."""
    found = [
        event_days(snapshot.tables[name], name)
        for name in (*ACTIVITY_TABLES, "outcomes")
        if name in snapshot.tables
    ]
    together = np.concatenate(found) if found else np.zeros(0, np.int64)
    return together[together <= day_number(snapshot.as_of)]


def observed_until(snapshot: Snapshot) -> date:
    """The last day of which the data say anything."""
    happened = _all_days(snapshot)
    last = int(happened.max()) if len(happened) else day_number(snapshot.as_of)
    for name in ("invoices", "financings"):
        for column in ("paid_on", "repaid_on"):
            if name in snapshot.tables and column in snapshot.tables[name].column_names:
                when = days(snapshot.tables[name][column])
                last = max(last, int(when[when < NEVER].max(initial=0)))
    return day_of(last)


def labels_until(snapshot: Snapshot, task: Task, observed: date) -> date:
    """The last day of which labels of ``task`` say anything, of a source that is ``observed`` until a day.

    Rows that they are read from may end before the data do: of a source whose payments were followed for a
    quarter after its last invoice, nobody becomes late in the end, and everybody dormant.
    """
    counted = label_days(snapshot, task)
    counted = counted[counted < NEVER]
    if not len(counted):
        return observed
    return min(observed, day_of(int(np.quantile(counted, 1 - STRAY_SHARE))))


def choose_days(snapshot: Snapshot, task: Task, until: date) -> dict[Part, tuple[date, ...]]:
    """Days by part: test last, then calibration, then training, each a horizon before the next part.

    ``until``: the last day of which labels say anything. Days of one part are half a horizon apart. Where
    the span is short, training windows may run into the calibration day (never past the first test day), and
    history may be shorter.
    Raises ``BadInput`` where even that does not fit.
    """
    happened = _all_days(snapshot)
    if not len(happened):
        raise BadInput(
            f"task {task.name}: prediction days cannot be derived, because no invoice, payment, shipment, "
            "financing, event or outcome is dated: name as_of days in the task"
        )
    first, last = int(np.quantile(happened, STRAY_SHARE)), day_number(until)
    rows = sum(table.num_rows for table in snapshot.tables.values())
    most = int(np.clip(MAX_PANEL_ROWS // max(rows, 1), 3, MAX_TRAIN_DAYS + MAX_TEST_DAYS + 1))
    horizon, step = task.horizon_days, max(task.horizon_days // 2, 1)
    least = least_history_days(horizon)
    for tests, apart, history in (
        (3, horizon, WISHED_HISTORY_DAYS),
        (2, horizon, WISHED_HISTORY_DAYS),
        (1, horizon, WISHED_HISTORY_DAYS),
        (1, step, WISHED_HISTORY_DAYS),
        (1, step, LEAST_HISTORY_DAYS),
        (1, step, least),
    ):
        test = [last - horizon - step * k for k in range(tests)][::-1]
        valid = test[0] - horizon
        train = [valid - apart - step * k for k in range(min(MAX_TRAIN_DAYS, most - tests - 1))][::-1]
        train = [day for day in train if day >= first + history]
        if len(train) >= tests:
            chosen: dict[Part, list[int]] = {"train": train, "valid": [valid], "test": test}
            return {part: tuple(map(day_of, found)) for part, found in chosen.items()}
    needed = days_needed(horizon)
    raise BadInput(
        f"task {task.name}: a horizon of {horizon} days needs records of {needed} days, and they span "
        f"{last - first}, up to {day_of(last)}: shorten horizon_days, load a longer history, or name as_of "
        "days in the task"
    )
