"""Cycles of the same parties put together, and how surprising their rounds are.

Rounds of a group are its cycles that share no transfer, those of closest amounts first. Chance alone is
taken to bring rounds as a Poisson process: parties whose k links carry n_1 … n_k transfers within T days
bring

    n_1 ⋯ n_k · k (W / T)^(k-1) / (k-1)! · √k (q(s) / √2)^(k-1)

rounds within W days whose amounts differ by s at most, where q(s) is how often two invoices (payments) in a
row of one party do (for logarithms of amounts that are normal the last factor is the chance of k such). The
surprise is the largest, over r, of -ln P(r rounds as close as the r-th or closer) - ln r (r + 1), the last
because the r that tells most is chosen. From it goes the logarithm of the number of such groups there are to
look at: circles of k links that carry r transfers or more each, as many as in a random graph of the same
degrees, b^k / k. Hubs breed chance circles, in proportion to their transfers in x out: for each member whose
product is above the mean, the logarithm of how far goes as well.
"""

from __future__ import annotations

from dataclasses import dataclass

import numba
import numpy as np
from scipy.special import gammainc, gammaln

from graph.rings.arrays import Floats, Int64
from graph.rings.columns.flows import Flows
from graph.rings.columns.pairs import grouped
from graph.rings.columns.rows import bounds
from graph.rings.patterns.cycles import Cycles, Limits

#: Amounts that agree better than this are no more surprising.
CLOSEST = 0.002
#: Successive amounts that are believed to follow a log-normal law of spread 1 before any is seen.
PRIOR_PAIRS = 100
#: Links are told apart by up to so many transfers where circles to look at are counted.
MOST_LINK_ROWS = 8
#: Business between two parties is taken to go on for so long at least.
SHORTEST_SPAN_DAYS = 365


@dataclass(frozen=True)
class Rounds:
    """g groups of rounds, strongest first.

    ``members``: int64 [g, longest], codes in the order of the round, the smallest first, -1 beyond
    ``length`` [g]; ``strength`` float64 [g]; ``expected`` float64 [g]: rounds within the stated spread that
    chance brings these parties. ``cycle``: positions of the cycles that are rounds, those of group i at
    ``bounds[i]:bounds[i + 1]``, closest amounts first; ``spread`` float64 of each.
    """

    members: Int64
    length: Int64
    strength: Floats
    expected: Floats
    cycle: Int64
    spread: Floats
    bounds: Int64

    def __len__(self) -> int:
        return len(self.length)


@dataclass(frozen=True)
class Business:
    """What is usual in the flows: link counts by pair, surprise of amounts that agree, weight of parties.

    ``pair``: ascending int64 keys (source · n + target) with ``rows``, ``first`` and ``last`` day;
    ``spreads``: ascending relative differences of successive amounts; ``bustle`` float64 [n]: logarithm of
    the party's transfers in x out over their mean, at least 0; ``circles`` float64 [MOST_LINK_ROWS]: ln b.
    """

    n_parties: int
    pair: Int64
    rows: Int64
    first: Int64
    last: Int64
    spreads: Floats
    bustle: Floats
    circles: Floats
    days: int

    def agreement(self, spread: Floats) -> Floats:
        """ln q: how often two successive amounts of a party differ by ``spread`` at most."""
        prior = np.minimum(spread / np.sqrt(np.pi), 1.0)
        seen = np.searchsorted(self.spreads, spread, side="right")
        return np.asarray(np.log((seen + PRIOR_PAIRS * prior) / (len(self.spreads) + PRIOR_PAIRS)))


def _log_branching(source: Int64, target: Int64, n: int) -> float:
    """ln of the mean number of links that follow a link in a random graph of these degrees, at least 0."""
    passing = (np.bincount(source, minlength=n) * np.bincount(target, minlength=n)).sum()
    return float(np.log(max(passing / max(len(source), 1), 1.0)))


def business_of(flows: Flows, n_parties: int) -> Business:
    """What is usual in ``flows`` (ascending by day)."""
    order, begins = grouped(flows.source, flows.target)
    starts, ends, rows = begins[:-1], begins[1:] - 1, np.diff(begins)
    source, target = (codes[order[starts]].astype(np.int64) for codes in (flows.source, flows.target))
    by_source = np.argsort(flows.source, kind="stable")
    amounts = flows.amount[by_source].astype(np.float64)
    same = flows.source[by_source][1:] == flows.source[by_source][:-1]
    lower, upper = np.minimum(amounts[1:], amounts[:-1])[same], np.maximum(amounts[1:], amounts[:-1])[same]
    passing = np.bincount(flows.source, minlength=n_parties) * np.bincount(flows.target, minlength=n_parties)
    busy = passing[passing > 0].mean() if passing.any() else 1.0
    return Business(
        n_parties=n_parties,
        pair=source * n_parties + target,
        rows=rows,
        first=flows.day[order][starts].astype(np.int64),
        last=flows.day[order][ends].astype(np.int64),
        spreads=np.sort(1.0 - lower / upper),
        bustle=np.log(np.maximum(passing / busy, 1.0)),
        circles=np.array(
            [
                _log_branching(source[rows >= least], target[rows >= least], n_parties)
                for least in range(1, MOST_LINK_ROWS + 1)
            ]
        ),
        days=int(flows.day[-1] - flows.day[0]) + 1 if len(flows) else 1,
    )


