"""Guarantee circles and chains: firms that stand for each other's debts, so that one failure calls on all.

Definition: guarantees in force on the same day that close a circle (a strongly connected set of firms), or
that follow one another in a long chain (each firm is guaranteed by one and guarantees the next). Days are
looked at ``together_days`` apart, so that what holds together for at least so long is seen.

Published: studies of loan guarantee networks of Chinese banks since 2012 name mutual pairs, circles, chains
and stars as the patterns by which one default calls on the next, the circle and the chain as the risky ones.
Numbers expected by chance: cycles and paths in random directed graphs of given degrees (Newman, Strogatz and
Watts 2001).

False friends: a group that guarantees itself openly (links of ownership between the companies: left out);
those who guarantee by trade, mutual guarantee societies and banks (role guarantor or financier, or very
many guarantees at once: left out, and said); guarantees that followed each other in time (never in force
together, so never a circle).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
import pyarrow.compute as pc
from numpy.typing import NDArray
from scipy import sparse
from scipy.sparse.csgraph import connected_components

from graph.relations import day_number
from graph.rings import wording
from graph.rings.finding import Detection, Finding, Member
from graph.rings.ties import Ties, declared_groups, link_evidence, shuffled, ties_of
from graph.rings.typology import Naming, Typology
from graph.snapshot import Snapshot

CODE = "guarantee_circle"
#: Guarantees are taken to lead on to at most so many others each: above, everything hangs together.
MOST_ONWARDS = 0.9


@dataclass(frozen=True)
class GuaranteeSettings:
    """``shortest_chain``: guarantees in a row that make a chain; ``longest_chain``: chains are followed no
    further. ``largest_circle``: parties; where more hang together it is no circle of anyone's making.
    ``by_trade``: a party with more guarantees at once gives them by trade. ``history_days``: days back
    from the snapshot's that are looked at, ``together_days`` apart."""

    shortest_chain: int = 5
    longest_chain: int = 30
    largest_circle: int = 200
    by_trade: int = 15
    together_days: int = 30
    history_days: int = 3 * 365
    most_findings: int = 20_000


@dataclass(frozen=True)
class _Crowd:
    """All guarantees in force on a day: ``count``, ``onwards`` each is expected to lead to by chance, and
    ``density``: the share of all ordered pairs of parties that have one."""

    count: int
    onwards: float
    density: float


@dataclass(frozen=True)
class _Candidate:
    """Guarantees ``links`` (rows of the table) that belong together on a day, ``surprise`` in nats.

    ``parties``: codes, in order of a chain.
    """

    shape: str
    parties: tuple[int, ...]
    links: NDArray[np.int64]
    on: int
    surprise: float


def _most_at_once(ties: Ties, n: int) -> NDArray[np.int64]:
    """Most guarantees that each party gave at once; int64 [n]."""
    giver = np.concatenate([ties.source, ties.source])
    when = np.concatenate([ties.since.astype(np.int64), ties.until.astype(np.int64) + 1])
    change = np.repeat([1, -1], len(ties))
    order = np.lexsort((change, when, giver))
    most = np.zeros(n, np.int64)
    # Every giver's changes add up to nothing, so that the running sum is 0 where the next one begins.
    np.maximum.at(most, giver[order], np.cumsum(change[order]))
    return most


def _guarantees(snapshot: Snapshot, settings: GuaranteeSettings) -> tuple[Ties, tuple[str, ...]]:
    """Guarantees between firms that are neither of one group nor guarantors by trade, and what was cut."""
    ties, group = ties_of(snapshot, ("GUARANTEES",)), declared_groups(snapshot)
    ties = ties.only(group[ties.source] != group[ties.target])
    roles = snapshot.tables["parties"]["roles"].fill_null("")
    by_role = pc.match_substring_regex(roles, "guarantor|financier").to_numpy(zero_copy_only=False)
    many = ~by_role & (_most_at_once(ties, snapshot.n_parties) > settings.by_trade)
    trade = by_role | many
    said = f"{int(many.sum()):,} parties that gave over {settings.by_trade} guarantees at once were left out"
    return ties.only(~trade[ties.source] & ~trade[ties.target]), (said,) if many.any() else ()


def _days(ties: Ties, as_of: int, settings: GuaranteeSettings) -> NDArray[np.int64]:
    """Days to look at, of which no two have the same guarantees in force."""
    grid = np.arange(as_of, as_of - settings.history_days, -settings.together_days)[::-1]
    begun = np.searchsorted(np.sort(ties.since), grid, side="right")
    ended = np.searchsorted(np.sort(ties.until), grid, side="left")
    return np.asarray(grid[np.sort(np.unique(np.stack([begun, ended]), axis=1, return_index=True)[1])])


def _might_belong(ties: Ties, n: int, links: int) -> NDArray[np.bool_]:
    """Guarantees that might lie on a circle or on a chain of ``links``, were all in force; bool [m]."""
    before, after = np.zeros(n, np.int32), np.zeros(n, np.int32)
    for _ in range(links):
        longer = before.copy()
        np.maximum.at(longer, ties.target, before[ties.source] + 1)
        before = longer
        longer = after.copy()
        np.maximum.at(longer, ties.source, after[ties.target] + 1)
        after = longer
    return np.asarray(before[ties.source] + 1 + after[ties.target] >= links)


