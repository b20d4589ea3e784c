"""Past prediction days with their populations and labels: what is learnt from, calibrated on and tested on.

Every label of training and calibration comes from a window that ends, and is read from what was known,
before the first test day. Test labels are read from the latest day.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from gnn.columns.features import without_tables
from gnn.panels.calendar import choose_days, labels_until, observed_until
from gnn.panels.targets import KnownOutcomes, known_outcomes, label_tables, population, results
from gnn.panels.tasks import choose_task, is_built_in
from graph.errors import BadInput, Refused
from graph.rings.membership import with_rings
from graph.snapshot import Snapshot
from graph.source import PARTS, Part, Task
from graph.store import EcosystemStore

__all__ = [
    "KnownOutcomes",
    "Origin",
    "Panel",
    "build_panel",
    "choose_task",
    "known_outcomes",
    "learned_together",
    "population",
    "require_evidence",
    "thinned",
]

#: No model is made of fewer bad outcomes than this.
MIN_POSITIVES = 30

#: Training days are taken from the latest back until they hold so many rows: more would be thinned away.
ENOUGH_ROWS = 200_000

#: Cases to weigh and to judge by, at most; 4,000 bad ones among 200,000 tell the AUC to half a hundredth.
MOST_ROWS: dict[Part, int] = {"valid": 100_000, "test": 200_000}

#: A window counts as observed where the data stop no more than this share of the horizon before its end:
#: the last row of a file seldom falls on the day it was cut.
OBSERVATION_SLACK = 0.05
#: A rate is in doubt where the rows it is read from thin out earlier than by this share of the horizon.
DOUBTFUL_SHARE = 0.1


@dataclass(frozen=True)
class Origin:
    """One prediction day.

    ``codes`` int32 [m] the population, ascending; ``labels`` int8 [m] 1: the bad outcome came.
    ``own_labels_known``: ``known`` also holds the rows' own labels (the training day of a task by splits),
    so features must be made by folds.
    """

    part: Part
    as_of: date
    snapshot: Snapshot
    codes: NDArray[np.int32]
    labels: NDArray[np.int8]
    known: KnownOutcomes
    own_labels_known: bool


@dataclass(frozen=True)
class Panel:
    """Origins in order of part and day; ``notes`` says what was left out and why."""

    task: Task
    origins: tuple[Origin, ...]
    notes: tuple[str, ...] = ()

    def of(self, part: Part) -> tuple[Origin, ...]:
        """The origins of one part."""
        return tuple(origin for origin in self.origins if origin.part == part)

    def labels(self, part: Part) -> NDArray[np.int8]:
        """Labels of one part's rows, origin after origin, int8 [rows]."""
        found = [origin.labels for origin in self.of(part)]
        return np.concatenate(found) if found else np.zeros(0, np.int8)

    def parties(self, part: Part) -> NDArray[np.int32]:
        """A number for the party of each row, the same at every day of the part, int32 [rows]."""
        ids = [origin.snapshot.party_ids.take(pa.array(origin.codes)) for origin in self.of(part)]
        encoded = pa.concat_arrays(ids).dictionary_encode() if ids else None
        return np.zeros(0, np.int32) if encoded is None else encoded.indices.to_numpy().astype(np.int32)


def thinned(origins: tuple[Origin, ...], max_rows: int) -> tuple[Origin, ...]:
    """Days with their rows thinned evenly, by a fixed draw, to ``max_rows`` in all."""
    total = sum(len(origin.codes) for origin in origins)
    if total <= max_rows:
        return origins
    kept = np.zeros(total, bool)
    kept[np.random.default_rng(11).permutation(total)[:max_rows]] = True
    bounds = np.cumsum([len(origin.codes) for origin in origins])[:-1]
    return tuple(
        replace(origin, codes=origin.codes[keep], labels=origin.labels[keep])
        for origin, keep in zip(origins, np.split(kept, bounds), strict=True)
    )


def learned_together(train: Sequence[Origin], valid: Sequence[Origin]) -> tuple[Origin, ...]:
    """Days that are learned from at once.

    Of a task by splits each then knows results of both parts, as test rows do, its own rows' among them.
    """
    together = (*train, *valid)
    if not any(origin.own_labels_known for origin in train):
        return together
    return tuple(
        replace(origin, known=_known_with(origin, valid), own_labels_known=True) for origin in together
    )


