"""Claims financed twice are found; refinancing, participations and retainers are not."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np

from graph.rings.detection import in_order
from graph.rings.finding import Finding
from graph.rings.typologies.duplicate_financing import (
    TYPOLOGY,
    DuplicateFinancingSettings,
    detect,
    explain,
    shuffle,
)
from tests.ecosystems import parties, snapshot
from tests.graph.rings.columns.test_financings import AS_OF, DAY, financed, financing, invoice

SETTINGS = DuplicateFinancingSettings()


def found(
    folder: Path, invoices: list[dict[str, Any]], financings: list[dict[str, Any]]
) -> tuple[Finding, ...]:
    return detect(financed(folder, invoices, financings), SETTINGS).findings


def test_an_invoice_financed_by_two_while_both_are_open(tmp_path: Path) -> None:
    financings = [financing(0, 0, 5, 2, 60), financing(1, 0, 6, 20, 70), financing(2, 1, 5, 9, 60)]
    (finding,) = found(tmp_path, [invoice(0), invoice(1, after=5, amount=50_000)], financings)
    assert [(m.code, m.role) for m in finding.members] == [
        (0, "seller"), (1, "buyer"), (5, "financier"), (6, "financier"),
    ]  # fmt: skip
    assert [(row.table, *row.key) for row in finding.evidence] == [
        ("financings", "F0000"), ("financings", "F0001"), ("invoices", "I0000"),
    ]  # fmt: skip
    assert finding.amount == 80_000
    assert finding.last_on - finding.first_on == 20


def test_refinancing_is_none(tmp_path: Path) -> None:
    repaid_before = [financing(0, 0, 5, 2, 20), financing(1, 0, 6, 20, 70)]
    assert not found(tmp_path / "before", [invoice(0)], repaid_before)
    repaid_within_days = [financing(0, 0, 5, 2, 24), financing(1, 0, 6, 20, 70)]
    assert not found(tmp_path / "within", [invoice(0)], repaid_within_days)
    repaid_weeks_later = [financing(0, 0, 5, 2, 40), financing(1, 0, 6, 20, 70)]
    assert found(tmp_path / "weeks", [invoice(0)], repaid_weeks_later)


def test_a_participation_is_none_until_it_exceeds_the_invoice(tmp_path: Path) -> None:
    shares = [financing(k, 0, 5 + k, 2 + k, 60, amount=30_000) for k in range(3)]
    assert not found(tmp_path / "within", [invoice(0)], shares)
    (finding,) = found(tmp_path / "beyond", [invoice(0)], [*shares, financing(3, 0, 8, 9, 60, amount=30_000)])
    assert {m.code for m in finding.members if m.role == "financier"} == {5, 6, 7, 8}


def test_the_same_claim_assigned_to_two(tmp_path: Path) -> None:
    def assigned(first: str, second: str) -> list[dict[str, Any]]:
        part = {"amount": 30_000, "advance_rate": 0.3}
        return [
            financing(0, 0, 5, 2, 60, assignee_id=first, **part),
            financing(1, 0, 6, 9, 60, assignee_id=second, **part),
        ]

    assert found(tmp_path / "two", [invoice(0)], assigned("P005", "P006"))
    assert not found(tmp_path / "one", [invoice(0)], assigned("P005", "P005"))


def test_a_row_recorded_twice_is_none(tmp_path: Path) -> None:
    assert not found(tmp_path, [invoice(0)], [financing(0, 0, 5, 2, 60), financing(1, 0, 5, 2, 60)])


def test_a_near_duplicate_without_a_trail(tmp_path: Path) -> None:
    paid = {"paid_on": DAY + timedelta(days=50), "status": "paid"}
    invoices = [invoice(10, **paid), invoice(11, after=3, amount=100_200)]
    financings = [financing(0, 10, 5, 4, 60), financing(1, 11, 6, 6)]
    (finding,) = found(tmp_path, invoices, financings)
    assert finding.codes == {0, 1, 5, 6}
    assert finding.facts["near_duplicates"] == 1
    far = [invoice(10, **paid), invoice(11, after=3, amount=110_000)]
    assert not found(tmp_path / "amount", far, financings)
    late = [invoice(10, **paid), invoice(11, after=45, amount=100_200)]
    assert not found(tmp_path / "days", late, [financings[0], financing(1, 11, 6, 46)])
    elsewhere = [invoice(10, **paid), invoice(11, buyer=2, after=3, amount=100_200)]
    assert not found(tmp_path / "buyer", elsewhere, financings)


def test_instalments_that_were_paid_or_delivered_are_none(tmp_path: Path) -> None:
    def paid(k: int) -> dict[str, Any]:
        return {"paid_on": DAY + timedelta(days=14 * k + 40)} if k % 2 else {}

    tables = {
        "parties": parties(12),
        "invoices": [invoice(k, after=14 * k, **paid(k)) for k in range(6)],
        "financings": [financing(k, k, 5 + k % 2, 14 * k + 3, 14 * k + 60) for k in range(6)],
    }
    assert detect(in_order(snapshot(tmp_path / "bare", tables, AS_OF)), SETTINGS).findings
    tables["shipments"] = [
        {
            "shipment_id": f"S{k}", "shipper_id": "P000", "consignee_id": "P001", "invoice_id": f"I{k:04d}",
            "dispatched_on": DAY + timedelta(days=14 * k), "delivered_on": DAY + timedelta(days=14 * k + 5),
        }
        for k in range(0, 6, 2)
    ]  # fmt: skip
    assert not detect(in_order(snapshot(tmp_path / "shipped", tables, AS_OF)), SETTINGS).findings


def test_closer_numbers_are_stranger(tmp_path: Path) -> None:
    financings = [financing(0, 1110, 5, 4, 60), financing(1, 1111, 6, 6)]
    (near,) = found(tmp_path / "near", [invoice(1110), invoice(1111, after=1)], financings)
    far = [invoice(1110), invoice(1199, after=1)]
    (distant,) = found(tmp_path / "far", far, [financings[0], financing(1, 1199, 6, 6)])
    assert near.strength > distant.strength + 2
    weeks = [invoice(1110), invoice(9999, after=20, amount=101_500)]
    assert not found(tmp_path / "weeks", weeks, [financings[0], financing(1, 9999, 6, 25)])


def test_a_hub_is_cut_and_said_so(tmp_path: Path) -> None:
    invoices = [invoice(k, after=k % 20, amount=100_000 + k) for k in range(300)]
    snap = financed(tmp_path, invoices, [financing(k, k, 5 + k % 3, 30, 90) for k in range(300)])
    detection = detect(snap, SETTINGS)
    (finding,) = detection.findings
    assert int(finding.facts["financings"]) > 200
    assert detection.cuts == ("a financing was held against 40 others of its invoice or pair only",)


def test_nothing_to_find_in_empty_tables(tmp_path: Path) -> None:
    snap = financed(tmp_path, [invoice(0)], [financing(0, 0, 5, 2)])
    empty = {**snap.tables, "financings": snap.tables["financings"].slice(0, 0)}
    assert detect(type(snap)(**{**vars(snap), "tables": empty}), SETTINGS).findings == ()


def test_shuffles_bring_no_duplicate_and_the_text_says_what_is_there(tmp_path: Path) -> None:
    invoices = [invoice(k, k % 4, 4, k, amount=50_000 + 7_000 * k) for k in range(60)]
    financings = [
        financing(k, of, 5 + k % 2, of + 2, amount=invoices[of]["amount"] * 4 // 5)
        for k, of in enumerate([0, 0, 4, 4, *range(9, 39, 3)])
    ]
    snap = financed(tmp_path, invoices, financings)
    (finding,) = detect(snap, SETTINGS).findings
    assert not detect(shuffle(snap, np.random.default_rng(1)), SETTINGS).findings
    text = explain(finding, lambda code: f"firm {code}", "EUR")
    for part in ("4 financings", "2 invoices", "firm 0", "firm 4", "EUR 2,048.00", "EUR 1,280.00"):
        assert part in text
    assert TYPOLOGY.tables == ("invoices", "financings")
