"""Who is asked about on a day, what became of them, and what was known of them: columns by party code."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from gnn.panels.tasks import DILUTION_SHARE, DORMANT, LATE_DAYS, SALE, is_built_in
from graph.asof import code_column, party_columns
from graph.contract import TABLES
from graph.relations import day_number, recency
from graph.snapshot import Snapshot
from graph.source import Task

#: Tables whose rows show that a party does something; with ``links``, that anything is known of it.
ACTIVITY_TABLES = ("invoices", "payments", "shipments", "financings", "events")

#: A buyer without open invoices is still asked about this many days after its last invoice.
RECENT_DAYS = 90

NEVER = np.iinfo(np.int32).max


@dataclass(frozen=True)
class KnownOutcomes:
    """What may be known about every party's own result when it is looked at as a counterparty.

    ``n`` float32 [n_parties] known cases (0: nothing known); ``bad`` of which bad. Dated cases count by how
    recent they are.
    """

    n: NDArray[np.float32]
    bad: NDArray[np.float32]


@dataclass(frozen=True)
class Results:
    """What became of every party within a window: ``stated`` and ``bad``, bool [n_parties]."""

    stated: NDArray[np.bool_]
    bad: NDArray[np.bool_]


def days(column: pa.ChunkedArray) -> NDArray[np.int64]:
    """Day numbers, ``NEVER`` where null."""
    found: NDArray[np.int64] = column.cast(pa.int32()).fill_null(NEVER).to_numpy().astype(np.int64)
    return found


def _codes(column: pa.ChunkedArray) -> NDArray[np.int64]:
    found: NDArray[np.int64] = column.fill_null(-1).to_numpy().astype(np.int64)
    return found


def label_tables(task: Task) -> tuple[str, ...]:
    """Tables that labels of ``task`` are read from."""
    sales = ("shipments", "events") if task.outcome == DORMANT else ()
    return ("parties", "invoices", "outcomes", *sales)


def event_days(table: pa.Table, name: str) -> NDArray[np.int64]:
    """The day each row of table ``name`` is about; ``NEVER`` where none is known."""
    if name == "shipments":
        return days(pc.coalesce(table["dispatched_on"], table["delivered_on"], table["promised_on"]))
    column = TABLES[name].event_column
    return days(table[str(column)])


def _own_rows(snapshot: Snapshot) -> Iterator[tuple[NDArray[np.int64], NDArray[np.int64]]]:
    """(party codes, day numbers) of every row that names a party in any role."""
    for name in ACTIVITY_TABLES:
        if name in snapshot.tables:
            table = snapshot.tables[name]
            when = event_days(table, name)
            for column in party_columns(TABLES[name]):
                codes = _codes(table[code_column(column)])
                yield codes[codes >= 0], when[codes >= 0]


def _any_row(snapshot: Snapshot, since: int) -> NDArray[np.bool_]:
    """Parties with a row of their own on or after day ``since``, bool [n_parties]."""
    today = day_number(snapshot.as_of)
    active = np.zeros(snapshot.n_parties, bool)
    for codes, when in _own_rows(snapshot):
        active[codes[(when >= since) & (when <= today)]] = True
    return active


def _with_evidence(snapshot: Snapshot) -> NDArray[np.bool_]:
    """Parties of which anything but their mere existence is known, bool [n_parties]."""
    evident = _any_row(snapshot, -NEVER)
    if "links" in snapshot.tables:
        for column in ("source_code", "target_code"):
            evident[_codes(snapshot.tables["links"][column])] = True
    return evident


def _outcome_rows(
    snapshot: Snapshot, task: Task
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """The task's visible outcomes."""
    outcomes = snapshot.tables.get("outcomes")
    if outcomes is None:
        empty = np.zeros(0, np.int64)
        return empty, empty, empty
    outcomes = outcomes.filter(pc.equal(outcomes["kind"], task.outcome))
    return _codes(outcomes["party_code"]), days(outcomes["occurred_on"]), outcomes["value"].to_numpy()


def _payable(snapshot: Snapshot) -> pa.Table:
    """Invoices that somebody has to pay: neither void nor credit notes."""
    invoices = snapshot.tables["invoices"]
    owed = pc.fill_null(pc.is_in(invoices["status"], value_set=pa.array(["open", "paid"])), False)
    return invoices.filter(pc.or_(pc.is_null(invoices["status"]), owed))


def _count(codes: NDArray[np.int64], n: int) -> NDArray[np.int64]:
    return np.bincount(codes, minlength=n)


