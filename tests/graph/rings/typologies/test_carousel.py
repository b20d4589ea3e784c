"""Carousels of payments: money that comes back is found; refunds, loans, sweeps and trade are not."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import numpy as np

from graph.rings.detection import in_order, search
from graph.rings.finding import Finding
from graph.rings.typologies.carousel import TYPOLOGY, CarouselSettings
from graph.snapshot import Snapshot
from tests.ecosystems import START, Rows, random_trade, snapshot

AS_OF = date(2022, 6, 1)


def paid(payer: int, payee: int, on: int, amount: int, **columns: Any) -> dict[str, Any]:
    """A payment on a day after START."""
    return {
        "payment_id": f"Y{payer}-{payee}-{on}", "payer_id": f"P{payer:03d}", "payee_id": f"P{payee:03d}",
        "paid_on": START + timedelta(days=on), "amount": amount, "currency": "EUR", **columns,
    }  # fmt: skip


def billed(key: str, seller: int, buyer: int, on: int, amount: int, **columns: Any) -> dict[str, Any]:
    return {
        "invoice_id": key, "seller_id": f"P{seller:03d}", "buyer_id": f"P{buyer:03d}",
        "issued_on": START + timedelta(days=on), "amount": amount, "currency": "EUR", **columns,
    }  # fmt: skip


def there_and_back(one: int, other: int, count: int, days: int = 12) -> list[dict[str, Any]]:
    """Money that comes back so many times, less a fee."""
    amounts = [300_000 + 83_000 * turn for turn in range(count)]
    out = [paid(one, other, 100 + 40 * turn, amount) for turn, amount in enumerate(amounts)]
    back = [paid(other, one, 100 + 40 * turn + days, int(a * 0.99)) for turn, a in enumerate(amounts)]
    return [row for pair in zip(out, back, strict=True) for row in pair]


def among_others(
    folder: Path, payments: Rows, invoices: Rows = (), links: Rows = (), roles: str = ""
) -> Snapshot:
    """A snapshot of ordinary trade of 60 firms, all of it paid, with these rows beside it."""
    tables = random_trade(60, 700, 3)
    if roles:
        tables["parties"][41] |= {"roles": roles}
    ordinary = [
        {
            "payment_id": f"T{row['invoice_id']}", "payer_id": row["buyer_id"], "payee_id": row["seller_id"],
            "paid_on": row["paid_on"], "amount": row["amount"], "currency": "EUR",
            "invoice_id": row["invoice_id"],
        }
        for row in tables["invoices"]
        if row["paid_on"]
    ]  # fmt: skip
    rows = {
        "parties": tables["parties"],
        "invoices": [*tables["invoices"], *invoices],
        "payments": [*ordinary, *payments],
        "links": links,
    }
    return in_order(snapshot(folder, rows, AS_OF))


def kept(taken: Snapshot) -> list[Finding]:
    return [ring.finding for ring in search(taken, TYPOLOGY, 0)[0]]


def pair_of(taken: Snapshot) -> frozenset[int]:
    return frozenset((taken.code("P040"), taken.code("P041")))


def test_money_that_comes_back_is_found_with_its_payments(tmp_path: Path) -> None:
    rows = there_and_back(40, 41, 5)
    taken = among_others(tmp_path, rows)
    (found,) = kept(taken)
    assert found.codes == pair_of(taken)
    assert {row.key[0] for row in found.evidence} == {row["payment_id"] for row in rows}
    assert found.amount == sum(row["amount"] for row in rows[1::2])
    assert [member.role for member in found.members] == ["payer", "conduit"]
    text = TYPOLOGY.explain(found, lambda code: taken.party_ids[code].as_py(), "EUR")
    assert "came back to P040 5 times" in text
    assert "at most 12 days" in text


def test_ordinary_payments_and_their_shuffle_bring_nothing(tmp_path: Path) -> None:
    taken = among_others(tmp_path, ())
    assert kept(taken) == []
    assert kept(TYPOLOGY.shuffle(taken, np.random.default_rng(0))) == []


def test_refunds_follow_a_credit_note(tmp_path: Path) -> None:
    rows = there_and_back(40, 41, 5)
    notes = [
        billed(f"N{turn}", 41, 40, 105 + 40 * turn, row["amount"], status="credit_note")
        for turn, row in enumerate(rows[1::2])
    ]
    assert kept(among_others(tmp_path / "refunded", rows, notes)) == []
    # Notes that come after the money, of less than it, or of somebody else excuse nothing.
    for name, changed in {
        "after": [row | {"issued_on": row["issued_on"] + timedelta(days=20)} for row in notes[-1:]],
        "less": [row | {"amount": row["amount"] // 2} for row in notes],
        "others": [row | {"seller_id": "P042"} for row in notes],
    }.items():
        assert len(kept(among_others(tmp_path / name, rows, changed))) == 1, name


def test_loans_are_repaid(tmp_path: Path) -> None:
    rows = there_and_back(40, 41, 5)
    line = {"source_id": "P040", "target_id": "P041", "kind": "LENDS_TO", "valid_from": START}
    assert kept(among_others(tmp_path / "line", rows, links=[line])) == []
    assert kept(among_others(tmp_path / "bank", rows, roles="financier")) == []
    late = line | {"valid_from": START + timedelta(days=400)}
    assert len(kept(among_others(tmp_path / "late", rows, links=[late]))) == 1


def test_a_groups_sweeps_are_its_own(tmp_path: Path) -> None:
    rows = there_and_back(40, 41, 5)
    link = {"source_id": "P040", "target_id": "P041", "kind": "CONTROLS", "valid_from": START}
    assert kept(among_others(tmp_path, rows, links=[link])) == []


def test_partners_who_pay_what_they_bought_are_traders(tmp_path: Path) -> None:
    rows = there_and_back(40, 41, 5)
    invoices = []
    for position, row in enumerate(rows):
        payer, payee = (40, 41) if position % 2 == 0 else (41, 40)
        invoices.append(billed(f"B{position}", payee, payer, 90, row["amount"]))
        row["invoice_id"] = f"B{position}"
    taken = among_others(tmp_path, rows, invoices)
    assert kept(taken) == []
    asked = TYPOLOGY.detect(taken, CarouselSettings(papered=True))
    assert asked.findings[0].codes == pair_of(taken)
    # One way without an invoice of theirs is enough to look again.
    rows[1::2] = [row | {"invoice_id": "I00000"} for row in rows[1::2]]
    assert len(kept(among_others(tmp_path / "other", rows, invoices))) == 1


def test_payments_alone_are_enough(tmp_path: Path) -> None:
    taken = among_others(tmp_path, there_and_back(40, 41, 5))
    alone = replace(taken, tables={name: taken.tables[name] for name in ("parties", "payments")})
    found = TYPOLOGY.detect(alone, TYPOLOGY.settings).findings
    assert pair_of(taken) in {finding.codes for finding in found}
    none = replace(alone, tables={**alone.tables, "payments": alone.tables["payments"].slice(0, 0)})
    assert TYPOLOGY.detect(none, TYPOLOGY.settings).findings == ()
