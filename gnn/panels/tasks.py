"""Which question is asked: the tasks that sources declare, and the ones that need no outcomes file."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import pyarrow as pa
import pyarrow.compute as pc

from graph.errors import BadInput
from graph.source import SourceDeclaration, Task
from graph.vocabulary import BUILT_IN_TARGETS

#: Days past due that make a buyer's invoice late, by built-in target.
LATE_DAYS: Mapping[str, int] = {"late_30": 30, "late_90": 90}

#: Days ahead that a task nobody declared may ask about.
HORIZONS = (365, 180, 90, 30, 14, 5, 3, 2, 1)

#: Days of records that must lie before the first prediction.
LEAST_HISTORY_DAYS = 60

#: A seller is diluted when voids and credit notes exceed this share of what it invoiced.
DILUTION_SHARE = 0.10

#: A seller is dormant that sells nothing within the horizon.
DORMANT = "dormant"

#: Kind of ``events`` that says a party sold something where nobody knows to whom.
SALE = "sale"

BUILT_IN_TASKS: Mapping[str, Task] = {
    name: Task(name=name, outcome=name, horizon_days=180, once=False) for name in BUILT_IN_TARGETS
}


def is_built_in(task: Task) -> bool:
    """Whether the target is computed from what parties do instead of looked up in ``outcomes``."""
    return task.outcome in BUILT_IN_TASKS


def _has_payment_dates(tables: Mapping[str, pa.Table]) -> bool:
    invoices = tables.get("invoices")
    return invoices is not None and all(
        invoices[column].null_count < invoices.num_rows for column in ("due_on", "paid_on")
    )


def least_history_days(horizon: int) -> int:
    """Days of records that must lie before the first prediction: two horizons are enough for a short one."""
    return min(LEAST_HISTORY_DAYS, 2 * horizon)


def days_needed(horizon: int) -> int:
    """Days of records from which prediction days can be derived: one of each part, and some history."""
    return 2 * horizon + max(horizon // 2, 1) + least_history_days(horizon)


def recorded_tasks(tables: Mapping[str, pa.Table]) -> dict[str, Task]:
    """A task for each kind of ``outcomes`` that happened at all, by kind: will it happen within a year, or
    the longest of ``HORIZONS`` for which the days between the first and the last on record are enough?

    A party that had the event leaves the population unless some had it twice; where good ends are stated
    too, only parties with a stated one are asked about.
    """
    outcomes = tables.get("outcomes")
    if outcomes is None:
        return {}
    tasks = {}
    bad = outcomes.filter(pc.equal(outcomes["value"], 1))
    for kind in sorted(pc.unique(bad["kind"]).to_pylist()):
        cases = bad.filter(pc.equal(bad["kind"], kind))
        once = cases.num_rows == len(pc.unique(cases["party_code"]))
        stated = pc.sum(pc.equal(outcomes["kind"], kind)).as_py() > cases.num_rows
        span = pc.min_max(cases["occurred_on"].cast(pa.int32())).as_py()
        horizon = next((h for h in HORIZONS if days_needed(h) <= span["max"] - span["min"]), HORIZONS[-1])
        tasks[kind] = Task(kind, kind, horizon, once=once, stated_only=stated)
    return tasks


def choose_task(
    declarations: Iterable[SourceDeclaration], name: str | None, tables: Mapping[str, pa.Table]
) -> Task:
    """The task of this name; without one the only declared task, else the only kind of outcome on record,
    else late payment by buyers.

    ``tables``: a snapshot's. Sources without dates have to declare theirs. Raises ``BadInput`` naming the
    choices where the question is not clear.
    """
    declarations = tuple(declarations)
    declared = {
        (declaration.name, task.name): task for declaration in declarations for task in declaration.tasks
    }
    undeclared = dict(BUILT_IN_TASKS) | ({} if declared else recorded_tasks(tables))
    choices = ", ".join(sorted({task for _, task in declared} | set(undeclared)))
    if name is not None:
        found = [task for (_, task_name), task in sorted(declared.items()) if task_name == name]
        if len(found) > 1:
            sources = ", ".join(sorted(source for source, task_name in declared if task_name == name))
            raise BadInput(f"task {name!r} is declared by several sources ({sources}): give them other names")
        if not found and name not in undeclared:
            raise BadInput(f"no task {name!r}; there are: {choices}")
        return found[0] if found else undeclared[name]
    if len(declared) == 1:
        return next(iter(declared.values()))
    if declared:
        raise BadInput(f"several tasks are declared: name one of {choices}")
    if declarations and not any(declaration.dated for declaration in declarations):
        raise BadInput(
            "a source without dates has to declare its task in the mapping (dated: false, by_splits: true, "
            "and an as_of day for each of train, valid and test), with its parties' parts in table splits"
        )
    recorded = sorted(undeclared.keys() - BUILT_IN_TASKS.keys())
    if len(recorded) > 1:
        raise BadInput(f"no task is declared, and there are several kinds of outcomes: name one of {choices}")
    if recorded:
        return undeclared[recorded[0]]
    if _has_payment_dates(tables):
        return BUILT_IN_TASKS["late_30"]
    raise BadInput(
        "no source declares a task, and late payment cannot be learnt because no invoice has both due_on and "
        "paid_on: load outcomes and declare a task in the source's mapping"
    )