def _turned(parties: Int64, length: Int64) -> Int64:
    """Rows of ``parties`` [c, longest] turned until the smallest code comes first; -1 stays at the end."""
    turned = np.full_like(parties, -1)
    for k in np.unique(length):
        mine = np.flatnonzero(length == k)
        codes = parties[mine, :k]
        turn = (codes.argmin(axis=1)[:, None] + np.arange(k)) % k
        turned[mine, :k] = np.take_along_axis(codes, turn, axis=1)
    return turned


@numba.njit(cache=True)
def _disjoint(rows, group, order, used):  # type: ignore[no-untyped-def]
    """Which cycles are rounds: taken in ``order``, none of whose rows a round taken before them has.

    ``used``: int64 [flows], the last group that took each row, -1: none. With ``group`` all equal, rows are
    taken once and for all.
    """
    taken = np.zeros(len(rows), np.bool_)
    for cycle in order:
        free = True
        for row in rows[cycle]:
            free = free and (row < 0 or used[row] != group[cycle])
        if free:
            taken[cycle] = True
            for row in rows[cycle]:
                if row >= 0:
                    used[row] = group[cycle]
    return taken


def _log_tail(count: Int64, log_mean: Floats) -> Floats:
    """ln P(N >= count) of Poisson's law."""
    mean = np.exp(np.minimum(log_mean, 700.0))
    chance = gammainc(count, mean)
    small = count * log_mean - mean - gammaln(count + 1.0)
    return np.asarray(np.where(chance > 1e-250, np.log(np.maximum(chance, 1e-300)), small))


def _log_expected(business: Business, members: Int64, length: Int64, window_days: int) -> Floats:
    """ln of the rounds that chance brings groups [g] within the window, whatever their amounts."""
    there = members >= 0
    following = np.roll(members, -1, axis=1)
    following[np.arange(len(members)), length - 1] = members[:, 0]
    link = np.searchsorted(business.pair, members[there] * business.n_parties + following[there])
    rows, first, last = (np.zeros(members.shape, np.int64) for _ in range(3))
    rows[there], first[there], last[there] = business.rows[link], business.first[link], business.last[link]
    begun = np.where(there, first, np.iinfo(np.int64).max).min(axis=1)
    days = np.maximum(last.max(axis=1) - begun + 1, min(SHORTEST_SPAN_DAYS, business.days))
    in_time = np.log(length) + (length - 1) * np.log(window_days / days) - gammaln(length)
    return np.asarray(np.log(np.where(there, rows, 1)).sum(axis=1) + np.minimum(in_time, 0.0))


def _ranked(
    business: Business, groups: tuple[Int64, Int64], rounds: tuple[Int64, Int64, Floats], limits: Limits
) -> Rounds:
    """Strongest first. ``groups``: members and length; ``rounds``: of which group, cycle, spread of each."""
    of_group, cycle, spread = rounds
    order = np.lexsort((cycle, spread, of_group))
    of_group, cycle, spread = of_group[order], cycle[order], spread[order]
    starts = np.flatnonzero(np.diff(of_group, prepend=-1))
    counts = np.diff(np.append(starts, len(cycle)))
    members, length = (column[of_group[starts]] for column in groups)
    log_expected = _log_expected(business, members, length, limits.window_days)
    position = np.repeat(np.arange(len(starts)), counts)
    k, rank = length[position], np.arange(len(cycle)) - starts[position] + 1

    def log_mean(within: Floats) -> Floats:
        agree = 0.5 * np.log(k) + (k - 1) * (business.agreement(within) - 0.5 * np.log(2))
        return np.asarray(log_expected[position] + np.minimum(agree, 0.0))

    circles = k * business.circles[np.minimum(rank, MOST_LINK_ROWS) - 1] - np.log(k)
    surprise = -_log_tail(rank, log_mean(np.maximum(spread, CLOSEST))) - np.log(rank * (rank + 1.0))
    surprise -= np.maximum(circles, 0.0)
    strength = np.maximum.reduceat(surprise, starts) if len(starts) else np.zeros(0)
    strength = strength - np.where(members >= 0, business.bustle[members], 0.0).sum(axis=1)
    by_strength = np.lexsort((np.arange(len(starts)), -strength))
    expected = np.exp(log_mean(np.full(len(cycle), limits.spread)))[starts]
    within = np.lexsort((np.arange(len(cycle)), np.argsort(by_strength)[position]))
    return Rounds(
        members[by_strength], length[by_strength], strength[by_strength], expected[by_strength],
        cycle[within], spread[within], bounds(counts[by_strength]),
    )  # fmt: skip


def rounds_of(flows: Flows, cycles: Cycles, business: Business, limits: Limits) -> Rounds:
    """Cycles put together by their parties and order, each transfer in one round of one group at most.

    A transfer that several groups could use goes to the strongest of them; the others are weighed without.
    """
    there = cycles.rows >= 0
    amount = np.where(there, flows.amount[cycles.rows], flows.amount[cycles.rows[:, :1]])
    spread = 1.0 - amount.min(axis=1) / amount.max(axis=1) if len(cycles) else np.zeros(0)
    parties = np.where(there, flows.source[cycles.rows], -1).astype(np.int64)
    members, group = np.unique(_turned(parties, cycles.length), axis=0, return_inverse=True)
    groups, group = (members, (members >= 0).sum(axis=1)), group.reshape(-1)
    first = np.lexsort((spread, group))
    for together in (group, np.zeros_like(group)):
        # First within each group, then among all groups, the strongest before the others.
        chosen = np.flatnonzero(_disjoint(cycles.rows, together, first, np.full(len(flows), -1)))
        found = _ranked(business, groups, (group[chosen], chosen, spread[chosen]), limits)
        first = found.cycle
    return found
