"""Found parts against planted ones: by party, by counterparty, and how strong each relation is."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray
from scipy.stats import spearmanr

from gnn.attribution import direct_parts
from gnn.panels.panel import Origin
from gnn.parts import ScoredParts
from loaders.synthetic.course import GAIN, STRENGTH

Vector = NDArray[np.float64]
Codes = NDArray[np.int64]

#: A hazard is mostly inherited where that part at least doubles the odds and exceeds own and environment.
DOUBLED = float(np.log(2.0))
#: At most so many parties are asked who passed on what.
MAX_ASKED = 1_000
#: Fewer counterparties than this have no order worth comparing.
FEWEST_RANKED = 3


@dataclass(frozen=True)
class Pairs:
    """What was planted by pair and relation: ``party`` and ``counterparty`` int64 [p] (-1: not in the
    snapshot), ``relation`` [p] (position in ``STRENGTH``), ``log_odds`` float64 [p]."""

    party: Codes
    counterparty: Codes
    relation: Codes
    log_odds: Vector


@dataclass(frozen=True)
class Truth:
    """What was planted in the parties ``codes`` (int32 [n]): log-odds float64 [n], and by pair."""

    codes: NDArray[np.int32]
    own: Vector
    environment: Vector
    inherited: Vector
    pairs: Pairs

    @property
    def mostly_inherited(self) -> NDArray[np.int32]:
        """Parties whose hazard is mostly inherited."""
        mostly = (self.inherited >= DOUBLED) & (self.inherited > np.maximum(self.own, self.environment))
        return self.codes[mostly]


def _positions(ids: pa.StringArray, among: pa.ChunkedArray) -> Codes:
    """Codes of ``among``, int64; -1 for parties that are not in ``ids``."""
    found = pc.index_in(among.combine_chunks().cast(ids.type), value_set=ids)
    codes: Codes = found.fill_null(-1).to_numpy().astype(np.int64)
    return codes


def read_truth(folder: Path, origin: Origin) -> Truth:
    """The truth of ``origin``'s day, of those in its population that can fail (carriers, say, cannot)."""
    day = pc.field("as_of") == pa.scalar(origin.as_of)
    hazard = pq.read_table(folder / "truth" / "hazard.parquet", filters=day)
    rows = pq.read_table(folder / "truth" / "inherited.parquet", filters=day)
    ids = origin.snapshot.party_ids
    place = np.full(len(ids), -1)
    known = _positions(ids, hazard["party_id"])
    place[known[known >= 0]] = np.flatnonzero(known >= 0)
    codes = origin.codes[place[origin.codes] >= 0]
    own, environment, inherited = (
        hazard[name].to_numpy().astype(np.float64)[place[codes]]
        for name in ("own", "environment", "inherited")
    )
    kind = pc.index_in(rows["relation"].cast(pa.string()), value_set=pa.array(list(STRENGTH)))
    pairs = Pairs(
        _positions(ids, rows["party_id"]),
        _positions(ids, rows["counterparty_id"]),
        kind.to_numpy().astype(np.int64),
        rows["contribution"].to_numpy().astype(np.float64),
    )
    return Truth(codes, own, environment, inherited, pairs)


def inherited_share(parts: ScoredParts, codes: NDArray[np.int32]) -> float:
    """mean|inherited| over the mean of the sum of absolute parts."""
    sizes = [np.abs(part[codes]).mean() for part in (parts.own, parts.environment, parts.inherited_total())]
    return float(sizes[2] / max(sum(sizes), 1e-12))


def rank_correlation(found: Vector, planted: Vector) -> float | None:
    """Spearman's, or None where one of them is constant."""
    if len(found) < 2 or np.ptp(found) == 0.0 or np.ptp(planted) == 0.0:
        return None
    return float(spearmanr(found, planted).statistic)


@dataclass(frozen=True)
class CarriedBy:
    """What one party's counterparties passed on: ``who`` int64 [k]; ``found`` and ``planted`` [k] log-odds.

    ``linked``: with whom something was planted. Counterparties that the data do not show are -1, -2, …:
    nothing is found of them.
    """

    who: Codes
    found: Vector
    planted: Vector
    linked: NDArray[np.bool_]


