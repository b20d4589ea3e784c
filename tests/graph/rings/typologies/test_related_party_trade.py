"""Related sellers and buyers whose trade stands out, and those who only look like them."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from graph.rings.detection import find_rings, in_order
from graph.rings.finding import Detection
from graph.rings.typologies.related_party_trade import TYPOLOGY, RelatedTradeSettings, detect, shuffle
from graph.snapshot import Snapshot
from tests.ecosystems import parties, snapshot

AS_OF = date(2023, 1, 1)
FIRMS, PEOPLE = 40, 30
Row = dict[str, Any]


def link(source: int, target: int, kind: str, until: date | None = None) -> Row:
    ends = {"source_id": f"P{source:03d}", "target_id": f"P{target:03d}"}
    return {**ends, "kind": kind, "valid_from": date(2020, 1, 1), "valid_to": until}


def market(seed: int = 1) -> list[Row]:
    """Firms 0 to 39 that each sell to several others, at crooked amounts on any day."""
    random = np.random.default_rng(seed)
    rows = []
    for number in range(800):
        seller, buyer = random.choice(FIRMS, 2, replace=False).tolist()
        on = date(2022, 1, 1) + timedelta(days=int(random.integers(0, 360)))
        rows.append(invoice(f"M{number:04d}", seller, buyer, on, int(random.integers(100_001, 999_999))))
    return rows


def invoice(key: str, seller: int, buyer: int, on: date, amount: int) -> Row:
    ends = {"seller_id": f"P{seller:03d}", "buyer_id": f"P{buyer:03d}"}
    return {"invoice_id": key, **ends, "issued_on": on, "amount": amount, "currency": "EUR"}


def conspicuous(seller: int, buyer: int, count: int = 10) -> list[Row]:
    """Round amounts at the ends of months."""
    last_days = [date(2022, month, 28) + timedelta(days=4) for month in range(1, 12)]
    days = [day.replace(day=1) - timedelta(days=1) for day in last_days]
    return [invoice(f"X{seller}-{k}", seller, buyer, days[k], 2_000_000 + 100_000 * k) for k in range(count)]


def data(folder: Path, links: list[Row], invoices: list[Row]) -> Snapshot:
    people = parties(FIRMS + PEOPLE)
    for row in people[FIRMS:]:
        row["kind"] = "person"
    return in_order(snapshot(folder, {"parties": people, "links": links, "invoices": invoices}, AS_OF))


def seen(folder: Path, links: list[Row], invoices: list[Row], **settings: int) -> Detection:
    return detect(data(folder, links, invoices), replace(RelatedTradeSettings(), **settings))


@pytest.mark.parametrize(
    ("links", "roles"),
    [
        ([link(3, 7, "SHARES_ADDRESS")], {3: "seller", 7: "buyer"}),
        ([link(50, 3, "OWNS"), link(50, 7, "LEGAL_REP_OF")], {3: "seller", 7: "buyer", 50: "controller"}),
        (
            [link(50, 3, "OWNS"), link(51, 7, "CONTROLS"), link(50, 51, "SHARES_PHONE")],
            {3: "seller", 7: "buyer", 50: "controller", 51: "controller"},
        ),
    ],
)
def test_near_firms_that_trade_unlike_others_are_found(
    tmp_path: Path, links: list[Row], roles: dict[int, str]
) -> None:
    (found,) = seen(tmp_path, links, [*market(), *conspicuous(3, 7)]).findings
    assert {member.code: member.role for member in found.members} == roles
    assert found.facts["round"] == 10
    assert [row.table for row in found.evidence].count("links") == len(links)
    assert ("invoices", ("X3-0",)) in {(row.table, row.key) for row in found.evidence}
    assert found.amount >= 10 * 2_000_000


def test_neither_nearness_nor_odd_trade_alone_is_enough(tmp_path: Path) -> None:
    near = [link(50, firm, "OWNS") for firm in range(8)]
    assert not seen(tmp_path / "ordinary", near, market()).findings
    assert not seen(tmp_path / "strangers", near[:3], [*market(), *conspicuous(20, 30)]).findings
    ended = [link(50, 3, "OWNS", until=date(2020, 6, 1)), link(50, 7, "OWNS")]
    assert not seen(tmp_path / "before", ended, [*market(), *conspicuous(3, 7)]).findings


def test_a_declared_group_hides_nothing(tmp_path: Path) -> None:
    trade = [*market(), *conspicuous(3, 7)]
    shared = [link(50, 3, "OWNS"), link(50, 7, "OWNS"), link(3, 7, "SHARES_ADDRESS")]
    assert seen(tmp_path / "hidden", shared, trade).findings
    assert not seen(tmp_path / "owned", [*shared, link(3, 7, "OWNS")], trade).findings
    sisters = [*shared, link(9, 3, "OWNS"), link(9, 7, "OWNS")]
    assert not seen(tmp_path / "sisters", sisters, trade).findings
    # Over a third company there is no way.
    third = [link(3, 9, "SHARES_PHONE"), link(9, 7, "SHARES_ADDRESS")]
    assert not seen(tmp_path / "third", third, trade).findings


def test_an_agent_of_many_is_not_walked_through(tmp_path: Path) -> None:
    clients = [link(50, firm, "LEGAL_REP_OF") for firm in range(20)]
    trade = [*market(), *conspicuous(3, 7)]
    agent = seen(tmp_path / "agent", clients, trade, most_ties=15)
    assert not agent.findings
    assert agent.cuts == ("1 parties with over 15 ties (addresses, agents) were not walked through",)
    (common,) = seen(tmp_path / "common", clients, trade, most_ties=40).findings
    (rare,) = seen(tmp_path / "rare", [clients[3], clients[7]], trade).findings
    assert rare.strength > common.strength


def test_firms_of_one_address_all_tied_to_each_other_are_cut_too(tmp_path: Path) -> None:
    centre = [link(one, other, "SHARES_ADDRESS") for one in range(20) for other in range(one)]
    found = seen(tmp_path, centre, [*market(), *conspicuous(3, 7)], most_ties=15)
    assert not found.findings
    assert len(found.cuts) == 1
    # Their own people still tell.
    people = [link(50, 3, "OWNS"), link(50, 7, "LEGAL_REP_OF")]
    again = seen(tmp_path / "people", [*centre, *people], [*market(), *conspicuous(3, 7)], most_ties=15)
    assert [sorted(one.codes) for one in again.findings] == [[3, 7, 50]]


def test_pairs_under_one_roof_are_one_finding(tmp_path: Path) -> None:
    links = [link(50, firm, "OWNS") for firm in (3, 7, 9)]
    (found,) = seen(tmp_path, links, [*market(), *conspicuous(3, 7), *conspicuous(7, 9)]).findings
    assert {m.code: m.role for m in found.members} == {3: "seller", 7: "trader", 9: "buyer", 50: "controller"}


def test_in_shuffles_ties_and_trade_stay_and_only_meet_otherwise(tmp_path: Path) -> None:
    links = [link(50, firm, "OWNS") for firm in range(8)] + [link(3, 7, "SHARES_ADDRESS")]
    before = data(tmp_path, links, [*market(), *conspicuous(3, 7)])
    after = shuffle(before, np.random.default_rng(2))
    assert after.tables["invoices"] is before.tables["invoices"]
    rows = after.tables["links"]
    assert rows["source_code"].to_pylist().count(50) == 8
    assert len(set(rows["target_code"].to_pylist())) == len(
        set(before.tables["links"]["target_code"].to_pylist())
    )
    assert rows["target_code"].to_pylist() != before.tables["links"]["target_code"].to_pylist()


def test_a_ring_stands_out_and_is_explained(tmp_path: Path) -> None:
    links = [link(50, 3, "OWNS"), link(50, 7, "LEGAL_REP_OF")]
    rings = find_rings(data(tmp_path, links, [*market(), *conspicuous(3, 7)]), [TYPOLOGY]).rings
    assert [sorted(ring.finding.codes) for ring in rings] == [[3, 7, 50]]
    text = TYPOLOGY.explain(rings[0].finding, lambda code: f"firm {code}", "EUR")
    assert "between firm 3 and firm 7" in text
    assert "joined by a legal representative and ownership, over firm 50" in text
    assert "10 with round amounts" in text


def test_without_ties_or_trade_there_is_nothing(tmp_path: Path) -> None:
    assert not seen(tmp_path / "a", [link(3, 7, "GUARANTEES")], market()).findings
    assert not seen(
        tmp_path / "b", [link(3, 7, "SHARES_PHONE")], [invoice("I", 3, 7, date(2010, 1, 1), 1)]
    ).findings
