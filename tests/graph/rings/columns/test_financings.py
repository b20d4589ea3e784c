"""Financings beside their invoices, and dealt anew."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path
from typing import Any

from graph.rings.columns.financings import MOST_EVIDENCE, evidence_of, financed_invoices
from graph.rings.detection import in_order
from graph.snapshot import Snapshot
from tests.ecosystems import parties, snapshot

DAY = date(2023, 1, 2)
AS_OF = date(2023, 12, 31)


def invoice(number: int, seller: int = 0, buyer: int = 1, after: int = 0, **columns: Any) -> dict[str, Any]:
    issued = DAY + timedelta(days=after)
    return {
        "invoice_id": f"I{number:04d}", "seller_id": f"P{seller:03d}", "buyer_id": f"P{buyer:03d}",
        "issued_on": issued, "known_on": issued, "amount": 100_000, "currency": "EUR", **columns,
    }  # fmt: skip


def financing(
    number: int, of: int | None, financier: int, after: int, repaid_after: int | None = None, **columns: Any
) -> dict[str, Any]:
    financed = DAY + timedelta(days=after)
    return {
        "financing_id": f"F{number:04d}", "invoice_id": None if of is None else f"I{of:04d}",
        "financier_id": f"P{financier:03d}", "financed_on": financed, "known_on": financed,
        "amount": 80_000, "currency": "EUR",
        "repaid_on": None if repaid_after is None else DAY + timedelta(days=repaid_after), **columns,
    }  # fmt: skip


def financed(folder: Path, invoices: list[dict[str, Any]], financings: list[dict[str, Any]]) -> Snapshot:
    tables = {"parties": parties(12), "invoices": invoices, "financings": financings}
    return in_order(snapshot(folder, tables, AS_OF))


def test_only_financings_of_standing_invoices_count(tmp_path: Path) -> None:
    voided = invoice(1, status="void", status_on=DAY)
    snap = financed(
        tmp_path,
        [invoice(0), voided],
        [financing(0, 0, 5, 2, 40), financing(1, 1, 5, 2), financing(2, None, 5, 3), financing(3, 77, 5, 3)],
    )
    found = financed_invoices(snap)
    assert found.row.tolist() == [0]
    assert (found.seller[0], found.buyer[0], found.financier[0]) == (0, 1, 5)
    assert (found.financed_on[0] - found.issued_on[0], found.closed_on[0] - found.issued_on[0]) == (2, 40)


def test_what_is_not_repaid_is_open_past_the_snapshots_day(tmp_path: Path) -> None:
    snap = financed(tmp_path, [invoice(0)], [financing(0, 0, 5, 2)])
    assert financed_invoices(snap).closed_on[0] == (AS_OF - date(1970, 1, 1)).days + 1


def test_evidence_is_the_latest_financings_and_their_invoices(tmp_path: Path) -> None:
    count = MOST_EVIDENCE + 7
    invoices = [invoice(k, after=k % 90) for k in range(count)]
    snap = financed(tmp_path, invoices, [financing(k, k, 5, 100 + (k >= 7)) for k in range(count)])
    named = evidence_of(snap, financed_invoices(snap))
    assert len(named) == 2 * MOST_EVIDENCE
    assert named[0].key == ("F0007",)
    assert named[-1].key == (f"I{count - 1:04d}",)
