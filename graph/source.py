"""What a source declares beside its rows: kinds, dates of its parts, and the tasks it carries."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import date
from typing import Any, Literal

from graph.errors import MappingError
from graph.vocabulary import KindDeclaration

Part = Literal["train", "valid", "test"]
PARTS: tuple[Part, ...] = ("train", "valid", "test")


@dataclass(frozen=True)
class Task:
    """A question asked of every party of a population at a day: will ``outcome`` happen within the horizon?

    ``outcome``: a kind of the ``outcomes`` table, or a built-in target that needs no outcomes
    (``late_30``, ``late_90``: an invoice it must pay gets 30 / 90 days past due; ``dilution``; ``dormant``:
    a seller that sells nothing within the horizon).
    ``roles`` / ``party_kinds``: the population (empty: everyone).
    ``active_within_days``: at least one row of its own in the days before (None: no condition).
    ``once``: a party that had the event already has left the population (default, bankruptcy).
    ``stated_only``: only parties for which the source states the outcome, good or bad, in the window.
    ``as_of``: prediction days by part; empty where they are to be derived from the data's span.
    ``by_splits``: membership of parts comes from the ``splits`` table (``fold`` picks the fold).
    ``rings``: rings as of each day are searched, and membership in them is among the indicators.
    ``prior``: the population's bad rate, between 0 and 1, where cases are a sample of it drawn by outcome.
    """

    name: str
    outcome: str
    horizon_days: int = 365
    roles: tuple[str, ...] = ()
    party_kinds: tuple[str, ...] = ()
    active_within_days: int | None = None
    once: bool = True
    stated_only: bool = False
    as_of: dict[Part, tuple[date, ...]] = field(default_factory=dict)
    by_splits: bool = False
    fold: int = 0
    dated: bool = True
    prior: float | None = None
    rings: bool = False

    def __post_init__(self) -> None:
        if self.by_splits and any(len(self.as_of.get(part, ())) != 1 for part in PARTS):
            raise MappingError(
                f"task {self.name}: a task by splits names one as_of day for each of train, valid and test"
            )
        if self.prior is not None and not 0 < self.prior < 1:
            raise MappingError(f"task {self.name}: prior is a share between 0 and 1, not {self.prior}")
        days = [day for part in PARTS for day in self.as_of.get(part, ())]
        if days != sorted(days):
            raise MappingError(f"task {self.name}: as_of days must ascend from train over valid to test")

    def to_json(self) -> dict[str, Any]:
        """The task as JSON values, days as ISO text."""
        days = {part: [day.isoformat() for day in found] for part, found in self.as_of.items()}
        return {
            **asdict(self),
            "as_of": days,
            "roles": list(self.roles),
            "party_kinds": list(self.party_kinds),
        }

    @classmethod
    def from_json(cls, item: Mapping[str, Any]) -> Task:
        """The inverse of ``to_json``."""
        as_of = {part: tuple(map(date.fromisoformat, days)) for part, days in item["as_of"].items()}
        sequences = {name: tuple(item[name]) for name in ("roles", "party_kinds")}
        return cls(**{**item, **sequences, "as_of": as_of})


@dataclass(frozen=True)
class SourceDeclaration:
    """A source as the store remembers it."""

    name: str
    title: str = ""
    dated: bool = True
    link_kinds: tuple[KindDeclaration, ...] = ()
    event_kinds: tuple[KindDeclaration, ...] = ()
    outcome_kinds: tuple[str, ...] = ()
    party_kinds: tuple[str, ...] = ()
    tasks: tuple[Task, ...] = ()

    def to_json(self) -> str:
        """Canonical JSON: the same declaration gives the same text."""
        return json.dumps(asdict(self), default=str, sort_keys=True, ensure_ascii=False)

    @classmethod
    def from_json(cls, text: str) -> SourceDeclaration:
        raw: dict[str, Any] = json.loads(text)

        def kind(item: dict[str, Any]) -> KindDeclaration:
            return KindDeclaration(**{**item, "adverse_statuses": tuple(item["adverse_statuses"])})

        return cls(
            name=raw["name"],
            title=raw["title"],
            dated=raw["dated"],
            link_kinds=tuple(map(kind, raw["link_kinds"])),
            event_kinds=tuple(map(kind, raw["event_kinds"])),
            outcome_kinds=tuple(raw["outcome_kinds"]),
            party_kinds=tuple(raw["party_kinds"]),
            tasks=tuple(map(Task.from_json, raw["tasks"])),
        )
