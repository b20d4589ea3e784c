"""Ways over standing ties are those of a plain search."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from graph.rings.columns.kinship import NOBODY, joined_by, kinship_of
from tests.graph.rings.typologies.test_related_party_trade import FIRMS, PEOPLE, data, link, market


def test_ways_are_those_of_a_plain_search(tmp_path: Path) -> None:
    random = np.random.default_rng(5)
    pairs = {tuple(sorted(random.choice(FIRMS + PEOPLE, 2, replace=False).tolist())) for _ in range(120)}
    links = [link(one, other, "SHARES_PHONE") for one, other in sorted(pairs)]
    taken = data(tmp_path, links, market())
    kin, _ = kinship_of(taken, 8, 0)
    near = {
        code: {b if a == code else a for a, b in pairs if code in (a, b)} for code in range(FIRMS + PEOPLE)
    }
    through = {code for code in range(FIRMS, FIRMS + PEOPLE) if len(near[code]) <= 8}
    one, other = (a.ravel().astype(np.int32) for a in np.meshgrid(np.arange(FIRMS), np.arange(FIRMS)))
    one, other = one[one != other], other[one != other]
    paths = kin.paths(one, other, 3)
    walks = {
        (int(one[p]), int(first), int(second), int(other[p]))
        for p, first, second in zip(paths.pair, paths.first, paths.second, strict=True)
    }
    nobody = int(NOBODY)
    expected = set()
    for a, b in zip(one.tolist(), other.tolist(), strict=True):
        expected |= {(a, nobody, nobody, b)} if b in near[a] else set()
        for x in near[a] & through:
            expected |= {(a, x, nobody, b)} if b in near[x] else set()
            expected |= {(a, x, y, b) for y in near[x] & through if b in near[y]}
    # No firm here has over 8 ties that share a hub: direct ones are all told.
    assert all(len(near[firm]) <= 8 for firm in range(FIRMS))
    assert walks == expected


def test_ties_are_told_in_words() -> None:
    assert joined_by("OWNS SHARES_PHONE", []) == "ownership and a phone"
    assert joined_by("LEGAL_REP_OF", ["A", "B"]) == "a legal representative, over A and B"
    assert joined_by("FRIEND_OF", ["A"]) == "friend_of, over A"
