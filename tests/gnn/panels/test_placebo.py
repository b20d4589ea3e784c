"""Permuted links keep every degree and lose every meaning."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from gnn.panels.placebo import RECORD, permute_links
from graph.relations import Relation, transpose
from graph.snapshot import Snapshot
from tests.ecosystems import START, parties, random_trade, snapshot

AS_OF = date(2022, 6, 1)


@pytest.fixture(scope="module")
def trade(tmp_path_factory: pytest.TempPathFactory) -> Snapshot:
    tables: dict[str, list[dict[str, Any]]] = random_trade(60, 900, 1)
    rng = np.random.default_rng(2)
    pairs = {tuple(sorted(map(int, rng.choice(60, 2, replace=False)))) for _ in range(150)}
    tables["links"] = [
        {
            "source_id": f"P{a:03d}",
            "target_id": f"P{b:03d}",
            "kind": "SHARES_ADDRESS",
            "valid_from": START + timedelta(days=a),
            "weight": float(a + 1),
        }
        for a, b in sorted(pairs)
    ]
    return snapshot(tmp_path_factory.mktemp("trade"), tables, AS_OF)


def edges(relation: Relation) -> set[tuple[int, int]]:
    sources = np.repeat(np.arange(len(relation.indptr) - 1), relation.degree())
    return set(zip(sources.tolist(), relation.indices.tolist(), strict=True))


def test_degrees_are_kept_and_counterparties_are_not(trade: Snapshot) -> None:
    permuted = permute_links(trade, 7)
    assert list(permuted.relations) == list(trade.relations)
    for name, before in trade.relations.items():
        after = permuted.relations[name]
        np.testing.assert_array_equal(after.indptr, before.indptr)
        pairs = edges(after)
        assert len(pairs) == after.n_pairs
        assert all(a != b for a, b in pairs)
        density = before.n_pairs / trade.n_parties**2
        assert len(pairs & edges(before)) / before.n_pairs < 2 * density + 0.05


def test_out_and_in_are_one_relation_and_symmetric_stays_symmetric(trade: Snapshot) -> None:
    permuted = permute_links(trade, 7).relations
    back = transpose(permuted["SUPPLIES.out"], "SUPPLIES.in")
    for key, value in back.arrays():
        np.testing.assert_array_equal(value, getattr(permuted["SUPPLIES.in"], key))
    address = permuted["SHARES_ADDRESS"]
    again = transpose(address, "SHARES_ADDRESS")
    for key, value in again.arrays():
        np.testing.assert_array_equal(value, getattr(address, key))


def test_records_are_dealt_anew_but_none_is_lost(trade: Snapshot) -> None:
    before, after = trade.relations["SUPPLIES.out"], permute_links(trade, 7).relations["SUPPLIES.out"]
    rows = [
        sorted(zip(*(getattr(relation, name).tolist() for name in RECORD), strict=True))
        for relation in (before, after)
    ]
    assert rows[0] == rows[1]
    sources = np.repeat(np.arange(trade.n_parties), before.degree())
    own = [np.bincount(sources, weights=r.bad, minlength=trade.n_parties) for r in (before, after)]
    assert abs(np.corrcoef(own[0] / before.degree(), own[1] / before.degree())[0, 1]) < 0.4


def test_links_keep_their_years(tmp_path: Path) -> None:
    rows = [
        {
            "invoice_id": f"I{k}",
            "seller_id": f"P{k % 20:03d}",
            "buyer_id": f"P{20 + k % 19 + (20 if k % 2 else 0):03d}",
            "issued_on": date(2012 if k % 2 else 2021, 7, 1),
            "amount": 100,
            "currency": "EUR",
        }
        for k in range(300)
    ]
    taken = snapshot(tmp_path, {"parties": parties(60), "invoices": rows}, AS_OF)
    after = permute_links(taken, 3).relations["SUPPLIES.out"]
    late = after.last_on > 17_000
    # Odd rows of 2012 bill parties from 40 on, even rows of 2021 the ones before.
    assert (after.indices[late] < 40).all()
    assert (after.indices[~late] >= 40).all()


def test_the_sha_tells_and_the_seed_decides(trade: Snapshot) -> None:
    one, again, other = permute_links(trade, 1), permute_links(trade, 1), permute_links(trade, 2)
    assert one.sha256 == again.sha256
    assert len({one.sha256, other.sha256, trade.sha256}) == 3
    np.testing.assert_array_equal(
        one.relations["SUPPLIES.out"].indices, again.relations["SUPPLIES.out"].indices
    )
    assert edges(one.relations["SUPPLIES.out"]) != edges(other.relations["SUPPLIES.out"])