def carried_by(truth: Truth, parts: ScoredParts, asked: NDArray[np.int32]) -> list[CarriedBy]:
    """Found and planted log-odds by direct counterparty of each of ``asked``.

    A path over two hops counts for the counterparty through which it comes.
    """
    pairs = truth.pairs
    order = np.argsort(pairs.party, kind="stable")
    starts = np.searchsorted(pairs.party[order], asked)
    ends = np.searchsorted(pairs.party[order], asked, side="right")
    lists = []
    for code, start, end in zip(asked, starts, ends, strict=True):
        rows = order[start:end]
        other = pairs.counterparty[rows].copy()
        other[other < 0] = -1 - np.arange(int((other < 0).sum()))
        direct, found = direct_parts(parts.attribution, int(code))
        who, place = np.unique(np.concatenate((other, direct)), return_inverse=True)
        of_truth, of_model = place[: len(other)], place[len(other) :]
        planted = np.bincount(of_truth, weights=pairs.log_odds[rows], minlength=len(who)).astype(np.float64)
        told = np.bincount(of_model, weights=found, minlength=len(who)).astype(np.float64)
        lists.append(CarriedBy(who, told, planted, np.isin(np.arange(len(who)), of_truth)))
    return lists


def pair_figures(carried: list[CarriedBy]) -> dict[str, Any]:
    """Agreement by (party, counterparty): over all pairs, and within a party on average.

    ``strangers``: share of the found log-odds (absolute) that goes to those with whom nothing was planted.
    """
    found = np.concatenate([one.found for one in carried])
    planted = np.concatenate([one.planted for one in carried])
    linked = np.concatenate([one.linked for one in carried])
    within = [rank_correlation(one.found, one.planted) for one in carried if len(one.who) >= FEWEST_RANKED]
    ranked = [value for value in within if value is not None]
    size = np.abs(found)
    return {
        "pairs": len(found),
        "spearman": rank_correlation(found, planted),
        "within_party": float(np.mean(ranked)) if ranked else None,
        "strangers": float(size[~linked].sum() / max(size.sum(), 1e-12)) if size.any() else None,
    }


def top_carriers(carried: list[CarriedBy]) -> dict[str, float]:
    """How often the counterparty that is named first is the one that passed on most.

    ``by_chance``: the same for a counterparty drawn among those with whom something was planted.
    """
    if not carried:
        return {"parties": 0}
    first, three = [], []
    for one in carried:
        order = np.argsort(-one.found, kind="stable")
        named = one.who[order[one.found[order] != 0.0]]
        planted = one.who[np.argmax(one.planted)]
        first.append(planted in named[:1])
        three.append(planted in named[:3])
    chance = [1.0 / one.linked.sum() for one in carried]
    means = (float(np.mean(values)) for values in (first, three, chance))
    return {"parties": len(carried), **dict(zip(("first", "among_three", "by_chance"), means, strict=True))}


def strengths(truth: Truth, parts: ScoredParts, contagion: float) -> dict[str, dict[str, float]]:
    """By planted relation: the log-odds that a unit of pressure through it adds, planted and found.

    ``found``: least squares of the inherited part on the true pressure through each relation (share of
    trade or guarantees times the counterparties' pressure), all relations at once, so that a relation is not
    credited with what comes through another of the same party. ``named``: the same of the part that the
    model gives that relation's own name; the rest goes by other names (``any``, payments, shipments).
    """
    if contagion == 0.0:
        return {}
    pairs, n = truth.pairs, len(parts.own)
    unit = np.array([GAIN * contagion * strength for strength in STRENGTH.values()])
    columns = [np.ones(len(truth.codes))]
    for number in range(len(STRENGTH)):
        mine = (pairs.relation == number) & (pairs.party >= 0)
        planted = np.bincount(pairs.party[mine], weights=pairs.log_odds[mine], minlength=n)
        columns.append(planted[truth.codes] / unit[number])
    pressure = np.column_stack(columns)

    def slopes(part: Vector) -> Vector:
        return np.linalg.lstsq(pressure, part[truth.codes], rcond=None)[0][1:].astype(np.float64)

    none = np.zeros(n)
    total = slopes(parts.inherited_total())
    return {
        name: {
            "planted": float(unit[number]),
            "found": float(total[number]),
            "named": float(slopes(parts.inherited.get(name, none))[number]),
        }
        for number, name in enumerate(STRENGTH)
    }


def compare(truth: Truth, parts: ScoredParts, origin: Origin, contagion: float) -> dict[str, Any]:
    """Found parts against planted ones, over the population of ``origin``."""
    codes = truth.codes
    drawn = np.random.default_rng(0).permutation(codes)[:MAX_ASKED]
    return {
        "spearman": {
            "inherited": rank_correlation(parts.inherited_total()[codes], truth.inherited),
            "environment": rank_correlation(parts.environment[codes], truth.environment),
            "own": rank_correlation(parts.own[codes], truth.own),
        },
        "inherited_share": inherited_share(parts, origin.codes),
        "pairs": pair_figures(carried_by(truth, parts, drawn)),
        "top_carrier": top_carriers(carried_by(truth, parts, truth.mostly_inherited[:MAX_ASKED])),
        "strengths": strengths(truth, parts, contagion),
    }
