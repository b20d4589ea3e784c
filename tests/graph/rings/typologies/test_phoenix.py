"""New firms that carry on a failed one's business, and those who only begin at the same time."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from graph.relations import day_number
from graph.rings.columns.flows import invoice_flows
from graph.rings.columns.lives import lives_of
from graph.rings.detection import find_rings, in_order
from graph.rings.finding import Detection
from graph.rings.typologies.phoenix import TYPOLOGY, PhoenixSettings, detect, shuffle
from graph.snapshot import Snapshot
from tests.ecosystems import parties, snapshot

AS_OF = date(2023, 12, 31)
FIRMS, PEOPLE = 120, 40
OLD, NEW, PERSON = 0, 1, 125
CUSTOMERS = range(10, 18)
FAILED_ON = date(2022, 9, 1)
Row = dict[str, Any]


def link(source: int, target: int, kind: str, since: date = date(2020, 1, 1)) -> Row:
    return {
        "source_id": f"P{source:03d}",
        "target_id": f"P{target:03d}",
        "kind": kind,
        "valid_from": since,
    }


class Books:
    """Invoices, numbered as they come."""

    def __init__(self) -> None:
        self.rows: list[Row] = []

    def sell(self, seller: int, buyers: range | list[int], first: date, last: date, every: int = 40) -> None:
        """An invoice to each buyer every so many days."""
        for buyer in buyers:
            for number in range(((last - first).days - 1) // every + 1):
                self.rows.append(
                    {
                        "invoice_id": f"I{len(self.rows):05d}",
                        "seller_id": f"P{seller:03d}",
                        "buyer_id": f"P{buyer:03d}",
                        "issued_on": first + timedelta(days=every * number + (buyer + seller) % every),
                        "amount": 50_000,
                        "currency": "EUR",
                    }
                )


def market() -> Books:
    """Firms 20 to 99 sell to five others each, all the time."""
    books, random = Books(), np.random.default_rng(4)
    for seller in range(20, 100):
        others = random.choice([code for code in range(10, 100) if code != seller], 5, replace=False)
        books.sell(seller, sorted(others.tolist()), date(2021, 1, 1), date(2023, 10, 1), every=150)
    return books


def succession(
    taken: int = 6, begun: date = date(2022, 10, 1), until: date = FAILED_ON, new: int = NEW
) -> Books:
    """OLD sells to eight customers until it fails; NEW to the first of them, and to one of its own."""
    books = market()
    books.sell(OLD, CUSTOMERS, date(2021, 1, 1), until)
    books.sell(new, [*list(CUSTOMERS)[:taken], 90], begun, date(2023, 10, 1))
    return books


SAME_PERSON = [link(PERSON, OLD, "OWNS"), link(PERSON, NEW, "LEGAL_REP_OF", date(2022, 9, 15))]
BANKRUPTCY = {
    "outcome_id": "O1",
    "party_id": "P000",
    "kind": "bankruptcy",
    "occurred_on": FAILED_ON,
    "value": 1,
}


def data(folder: Path, links: list[Row], books: Books, outcomes: list[Row] | None = None) -> Snapshot:
    people = parties(FIRMS + PEOPLE, industry="A")
    for row in people[FIRMS:]:
        row["kind"] = "person"
    tables = {"parties": people, "links": links, "invoices": books.rows, "outcomes": outcomes or []}
    return in_order(snapshot(folder, tables, AS_OF))


def seen(
    folder: Path, links: list[Row], books: Books, outcomes: list[Row] | None = None, **settings: int
) -> Detection:
    return detect(data(folder, links, books, outcomes), replace(PhoenixSettings(), **settings))


def test_a_new_firm_with_people_and_customers_of_a_bankrupt_one_is_found(tmp_path: Path) -> None:
    (found,) = seen(tmp_path, SAME_PERSON, succession(), [BANKRUPTCY]).findings
    roles = {member.code: member.role for member in found.members}
    assert roles == {OLD: "predecessor", NEW: "successor", PERSON: "controller"}
    assert (found.facts["taken"], found.facts["had"], found.facts["has"]) == (6, 8, 7)
    assert (found.facts["declared"], found.first_on) == (1, day_number(FAILED_ON))
    tables = [row.table for row in found.evidence]
    assert (tables.count("outcomes"), tables.count("invoices"), tables.count("links")) == (1, 6, 2)
    assert found.amount == 50_000 * sum(
        row["seller_id"] == "P001" and row["buyer_id"] in {f"P{c:03d}" for c in list(CUSTOMERS)[:6]}
        for row in succession().rows
    )


def test_trade_that_stops_is_a_failure_too(tmp_path: Path) -> None:
    (found,) = seen(tmp_path, SAME_PERSON, succession()).findings
    assert found.facts["declared"] == 0
    assert day_number(FAILED_ON) - 40 <= int(found.facts["failed_on"]) <= day_number(FAILED_ON) + 40


@pytest.mark.parametrize(
    "links",
    [
        [link(OLD, NEW, "SHARES_ADDRESS")],
        [link(PERSON, OLD, "OWNS"), link(126, NEW, "OWNS"), link(PERSON, 126, "SHARES_PHONE")],
    ],
)
def test_an_address_or_people_who_share_a_phone_tie_as_well(tmp_path: Path, links: list[Row]) -> None:
    assert len(seen(tmp_path, links, succession(), [BANKRUPTCY]).findings) == 1


def test_an_entrant_without_a_tie_has_won_customers(tmp_path: Path) -> None:
    own = [link(PERSON, OLD, "OWNS"), link(126, NEW, "OWNS")]
    assert not seen(tmp_path / "none", own, succession(), [BANKRUPTCY]).findings
    assert not seen(tmp_path / "few", SAME_PERSON, succession(taken=1), [BANKRUPTCY]).findings


def test_a_declared_successor_hides_nothing(tmp_path: Path) -> None:
    for kind in ("OWNS", "BRANCH_OF"):
        merged = [*SAME_PERSON, link(NEW, OLD, kind, date(2022, 9, 1))]
        assert not seen(tmp_path / kind, merged, succession(), [BANKRUPTCY]).findings


def test_a_spin_off_whose_old_firm_lives_on_is_none(tmp_path: Path) -> None:
    lives_on = succession(until=date(2023, 10, 1))
    assert not seen(tmp_path / "a", SAME_PERSON, lives_on).findings
    # Not even where an outcome says it failed, and it traded on.
    assert not seen(tmp_path / "b", SAME_PERSON, lives_on, [BANKRUPTCY]).findings


def test_an_outcome_stated_not_to_have_happened_is_none(tmp_path: Path) -> None:
    (found,) = seen(tmp_path, SAME_PERSON, succession(), [{**BANKRUPTCY, "value": 0}]).findings
    assert found.facts["declared"] == 0


def test_the_new_firm_begins_around_the_failure(tmp_path: Path) -> None:
    early = succession(begun=date(2021, 12, 1))
    assert not seen(tmp_path / "early", SAME_PERSON, early, [BANKRUPTCY]).findings
    assert not seen(tmp_path / "late", SAME_PERSON, succession(), [BANKRUPTCY], begun_after_days=10).findings


def test_an_agent_of_many_ties_nobody(tmp_path: Path) -> None:
    clients = [link(PERSON, firm, "LEGAL_REP_OF") for firm in range(50)]
    found = seen(tmp_path, clients, succession(), [BANKRUPTCY])
    assert not found.findings
    assert found.cuts == ("1 parties with over 40 ties (addresses, agents) were not walked through",)


def test_in_shuffles_failed_firms_change_places_with_failed_ones(tmp_path: Path) -> None:
    before = data(tmp_path, SAME_PERSON, succession(), [BANKRUPTCY])
    after = shuffle(before, np.random.default_rng(3))
    assert after.tables["invoices"] is before.tables["invoices"]
    assert after.tables["links"]["source_code"].to_pylist() == [PERSON, PERSON]
    lives = lives_of(before, invoice_flows(before))
    assert lives.failed_on[OLD] == day_number(FAILED_ON)
    assert lives.begun_on[NEW] > 0
    assert lives.begun_on[OLD] == -1


def test_a_ring_stands_out_and_is_explained(tmp_path: Path) -> None:
    rings = find_rings(data(tmp_path, SAME_PERSON, succession(), [BANKRUPTCY]), [TYPOLOGY]).rings
    assert [sorted(ring.finding.codes) for ring in rings] == [[OLD, NEW, PERSON]]
    text = TYPOLOGY.explain(rings[0].finding, lambda code: f"firm {code}", "EUR")
    assert text.startswith(
        "The records show that firm 0 is recorded as failed on 2022-09-01, and that firm 1"
    )
    assert "6 of the 8 counterparties of its last year" in text
    assert "over firm 125" in text


def test_without_trade_or_ties_there_is_nothing(tmp_path: Path) -> None:
    void = Books()
    void.sell(0, [1], date(2022, 1, 1), date(2022, 1, 2))
    void.rows[0]["status"] = "void"
    void.rows[0]["status_on"] = date(2022, 2, 1)
    assert not seen(tmp_path / "void", SAME_PERSON, void).findings
    assert not seen(tmp_path / "ties", [link(3, 4, "GUARANTEES")], market()).findings