def _crowd(ties: Ties, n: int) -> _Crowd:
    given, taken = np.bincount(ties.source, minlength=n), np.bincount(ties.target, minlength=n)
    onwards = float((given * taken).sum() / max(len(ties), 1))
    active = int(((given > 0) | (taken > 0)).sum())
    return _Crowd(len(ties), float(np.clip(onwards, 1e-6, MOST_ONWARDS)), len(ties) / max(active, 1) ** 2)


def _sets(ties: Ties, n: int) -> NDArray[np.int32]:
    """Label of the strongly connected set of each party; int32 [n]."""
    graph = sparse.coo_matrix((np.ones(len(ties), np.int8), (ties.source, ties.target)), shape=(n, n))
    return np.asarray(connected_components(graph, connection="strong")[1], np.int32)


def _circles(ties: Ties, label: NDArray[np.int32], on: int, crowd: _Crowd) -> Iterator[_Candidate]:
    """Strongly connected sets of the guarantees in force on a day.

    Surprise: minus the logarithm of the number of circles of k that a random graph of the same degrees is
    expected to hold, onwards^k / k; every guarantee inside beyond those k adds the rarity of one more.
    """
    inside = np.flatnonzero(label[ties.source] == label[ties.target])
    inside = inside[np.argsort(label[ties.source[inside]], kind="stable")]
    if not len(inside):
        return
    for links in np.split(inside, np.flatnonzero(np.diff(label[ties.source[inside]])) + 1):
        members = np.unique(ties.source[links])
        k = len(members)
        pairs = len(np.unique(ties.source[links].astype(np.int64) << 32 | ties.target[links]))
        surprise = -k * np.log(crowd.onwards) + np.log(k)
        surprise += (pairs - k) * max(-np.log(k * k * crowd.density), 0.0)
        yield _Candidate("circle", tuple(members.tolist()), ties.row[links], on, float(surprise))


def _depths(ties: Ties, n: int, most: int) -> NDArray[np.int32]:
    """Guarantees of the longest chain that ends with each party, at most ``most``; int32 [n]. No circles."""
    depth = np.zeros(n, np.int32)
    for _ in range(most):
        longer = depth.copy()
        np.maximum.at(longer, ties.target, depth[ties.source] + 1)
        if (longer == depth).all():
            break
        depth = longer
    return depth


def _chains(ties: Ties, on: int, settings: GuaranteeSettings, crowd: _Crowd, n: int) -> Iterator[_Candidate]:
    """Longest chains of guarantees that are on no circle, no party in two of them.

    Surprise: minus the logarithm of the number of chains of as many guarantees that a random graph of the
    same degrees is expected to hold, count x onwards^(guarantees - 1).
    """
    depth = _depths(ties, n, settings.longest_chain)
    # The guarantee by which the chain into each party is longest.
    best = np.full(n, -1, np.int64)
    leading = np.flatnonzero(depth[ties.source] + 1 == depth[ties.target])
    best[ties.target[leading]] = leading
    ends = np.flatnonzero(depth >= settings.shortest_chain)
    taken: set[int] = set()
    for end in ends[np.argsort(-depth[ends], kind="stable")].tolist():
        walk, at = [], end
        while at not in taken and best[at] >= 0:
            taken.add(at)
            walk.append(int(best[at]))
            at = int(ties.source[walk[-1]])
        # A chain that runs into one that was told already is told without the party they meet at.
        chain = np.array(walk[::-1] if at not in taken else walk[-2::-1], np.int64)
        if len(chain) >= settings.shortest_chain:
            parties = (int(ties.source[chain[0]]), *ties.target[chain].tolist())
            taken.add(parties[0])
            surprise = -(len(chain) - 1) * np.log(crowd.onwards) - np.log(crowd.count)
            yield _Candidate("chain", parties, ties.row[chain], on, max(float(surprise), 0.0))


def _distinct(candidates: list[_Candidate]) -> list[_Candidate]:
    """The most striking of those that share half of their parties or more: days repeat each other."""
    candidates.sort(key=lambda one: (-one.surprise, -one.on, one.parties))
    kept: list[_Candidate] = []
    found_with: dict[int, list[int]] = {}
    for candidate in candidates:
        rivals = [number for party in candidate.parties for number in found_with.get(party, ())]
        if rivals and 2 * int(np.bincount(rivals).max()) >= len(candidate.parties):
            continue
        for party in candidate.parties:
            found_with.setdefault(party, []).append(len(kept))
        kept.append(candidate)
    return kept


def _roles(candidate: _Candidate) -> list[str]:
    if candidate.shape == "circle":
        return ["guarantor"] * len(candidate.parties)
    return ["guarantor", *["link"] * (len(candidate.parties) - 2), "guaranteed"]


