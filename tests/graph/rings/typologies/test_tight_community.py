"""Communities that turn to each other are found whole; parks, groups and cooperatives are not."""

from __future__ import annotations

from datetime import timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

from graph.relations import EPOCH
from graph.rings.detection import in_order
from graph.rings.finding import Finding
from graph.rings.typologies.tight_community import TYPOLOGY, detect, explain
from graph.snapshot import Snapshot
from tests.ecosystems import START, parties, snapshot

AS_OF = START + timedelta(days=800)
N = 200
MEMBERS = tuple(range(10, 20))
#: A half year that begins after one without any trade of the members with each other.
FIRST_ON, LAST_ON = 610, 785
Row = tuple[int, int, int, int]


def web(members: tuple[int, ...], first: int = FIRST_ON, last: int = LAST_ON, amount: int = 900) -> list[Row]:
    """Everyone sells to the next and to the one after the next but one, every two weeks."""
    n = len(members)
    return [
        (seller, members[(k + step) % n], day + k, amount)
        for k, seller in enumerate(members)
        for step in (1, 3)
        for day in range(first, last - n, 14)
    ]


def background(count: int = 1500, seed: int = 1, low: int = 30) -> list[Row]:
    random = np.random.default_rng(seed)
    ends, days = random.integers(low, N, (count, 2)), random.integers(0, 786, count)
    rows = [(int(a), int(b), int(day), 1000) for (a, b), day in zip(ends, days, strict=True) if a != b]
    # The last day of the data, whatever was drawn.
    return [*rows, (N - 1, N - 2, 787, 1000)]


def outward(members: tuple[int, ...], count: int) -> list[Row]:
    random = np.random.default_rng(3)
    return [
        (member, int(random.integers(30, N)), int(random.integers(FIRST_ON, LAST_ON)), 1000)
        for member in members
        for _ in range(count)
    ]


def taken(folder: Path, rows: list[Row], links: list[dict[str, Any]] | None = None) -> Snapshot:
    invoices = [
        {
            "invoice_id": f"I{number:06d}", "seller_id": f"P{seller:03d}", "buyer_id": f"P{buyer:03d}",
            "issued_on": START + timedelta(days=day), "known_on": START + timedelta(days=day),
            "amount": amount, "currency": "EUR",
        }
        for number, (seller, buyer, day, amount) in enumerate(rows)
    ]  # fmt: skip
    tables = {"parties": parties(N), "invoices": invoices, "links": links or []}
    return in_order(snapshot(folder, tables, AS_OF))


def found(folder: Path, rows: list[Row], links: list[dict[str, Any]] | None = None) -> tuple[Finding, ...]:
    """Findings that the members have a part in: chance brings some among the others, weak ones."""
    findings = detect(taken(folder, rows, links), TYPOLOGY.settings).findings
    return tuple(finding for finding in findings if finding.codes & set(MEMBERS))


def owned(owner: int, subsidiary: int, since_day: int = 0) -> dict[str, Any]:
    since = START + timedelta(days=since_day)
    return {
        "source_id": f"P{owner:03d}", "target_id": f"P{subsidiary:03d}", "kind": "OWNS",
        "valid_from": since, "known_on": since,
    }  # fmt: skip


def test_a_community_is_found_whole_with_its_rows(tmp_path: Path) -> None:
    inside, usual = web(MEMBERS), outward(MEMBERS, 3)
    (finding,) = found(tmp_path, inside + usual + background())
    assert finding.codes == set(MEMBERS)
    assert {row.key[0] for row in finding.evidence} <= {f"I{number:06d}" for number in range(len(inside))}
    first, last = (day - (START - EPOCH).days for day in (finding.first_on, finding.last_on))
    amount, outside = (sum(row[3] for row in rows if first <= row[2] <= last) for rows in (inside, usual))
    assert (finding.amount, finding.facts["amount_before"]) == (amount, 0)
    assert abs(float(finding.facts["share_inside"]) - 2 * amount / (2 * amount + outside)) < 0.03


def test_who_deals_with_one_member_only_is_none(tmp_path: Path) -> None:
    leaf = [(25, 10, day, 500) for day in range(FIRST_ON, LAST_ON, 20)]
    (finding,) = found(tmp_path, web(MEMBERS) + leaf + background())
    assert finding.codes == set(MEMBERS)


def test_a_park_that_trades_outward_is_left_alone(tmp_path: Path) -> None:
    assert found(tmp_path, web(MEMBERS) + outward(MEMBERS, 60) + background(6000)) == ()


def test_a_declared_group_is_left_alone_but_not_one_that_was_bought_later(tmp_path: Path) -> None:
    rows = web(MEMBERS) + background()
    assert found(tmp_path / "a", rows, [owned(MEMBERS[0], code) for code in MEMBERS[1:]]) == ()
    later = [owned(MEMBERS[0], code, since_day=LAST_ON - 5) for code in MEMBERS[1:]]
    assert len(found(tmp_path / "b", rows, later)) == 1


def test_a_cooperative_around_its_hub_is_left_alone(tmp_path: Path) -> None:
    hub, farms = MEMBERS[0], MEMBERS[1:]
    through = [(farm, hub, day, 900) for farm in farms for day in range(FIRST_ON, LAST_ON, 14)]
    back = [(hub, farm, day, 700) for farm in farms for day in range(FIRST_ON, LAST_ON, 21)]
    neighbours = [(one, other, FIRST_ON + 20, 900) for one, other in pairwise(farms)]
    assert found(tmp_path, through + back + neighbours + background()) == ()


def test_a_circle_is_no_community(tmp_path: Path) -> None:
    round_trip = [(code, MEMBERS[(k + 1) % len(MEMBERS)]) for k, code in enumerate(MEMBERS)]
    rows = [(*pair, day, 900) for pair in round_trip for day in range(FIRST_ON, LAST_ON, 14)]
    assert found(tmp_path, rows + background()) == ()


def test_trade_that_has_long_been_so_is_left_alone(tmp_path: Path) -> None:
    assert found(tmp_path, web(MEMBERS, first=20) + background()) == ()


def test_sellers_and_buyers_apart_are_no_community(tmp_path: Path) -> None:
    block = [(s, b, day, 900) for s in range(10, 15) for b in range(15, 20) for day in (620, 680, 740)]
    assert found(tmp_path, block + background()) == ()


def test_no_history_and_no_invoices_bring_nothing(tmp_path: Path) -> None:
    assert found(tmp_path / "short", web(MEMBERS)) == ()
    void = {"invoice_id": "I1", "seller_id": "P001", "buyer_id": "P002", "issued_on": START, "amount": 1,
            "currency": "EUR", "status": "void", "status_on": START}  # fmt: skip
    read = in_order(snapshot(tmp_path, {"parties": parties(3), "invoices": [void]}, AS_OF))
    assert detect(read, TYPOLOGY.settings).findings == ()


def test_the_explanation_counts_and_accuses_nobody(tmp_path: Path) -> None:
    (finding,) = found(tmp_path, web(MEMBERS) + background())
    text = explain(finding, lambda code: f"Firm {code}", "EUR")
    for words in ("10 firms", "Firm 10", "with each other", "after none at all in the half year before"):
        assert words in text
    assert not {"fraud", "collusive", "fictitious", "suspect"} & set(text.lower().split())