def known_outcomes(snapshot: Snapshot, task: Task) -> KnownOutcomes:
    """Every party's own results as of the snapshot's day.

    Where a source states good and bad ones, ``n`` counts the stated ones; where it states bad ones only,
    every party with any evidence counts as one case. Built-in targets count invoices; of dormancy, every
    seller is one case, bad where it has not sold for the horizon.
    """
    n = snapshot.n_parties
    today = day_number(snapshot.as_of)
    if task.outcome == DORMANT and is_built_in(task):
        last = _last_sale(snapshot, today)
        sold, idle = last > -NEVER, last <= today - task.horizon_days
        return KnownOutcomes(sold.astype(np.float32), (sold & idle).astype(np.float32))
    if is_built_in(task):
        if "invoices" not in snapshot.tables:
            return KnownOutcomes(np.zeros(n, np.float32), np.zeros(n, np.float32))
        if task.outcome == "dilution":
            return _recent_cases(*_dilution_cases(snapshot), today, n)
        return _recent_cases(*_late_cases(snapshot, task, today), today, n)
    codes, when, values = _outcome_rows(snapshot, task)
    if (values == 0).any():
        # Where a source is not dated, no day of an outcome means anything.
        return _recent_cases(codes, values == 1, when if task.dated else np.full_like(when, today), today, n)
    bad = np.minimum(_count(codes, n), 1)
    cases = np.maximum(_with_evidence(snapshot), bad)
    return KnownOutcomes(cases.astype(np.float32), bad.astype(np.float32))


def _recent_cases(
    codes: NDArray[np.int64], bad: NDArray[np.bool_], when: NDArray[np.int64], today: int, n: int
) -> KnownOutcomes:
    """Cases by party, each halved for every half-life since day ``when``: what was long ago says less."""
    weight = recency(today - when)
    return KnownOutcomes(
        np.bincount(codes, weight, n).astype(np.float32),
        np.bincount(codes[bad], weight[bad], n).astype(np.float32),
    )


def _late_cases(
    snapshot: Snapshot, task: Task, today: int
) -> tuple[NDArray[np.int64], NDArray[np.bool_], NDArray[np.int64]]:
    """(buyer codes, went bad, due days) of invoices whose punctuality is known."""
    invoices = _payable(snapshot)
    buyers, due, paid = _codes(invoices["buyer_code"]), days(invoices["due_on"]), days(invoices["paid_on"])
    late = np.minimum(paid, today) - due > LATE_DAYS[task.outcome]
    known = (due != NEVER) & ((paid <= today) | late)
    return buyers[known], late[known], due[known]


def _dilution_cases(
    snapshot: Snapshot,
) -> tuple[NDArray[np.int64], NDArray[np.bool_], NDArray[np.int64]]:
    """(seller codes, was void or a credit note, days of issue) of all invoices."""
    invoices = snapshot.tables["invoices"]
    lost = pc.is_in(invoices["status"], value_set=pa.array(["void", "credit_note"]))
    return _codes(invoices["seller_code"]), lost.to_numpy(), days(invoices["issued_on"])


def _sales(snapshot: Snapshot) -> Iterator[tuple[NDArray[np.int64], NDArray[np.int64]]]:
    """(party codes, day numbers) of every row that shows a party as a seller.

    Invoices it issued that are neither void nor credit notes, what it shipped, and its events of kind
    ``sale``.
    """
    if "invoices" in snapshot.tables:
        invoices = _payable(snapshot)
        yield _codes(invoices["seller_code"]), days(invoices["issued_on"])
    if "shipments" in snapshot.tables:
        shipments = snapshot.tables["shipments"]
        yield _codes(shipments["shipper_code"]), event_days(shipments, "shipments")
    if "events" in snapshot.tables:
        events = snapshot.tables["events"]
        events = events.filter(pc.equal(events["kind"], SALE))
        yield _codes(events["party_code"]), days(events["occurred_on"])


def _last_sale(snapshot: Snapshot, until: int) -> NDArray[np.int64]:
    """Day of each party's last sale up to day ``until``, ``-NEVER`` where there is none, int64 [n]."""
    last = np.full(snapshot.n_parties, -NEVER, np.int64)
    for codes, when in _sales(snapshot):
        np.maximum.at(last, codes[when <= until], when[when <= until])
    return last


def _has_role(parties: pa.Table, roles: tuple[str, ...]) -> NDArray[np.bool_]:
    padded = pc.binary_join_element_wise("", parties["roles"], "", "|")
    found = np.zeros(parties.num_rows, bool)
    for role in roles:
        found |= pc.match_substring(padded, f"|{role}|").fill_null(False).to_numpy()
    return found