def _known_with(origin: Origin, others: Sequence[Origin]) -> KnownOutcomes:
    """What is known on the day of ``origin``, and the results of ``others``."""
    n, bad = origin.known.n.copy(), origin.known.bad.copy()
    for other in others:
        here = positions(other.snapshot, origin.snapshot)[other.codes]
        there = here >= 0
        np.add.at(n, here[there], 1.0)
        np.add.at(bad, here[there], other.labels[there])
    return KnownOutcomes(n, bad)


def require_evidence(panel: Panel) -> None:
    """Raise ``Refused`` where there is too little to learn from: no model is better than a made-up one."""
    least_bad: dict[Part, int] = {"train": MIN_POSITIVES, "valid": 1}
    for part, least in least_bad.items():
        labels = panel.labels(part)
        bad = int(labels.sum())
        if bad < least or bad == len(labels):
            again = "; once: false asks again about those who had it" if panel.task.once else ""
            raise Refused(
                f"task {panel.task.name}: {bad} of {len(labels)} cases of the {part} part are bad; at least "
                f"{least} bad ones, and good ones beside them, are needed. No model was made: load a longer "
                f"history, or choose another task or horizon{again}",
                part=part,
                positives=bad,
                cases=len(labels),
            )


def positions(of: Snapshot, among: Snapshot) -> NDArray[np.int64]:
    """Codes in ``among`` of every party of ``of``, int64 [n]; -1 where it is not known there."""
    found = pc.index_in(of.party_ids, value_set=among.party_ids)
    codes: NDArray[np.int64] = found.fill_null(-1).to_numpy().astype(np.int64)
    return codes


class _Days:
    """Snapshots by day, each read once; ``keep_tables``: whether origins keep more of them than columns."""

    def __init__(
        self,
        store: EcosystemStore,
        purpose: str | None,
        tell: Callable[[str], None],
        keep_tables: bool,
        rings: bool,
    ) -> None:
        self._store, self._purpose, self._tell = store, purpose, tell
        self._keep_tables, self._rings = keep_tables, rings
        self._read: dict[date, Snapshot] = {}

    def __call__(self, day: date) -> Snapshot:
        if day not in self._read:
            self._tell(f"reading {day}")
            self._read[day] = self._store.read(day, self._purpose)
        return self._read[day]

    def forget(self, day: date) -> None:
        """Let go of a day that is not looked at again."""
        self._read.pop(day, None)

    def settled(self, origin: Origin) -> Origin:
        """``origin``, whose day is not looked at again."""
        self.forget(origin.as_of)
        if self._rings:
            self._tell(f"rings of {origin.as_of}")
            origin = replace(origin, snapshot=with_rings(origin.snapshot))
        return origin if self._keep_tables else replace(origin, snapshot=without_tables(origin.snapshot))


def build_panel(
    store: EcosystemStore,
    task: Task,
    purpose: str | None = None,
    progress: Callable[[str], None] | None = None,
    keep_tables: bool = True,
) -> Panel:
    """Snapshots, populations and labels of every day of ``task``.

    ``progress`` is called with one sentence a step. Without ``keep_tables`` the snapshots' columns are made
    at once and their tables let go: those of a large ecosystem would fill the memory. Raises ``BadInput``
    where the store is empty, the data's span is too short for the horizon, or a part keeps no usable day.
    """
    latest = store.latest_day()
    if latest is None:
        raise BadInput("the store is empty: load a source first")
    read = _Days(store, purpose, progress or (lambda _: None), keep_tables, task.rings)
    panel = _panel_by_splits(read, task, latest) if task.by_splits else _dated_panel(read, task, latest)
    empty = [part for part in PARTS if not any(len(origin.codes) for origin in panel.of(part))]
    if empty:
        nobody = "nobody belongs to its population"
        if _asks_the_stated(panel.task):
            nobody += ", or nothing is stated of who does in the days asked about"
        if panel.task.by_splits:
            nobody = f"table splits names nobody for it (task {panel.task.name!r}, fold {panel.task.fold})"
            if empty == ["valid"]:
                nobody += ": draw some of train's parties for it in the mapping, for example by md5(id)"
        because = "; ".join(panel.notes) or nobody
        raise BadInput(f"task {task.name}: no cases for {', '.join(empty)} ({because})")
    return _enough(panel)


