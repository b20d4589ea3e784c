"""Rings in a snapshot: every typology's findings, kept where shuffles of the same data bring hardly any."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from graph.asof import coded_key
from graph.contract import TABLES
from graph.rings.calibration import Chance, allowed, severity_of
from graph.rings.finding import Finding, Search
from graph.rings.typology import Typology
from graph.snapshot import Snapshot

#: Told the typology, and the share of all work done before it.
Progress = Callable[[str, float], None]

#: Of the random numbers that shuffles draw.
SEED = 0
#: Shuffles by rows of the tables that a typology reads: many where they cost nothing.
MOST_SHUFFLES, FEWEST_SHUFFLES = 20, 3
ROWS_TO_SHUFFLE = 4_000_000


@dataclass(frozen=True)
class Ring:
    """A finding that chance does not explain.

    ``expected_by_chance``: findings as striking that a shuffle of the same data is expected to bring;
    ``severity``: 0 to 1, how far below one that is.
    """

    finding: Finding
    expected_by_chance: float
    severity: float


@dataclass(frozen=True)
class RingsFound:
    """Rings, most severe first within a typology, and what was searched. ``lacking``: typology to tables."""

    rings: tuple[Ring, ...]
    searches: tuple[Search, ...]
    lacking: dict[str, tuple[str, ...]]


def in_order(snapshot: Snapshot) -> Snapshot:
    """The snapshot with every table's rows ascending by their key, so that equal ones search alike."""

    return replace(
        snapshot,
        tables={
            name: rows.sort_by([(column, "ascending") for column in coded_key(TABLES[name])])
            for name, rows in snapshot.tables.items()
        },
    )


def shuffles_for(snapshot: Snapshot, typology: Typology) -> int:
    """Shuffles that are made to calibrate a typology on this snapshot."""
    rows = sum(snapshot.tables[name].num_rows for name in typology.tables)
    return int(np.clip(ROWS_TO_SHUFFLE // max(rows, 1), FEWEST_SHUFFLES, MOST_SHUFFLES))


def search(snapshot: Snapshot, typology: Typology, seed: int) -> tuple[list[Ring], Search]:
    """Rings of one typology. ``snapshot``: in order (see ``in_order``)."""
    detection = typology.detect(snapshot, typology.settings)
    if not detection.findings:
        return [], Search(typology.code, 0, 0, 0, 0, detection.cuts)
    shuffles = shuffles_for(snapshot, typology)
    random = np.random.default_rng([seed, *typology.code.encode()])
    strengths: list[float] = []
    for _ in range(shuffles):
        shuffled = typology.detect(typology.shuffle(snapshot, random), typology.settings)
        strengths += [finding.strength for finding in shuffled.findings]
    found = np.array([finding.strength for finding in detection.findings])
    expected = Chance.of(strengths, shuffles, float(found.min())).expected(found)
    rings = [
        Ring(finding, float(often), float(severity))
        for finding, often, severity in zip(detection.findings, expected, severity_of(expected), strict=True)
        if often <= allowed(snapshot.n_parties) and finding.strength > typology.least_strength
    ]
    rings.sort(
        key=lambda r: (r.expected_by_chance, -r.finding.strength, -r.finding.amount, r.finding.members)
    )
    return rings, Search(typology.code, len(found), len(rings), shuffles, len(strengths), detection.cuts)


def find_rings(
    snapshot: Snapshot,
    typologies: Sequence[Typology],
    *,
    seed: int = SEED,
    progress: Progress = lambda what, share: None,
) -> RingsFound:
    """Rings of ``typologies`` in the snapshot; same snapshot and seed, same rings."""
    lacking = {
        typology.code: tuple(name for name in typology.tables if name not in snapshot.tables)
        for typology in typologies
    }
    snapshot = in_order(snapshot)
    rings: list[Ring] = []
    searches: list[Search] = []
    for position, typology in enumerate(typologies):
        progress(typology.title, position / len(typologies))
        if not lacking[typology.code]:
            found, searched = search(snapshot, typology, seed)
            rings += found
            searches.append(searched)
    return RingsFound(
        tuple(rings), tuple(searches), {code: names for code, names in lacking.items() if names}
    )