def _concerned(snapshot: Snapshot, task: Task) -> NDArray[np.bool_]:
    """Whom a built-in target is about: buyers with something to pay, sellers that still sell."""
    asked, today = np.zeros(snapshot.n_parties, bool), day_number(snapshot.as_of)
    if task.outcome == DORMANT:
        return _last_sale(snapshot, today) > today - task.horizon_days
    if "invoices" not in snapshot.tables:
        return asked
    invoices = _payable(snapshot)
    recent = days(invoices["issued_on"]) > today - RECENT_DAYS
    if task.outcome == "dilution":
        asked[_codes(invoices["seller_code"])[recent]] = True
    else:
        unpaid = (days(invoices["paid_on"]) > today) & (days(invoices["due_on"]) != NEVER)
        # A claim that has been late for longer than the target asks is no question any more.
        unpaid &= days(invoices["due_on"]) + LATE_DAYS[task.outcome] > today
        asked[_codes(invoices["buyer_code"])[recent | unpaid]] = True
    return asked


def population(snapshot: Snapshot, task: Task) -> NDArray[np.int32]:
    """Codes of the parties the task is asked about on the snapshot's day, ascending."""
    parties = snapshot.tables["parties"]
    asked = np.ones(snapshot.n_parties, bool)
    if task.roles:
        asked &= _has_role(parties, task.roles)
    if task.party_kinds:
        asked &= pc.is_in(parties["kind"], value_set=pa.array(task.party_kinds)).to_numpy()
    if task.active_within_days is not None:
        asked &= _any_row(snapshot, day_number(snapshot.as_of) - task.active_within_days + 1)
    if is_built_in(task):
        asked &= _concerned(snapshot, task)
    elif task.once and not task.by_splits:
        codes, _, values = _outcome_rows(snapshot, task)
        asked[codes[values == 1]] = False
    return np.flatnonzero(asked).astype(np.int32)


def results(later: Snapshot, task: Task, start: date, end: date) -> Results:
    """What happened in (``start``, ``end``] as known on the day of ``later``, by its party codes."""
    n, after, until = later.n_parties, day_number(start), day_number(end)
    if task.outcome == DORMANT and is_built_in(task):
        return Results(np.ones(n, bool), _last_sale(later, until) <= after)
    if is_built_in(task) and "invoices" not in later.tables:
        return Results(np.zeros(n, bool), np.zeros(n, bool))
    if task.outcome == "dilution" and is_built_in(task):
        return _dilution_results(later, after, until)
    if is_built_in(task):
        invoices = _payable(later)
        due = days(invoices["due_on"])
        reached = due + LATE_DAYS[task.outcome]
        bad = (due != NEVER) & (reached > after) & (reached <= until) & (days(invoices["paid_on"]) > reached)
        return Results(np.ones(n, bool), _count(_codes(invoices["buyer_code"])[bad], n) > 0)
    codes, when, values = _outcome_rows(later, task)
    within = (when > after) & (when <= until)
    codes, values = codes[within], values[within]
    return Results(_count(codes, n) > 0, _count(codes[values == 1], n) > 0)


def label_days(snapshot: Snapshot, task: Task) -> NDArray[np.int64]:
    """Days on which the rows that labels of a built-in ``task`` are read from first count, int64 [rows].

    An invoice counts as late no sooner than so many days after its issue, as it may be due at once. Empty
    for outcomes: so rare that their last day does not tell when nobody noted them any more.
    """
    if not is_built_in(task):
        return np.zeros(0, np.int64)
    if task.outcome == DORMANT:
        return np.concatenate([when for _, when in _sales(snapshot)] or [np.zeros(0, np.int64)])
    if "invoices" not in snapshot.tables:
        return np.zeros(0, np.int64)
    return days(snapshot.tables["invoices"]["issued_on"]) + LATE_DAYS.get(task.outcome, 0)


def _dilution_results(later: Snapshot, after: int, until: int) -> Results:
    invoices = later.tables["invoices"]
    issued = days(invoices["issued_on"])
    invoices = invoices.filter(pa.array((issued > after) & (issued <= until)))
    sellers, lost = (
        _codes(invoices["seller_code"]),
        pc.is_in(invoices["status"], value_set=pa.array(["void", "credit_note"])).to_numpy(),
    )
    note = pc.equal(invoices["status"], "credit_note").fill_null(False).to_numpy()
    amount = invoices["amount"].to_numpy().astype(np.float64)
    n = later.n_parties
    gross = np.bincount(sellers[~note], weights=amount[~note], minlength=n)
    gone = np.bincount(sellers[lost], weights=amount[lost], minlength=n)
    return Results(gross > 0, (gross > 0) & (gone > DILUTION_SHARE * gross))
