"""What the API takes and gives, with units. Money is in minor units of the run's base currency."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

MAX_BATCH = 1000

Band = Literal["A", "B", "C", "D", "E"]
Status = Literal["scored", "insufficient_evidence", "outside_population"]
Later = Annotated[None, Field(description="not yet computed: always null")]


class Strict(BaseModel):
    """A body without further fields."""

    model_config = ConfigDict(extra="forbid")


class EvidenceRow(Strict):
    """A row of the contract's tables that speaks for a reason."""

    table: str = Field(description="table of the contract; 'parties': a counterparty")
    key: str = Field(description="the row's key, as its source names it")
    role: str = Field(description="the party's side in the row, or what the counterparty is to it")
    on: date | None = Field(description="day the row is about")
    amount: int | None = Field(description="minor units of the base currency")
    adverse: bool = Field(description="bad news by itself: overdue, delayed, void, a complaint")


class Reason(Strict):
    """One of at most four principal reasons that lower the score."""

    code: str = Field(description="stable reason code")
    text: str = Field(description="the reason in a sentence")
    part: Literal["own", "environment", "inherited"]
    relation: str | None = Field(description="relation an inherited reason comes through")
    value: float | None = Field(description="the party's value, in `unit`; null: unknown")
    unit: str | None = Field(description="unit of value and peers_value; null: the source's own")
    peers_value: float | None = Field(description="median of the peer group, in `unit`")
    points: int = Field(description="score points it costs (negative)")
    actionable: bool = Field(description="whether the party can change it itself")
    evidence: list[EvidenceRow] | None = Field(
        description="rows behind it, at most 5; behind an inherited reason its counterparties, given in an "
        "explanation only; null in a batch"
    )


class Points(Strict):
    """The exact split of the score: all numbers sum to it."""

    base: int = Field(description="score points everyone starts from")
    own: int = Field(description="score points from the party's own record")
    environment: int = Field(description="score points from its industry and region")
    inherited: dict[str, int] = Field(description="score points predicted from counterparties, by relation")
    clamp: int = Field(description="score points added to stay within 300 to 900")


class PeerGroup(Strict):
    """Whom percentile and peers' values compare with."""

    shared: dict[str, str] = Field(description="what its members have in common; empty: everyone")
    members: int = Field(description="number of scored parties in it")


class MissingEvidence(Strict):
    """A group of columns of which nothing is known."""

    name: str = Field(description="sales, payments, ownership …; features: the source's own")
    columns: int = Field(description="columns of the model in it")
    tables: list[str] = Field(description="tables of the contract behind them")
    supply: str = Field(description="what to supply")


class Interval(Strict):
    """How precise the PD is; see docs/model-card.md for what was measured."""

    level: float = Field(description="share of cases it is made to hold, 0 to 1")
    low: float = Field(
        description="lower end for the rate of bad outcomes among parties whose records look the same: from "
        "a bootstrap over parties of weights and calibration, models that lack part of the parties, and the "
        "bad rate's movement between the days learned from",
        ge=0, le=1,
    )  # fmt: skip
    high: float = Field(description="its upper end", ge=0, le=1)
    score_low: int = Field(description="points at `high`", ge=300, le=900)
    score_high: int = Field(description="points at `low`", ge=300, le=900)
    party_low: float = Field(
        description="lower end for this one party's own hazard, which also depends on what no record shows; "
        "rests on `unseen_spread` and `certain_share`",
        ge=0, le=1,
    )  # fmt: skip
    party_high: float = Field(
        description="its upper end; 1 where too many parties like it are assumed to be failing already",
        ge=0, le=1,
    )  # fmt: skip
    unseen_spread: float = Field(
        description="assumed, not measured: standard deviation in log-odds of what no record shows"
    )
    certain_share: float = Field(
        description="assumed, not measured: share of the bad outcomes to come that are certain already, "
        "though no record shows it",
        ge=0, le=1,
    )  # fmt: skip


class DataCoverage(Strict):
    """How much is known of a party, and what is missing."""

    known_share: float = Field(description="share of the model's columns of record that are known, 0 to 1")
    minimum_share: float = Field(description="below this share there is no score")
    rows: int = Field(description="rows of any table that name the party; without any there is no score")
    shortfall: str | None = Field(description="why there is too little evidence; null: there is enough")
    missing: list[MissingEvidence] = Field(description="groups of columns of which nothing is known")
    absent_tables: list[str] = Field(description="tables of the contract that no party has rows in")


