"""Money passed through is found; payroll, marketplaces and the season's peak are not."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from graph.rings.detection import in_order
from graph.rings.finding import Finding
from graph.rings.typologies.pass_through import TYPOLOGY, PassThroughSettings, detect, explain, shuffle
from graph.snapshot import Snapshot
from tests.ecosystems import parties, snapshot

DAY = date(2023, 1, 2)
AS_OF = date(2023, 12, 31)
SETTINGS = PassThroughSettings()
MIDDLE = 0


class Payments:
    """Rows of payments between 100 parties; party 0 also buys now and then."""

    def __init__(self) -> None:
        self.rows: list[dict[str, Any]] = []
        for k in range(6):
            self.pay(MIDDLE, 90 + k, 50 * k, 7_000)
            self.pay(96, MIDDLE, 55 * k + 1, 9_000)

    def pay(self, payer: int, payee: int, after: int, amount: int) -> None:
        paid = DAY + timedelta(days=after)
        self.rows.append(
            {
                "payment_id": f"T{len(self.rows):05d}", "payer_id": f"P{payer:03d}",
                "payee_id": f"P{payee:03d}", "paid_on": paid, "known_on": paid, "amount": amount,
                "currency": "EUR",
            }
        )  # fmt: skip

    def burst(self, payers: range, payees: range, after: int, passed: float = 0.95, pause: int = 3) -> None:
        """100,000 from each payer within three days; what is passed on goes out from ``pause`` days on."""
        for k, payer in enumerate(payers):
            self.pay(payer, MIDDLE, after + k % 3, 100_000)
        out = int(100_000 * len(payers) * passed / len(payees))
        for k, payee in enumerate(payees):
            self.pay(MIDDLE, payee, after + pause + k % 3, out)

    def read(self, folder: Path) -> Snapshot:
        return in_order(snapshot(folder, {"parties": parties(100), "payments": self.rows}, AS_OF))

    def found(self, folder: Path) -> tuple[Finding, ...]:
        return detect(self.read(folder), SETTINGS).findings


def test_many_pay_in_and_within_days_it_is_gone(tmp_path: Path) -> None:
    payments = Payments()
    payments.burst(range(10, 18), range(20, 24), 120)
    payments.burst(range(10, 18), range(20, 24), 175)
    (finding,) = payments.found(tmp_path)
    assert {member.code for member in finding.members if member.role == "payer"} == set(range(10, 18))
    assert {member.code for member in finding.members if member.role == "payee"} == set(range(20, 24))
    assert [member.code for member in finding.members if member.role == "middle"] == [MIDDLE]
    assert len(finding.evidence) == 24
    assert finding.amount == 1_600_000
    assert (finding.facts["bursts"], finding.facts["sent"]) == (2, 1_520_000)
    text = explain(finding, lambda code: f"firm {code}", "EUR")
    for part in ("2 times", "firm 0", "EUR 16,000.00", "8 payers", "95 %", "10 days", "4 payees"):
        assert part in text


@pytest.mark.parametrize(
    ("payers", "payees", "passed", "pause"),
    [(8, 4, 0.5, 3), (8, 4, 1.3, 3), (8, 4, 0.95, 20), (3, 3, 0.95, 3), (8, 4, 0.95, -6)],
)
def test_what_stays_or_takes_long_or_has_few_is_none(
    tmp_path: Path, payers: int, payees: int, passed: float, pause: int
) -> None:
    payments = Payments()
    payments.burst(range(10, 10 + payers), range(20, 20 + payees), 120, passed, pause)
    assert not payments.found(tmp_path)


def test_one_payer_and_many_payees_and_the_reverse(tmp_path: Path) -> None:
    scattered = Payments()
    scattered.burst(range(10, 11), range(20, 30), 120)
    assert [len(finding.codes) for finding in scattered.found(tmp_path / "out")] == [12]
    gathered = Payments()
    gathered.burst(range(10, 20), range(20, 21), 120)
    assert [len(finding.codes) for finding in gathered.found(tmp_path / "in")] == [12]


def test_payroll_is_none(tmp_path: Path) -> None:
    payments = Payments()
    for month in range(9):
        payments.burst(range(10, 18), range(30, 45), 30 * month)
    assert not payments.found(tmp_path)
    wages = Payments()
    for month in range(9):
        # Other customers each month, the same staff.
        wages.burst(range(10 + 6 * month, 16 + 6 * month), range(80, 90), 30 * month)
    assert not wages.found(tmp_path / "staff")


def test_a_marketplace_is_none(tmp_path: Path) -> None:
    payments, random = Payments(), np.random.default_rng(2)
    for week in range(44):
        first = int(random.integers(5, 60))
        payments.burst(range(first, first + 8), range(70 + week % 20, 75 + week % 20), 7 * week)
    assert not payments.found(tmp_path)


def test_a_seasonal_peak_is_none(tmp_path: Path) -> None:
    payments = Payments()
    for month in range(10):
        for supplier in range(80, 86):
            payments.pay(MIDDLE, supplier, 30 * month + 12, 40_000)
    payments.burst(range(10, 20), range(80, 86), 310)
    payments.burst(range(20, 30), range(80, 86), 325)
    assert not payments.found(tmp_path)


def test_a_hub_is_searched_and_its_ordinary_days_are_none(tmp_path: Path) -> None:
    snap, random = Payments().read(tmp_path), np.random.default_rng(1)
    m = 60_000
    inward = random.random(m) < 0.5
    other = random.integers(1, 100, m).astype(np.int32)
    rows = pa.table(
        {
            "payment_id": [f"T{k:06d}" for k in range(m)],
            "paid_on": pa.array(np.sort(random.integers(19_300, 19_650, m)).astype(np.int32), pa.date32()),
            "amount": random.integers(1_000, 9_000, m),
            "account": pa.nulls(m, pa.string()),
            "invoice_id": pa.nulls(m, pa.string()),
            "payer_code": np.where(inward, other, 0).astype(np.int32),
            "payee_code": np.where(inward, 0, other).astype(np.int32),
        }
    )
    hub = type(snap)(**{**vars(snap), "tables": {**snap.tables, "payments": rows}})
    # Every counterparty is there all year; counted as occasional, the hub's own rate still explains it.
    assert detect(hub, SETTINGS).findings == ()
    assert detect(hub, PassThroughSettings(most_months=99)).findings == ()


def test_shuffles_keep_payers_and_days_and_nothing_is_found_in_no_payments(tmp_path: Path) -> None:
    payments = Payments()
    payments.burst(range(10, 18), range(20, 24), 100)
    snap = payments.read(tmp_path)
    shuffled = shuffle(snap, np.random.default_rng(4))
    for name in ("payer_code", "paid_on", "amount"):
        assert shuffled.tables["payments"][name].equals(snap.tables["payments"][name])
    empty = type(snap)(
        **{**vars(snap), "tables": {**snap.tables, "payments": snap.tables["payments"].slice(0, 0)}}
    )
    assert detect(empty, SETTINGS).findings == ()
    assert TYPOLOGY.tables == ("payments",)
