"""Which rings make one case, and which case of today is one of yesterday."""

from __future__ import annotations

from collections.abc import Iterable

import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from graph.rings.cases.merging import HUB_COMPANIONS, Case, merge
from graph.rings.detection import Ring
from graph.rings.finding import EvidenceRow, Finding, Member

IDS = pa.array([f"P{number:04d}" for number in range(400)])


def ring(
    codes: Iterable[int], severity: float = 0.5, typology: str = "circle", amount: int = 100, on: int = 10
) -> Ring:
    members = tuple(Member(code, "trader") for code in sorted(set(codes)))
    evidence = (EvidenceRow("invoices", (f"I{on}",)),)
    return Ring(Finding(typology, members, on, on + 5, amount, 9.0, evidence), 1 - severity, severity)


def earlier(codes: Iterable[int], case_id: str) -> Case:
    members = tuple(IDS[code].as_py() for code in sorted(set(codes)))
    return Case(case_id, (0,), members, ("circle",), 0.5, 10, 15, 100)


def names(*codes: int) -> tuple[str, ...]:
    return tuple(IDS[code].as_py() for code in codes)


def test_rings_that_share_half_of_the_smaller_are_one_case() -> None:
    rings = [
        ring({1, 2, 3, 4}, severity=0.4, amount=70, on=20),
        ring({3, 4, 5}, severity=0.9, typology="block", on=2),
        ring({10, 11}),
    ]
    first, second = merge(rings, IDS)
    assert (first.rings, first.members) == ((0, 1), names(1, 2, 3, 4, 5))
    assert (first.typologies, first.severity) == (("block", "circle"), 0.9)
    assert (first.first_on, first.last_on, first.amount) == (2, 25, 100)
    assert (second.rings, second.members) == ((2,), names(10, 11))


def test_a_chain_of_rings_does_not_become_one_case() -> None:
    chain = [ring({k, k + 1, k + 2, k + 3}, severity=1 - k / 100) for k in range(0, 60, 2)]
    cases = merge(chain, IDS)
    assert len(cases) >= len(chain) // 2
    assert max(len(case.members) for case in cases) <= 8


def test_hubs_do_not_join_what_never_met() -> None:
    buyer, factor = 0, 1
    rings = [ring({buyer, factor, seller}) for seller in range(2, 2 + 2 * HUB_COMPANIONS)]
    cases = merge(rings, IDS)
    assert len(cases) == len(rings)
    assert all({"P0000", "P0001"} < set(case.members) for case in cases)
    # The same with few of them: nothing says that they are hubs.
    assert len(merge(rings[:5], IDS)) == 1


def test_a_case_does_not_go_on_in_one_that_shares_hubs_alone() -> None:
    rings = [ring({0, 1, seller}) for seller in range(2, 2 + 2 * HUB_COMPANIONS)]
    before = merge(rings[1:], IDS)
    after = merge(rings[:1] + rings[2:], IDS, before)
    same = {case.members: case.case_id for case in before}
    assert [case for case in after if case.members in same and case.case_id != same[case.members]] == []
    assert next(case for case in after if "P0002" in case.members).case_id not in set(same.values())


def test_the_part_that_shares_most_keeps_the_id_of_a_split_case() -> None:
    rings = [ring({1, 2, 20, 21}, severity=0.9), ring({3, 4, 5, 6})]
    small, large = merge(rings, IDS, [earlier({1, 2, 3, 4, 5, 6}, "case-old")])
    assert large.case_id == "case-old"
    assert small.case_id != "case-old"
    assert small.absorbed == large.absorbed == ()


def test_a_merged_case_takes_the_id_of_the_one_it_shares_most_with() -> None:
    before = [earlier({1, 2}, "case-a"), earlier({3, 4, 5}, "case-b"), earlier({90, 91}, "case-c")]
    (case,) = merge([ring({1, 2, 3, 4, 5})], IDS, before)
    assert (case.case_id, case.absorbed) == ("case-b", ("case-a",))


def test_nothing_makes_nothing() -> None:
    assert merge([], IDS, [earlier({1, 2}, "case-a")]) == ()


groups = st.sets(st.integers(0, 30), min_size=2, max_size=7)
some_rings = st.lists(
    st.builds(
        ring,
        groups,
        st.sampled_from((0.2, 0.5, 1.0)),
        st.sampled_from(("circle", "block")),
        st.integers(1, 3),
        st.integers(0, 3),
    ),
    max_size=14,
)


@given(some_rings, some_rings, st.randoms(use_true_random=False))
def test_order_does_not_matter_and_ids_are_unique(
    yesterday: list[Ring], today: list[Ring], random: object
) -> None:
    def content(case: Case, rings: list[Ring]) -> tuple[object, ...]:
        held = sorted(repr(rings[position]) for position in case.rings)
        return case.case_id, case.members, case.severity, case.amount, case.absorbed, held

    before = merge(yesterday, IDS)
    cases = merge(today, IDS, before)
    mixed, mixed_before = list(today), list(before)
    random.shuffle(mixed)  # type: ignore[attr-defined]
    random.shuffle(mixed_before)  # type: ignore[attr-defined]
    again = merge(mixed, IDS, mixed_before)
    assert [content(case, today) for case in cases] == [content(case, mixed) for case in again]
    assert len({case.case_id for case in cases}) == len(cases)
    assert sorted(position for case in cases for position in case.rings) == list(range(len(today)))


@given(some_rings)
def test_the_same_rings_keep_their_ids_for_ever(rings: list[Ring]) -> None:
    cases = merge(rings, IDS)
    assert merge(rings, IDS, cases) == cases


@given(groups, st.sets(st.integers(31, 60), max_size=8), st.data())
def test_a_case_that_keeps_half_of_its_members_keeps_its_id(
    members: set[int], joining: set[int], data: st.DataObject
) -> None:
    least = -(-len(members) // 2)
    kept = data.draw(st.permutations(sorted(members)))[: data.draw(st.integers(least, len(members)))]
    (case,) = merge([ring({*kept, *joining})], IDS, [earlier(members, "case-old")])
    assert case.case_id == "case-old"


@given(some_rings, some_rings)
def test_an_id_is_carried_where_half_of_the_smaller_is_shared_and_nowhere_else(
    yesterday: list[Ring], today: list[Ring]
) -> None:
    before = {case.case_id: set(case.members) for case in merge(yesterday, IDS)}
    for case in merge(today, IDS, merge(yesterday, IDS)):
        if case.case_id in before:
            shared = before[case.case_id] & set(case.members)
            assert 2 * len(shared) >= min(len(before[case.case_id]), len(case.members))
        assert case.case_id not in case.absorbed
        assert set(case.absorbed) <= set(before)
