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

from dataclasses import dataclass, replace

import numpy as np
import pyarrow.compute as pc

from graph.relations import day_number
from graph.rings import wording
from graph.rings.arrays import Flags, Int64
from graph.rings.columns.components import components
from graph.rings.columns.rows import evidence_rows, text_codes
from graph.rings.columns.shuffles import retied
from graph.rings.columns.ties import Ties, declared_groups, ties_of
from graph.rings.finding import Detection, Finding, Member
from graph.rings.patterns.guarantees import Candidate, chains_in, circles_in, crowd_of, depths, distinct
from graph.rings.typology import Naming, Typology
from graph.snapshot import Snapshot

CODE = "guarantee_circle"


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


def _most_at_once(ties: Ties, n: int) -> Int64:
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


def _days(ties: Ties, as_of: int, settings: GuaranteeSettings) -> Int64:
    """Days to look at, of which no two have the same guarantees in force."""
    grid = np.arange(as_of, as_of - settings.history_days, -settings.together_days)[::-1]
    begun = np.searchsorted(np.sort(ties.since), grid, side="right")
    ended = np.searchsorted(np.sort(ties.until), grid, side="left")
    return np.asarray(grid[np.sort(np.unique(np.stack([begun, ended]), axis=1, return_index=True)[1])])


def _might_belong(ties: Ties, n: int, links: int) -> Flags:
    """Guarantees that might lie on a circle or on a chain of ``links``, were all in force; bool [m]."""
    before, after = depths(ties.source, ties.target, n, links), depths(ties.target, ties.source, n, links)
    return np.asarray(before[ties.source] + 1 + after[ties.target] >= links)


def _roles(candidate: Candidate) -> list[str]:
    if candidate.shape == "circle":
        return ["guarantor"] * len(candidate.parties)
    return ["guarantor", *["link"] * (len(candidate.parties) - 2), "guaranteed"]


def _finding(snapshot: Snapshot, candidate: Candidate, ties: Ties) -> Finding:
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
        evidence=evidence_rows(snapshot, "links", candidate.links),
        facts={"shape": candidate.shape, "guarantees": len(held), "seen_on": candidate.on},
    )


def detect(snapshot: Snapshot, settings: GuaranteeSettings) -> Detection:
    """Circles and chains of guarantees that were in force together."""
    ties, cuts = _guarantees(snapshot, settings)
    if not len(ties):
        return Detection((), cuts)
    codes, place = np.unique(np.concatenate([ties.source, ties.target]), return_inverse=True)
    n, ends = len(codes), place.astype(np.int32)
    local = replace(ties, source=ends[: len(ties)], target=ends[len(ties) :])
    might = _might_belong(local, n, settings.shortest_chain)
    found: list[Candidate] = []
    lengths, too_large = (settings.shortest_chain, settings.longest_chain), 0
    for on in _days(ties, day_number(snapshot.as_of), settings).tolist():
        force = (local.since <= on) & (local.until >= on)
        crowd, alive = crowd_of(local.only(force), n), local.only(force & might)
        label = components(alive.source, alive.target, n, "strong")
        circles = list(circles_in(alive, label, on, crowd))
        small = [one for one in circles if len(one.parties) <= settings.largest_circle]
        too_large = max(too_large, len(circles) - len(small))
        alone = np.bincount(label, minlength=n)[label] == 1
        open_ended = alive.only(alone[alive.source] & alone[alive.target])
        found += [*small, *chains_in(open_ended, on, lengths, crowd, n)]
    found = [replace(one, parties=tuple(codes[list(one.parties)].tolist())) for one in found]
    kept = distinct(found)
    if too_large:
        cuts += (f"{too_large} sets of over {settings.largest_circle} parties in a circle were left out",)
    cuts += wording.only_strongest(settings.most_findings, len(kept), "circles and chains")
    return Detection(tuple(_finding(snapshot, one, ties) for one in kept[: settings.most_findings]), cuts)


def shuffle(snapshot: Snapshot, random: np.random.Generator) -> Snapshot:
    """Who is guaranteed is permuted among guarantees given within a region, and among all others: everyone
    gives and takes as many, over the same times, and what was given at home stays at home. Guarantees that
    are left out stay as they are."""
    ties, _ = _guarantees(snapshot, GuaranteeSettings())
    place = text_codes(snapshot.tables["parties"]["region"])
    block = np.full(snapshot.tables["links"].num_rows, -1)
    block[ties.row] = np.where(place[ties.source] == place[ties.target], place[ties.source] + 2, 0)
    return retied(snapshot, block, random)


def explain(finding: Finding, naming: Naming, currency: str) -> str:
    """What the records show, in one paragraph."""

    def named(role: str) -> str:
        return wording.listing(map(naming, finding.in_role(role)))

    held = wording.counted(int(finding.facts["guarantees"]), "guarantee")
    seen = f"all in force on {wording.day(int(finding.facts['seen_on']))}"
    stake = f"{wording.money(finding.amount, currency)} in all" if finding.amount else "no amounts stated"
    if finding.facts["shape"] == "circle":
        return (
            f"The records show that {named('guarantor')} stand for each other's debts in "
            f"a circle: {held}, {seen}, {stake}. If one of them cannot pay, the calls on its guarantors come "
            "back round to the same firms, so the guarantees together are worth less than each alone. Firms "
            "that belong together often do this openly; no ownership between them is on record."
        )
    return (
        f"The records show a chain of {held}, {seen}, {stake}: it begins with "
        f"{named('guarantor')}, leads through {named('link')} and ends with {named('guaranteed')}. "
        "If the last cannot pay, each guarantor depends on the one before it. Each guarantee may be sound by "
        "itself; what stands out is how many follow on."
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
