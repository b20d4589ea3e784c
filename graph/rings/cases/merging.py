"""Cases: rings of any typology that are about the same parties, with ids that last from run to run.

**What belongs together.** Rings are taken from the most severe on. Each joins the case whose *first* ring
it shares most members with, if these are at least half of the smaller of the two; else it opens a case. All
rings of a case overlap with that first one, so a case never grows along a chain of rings that have nothing
to do with each other.

**Hubs** join nothing: a factor or a large retailer is in rings of many that never met. A party is a hub
where the rings and earlier cases it is in name ``HUB_COMPANIONS`` parties more than the largest of them
does. Hubs are members of their cases, and are left out of account where overlaps are counted (unless a ring
has no other members).

**Ids.** A case of this run continues one of the previous run if the shared members are at least half of the
smaller of the two. Pairs are taken by shared members, most first (then by Jaccard, then by id): an id goes
to one case, and a case takes one id. So where a case splits, the part that shares most keeps the id and the
others get new ones; where cases merge, the id of the one that shares most stays and the others are named in
``absorbed``. A case that keeps half of its members, neither split nor merged, keeps its id whatever joins
it. A new id is a hash of the members, so the same members get the same one in any run.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import pyarrow as pa

from graph.rings.detection import Ring
from graph.rings.finding import digest_of

#: Two sets of members are about the same where so much of the smaller one is shared.
SAME_SHARE = 0.5
#: Others, beyond the largest ring it is in, that a party may be found with before it counts as a hub.
HUB_COMPANIONS = 50

Group = frozenset[str]


@dataclass(frozen=True)
class Case:
    """Rings about the same parties.

    ``rings``: positions in the sequence that was merged, ascending. ``members``: party ids, ascending (a
    code is of one snapshot alone; these last). ``severity``: that of its most severe ring. ``first_on`` /
    ``last_on``: day numbers of the first and last row behind it. ``amount``: money at stake in its largest
    ring, minor units (rings of a case rest on the same rows, a sum would count them twice).
    ``absorbed``: ids of earlier cases that went into this one, ascending.
    """

    case_id: str
    rings: tuple[int, ...]
    members: tuple[str, ...]
    typologies: tuple[str, ...]
    severity: float
    first_on: int
    last_on: int
    amount: int
    absorbed: tuple[str, ...] = ()


def merge(
    rings: Sequence[Ring], party_ids: pa.StringArray, previous: Sequence[Case] = ()
) -> tuple[Case, ...]:
    """Cases of ``rings``, most severe first; ids of ``previous``, the last run's cases, are carried on.

    ``party_ids``: of the snapshot that the rings' codes are of. The order of either sequence does not
    matter; every ring is in exactly one case; a party may be in several.
    """
    members = [_ids(ring, party_ids) for ring in rings]
    hubs = _hubs([*members, *(frozenset(case.members) for case in previous)])
    gathered = _gathered(rings, members, hubs)
    groups = [frozenset[str]().union(*(members[position] for position in case)) for case in gathered]
    carried, absorbed = _carried(groups, previous, hubs)
    ids = _named(groups, carried)
    return tuple(
        _case(case_id, positions, group, rings, tuple(sorted(taken)))
        for case_id, positions, group, taken in zip(ids, gathered, groups, absorbed, strict=True)
    )


def _ids(ring: Ring, party_ids: pa.StringArray) -> Group:
    return frozenset(party_ids[member.code].as_py() for member in ring.finding.members)


def _case(
    case_id: str, positions: Sequence[int], group: Group, rings: Sequence[Ring], absorbed: tuple[str, ...]
) -> Case:
    chosen = [rings[position] for position in positions]
    return Case(
        case_id=case_id,
        rings=tuple(sorted(positions)),
        members=tuple(sorted(group)),
        typologies=tuple(sorted({ring.finding.typology for ring in chosen})),
        severity=max(ring.severity for ring in chosen),
        first_on=min(ring.finding.first_on for ring in chosen),
        last_on=max(ring.finding.last_on for ring in chosen),
        amount=max(ring.finding.amount for ring in chosen),
        absorbed=absorbed,
    )


def _by_member(groups: Iterable[Group]) -> dict[str, list[int]]:
    """Positions of the groups that each party is in."""
    found: dict[str, list[int]] = defaultdict(list)
    for position, group in enumerate(groups):
        for member in group:
            found[member].append(position)
    return found


def _hubs(groups: Sequence[Group]) -> Group:
    """Parties found with many that the largest of their groups does not hold."""
    distinct = sorted(set(groups), key=len)
    hubs = set()
    for member, positions in _by_member(distinct).items():
        bound = len(distinct[positions[-1]]) + HUB_COMPANIONS
        # The sum of sizes is never less than the union: most parties need no union.
        if sum(len(distinct[position]) for position in positions) > bound:
            companions = frozenset[str]().union(*(distinct[position] for position in positions))
            if len(companions) > bound:
                hubs.add(member)
    return frozenset(hubs)


def _without(group: Group, hubs: Group) -> Group:
    return group - hubs or group


def _overlaps(group: Group, holding: Mapping[str, list[int]]) -> dict[int, int]:
    """Members shared with each of the others that shares any; ``holding``: their positions by member."""
    shared: dict[int, int] = defaultdict(int)
    for member in group:
        for position in holding.get(member, ()):
            shared[position] += 1
    return shared


def _gathered(rings: Sequence[Ring], members: Sequence[Group], hubs: Group) -> list[list[int]]:
    """Positions of the rings of each case, its first ring first; cases by their first ring."""
    cores = [_without(group, hubs) for group in members]

    def rank(position: int) -> tuple[object, ...]:
        ring, finding = rings[position], rings[position].finding
        sorted_ids = tuple(sorted(members[position]))
        content = (finding.typology, sorted_ids, finding.first_on, finding.last_on, finding.evidence)
        return -ring.severity, ring.expected_by_chance, -finding.amount, -len(sorted_ids), content

    cases: list[list[int]] = []
    leading: dict[str, list[int]] = defaultdict(list)
    for position in sorted(range(len(rings)), key=rank):
        core = cores[position]
        joined = [
            (-shared, case)
            for case, shared in _overlaps(core, leading).items()
            if shared >= SAME_SHARE * min(len(core), len(cores[cases[case][0]]))
        ]
        if joined:
            cases[min(joined)[1]].append(position)
            continue
        for member in core:
            leading[member].append(len(cases))
        cases.append([position])
    return cases


def _continuations(
    groups: Sequence[Group], previous: Sequence[Case], hubs: Group
) -> Iterator[tuple[int, float, str, tuple[str, ...], int]]:
    """(-shared, -Jaccard, earlier id, members, position of the case) of cases that may be the same."""
    earlier = [_without(frozenset(case.members), hubs) for case in previous]
    holding = _by_member(earlier)
    for position, group in enumerate(groups):
        core = _without(group, hubs)
        for before, shared in _overlaps(core, holding).items():
            if shared >= SAME_SHARE * min(len(core), len(earlier[before])):
                jaccard = shared / (len(core) + len(earlier[before]) - shared)
                yield -shared, -jaccard, previous[before].case_id, tuple(sorted(group)), position


def _carried(
    groups: Sequence[Group], previous: Sequence[Case], hubs: Group
) -> tuple[dict[int, str], list[set[str]]]:
    """Earlier ids by position of the case that carries them on; ids that went into each without lasting."""
    carried: dict[int, str] = {}
    absorbed: list[set[str]] = [set() for _ in groups]
    pairs = sorted(_continuations(groups, previous, hubs))
    given: set[str] = set()
    for _, _, case_id, _, position in pairs:
        if position not in carried and case_id not in given:
            carried[position] = case_id
            given.add(case_id)
    for _, _, case_id, _, position in pairs:
        if case_id not in given:
            absorbed[position].add(case_id)
            given.add(case_id)
    return carried, absorbed


def _named(groups: Sequence[Group], carried: dict[int, str]) -> list[str]:
    """The id of each case: the one carried on, or a hash of its members (and a number, were it taken)."""
    taken = set(carried.values())
    ids: list[str] = []
    for position, group in enumerate(groups):
        case_id, again = carried.get(position), 0
        while case_id is None:
            found = f"case-{digest_of([*sorted(group), *([str(again)] if again else [])])}"
            case_id, again = (None if found in taken else found), again + 1
        taken.add(case_id)
        ids.append(case_id)
    return ids
