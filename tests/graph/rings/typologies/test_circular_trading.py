"""Circular trading: rounds are found with their evidence; what has an ordinary reason on record is not."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from graph.relations import day_number
from graph.rings.detection import in_order, search
from graph.rings.finding import Finding
from graph.rings.patterns.cycles import Limits
from graph.rings.typologies.circular_trading import TYPOLOGY
from graph.snapshot import Snapshot
from tests.ecosystems import START, Rows, random_trade, snapshot

AS_OF = date(2022, 6, 1)
RING = (40, 41, 42, 43)


def trade(*rows: tuple[int, int, int, int], **columns: Any) -> list[dict[str, Any]]:
    """Invoices from (seller, buyer, day after START, amount)."""
    return [
        {
            "invoice_id": f"R{seller}-{buyer}-{on}",
            "seller_id": f"P{seller:03d}",
            "buyer_id": f"P{buyer:03d}",
            "issued_on": START + timedelta(days=on),
            "amount": amount,
            "currency": "EUR",
            **columns,
        }
        for seller, buyer, on, amount in rows
    ]


def rounds(members: tuple[int, ...], count: int, margin: float = 1.01) -> list[dict[str, Any]]:
    """So many rounds among the members, five weeks apart, a hop every four days."""
    found = []
    for turn in range(count):
        first, amount = 100 + 35 * turn, 400_000 + 90_000 * (turn % 3)
        ends = zip(members, (*members[1:], members[0]), strict=True)
        for hop, (seller, buyer) in enumerate(ends):
            found += trade((seller, buyer, first + 4 * hop, int(amount * margin**hop)))
    return found


def owned(owner: int, codes: tuple[int, ...], since: date, **columns: Any) -> list[dict[str, Any]]:
    return [
        {
            "source_id": f"P{owner:03d}", "target_id": f"P{code:03d}", "kind": "OWNS", "valid_from": since,
            **columns,
        }
        for code in codes
    ]  # fmt: skip


def among_others(folder: Path, invoices: Rows, links: Rows = (), seed: int = 3) -> Snapshot:
    """A snapshot of ordinary trade of 60 firms with these rows beside it."""
    tables = random_trade(60, 900, seed)
    return in_order(
        snapshot(folder, {**tables, "invoices": [*tables["invoices"], *invoices], "links": links}, AS_OF)
    )


def kept(taken: Snapshot) -> list[Finding]:
    return [ring.finding for ring in search(taken, TYPOLOGY, 0)[0]]


def members_of(taken: Snapshot, finding: Finding) -> set[str]:
    return {taken.party_ids[code].as_py() for code in finding.codes}


def test_rounds_among_ordinary_trade_are_one_finding(tmp_path: Path) -> None:
    planted = rounds(RING, 4)
    taken = among_others(tmp_path, planted)
    (found,) = kept(taken)
    assert members_of(taken, found) == {"P040", "P041", "P042", "P043"}
    assert {row.key[0] for row in found.evidence} == {row["invoice_id"] for row in planted}
    assert {row.table for row in found.evidence} == {"invoices"}
    assert found.amount == sum(row["amount"] for row in planted)
    assert (found.first_on, found.last_on) == tuple(day_number(START) + day for day in (100, 100 + 105 + 12))
    assert [m.role for m in found.members] == ["origin", "trader", "trader", "trader"]
    assert found.facts["rounds"] == 4
    text = TYPOLOGY.explain(found, lambda code: taken.party_ids[code].as_py(), "EUR")
    assert "went round 4 times" in text
    assert "P040 to P041 to P042 to P043 to P040" in text
    assert f"EUR {found.amount / 100:,.2f} in all" in text


def test_strength_rises_with_rounds_and_with_closer_amounts(tmp_path: Path) -> None:
    strength = {}
    for count, margin in ((2, 1.01), (4, 1.01), (6, 1.01), (4, 1.001), (4, 1.03)):
        taken = among_others(tmp_path / f"{count}-{margin}", rounds(RING, count, margin))
        found = {f.codes: f for f in TYPOLOGY.detect(taken, TYPOLOGY.settings).findings}
        codes = frozenset(taken.code(f"P{code:03d}") for code in RING)
        strength[count, margin] = found[codes].strength
    assert strength[2, 1.01] < strength[4, 1.01] < strength[6, 1.01]
    assert strength[4, 1.03] < strength[4, 1.01] < strength[4, 1.001]


def test_ordinary_trade_and_its_shuffle_bring_nothing(tmp_path: Path) -> None:
    taken = among_others(tmp_path, ())
    assert kept(taken) == []
    assert kept(TYPOLOGY.shuffle(taken, np.random.default_rng(1))) == []


@pytest.mark.parametrize("parent", [50, 40])
def test_a_group_known_before_is_a_treasury(tmp_path: Path, parent: int) -> None:
    below = tuple(code for code in RING if code != parent)
    assert kept(among_others(tmp_path / "a", rounds(RING, 4), owned(parent, below, START))) == []
    # Half a group, a group made up afterwards, a minority and a group that had been given up are none.
    for name, links in {
        "half": owned(parent, below[1:], START),
        "afterwards": owned(parent, below, START + timedelta(days=300)),
        "minority": owned(parent, below, START, weight=0.3),
        "over": owned(parent, below, START, valid_to=START + timedelta(days=50)),
    }.items():
        assert len(kept(among_others(tmp_path / name, rounds(RING, 4), links))) == 1, name


def test_a_group_with_owners_between_and_other_owners_beside_is_one(tmp_path: Path) -> None:
    links = [*owned(50, (40, 41), START), *owned(51, (42, 43), START), *owned(52, (50, 51), START)]
    assert kept(among_others(tmp_path / "a", rounds(RING, 4), [*links, *owned(53, (41,), START)])) == []


def test_toll_processing_comes_back_worth_more(tmp_path: Path) -> None:
    rows, random = [], np.random.default_rng(7)
    for batch, added in enumerate((1.35, 1.2, 1.55, 1.28, 1.4, 1.18)):
        amount = int(random.uniform(200_000, 500_000))
        rows += trade((40, 41, 100 + 30 * batch, amount), (41, 40, 112 + 30 * batch, int(amount * added)))
    assert kept(among_others(tmp_path, rows)) == []


def test_goods_billed_back_correct_an_invoice(tmp_path: Path) -> None:
    sales = trade(*((40, 41, 100 + 30 * turn, 300_000 + 70_000 * turn) for turn in range(6)))
    back = trade(*((41, 40, 110 + 30 * turn, 300_000 + 70_000 * turn) for turn in range(6)))
    named = [row | {"corrects_invoice_id": sale["invoice_id"]} for row, sale in zip(back, sales, strict=True)]
    credited = [row | {"status": "credit_note", "status_on": row["issued_on"]} for row in back]
    assert kept(among_others(tmp_path / "billed", [*sales, *named])) == []
    assert kept(among_others(tmp_path / "credited", [*sales, *credited])) == []
    # To name an invoice between others is no correction.
    other = [row | {"corrects_invoice_id": "I00000"} for row in back]
    assert len(kept(among_others(tmp_path / "named", [*sales, *other]))) == 1


def test_long_standing_partners_agree_by_chance_only(tmp_path: Path) -> None:
    random = np.random.default_rng(5)
    rows = [
        (*((40, 41) if random.random() < 0.5 else (41, 40)), int(on), int(np.exp(random.normal(12.5, 0.6))))
        for on in random.choice(700, 70, replace=False)
    ]
    taken = among_others(tmp_path, trade(*rows))
    pair = frozenset((taken.code("P040"), taken.code("P041")))
    sighted = {f.codes: f for f in TYPOLOGY.detect(taken, TYPOLOGY.settings).findings}
    assert sighted[pair].facts["rounds"] >= 5
    assert kept(taken) == []


def test_a_hub_is_cut_and_said(tmp_path: Path) -> None:
    random = np.random.default_rng(6)
    rows = [
        (*((0, spoke) if random.random() < 0.5 else (spoke, 0)), int(random.integers(60)), 100_000)
        for spoke in random.integers(1, 40, 3000).tolist()
    ]
    unique = {(s, b, on): (s, b, on, amount) for s, b, on, amount in rows}
    taken = among_others(tmp_path, trade(*unique.values()))
    settings = Limits(visits_per_start=200, most_cycles=500)
    detection = TYPOLOGY.detect(taken, settings)
    assert "broken off after 200 steps" in detection.cuts[0]
    assert "P000" in detection.cuts[0]
    assert "beyond 500" in detection.cuts[1]


def test_empty_tables_bring_nothing(tmp_path: Path) -> None:
    taken = in_order(snapshot(tmp_path, {**random_trade(5, 3, 1)}, AS_OF))
    none = taken.tables["invoices"].slice(0, 0)
    empty = Snapshot(**{**vars(taken), "tables": {**taken.tables, "invoices": none}})
    assert TYPOLOGY.detect(empty, TYPOLOGY.settings).findings == ()
    assert TYPOLOGY.detect(taken, TYPOLOGY.settings).findings == ()