def _enough(panel: Panel) -> Panel:
    """``panel`` with no more rows to judge by than say anything; a note where some are left out."""
    kept, notes = list(panel.of("train")), list(panel.notes)
    for part, most in MOST_ROWS.items():
        origins, cases = panel.of(part), len(panel.labels(part))
        kept += thinned(origins, most)
        if cases > most:
            notes.append(f"{part}: {most:,} of {cases:,} cases, drawn by a fixed seed")
    return replace(panel, origins=tuple(kept), notes=tuple(notes))


def _usable_days(
    task: Task, days: dict[Part, tuple[date, ...]], until: date, counted: date
) -> tuple[dict[Part, list[date]], list[str]]:
    """Days whose label windows are over in time, and notes of what was left out, and of what is doubtful.

    ``until``: the last day of the data; ``counted``: the last of which labels say anything.
    """
    horizon = timedelta(task.horizon_days)
    slack, doubtful = (timedelta(int(task.horizon_days * s)) for s in (OBSERVATION_SLACK, DOUBTFUL_SHARE))
    kept: dict[Part, list[date]] = {"train": [], "valid": [], "test": []}
    notes = []
    for day in days["test"]:
        if day + horizon <= until + slack:
            kept["test"].append(day)
            if day + horizon > counted + doubtful:
                notes.append(
                    f"test day {day}: its {task.horizon_days} days end on {day + horizon}, but hardly any "
                    f"row that {task.outcome} is read from is later than {counted}: its rate is in doubt"
                )
        else:
            notes.append(
                f"test day {day} left out: its {task.horizon_days} days end after the data, on {until}"
            )
    for part in ("train", "valid"):
        for day in days[part]:
            if kept["test"] and day + horizon <= kept["test"][0]:
                kept[part].append(day)
            else:
                notes.append(f"{part} day {day} left out: its label window ends after the first test day")
    return kept, notes


def _dated_panel(read: _Days, task: Task, latest: date) -> Panel:
    last = read(latest)
    until = observed_until(last)
    counted = labels_until(last, task, until)
    days = {part: tuple(task.as_of.get(part, ())) for part in PARTS}
    if not any(days.values()):
        days = choose_days(last, task, counted)
    elif not all(days.values()):
        missing = ", ".join(part for part in PARTS if not days[part])
        raise BadInput(f"task {task.name}: names as_of days, but none for {missing}: name all, or none")
    kept, notes = _usable_days(task, days, until, counted)
    read.forget(latest)
    # Of the latest day nothing but labels is needed.
    kept_tables = label_tables(task)
    last = replace(last, tables={n: t for n, t in last.tables.items() if n in kept_tables}, relations={})
    train: list[Origin] = []
    for day in reversed(kept["train"]):
        if sum(len(origin.codes) for origin in train) >= ENOUGH_ROWS:
            notes.append(f"train day {day} left out: later days hold {ENOUGH_ROWS:,} rows")
            continue
        # What was known on the first test day is all that a model of that day could have learnt from.
        train.insert(0, read.settled(_dated_origin("train", read(day), read(kept["test"][0]), task)))
    valid = [
        read.settled(_dated_origin("valid", read(day), read(kept["test"][0]), task)) for day in kept["valid"]
    ]
    test = [read.settled(_dated_origin("test", read(day), last, task)) for day in kept["test"]]
    return Panel(task, (*train, *valid, *test), tuple(notes))


