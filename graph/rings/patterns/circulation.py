"""From flows to findings where something goes round: cycles, what excuses them, rounds, evidence."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from graph.rings.arrays import Flags, Int64
from graph.rings.columns.flows import Flows
from graph.rings.columns.ownership import ownership_of
from graph.rings.columns.rows import evidence_rows, ranges
from graph.rings.finding import Detection, Finding, Member
from graph.rings.patterns.cycles import Cycles, Limits, find_cycles
from graph.rings.patterns.rounds import Rounds, business_of, rounds_of
from graph.rings.typology import Naming
from graph.rings.wording import counted, listing, only_strongest
from graph.snapshot import Snapshot

#: Rounds of a finding that are named row by row, those of the closest amounts first.
MOST_EVIDENCE_ROUNDS = 50
#: Findings beyond this many are not handed on.
MOST_FINDINGS = 20_000
#: Parties that a cut names.
NAMED_IN_CUT = 3


@dataclass(frozen=True)
class Kind:
    """What goes round. ``rows``: what a row is called (one); ``roles``: of the party at which most rounds
    begin, and of the others; ``at_stake``: minor units from the amounts [rounds, k] of all rounds."""

    typology: str
    rows: str
    roles: tuple[str, str]
    at_stake: Callable[[Int64], int]


#: Which cycles have an ordinary reason on record; bool [c].
Excused = Callable[[Flows, Cycles], Flags]


def party_rows(flows: Flows, cycles: Cycles) -> Int64:
    """Codes of the parties of each cycle, from its first transfer on, int64 [c, longest]; -1: nobody."""
    return np.where(cycles.rows >= 0, flows.source[cycles.rows], -1).astype(np.int64)


def _in_one_group(snapshot: Snapshot, flows: Flows, cycles: Cycles) -> Flags:
    last = cycles.rows[np.arange(len(cycles)), cycles.length - 1]
    owners = ownership_of(snapshot)
    return owners.joins(party_rows(flows, cycles), flows.day[cycles.rows[:, 0]], flows.day[last])


def _cuts(snapshot: Snapshot, flows: Flows, cycles: Cycles, limits: Limits, rows: str) -> list[str]:
    cuts = []
    if len(cycles.broken_off):
        ends = np.concatenate([flows.source[cycles.broken_off], flows.target[cycles.broken_off]])
        busy = Counter(ends.tolist()).most_common(NAMED_IN_CUT)
        names = listing([snapshot.party_ids[code].as_py() for code, _ in busy])
        cuts.append(
            f"the search was broken off after {limits.visits_per_start:,} steps from each of "
            f"{counted(len(cycles.broken_off), rows)}, most of them from or to {names}: "
            "further circles that begin with these are not found"
        )
    if cycles.not_kept:
        cuts.append(
            f"{counted(cycles.not_kept, 'circle')} beyond {limits.most_cycles:,} were counted but not kept, "
            f"where most begin with the same {rows}"
        )
    return cuts


def _finding(
    kind: Kind, snapshot: Snapshot, flows: Flows, cycles: Cycles, part: tuple[Rounds, list[int]]
) -> Finding:
    """One finding of the groups of rounds that have the same members, the strongest first."""
    rounds, groups = part
    k, strongest = int(rounds.length[groups[0]]), groups[0]
    own = ranges(rounds.bounds[groups], rounds.bounds[np.add(groups, 1)])[1]
    rows = cycles.rows[rounds.cycle[own], :k]
    named = np.unique(rows[:MOST_EVIDENCE_ROUNDS])
    codes = rounds.members[strongest, :k]
    starts = Counter(flows.source[rows[:, 0]].tolist())
    begins = max(codes.tolist(), key=lambda code: (starts[code], -code))
    lasted = flows.day[rows[:, -1]] - flows.day[rows[:, 0]]
    turn = int(np.flatnonzero(codes == begins)[0])
    return Finding(
        typology=kind.typology,
        members=tuple(sorted(Member(code, kind.roles[int(code != begins)]) for code in codes.tolist())),
        first_on=int(flows.day[rows].min()),
        last_on=int(flows.day[rows].max()),
        amount=kind.at_stake(flows.amount[rows]),
        strength=float(rounds.strength[strongest]),
        evidence=tuple(sorted(evidence_rows(snapshot, flows.table, flows.row[named]))),
        facts={
            "rounds": len(own),
            "longest_round_days": int(lasted.max()),
            "widest_spread": round(float(rounds.spread[own].max()), 4),
            "expected_rounds": round(float(rounds.expected[strongest]), 6),
            "order": " ".join(map(str, np.roll(codes, -turn).tolist())),
        },
    )  # fmt: skip


def detect_circles(
    kind: Kind, snapshot: Snapshot, flows: Flows, limits: Limits, excuses: Sequence[Excused]
) -> Detection:
    """Findings of rounds, one for each set of members; strongest first.

    Left out: cycles within one declared group of companies, and those that an excuse takes.
    """
    cycles = find_cycles(flows, snapshot.n_parties, limits)
    cuts = _cuts(snapshot, flows, cycles, limits, kind.rows)
    if len(cycles):
        cycles = cycles.only(~_in_one_group(snapshot, flows, cycles))
    for excused in excuses:
        if len(cycles):
            cycles = cycles.only(~excused(flows, cycles))
    if not len(cycles):
        return Detection((), tuple(cuts))
    rounds = rounds_of(flows, cycles, business_of(flows, snapshot.n_parties), limits)
    groups: dict[tuple[int, ...], list[int]] = {}
    for group, codes in enumerate(np.sort(rounds.members, axis=1).tolist()):
        groups.setdefault(tuple(codes), []).append(group)
    chosen = list(groups.values())[:MOST_FINDINGS]
    cuts += only_strongest(MOST_FINDINGS, len(groups), "circles")
    return Detection(
        tuple(_finding(kind, snapshot, flows, cycles, (rounds, part)) for part in chosen), tuple(cuts)
    )


def way_round(finding: Finding, naming: Naming) -> list[str]:
    """Names of the members in the order of the round, the first one again at the end."""
    codes = [int(code) for code in str(finding.facts["order"]).split()]
    return [naming(code) for code in (*codes, codes[0])]