def _finding(snapshot: Snapshot, candidate: _Candidate, ties: Ties) -> Finding:
    """``ties``: rows ascending; ``candidate.parties``: codes of the snapshot."""
    held = ties.only(np.searchsorted(ties.row, candidate.links))
    roles = zip(candidate.parties, _roles(candidate), strict=True)
    return Finding(
        typology=CODE,
        members=tuple(Member(party, role) for party, role in sorted(roles)),
        first_on=int(held.since.min()),
        last_on=int(min(held.until.max(), day_number(snapshot.as_of))),
        amount=int(held.amount.sum()),
        strength=candidate.surprise,
        evidence=link_evidence(snapshot, candidate.links.tolist()),
        facts={"shape": candidate.shape, "guarantees": len(held), "seen_on": candidate.on},
    )


def detect(snapshot: Snapshot, settings: GuaranteeSettings) -> Detection:
    """Circles and chains of guarantees that were in force together."""
    ties, cuts = _guarantees(snapshot, settings)
    if not len(ties):
        return Detection((), cuts)
    codes, ends = np.unique(np.concatenate([ties.source, ties.target]), return_inverse=True)
    n, ends = len(codes), ends.astype(np.int32)
    local = replace(ties, source=ends[: len(ties)], target=ends[len(ties) :])
    might = _might_belong(local, n, settings.shortest_chain)
    found: list[_Candidate] = []
    too_large = 0
    for on in _days(ties, day_number(snapshot.as_of), settings).tolist():
        force = (local.since <= on) & (local.until >= on)
        crowd, alive = _crowd(local.only(force), n), local.only(force & might)
        label = _sets(alive, n)
        circles = list(_circles(alive, label, on, crowd))
        small = [one for one in circles if len(one.parties) <= settings.largest_circle]
        too_large = max(too_large, len(circles) - len(small))
        alone = np.bincount(label, minlength=n)[label] == 1
        open_ended = alive.only(alone[alive.source] & alone[alive.target])
        found += [*small, *_chains(open_ended, on, settings, crowd, n)]
    found = [replace(one, parties=tuple(codes[list(one.parties)].tolist())) for one in found]
    kept = _distinct(found)
    if too_large:
        cuts += (f"{too_large} sets of over {settings.largest_circle} parties in a circle were left out",)
    if len(kept) > settings.most_findings:
        cuts += (
            f"{len(kept) - settings.most_findings:,} of {len(kept):,} findings, the weakest, were left out",
        )
    return Detection(tuple(_finding(snapshot, one, ties) for one in kept[: settings.most_findings]), cuts)


def shuffle(snapshot: Snapshot, random: np.random.Generator) -> Snapshot:
    """Who is guaranteed is permuted among guarantees given within a region, and among all others: everyone
    gives and takes as many, at home and abroad, over the same times. What is left out stays where it is."""
    ties, _ = _guarantees(snapshot, GuaranteeSettings())
    region = snapshot.tables["parties"]["region"].combine_chunks().dictionary_encode().indices
    place = region.fill_null(-1).to_numpy(zero_copy_only=False).astype(np.int64)
    block = np.full(snapshot.tables["links"].num_rows, -1)
    block[ties.row] = np.where(place[ties.source] == place[ties.target], place[ties.source] + 2, 0)
    return shuffled(snapshot, ("target_code",), block, random)


def explain(finding: Finding, naming: Naming, currency: str) -> str:
    """What the records show, in one paragraph."""
    by_role: dict[str, list[str]] = {}
    for member in finding.members:
        by_role.setdefault(member.role, []).append(naming(member.code))
    held = wording.counted(int(finding.facts["guarantees"]), "guarantee")
    seen = f"all in force on {wording.day(int(finding.facts['seen_on']))}"
    stake = f"{wording.money(finding.amount, currency)} in all" if finding.amount else "no amounts stated"
    if finding.facts["shape"] == "circle":
        return (
            f"The records show that {wording.listing(by_role['guarantor'])} stand for each other's debts in "
            f"a circle: {held}, {seen}, {stake}. If one of them cannot pay, the calls on its guarantors come "
            "back round to the same firms, so the guarantees together are worth less than each alone. Firms "
            "that belong together often do this openly; no ownership between them is on record."
        )
    return (
        f"The records show a chain of {held}, {seen}, {stake}: it begins with "
        f"{wording.listing(by_role['guarantor'])}, leads through {wording.listing(by_role['link'])} and ends "
        f"with {wording.listing(by_role['guaranteed'])}. If the last cannot pay, each guarantor depends on "
        "the one before it. Each guarantee may be sound by itself; what stands out is how many follow on."
    )


TYPOLOGY = Typology(
    code=CODE,
    title="Guarantee circles and chains",
    definition=(
        "Guarantees in force on the same day that close a circle of firms, or follow one another in a long "
        "chain, between firms that do not own each other."
    ),
    published=(
        "Patterns of guarantees among borrowers of banks: mutual pairs, circles and chains along which one "
        "default calls on the next (studies of Chinese loan guarantee networks since 2012)."
    ),
    false_friends=(
        "A group that guarantees itself openly; a mutual guarantee society or bank with many guarantees "
        "given; guarantees between two partners that followed each other in time."
    ),
    tables=("links",),
    settings=GuaranteeSettings(),
    detect=detect,
    shuffle=shuffle,
    explain=explain,
)
