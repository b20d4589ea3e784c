"""A random ecosystem that fills every table, column and kind an indicator asks for."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import numpy as np

from graph.vocabulary import EVENT_KINDS, LINK_KINDS, OUTCOME_KINDS, SIZE_BANDS

AS_OF = date(2023, 1, 1)
FIRST = date(2019, 12, 1)
#: Days from FIRST on which something may happen: a few of them after AS_OF.
DAYS = 1200

Row = dict[str, Any]


class Dice:
    """Random dates, parties and amounts from one seed."""

    def __init__(self, n: int, seed: int) -> None:
        self.n = n
        self.rng = np.random.default_rng(seed)

    def day(self) -> date:
        return FIRST + timedelta(days=int(self.rng.integers(0, DAYS)))

    def pair(self) -> tuple[str, str]:
        a, b = self.rng.choice(self.n, 2, replace=False)
        return f"P{a:03d}", f"P{b:03d}"

    def party(self) -> str:
        return f"P{self.rng.integers(self.n):03d}"

    def money(self) -> int:
        return int(self.rng.integers(1_000, 100_000))

    def pick(self, *options: Any) -> Any:
        return options[int(self.rng.integers(len(options)))]

    def after(self, day: date, low: int, high: int) -> date:
        return day + timedelta(days=int(self.rng.integers(low, high)))


def _invoices(dice: Dice, n: int) -> list[Row]:
    rows = []
    for k in range(n):
        seller, buyer = dice.pair()
        issued = dice.day()
        due = dice.after(issued, 10, 60)
        status = dice.pick("open", "paid", "paid", "paid", "paid", "void", "credit_note", None)
        rows.append(
            {
                "invoice_id": f"I{k:05d}",
                "seller_id": seller,
                "buyer_id": buyer,
                "issued_on": issued,
                "known_on": issued,
                "due_on": due,
                "paid_on": dice.after(issued, 1, 120) if status == "paid" else None,
                "confirmed_on": dice.pick(None, dice.after(issued, 0, 5)),
                "status": status,
                "status_on": issued if status in ("void", "credit_note") else None,
                "amount": dice.money(),
                "currency": "EUR",
            }
        )
    return rows


def _payments(dice: Dice, invoices: list[Row]) -> list[Row]:
    rows = []
    for invoice in invoices:
        if invoice["paid_on"] is None or dice.rng.random() < 0.3:
            continue
        parts = dice.pick(1, 1, 2)
        rows += [
            {
                "payment_id": f"{invoice['invoice_id']}-{part}",
                "payer_id": invoice["buyer_id"],
                "payee_id": invoice["seller_id"],
                "paid_on": invoice["paid_on"],
                "known_on": invoice["paid_on"],
                "amount": invoice["amount"] // parts - dice.pick(0, 0, 100),
                "currency": "EUR",
                "invoice_id": invoice["invoice_id"],
            }
            for part in range(parts)
        ]
    return rows


def _shipments(dice: Dice, invoices: list[Row]) -> list[Row]:
    rows = []
    for k, invoice in enumerate(invoices[::2]):
        sent = dice.after(invoice["issued_on"], 0, 10)
        rows.append(
            {
                "shipment_id": f"S{k:05d}",
                "shipper_id": invoice["seller_id"],
                "consignee_id": invoice["buyer_id"],
                "carrier_id": dice.pick(None, dice.party()),
                "dispatched_on": sent,
                "known_on": sent,
                "promised_on": dice.after(sent, 3, 10),
                "delivered_on": dice.pick(None, *[dice.after(sent, 1, 20)] * 9),
                "invoice_id": dice.pick(None, invoice["invoice_id"]),
            }
        )
    return rows


def _financings(dice: Dice, invoices: list[Row]) -> list[Row]:
    rows = []
    for k in range(len(invoices) // 3):
        invoice = invoices[int(dice.rng.integers(len(invoices)))]
        begun = dice.after(invoice["issued_on"], 0, 10)
        due = dice.after(begun, 30, 90)
        rows.append(
            {
                "financing_id": f"F{k:05d}",
                "invoice_id": invoice["invoice_id"],
                "financier_id": dice.party(),
                "financed_on": begun,
                "known_on": begun,
                "due_on": due,
                "amount": invoice["amount"] // 2,
                "currency": "EUR",
                "recourse": dice.pick(True, False, None),
                "limit": dice.pick(None, 10**6),
                "repaid_on": dice.pick(None, dice.after(begun, 5, 120)),
            }
        )
    return rows


def _links(dice: Dice, n: int) -> list[Row]:
    rows = []
    for _ in range(n):
        source, target = dice.pair()
        begun = dice.day()
        kind = dice.pick(*LINK_KINDS)
        row = {
            "source_id": source,
            "target_id": target,
            "kind": kind,
            "valid_from": begun,
            "known_on": begun,
            "valid_to": dice.pick(None, None, dice.after(begun, 10, 900)),
            "amount": dice.money() if kind == "GUARANTEES" else None,
            "currency": "EUR" if kind == "GUARANTEES" else None,
        }
        rows.append(row)
    return list({(r["source_id"], r["target_id"], r["kind"], r["valid_from"]): r for r in rows}.values())


def _dated(dice: Dice, n: int, key: str, **columns: Any) -> list[Row]:
    rows = []
    for k in range(n):
        party, other = dice.pair()
        day = dice.day()
        row = {f"{key}_id": f"{key}{k}", "party_id": party, "occurred_on": day, "known_on": day}
        if key == "event":
            row["counterparty_id"] = dice.pick(None, other)
        rows.append(row | {name: dice.pick(*options) for name, options in columns.items()})
    return rows


def everything(n: int = 80, n_invoices: int = 1500, seed: int = 0) -> dict[str, list[Row]]:
    """Contract rows of all tables, about n parties; some rows are of days after AS_OF."""
    dice = Dice(n, seed)
    parties = [
        {
            "party_id": f"P{k:03d}",
            "kind": "company",
            "country": "DE",
            "region": dice.pick("north", "south"),
            "industry": dice.pick("food", "steel", None),
            "size_band": dice.pick(*SIZE_BANDS),
            "registered_on": dice.pick(None, FIRST - timedelta(days=k)),
            "known_on": FIRST,
        }
        for k in range(n)
    ]
    invoices = _invoices(dice, n_invoices)
    stocks = {
        (dice.party(), dice.day()): {"units": float(dice.money()), "value": dice.money(), "currency": "EUR"}
        for _ in range(n * 6)
    }
    context = {
        (dice.pick("food", "*"), dice.pick("north", "*"), dice.day(), dice.pick("orders", "prices")): {
            "value": float(dice.rng.normal(100, 5))
        }
        for _ in range(100)
    }
    return {
        "parties": parties,
        "invoices": invoices,
        "payments": _payments(dice, invoices),
        "shipments": _shipments(dice, invoices),
        "financings": _financings(dice, invoices),
        "links": _links(dice, n * 12),
        "events": _dated(
            dice,
            n * 20,
            "event",
            kind=tuple(EVENT_KINDS),
            status=("granted", "denied", None),
            value=(1.0, 2.5, 5.0),
        ),
        "outcomes": _dated(dice, n * 8, "outcome", kind=OUTCOME_KINDS, value=(0, 0, 1)),
        "stocks": [{"party_id": p, "on": d, "known_on": d, **row} for (p, d), row in stocks.items()],
        "context": [
            {"industry": i, "region": r, "on": d, "known_on": d, "name": name, **row}
            for (i, r, d, name), row in context.items()
        ],
    }
