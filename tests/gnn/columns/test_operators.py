from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gnn.columns.linear_columns import ANY
from gnn.columns.operators import (
    gather,
    gather_hops,
    gather_known,
    gather_known_two_hops,
    operators,
    stakes,
)
from graph.relations import Relation, transpose
from graph.snapshot import Snapshot


def relation(n: int, pairs: list[tuple[int, int]], strength: list[float] | None = None) -> Relation:
    pairs = sorted(set(pairs))
    m = len(pairs)
    source = np.array([i for i, _ in pairs], dtype=np.int64)
    indptr = np.zeros(n + 1, np.int64)
    np.cumsum(np.bincount(source, minlength=n), out=indptr[1:])
    return Relation(
        name="SUPPLIES.out",
        indptr=indptr,
        indices=np.array([j for _, j in pairs], np.int32),
        count=np.ones(m, np.int32),
        amount=np.zeros(m, np.int64),
        first_on=np.zeros(m, np.int32),
        last_on=np.full(m, 18_900, np.int32),
        matured=np.ones(m, np.int32),
        bad=np.zeros(m, np.int32),
        strength=np.array(strength if strength else np.ones(m), np.float64),
        recent_amount=np.zeros(m),
        recent_matured=np.ones(m),
        recent_bad=np.zeros(m),
        recent_strength=np.array(strength if strength else np.ones(m), np.float64),
    )


def dense(operator) -> np.ndarray:  # type: ignore[no-untyped-def]
    n = operator.n_parties
    out = np.zeros((n, n))
    for i in range(n):
        row = slice(operator.indptr[i], operator.indptr[i + 1])
        out[i, operator.indices[row]] = operator.weight[row]
    return out


def test_rows_are_shares(ecosystem: Snapshot) -> None:
    for operator in operators(ecosystem).values():
        sums = dense(operator).sum(1)
        linked = operator.degree() > 0
        np.testing.assert_allclose(sums[linked], 1.0)
        assert not sums[~linked].any()


def test_any_joins_whoever_is_joined(ecosystem: Snapshot) -> None:
    found = operators(ecosystem)
    joined = sum(dense(operator) > 0 for name, operator in found.items() if name != ANY)
    np.testing.assert_array_equal(joined > 0, dense(found[ANY]) > 0)


def test_who_buys_most_weighs_most() -> None:
    trade = relation(4, [(0, 1), (0, 2), (0, 3)], [1.0, 5.0, 2.0])
    np.testing.assert_allclose(stakes(trade), [1.0, 5.0, 2.0])
    priced = replace(trade, recent_amount=np.array([900.0, 300.0, 0.0]))
    # Rows without an amount count for the average of the others: 1200 over 6 rows.
    np.testing.assert_allclose(stakes(priced), [900.0, 300.0, 400.0])


pairs_of = st.lists(
    st.tuples(st.integers(0, 7), st.integers(0, 7)).filter(lambda p: p[0] != p[1]), min_size=1
)


@settings(max_examples=40)
@given(pairs=pairs_of, seed=st.integers(0, 99))
def test_two_hops_are_all_paths_but_the_way_back(
    ecosystem: Snapshot, pairs: list[tuple[int, int]], seed: int
) -> None:
    n = 8
    forward = relation(n, pairs)
    small = replace(
        ecosystem,
        party_ids=ecosystem.party_ids[:n],
        relations={"SUPPLIES.out": forward, "SUPPLIES.in": transpose(forward, "SUPPLIES.in")},
    )
    found = operators(small)
    values = np.random.default_rng(seed).normal(size=(n, 3))
    rows = np.arange(n, dtype=np.int32)
    one, anyone = dense(found["SUPPLIES.out"]), dense(found[ANY])
    two = one @ anyone
    np.fill_diagonal(two, 0.0)
    np.testing.assert_allclose(gather(found["SUPPLIES.out"], values, rows), one @ values, atol=1e-12)
    near, far = gather_hops(
        found["SUPPLIES.out"], np.hstack((values, gather(found[ANY], values, rows))), rows
    )
    np.testing.assert_allclose(near, one @ values, atol=1e-12)
    np.testing.assert_allclose(far, two @ values, atol=1e-12)


@settings(max_examples=40)
@given(pairs=pairs_of, seed=st.integers(0, 99))
def test_what_is_known_is_summed_with_its_weight(
    ecosystem: Snapshot, pairs: list[tuple[int, int]], seed: int
) -> None:
    n = 8
    forward = relation(n, pairs)
    small = replace(ecosystem, party_ids=ecosystem.party_ids[:n], relations={"SUPPLIES.out": forward})
    found, rows = operators(small), np.arange(n, dtype=np.int32)
    values = np.random.default_rng(seed).normal(size=(n, 3)).astype(np.float32)
    values[np.random.default_rng(seed).random(values.shape) < 0.4] = np.nan
    both = np.stack((np.nan_to_num(values), np.isfinite(values)), axis=2)
    one, anyone = dense(found["SUPPLIES.out"]), dense(found[ANY])
    two = one @ anyone
    np.fill_diagonal(two, 0.0)
    columns = np.array([2, 0])
    gathered = gather_known(found[ANY], values, np.arange(3), rows)
    for weights, sums in (
        (one, gather_known(found["SUPPLIES.out"], values, columns, rows)),
        (two, gather_known_two_hops(found["SUPPLIES.out"], gathered, values, columns, rows)),
    ):
        np.testing.assert_allclose(sums, np.einsum("ij,jkc->ikc", weights, both)[:, columns], atol=1e-6)


def test_without_relations_nobody_is_anybodys_counterparty(ecosystem: Snapshot) -> None:
    found = operators(replace(ecosystem, relations={}))
    assert list(found) == [ANY]
    assert not found[ANY].degree().any()


def test_zero_strengths_are_shared_evenly(ecosystem: Snapshot) -> None:
    weights = stakes(relation(3, [(0, 1), (0, 2)], [0.0, 0.0]))
    assert weights[0] == pytest.approx(weights[1])
    assert weights[0] > 0