class Score(Strict):
    """A party's risk as of a day. Higher scores are safer."""

    party_id: str
    status: Status = Field(description="'scored', or why there is no score")
    score: int | None = Field(
        description="points, 300 to 900, higher = safer; 40 points double the odds", ge=300, le=900
    )
    band: Band | None = Field(
        description="by PD: A < 0.5 %, B < 2 %, C < 5 %, D < 15 %, E; null: uncalibrated"
    )
    pd: float | None = Field(
        description="probability of the outcome within horizon_days, 0 to 1; null: uncalibrated", ge=0, le=1
    )
    z: float | None = Field(description="log-odds of the outcome")
    percentile: float | None = Field(
        description="percent of the peer group that is less safe, 0 to 100; higher = safer", ge=0, le=100
    )
    peer_group: PeerGroup | None
    points: Points | None
    reasons: list[Reason] = Field(description="largest first", max_length=4)
    data_coverage: DataCoverage
    insufficient_evidence: bool = Field(description="too little is known to give a score")
    task: str = Field(description="question that was asked")
    outcome: str = Field(description="the bad outcome that is predicted")
    horizon_days: int | None = Field(
        description="days after as_of that the prediction covers; null: the source is not dated"
    )
    calibrated: bool = Field(description="false: the source states no population rate, so there is no PD")
    base_currency: str = Field(description="ISO 4217 code of the amounts; minor units of it where so stated")
    interval: Interval | None = Field(description="null where pd is")
    trend: Later
    raw_band: Later
    way_back: Later
    systemic_importance: Later
    as_of: date = Field(description="day whose knowledge the score rests on")
    run_id: str
    model_sha: str = Field(description="sha256 of the model")
    snapshot_sha: str = Field(description="sha256 of the data")


class ScorePart(Strict):
    """One entry of the exact split: log-odds sum to z, points to the score."""

    part: Literal["base", "own", "environment", "inherited", "clamp"]
    relation: str | None
    text: str
    log_odds: float | None = Field(description="log-odds of the outcome; null for clamping")
    points: int = Field(description="score points")


class Counterparty(Strict):
    """What is predicted from one counterparty. A relation's entries sum to the relation's part."""

    party_id: str | None = Field(description="null: the relation's remainder")
    score: int | None = Field(description="the counterparty's own score, points")
    band: Band | None
    status: Status | None
    via: str | None = Field(description="the party in between, for a path of two hops")
    relation: str
    text: str = Field(description="what it is to the party")
    log_odds: float = Field(description="log-odds of the outcome")
    points: int = Field(description="score points")


class ColumnPart(Strict):
    """A column that moved own or environment, by path attribution (approximate, unlike the split)."""

    name: str
    code: str = Field(description="the reason's code, where this column becomes one")
    meaning: str
    unit: str | None
    part: Literal["own", "environment"]
    better: Literal["higher", "lower"] | None = Field(description="which direction is good news")
    actionable: bool
    value: float | None = Field(description="the party's value, in `unit`")
    peers_value: float | None = Field(description="median of the peer group, in `unit`")
    log_odds: float = Field(description="log-odds of the outcome")
    points: float = Field(description="score points")


class Explanation(Score):
    """A score with all that it is made of."""

    parts: list[ScorePart] = Field(description="the exact split; empty without a score")
    counterparties: list[Counterparty] = Field(description="largest first, remainders last")
    columns: list[ColumnPart] = Field(description="largest first")


class NearbyParty(Strict):
    """A party of a neighbourhood."""

    party_id: str
    hop: int = Field(description="links between it and the party asked for")
    status: Status
    score: int | None = Field(description="points, 300 to 900, higher = safer")
    band: Band | None


class Link(Strict):
    """All rows of one kind between two parties."""

    source_id: str
    target_id: str
    kind: str
    count: int = Field(description="rows behind it")
    amount: int = Field(description="minor units of the base currency")
    first_on: date | None
    last_on: date | None
    matured: int = Field(description="cases whose result is known")
    bad: int = Field(description="cases that went wrong: late, unpaid, denied")


class Neighbourhood(Strict):
    """The parties closest to one, and the links among them."""

    party_id: str
    hops: int
    limit: int
    complete: bool = Field(description="false: the limit left parties out")
    parties: list[NearbyParty] = Field(description="the party itself first, then by hop and closeness")
    links: list[Link]
    base_currency: str = Field(description="ISO 4217")
    as_of: date
    run_id: str


class BatchRequest(Strict):
    """Parties to score."""

    party_ids: list[Annotated[str, Field(max_length=1000)]] = Field(max_length=MAX_BATCH)


class Batch(Strict):
    """Scores in the order asked for."""

    run_id: str
    scores: list[Score]
    unknown_party_ids: list[str] = Field(description="ids that the run does not know")


class Run(Strict):
    """The published run."""

    run_id: str
    as_of: date
    task: str
    outcome: str
    horizon_days: int | None = Field(description="days; null: the source is not dated")
    calibrated: bool
    model_sha: str
    snapshot_sha: str
    base_currency: str = Field(description="ISO 4217")
    n_parties: int
    n_scored: int
    minimum_coverage: float = Field(description="share of known columns below which there is no score")
    absent_tables: list[str]
    relations: list[str]


class Health(Strict):
    """The process answers."""

    status: Literal["ok"]


class Readiness(Strict):
    """A run is published and open."""

    status: Literal["ready"]
    run_id: str