def _dated_origin(part: Part, snapshot: Snapshot, later: Snapshot, task: Task) -> Origin:
    codes = population(snapshot, task)
    found = results(later, task, snapshot.as_of, snapshot.as_of + timedelta(task.horizon_days))
    there = positions(snapshot, later)[codes]
    # A party that is gone from the later snapshot (its consent lapsed) has no label.
    codes, there = codes[there >= 0], there[there >= 0]
    if _asks_the_stated(task):
        codes, there = codes[found.stated[there]], there[found.stated[there]]
    return Origin(
        part=part,
        as_of=snapshot.as_of,
        snapshot=snapshot,
        codes=codes,
        labels=found.bad[there].astype(np.int8),
        known=known_outcomes(snapshot, task),
        own_labels_known=False,
    )


def _asks_the_stated(task: Task) -> bool:
    """Whether a party of which nothing is stated has no label; otherwise it counts as good."""
    return task.stated_only or task.outcome == "dilution"


def _panel_by_splits(read: _Days, task: Task, latest: date) -> Panel:
    """Membership from ``splits``; earlier parts' labels are known to later ones, never the other way."""
    last = read(latest)
    if "splits" not in last.tables:
        raise BadInput(f"task {task.name} takes its parts from table splits, which is empty")
    splits = last.tables["splits"]
    mine = pc.and_(pc.equal(splits["task"], task.name), pc.equal(splits["fold"], task.fold))
    splits = splits.filter(mine)
    found = results(last, task, date.min, date.max)
    members = {
        part: splits.filter(pc.equal(splits["part"], part))["party_code"].to_numpy().astype(np.int64)
        for part in PARTS
    }
    known_parts: dict[Part, tuple[Part, ...]] = {
        "train": ("train",),
        "valid": ("train",),
        "test": ("train", "valid"),
    }
    origins, notes = [], []
    everyone = np.concatenate(list(members.values()))
    unstated = np.count_nonzero(~found.stated[everyone])
    if _asks_the_stated(task):
        members = {part: codes[found.stated[codes]] for part, codes in members.items()}
    elif unstated and (found.stated & ~found.bad).any():
        notes.append(
            f"{unstated:,} of {len(everyone):,} parties count as good, though nothing is stated of them and "
            "good outcomes are stated of others: with stated_only they have no label"
        )
    for number, part in enumerate(PARTS):
        snapshot = read(task.as_of[part][0])
        here = positions(last, snapshot)
        _refuse_labels_on_record(
            snapshot, task, part, here[np.concatenate([members[p] for p in PARTS[number:]])]
        )
        asked = members[part][np.isin(members[part], _in_population(snapshot, task, last))]
        if len(asked) < len(members[part]):
            notes.append(f"{len(members[part]) - len(asked)} parties of {part} are not in its population")
        order = np.argsort(here[asked], kind="stable")
        known = np.concatenate([members[p] for p in known_parts[part]])
        known = known[here[known] >= 0]
        case = np.bincount(here[known], minlength=snapshot.n_parties)
        bad = np.bincount(here[known], weights=found.bad[known], minlength=snapshot.n_parties)
        origins.append(
            Origin(
                part=part,
                as_of=snapshot.as_of,
                snapshot=snapshot,
                codes=here[asked][order].astype(np.int32),
                labels=found.bad[asked][order].astype(np.int8),
                known=KnownOutcomes(case.astype(np.float32), bad.astype(np.float32)),
                own_labels_known=part == "train",
            )
        )
    return Panel(task, tuple(read.settled(origin) for origin in origins), tuple(notes))


def _refuse_labels_on_record(snapshot: Snapshot, task: Task, part: Part, codes: NDArray[np.int64]) -> None:
    """Raises ``BadInput`` where the snapshot of ``part`` tells labels of ``codes`` (-1: not there)."""
    if is_built_in(task):
        return
    told = results(snapshot, task, date.min, date.max).stated[codes[codes >= 0]]
    if told.any():
        raise BadInput(
            f"task {task.name}: on {snapshot.as_of}, the day of {part}, outcomes {task.outcome!r} of "
            f"{np.count_nonzero(told):,} of its own or later parties are on record already, and would "
            f"foretell themselves: give outcomes a known_on after {task.as_of['test'][0]}, the day of test"
        )


def _in_population(snapshot: Snapshot, task: Task, among: Snapshot) -> NDArray[np.int64]:
    """The population of ``snapshot`` in codes of ``among``."""
    return positions(snapshot, among)[population(snapshot, task)]
