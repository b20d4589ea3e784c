"""Financed invoices without goods are found; services, drop-shipping and late papers are not."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import numpy as np

from graph.rings.detection import in_order, search
from graph.rings.finding import Finding
from graph.rings.typologies.phantom_shipment import TYPOLOGY, PhantomShipmentSettings, detect, explain
from graph.snapshot import Snapshot
from tests.ecosystems import parties, snapshot
from tests.graph.rings.columns.test_deliveries import shipment
from tests.graph.rings.columns.test_financings import AS_OF, DAY, financing, invoice

SETTINGS = PhantomShipmentSettings()
#: An invoice's number and the days after DAY it was issued: its shipments.
Papers = Callable[[int, int], list[dict[str, Any]]]


def nothing(number: int, after: int) -> list[dict[str, Any]]:
    return []


class Trade:
    """Forty sellers of machines whose invoices are shipped seven times in ten, one in eight financed."""

    def __init__(self) -> None:
        self.invoices: list[dict[str, Any]] = []
        self.shipments: list[dict[str, Any]] = []
        self.financings: list[dict[str, Any]] = []
        random = np.random.default_rng(5)
        for _ in range(1200):
            seller, after = int(random.integers(0, 40)), int(random.integers(0, 200))
            shipped = random.random() < 0.7
            self.sell(
                seller, 40 + int(random.integers(0, 30)), after, random.random() < 0.12, shipped=shipped
            )

    def sell(
        self,
        seller: int,
        buyer: int,
        after: int,
        financed: bool,
        *,
        shipped: bool = False,
        papers: Papers = nothing,
        **columns: Any,
    ) -> None:
        number = len(self.invoices)
        columns = {"goods": "machines", "amount": 100_000 + 7 * number, **columns}
        self.invoices.append(invoice(number, seller, buyer, after, **columns))
        parties_of = {"shipper_id": f"P{seller:03d}", "consignee_id": f"P{buyer:03d}"}
        if shipped:
            self.shipments.append(shipment(number, number, after + 1, after + 8, **parties_of))
        self.shipments += [
            {**row, "consignee_id": parties_of["consignee_id"]} for row in papers(number, after)
        ]
        if financed:
            self.financings.append(financing(number, number, 75, after + 3, after + 60))

    def line(self, financed_share: float = 1.0, papers: Papers = nothing, **columns: Any) -> None:
        """Seller 7 sells to buyers 70 and 71 every few days."""
        for k in range(24):
            self.sell(7, 70 + k % 2, 4 * k, k % 10 < 10 * financed_share, papers=papers, **columns)

    def read(self, folder: Path, as_of: date = AS_OF) -> Snapshot:
        tables = {
            "parties": parties(80, industry="machinery"),
            "invoices": self.invoices,
            "shipments": self.shipments,
            "financings": self.financings,
        }
        return in_order(snapshot(folder, tables, as_of))


def strongest(snap: Snapshot) -> Finding | None:
    return max(detect(snap, SETTINGS).findings, key=lambda finding: finding.strength, default=None)


def is_silent(snap: Snapshot) -> bool:
    """Nothing about seller 7 is more striking than chance brings."""
    return all(7 not in ring.finding.codes for ring in search(snap, TYPOLOGY, 0)[0])


def test_financed_invoices_without_goods(tmp_path: Path) -> None:
    trade = Trade()
    trade.line()
    snap = trade.read(tmp_path)
    found = [ring.finding for ring in search(snap, TYPOLOGY, 0)[0]]
    assert [finding.codes for finding in found] == [{7, 70, 71}]
    (finding,) = found
    assert {(member.code, member.role) for member in finding.members} == {
        (7, "seller"), (70, "buyer"), (71, "buyer"),
    }  # fmt: skip
    assert finding.facts["unproven"] == finding.facts["financed"] == finding.facts["nothing"] == 24
    assert finding.amount == 24 * 80_000
    assert {row.table for row in finding.evidence} == {"financings", "invoices"}
    text = explain(finding, lambda code: f"firm {code}", "EUR")
    for part in (
        "24 financed invoices from firm 7 to firm 70 and firm 71",
        "24 have no shipment",
        "EUR 19,200.00",
    ):
        assert part in text


def test_goods_that_never_arrive_or_moved_at_another_time(tmp_path: Path) -> None:
    def papers(number: int, after: int) -> list[dict[str, Any]]:
        if number % 2:
            return [shipment(number, number, after + 1, None)]
        return [shipment(number, number, after - 150, after - 145)]

    trade = Trade()
    trade.line(papers=papers)
    finding = strongest(trade.read(tmp_path))
    assert finding is not None
    assert finding.codes == {7, 70, 71}
    assert (finding.facts["nothing"], finding.facts["under_way"], finding.facts["impossible"]) == (0, 12, 12)


def test_services_of_their_own_name_or_of_none_are_none(tmp_path: Path) -> None:
    trade = Trade()
    trade.line(financed_share=0.5, goods="maintenance")
    assert is_silent(trade.read(tmp_path / "named"))
    trade = Trade()
    trade.line(financed_share=0.5)
    assert is_silent(trade.read(tmp_path / "unnamed"))


def test_drop_shipping_is_none(tmp_path: Path) -> None:
    def papers(number: int, after: int) -> list[dict[str, Any]]:
        named, value = number if number % 3 else None, 100_000 + 7 * number
        return [shipment(number, named, after + 2, after + 9, shipper_id="P033", value=value)]

    trade = Trade()
    trade.line(papers=papers)
    assert is_silent(trade.read(tmp_path))


def test_papers_that_come_late_are_waited_for(tmp_path: Path) -> None:
    def papers(number: int, after: int) -> list[dict[str, Any]]:
        recorded = DAY + timedelta(days=after + 60)
        return [shipment(number, number, after + 20, after + 35, known_on=recorded)]

    trade = Trade()
    trade.line(papers=papers)
    for after in (60, 120, 200):
        day = DAY + timedelta(days=after)
        assert is_silent(trade.read(tmp_path / str(after), day))


def test_a_hub_and_its_many_buyers_do_not_add_up_to_a_finding(tmp_path: Path) -> None:
    trade = Trade()
    for k in range(400):
        trade.sell(7, 40 + k % 30, k % 180, True, shipped=k % 11 < 8)
    assert is_silent(trade.read(tmp_path))


def test_nothing_to_find_in_empty_tables(tmp_path: Path) -> None:
    snap = Trade().read(tmp_path)
    for name in ("financings", "shipments", "invoices"):
        tables = {**snap.tables, name: snap.tables[name].slice(0, 0)}
        empty = type(snap)(**{**vars(snap), "tables": tables})
        findings = detect(empty, SETTINGS).findings
        assert findings == () or name == "shipments"
