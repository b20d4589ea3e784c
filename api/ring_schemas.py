"""What the API gives of rings. Money is in minor units of the report's base currency."""

from __future__ import annotations

from datetime import date

from pydantic import Field

from api.schemas import Strict


class RingMember(Strict):
    """A party of a ring."""

    party_id: str
    role: str = Field(description="what the party does in the ring")


class RingEvidence(Strict):
    """A row of the contract's tables that a ring rests on."""

    table: str
    key: list[str] = Field(description="the row's key, as its source names it")


class Ring(Strict):
    """A pattern in the records that shuffles of the same data hardly bring. It accuses nobody."""

    ring_id: str = Field(description="stays as long as typology and members do")
    typology: str = Field(description="stable code")
    title: str
    severity: float = Field(description="0 to 1: how seldom chance brings as much", ge=0, le=1)
    expected_by_chance: float = Field(
        description="findings as striking that one shuffle of the same data is expected to bring", ge=0
    )
    first_on: date
    last_on: date
    amount: int = Field(description="money at stake, minor units of the base currency")
    members: list[RingMember]
    evidence: list[RingEvidence]
    explanation: str = Field(description="one paragraph in plain words")
    facts: dict[str, float | int | str] = Field(description="the numbers that the explanation names")
    case_id: str = Field(description="case that gathers overlapping rings")


class RingsAsOf(Strict):
    """Which search the rings are of."""

    run_id: str
    as_of: date
    snapshot_sha: str = Field(description="sha256 of the data")
    base_currency: str = Field(description="ISO 4217")


class OneRing(RingsAsOf):
    """A ring."""

    ring: Ring


class PartyRings(RingsAsOf):
    """Rings of one party, most severe first within a typology."""

    party_id: str
    rings: list[Ring]


class Rings(RingsAsOf):
    """Rings, most severe first."""

    matching: int = Field(description="rings that match what was asked, shown or not")
    lacking: dict[str, list[str]] = Field(description="typologies not searched, and the tables they need")
    rings: list[Ring]
