"""Whom a party is compared with."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from gnn.runs.peers import MIN_MEMBERS, PeerGroups, peer_groups


def people(*blocks: tuple[int, str | None, str | None, str | None]) -> pa.Table:
    """Blocks of (number, industry, region, size band)."""
    rows = [block[1:] for block in blocks for _ in range(block[0])]
    names = ("industry", "region", "size_band")
    return pa.table({n: pa.array([row[i] for row in rows], pa.string()) for i, n in enumerate(names)})


def shared_of(groups: PeerGroups, code: int) -> dict[str, str]:
    return groups.shared[groups.group[code]]


def test_groups_widen_step_by_step_until_they_are_large_enough() -> None:
    table = people(
        (MIN_MEMBERS, "steel", "north", "small"),
        (MIN_MEMBERS - 1, "steel", "north", "large"),
        (2, "steel", "south", "small"),
        (3, "glass", "north", "small"),
    )
    groups = peer_groups(table, np.ones(table.num_rows, bool))
    assert shared_of(groups, 0) == {"industry": "steel", "region": "north", "size_band": "small"}
    assert shared_of(groups, MIN_MEMBERS) == {"industry": "steel", "region": "north"}
    assert shared_of(groups, 60) == {"industry": "steel"}
    assert shared_of(groups, 62) == {}
    sizes = {tuple(s.values()): size for s, size in zip(groups.shared, groups.sizes(), strict=True)}
    assert sizes == {
        ("steel", "north", "small"): MIN_MEMBERS,
        ("steel", "north"): 2 * MIN_MEMBERS - 1,
        ("steel",): 2 * MIN_MEMBERS + 1,
        (): table.num_rows,
    }


def test_only_eligible_parties_count_as_members() -> None:
    table = people((MIN_MEMBERS, "steel", "north", "small"), (10, "glass", "north", "small"))
    eligible = np.ones(table.num_rows, bool)
    eligible[0] = False
    groups = peer_groups(table, eligible)
    assert shared_of(groups, 0) == {}
    assert groups.sizes().tolist() == [table.num_rows - 1]
    assert 0 not in groups.members


def test_unknown_traits_leave_the_widest_group_that_is_known() -> None:
    table = people((MIN_MEMBERS, "steel", None, "small"), (MIN_MEMBERS, None, "north", "small"))
    groups = peer_groups(table, np.ones(table.num_rows, bool))
    assert shared_of(groups, 0) == {"industry": "steel"}
    assert shared_of(groups, MIN_MEMBERS) == {}


def test_percentile_is_the_share_that_is_less_safe_and_ties_count_half() -> None:
    table = people((4, None, None, None))
    groups = peer_groups(table, np.ones(4, bool))
    assert groups.percentiles(np.array([1.0, 2.0, 2.0, 3.0])).tolist() == [12.5, 50.0, 50.0, 87.5]


def test_medians_and_percentiles_equal_the_plain_way() -> None:
    rng = np.random.default_rng(1)
    table = people((40, "a", "n", "micro"), (50, "a", "s", "micro"), (20, "b", "n", "micro"))
    eligible = rng.random(110) < 0.9
    column = rng.normal(size=110).astype(np.float32)
    column[rng.random(110) < 0.3] = np.nan
    groups = peer_groups(table, eligible)
    safety = rng.normal(size=110)
    medians, percentiles = groups.medians(column), groups.percentiles(safety)
    for code in range(110):
        k = groups.group[code]
        wanted = groups.shared[k]
        peers = [
            i
            for i in range(110)
            if eligible[i] and all(table[name][i].as_py() == value for name, value in wanted.items())
        ]
        assert medians[k] == np.float32(np.nanmedian(column[peers]))
        below = np.mean(safety[peers] < safety[code]) + np.mean(safety[peers] == safety[code]) / 2
        assert percentiles[code] == np.float64(100 * below).round(12) or np.isclose(
            percentiles[code], 100 * below
        )


def test_nobody_eligible_is_no_error() -> None:
    groups = peer_groups(people((3, "a", "n", "micro")), np.zeros(3, bool))
    assert np.isnan(groups.medians(np.ones(3, np.float32))).all()
