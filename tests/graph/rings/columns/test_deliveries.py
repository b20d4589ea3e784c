"""What shipments say of an invoice's goods."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from graph.rings.columns.deliveries import (
    ARRIVED,
    IMPOSSIBLE,
    NOTHING,
    UNDER_WAY,
    Plausibility,
    arrivals,
    own_trail,
)
from graph.rings.columns.rows import positions
from graph.rings.detection import in_order
from tests.ecosystems import parties, snapshot
from tests.graph.rings.columns.test_financings import AS_OF, DAY, invoice


def shipment(
    number: int, of: int | None = 0, sent: int = 1, arrived: int | None = 6, **columns: Any
) -> dict[str, Any]:
    return {
        "shipment_id": f"S{number:04d}", "shipper_id": "P000", "consignee_id": "P001",
        "invoice_id": None if of is None else f"I{of:04d}", "dispatched_on": DAY + timedelta(days=sent),
        "delivered_on": None if arrived is None else DAY + timedelta(days=arrived), "mode": "road",
        "value": 100_000, "currency": "EUR", **columns,
    }  # fmt: skip


def state(folder: Path, *shipments: dict[str, Any]) -> int:
    tables = {
        "parties": parties(6),
        "invoices": [invoice(0), invoice(1, 2, 3)],
        "shipments": [*shipments, shipment(99, None, consignee_id="P004")],
    }
    return int(arrivals(in_order(snapshot(folder, tables, AS_OF)), Plausibility())[0])


@pytest.mark.parametrize(
    ("shipments", "expected"),
    [
        ([], NOTHING),
        ([shipment(0)], ARRIVED),
        ([shipment(0, arrived=None)], UNDER_WAY),
        ([shipment(0, arrived=None), shipment(1)], ARRIVED),
        ([shipment(0, sent=1, arrived=1, mode="sea")], IMPOSSIBLE),
        ([shipment(0, sent=1, arrived=1, mode=None)], ARRIVED),
        ([shipment(0, sent=-100, arrived=-95)], IMPOSSIBLE),
        ([shipment(0, sent=200, arrived=205)], IMPOSSIBLE),
        ([shipment(0, shipper_id="P005")], ARRIVED),
        ([shipment(0, consignee_id="P005")], ARRIVED),
        ([shipment(0, shipper_id="P005", consignee_id="P004")], NOTHING),
        ([shipment(0, of=1)], NOTHING),
        ([shipment(0, of=None, shipper_id="P005", value=101_000)], ARRIVED),
        ([shipment(0, of=None, value=120_000)], NOTHING),
        ([shipment(0, of=None, sent=200, arrived=210)], NOTHING),
        ([shipment(0, of=None, arrived=None)], NOTHING),
    ],
)  # fmt: skip
def test_states(tmp_path: Path, shipments: list[dict[str, Any]], expected: int) -> None:
    assert state(tmp_path, *shipments) == expected


def test_an_invoice_has_a_trail_where_it_was_paid_or_delivered(tmp_path: Path) -> None:
    paid = {"paid_on": DAY + timedelta(days=30)}
    payment = {
        "payment_id": "Y1", "payer_id": "P001", "payee_id": "P000", "paid_on": DAY + timedelta(days=9),
        "amount": 10, "currency": "EUR", "invoice_id": "I0002",
    }  # fmt: skip
    tables = {
        "parties": parties(6),
        "invoices": [invoice(0), invoice(1, **paid), invoice(2), invoice(3)],
        "shipments": [shipment(0, 0, arrived=None), shipment(1, 3)],
        "payments": [payment],
    }
    snap = in_order(snapshot(tmp_path, tables, AS_OF))
    ids = snap.tables["invoices"]["invoice_id"]
    assert own_trail(snap, positions(ids, ids)).tolist() == [False, True, True, True]
