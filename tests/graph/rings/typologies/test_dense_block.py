"""Blocks of passing trade are found whole, under camouflage, and lasting trade of the same shape is not."""

from __future__ import annotations

from datetime import timedelta
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from graph.rings.detection import in_order
from graph.rings.finding import Finding
from graph.rings.typologies.dense_block import TYPOLOGY, detect, explain, shuffle
from graph.snapshot import Snapshot
from tests.ecosystems import START, parties, snapshot

AS_OF = START + timedelta(days=800)
N = 200
SELLERS, BUYERS = range(10, 14), range(20, 25)


def invoice(number: int, seller: int, buyer: int, day: int, **columns: Any) -> dict[str, Any]:
    issued_on = START + timedelta(days=int(day))
    return {
        "invoice_id": f"I{number:06d}", "seller_id": f"P{seller:03d}", "buyer_id": f"P{buyer:03d}",
        "issued_on": issued_on, "known_on": issued_on, "amount": 1000 + number, "currency": "EUR", **columns,
    }  # fmt: skip


def trade(pairs: list[tuple[int, int, int]]) -> list[dict[str, Any]]:
    return [invoice(number, *pair) for number, pair in enumerate(pairs)]


def passing(sellers: range, buyers: range, first: int = 300) -> list[tuple[int, int, int]]:
    """Everyone bills everyone twice within nine weeks."""
    pairs = list(product(sellers, buyers))
    return [(*pair, first + (7 * k + 29 * again) % 63) for k, pair in enumerate(pairs) for again in range(2)]


def background(count: int = 600, seed: int = 1) -> list[tuple[int, int, int]]:
    random = np.random.default_rng(seed)
    ends = random.integers(30, N, (count, 2))
    days = random.integers(0, 780, count)
    return [(int(a), int(b), int(day)) for (a, b), day in zip(ends, days, strict=True) if a != b]


def taken(folder: Path, pairs: list[tuple[int, int, int]]) -> Snapshot:
    return in_order(snapshot(folder, {"parties": parties(N), "invoices": trade(pairs)}, AS_OF))


def found(folder: Path, pairs: list[tuple[int, int, int]]) -> tuple[Finding, ...]:
    return detect(taken(folder, pairs), TYPOLOGY.settings).findings


def test_a_block_is_found_with_its_roles_and_rows(tmp_path: Path) -> None:
    (block,) = found(tmp_path, passing(SELLERS, BUYERS) + background())
    assert {member.code for member in block.members if member.role == "seller"} == set(SELLERS)
    assert {member.code for member in block.members if member.role == "buyer"} == set(BUYERS)
    numbers = range(40)
    assert {row.key[0] for row in block.evidence} == {f"I{number:06d}" for number in numbers}
    assert block.amount == sum(1000 + number for number in numbers)
    assert (block.facts["pairs"], block.facts["density"]) == (20, 1.0)


def test_camouflage_neither_hides_a_block_nor_joins_it(tmp_path: Path) -> None:
    random = np.random.default_rng(2)
    popular = [(int(random.integers(30, N)), code, 300 + k % 60) for k in range(200) for code in (5, 6)]
    own = [(seller, 40 + 5 * seller % 97 + k, 310 + k) for seller in SELLERS for k in range(4)]
    hiding = [(seller, buyer, 310) for seller in SELLERS for buyer in (5, 6)] + own
    (block,) = found(tmp_path, passing(SELLERS, BUYERS) + popular + hiding)
    assert block.codes == {*SELLERS, *BUYERS}


def test_two_blocks_that_touch_stay_two(tmp_path: Path) -> None:
    first, second = passing(SELLERS, BUYERS), passing(range(50, 55), range(60, 64))
    touching = [(10, 60, 320), (11, 61, 320), (50, 20, 330)]
    members = {finding.codes for finding in found(tmp_path, first + second + touching)}
    assert members == {frozenset({*SELLERS, *BUYERS}), frozenset({*range(50, 55), *range(60, 64)})}


@pytest.mark.parametrize(
    ("sellers", "buyers"),
    [(range(10, 12), range(20, 32)), (range(10, 15), range(20, 25)), (range(10, 19), range(20, 22))],
    ids=["a wholesaler's branches and their shops", "a regional market", "a panel of suppliers"],
)
def test_lasting_trade_of_the_same_shape_is_left_alone(tmp_path: Path, sellers: range, buyers: range) -> None:
    lasting = [(*pair, day) for pair in product(sellers, buyers) for day in range(20, 760, 45)]
    assert found(tmp_path, lasting + background()) == ()


def test_a_burst_of_one_hub_is_no_block(tmp_path: Path) -> None:
    burst = [(1, buyer, 300 + k % 5) for k in range(30) for buyer in range(30, N)]
    assert found(tmp_path, burst + [(2, buyer, 300) for buyer in range(30, N)]) == ()


def test_trade_in_all_directions_is_no_block(tmp_path: Path) -> None:
    back = [(buyer, seller, day) for seller, buyer, day in passing(SELLERS, BUYERS)[::3]]
    assert found(tmp_path, passing(SELLERS, BUYERS) + back + background()) == ()


def test_voided_invoices_make_no_block(tmp_path: Path) -> None:
    rows = [
        {**row, "status": "void", "status_on": row["issued_on"]} for row in trade(passing(SELLERS, BUYERS))
    ]
    read = in_order(snapshot(tmp_path, {"parties": parties(N), "invoices": rows}, AS_OF))
    assert detect(read, TYPOLOGY.settings).findings == ()


def test_no_pair_that_passes_makes_nothing(tmp_path: Path) -> None:
    assert found(tmp_path, [(1, 2, day) for day in (0, 200, 400)]) == ()


def test_the_shuffle_keeps_rows_of_sellers_and_partners_of_buyers(tmp_path: Path) -> None:
    real = taken(tmp_path, passing(SELLERS, BUYERS) + background())
    shuffled = shuffle(real, np.random.default_rng(0))
    before, after = real.tables["invoices"], shuffled.tables["invoices"]
    assert after.drop_columns("buyer_code").equals(before.drop_columns("buyer_code"))
    assert after["buyer_code"].type == before["buyer_code"].type
    ends = [
        np.stack([t["seller_code"].to_numpy(), t["buyer_code"].to_numpy()], axis=1) for t in (before, after)
    ]
    # As many sellers for each buyer, but where two pairs became one.
    partners = [np.bincount(np.unique(pairs, axis=0)[:, 1], minlength=N) for pairs in ends]
    assert np.abs(partners[0] - partners[1]).sum() <= 0.1 * partners[0].sum()
    _, pair = np.unique(ends[0], axis=0, return_inverse=True)
    assert all(len(np.unique(ends[1][pair == one], axis=0)) == 1 for one in np.unique(pair))
    assert (ends[0] != ends[1]).any()


def test_the_explanation_counts_and_accuses_nobody(tmp_path: Path) -> None:
    (block,) = found(tmp_path, passing(SELLERS, BUYERS) + background())
    text = explain(block, lambda code: f"Firm {code}", "EUR")
    for words in ("40 invoices", "EUR 407.80", "4 sellers", "5 buyers", "100 %", "Firm 10"):
        assert words in text
    assert not {"fraud", "collusi", "fictitious", "suspect"} & set(text.lower().split())
