"""What a ring detector finds: members in their roles, a span, money at stake, the rows behind it."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field


def digest_of(parts: Iterable[str]) -> str:
    """Twelve hexadecimal digits of some texts."""
    return hashlib.sha256("\x1f".join(parts).encode()).hexdigest()[:12]


@dataclass(frozen=True, order=True)
class Member:
    """A party in a finding. ``code``: of the snapshot; ``role``: what it does there, one word."""

    code: int
    role: str


@dataclass(frozen=True, order=True)
class EvidenceRow:
    """A row that a finding rests on: a table of the contract and the row's key, as text."""

    table: str
    key: tuple[str, ...]

    @property
    def digest(self) -> str:
        """Of table and key: tells rows apart without naming anybody."""
        return digest_of((self.table, *self.key))


@dataclass(frozen=True)
class Finding:
    """One pattern of one typology. It says what the records show, never what anyone meant by it.

    ``members``: each party once, ascending by code; roles of the same code are joined by the detector.
    ``first_on`` / ``last_on``: day numbers (days since 1970-01-01) of the first and last row.
    ``amount``: money at stake, int minor units of the snapshot's base currency.
    ``strength``: how striking it is, larger is more so; on shuffled data its upper tail falls off about
    exponentially (a surprise in nats does). Compared within a typology only.
    ``facts``: numbers and short texts that the explanation names.
    """

    typology: str
    members: tuple[Member, ...]
    first_on: int
    last_on: int
    amount: int
    strength: float
    evidence: tuple[EvidenceRow, ...]
    facts: Mapping[str, float | int | str] = field(default_factory=dict)

    @property
    def codes(self) -> frozenset[int]:
        """Codes of the members."""
        return frozenset(member.code for member in self.members)

    def in_role(self, *roles: str) -> list[int]:
        """Codes of the members in one of some roles, ascending."""
        return [member.code for member in self.members if member.role in roles]


@dataclass(frozen=True)
class Detection:
    """What one pass of a detector brought. ``cuts``: what it left unsearched, in words, and why."""

    findings: tuple[Finding, ...]
    cuts: tuple[str, ...] = ()


@dataclass(frozen=True)
class Search:
    """What was searched for one typology: findings before the sieve, shuffles, cuts in words."""

    typology: str
    sighted: int
    kept: int
    shuffles: int
    by_chance: int
    cuts: tuple[str, ...]
