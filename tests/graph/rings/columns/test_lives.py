"""Relations of firms with their partners."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import numpy as np

from graph.relations import day_number
from graph.rings.columns.flows import invoice_flows
from graph.rings.columns.lives import partners_of
from tests.graph.rings.typologies.test_phoenix import FIRMS, PEOPLE, SAME_PERSON, data, succession


def test_partners_are_those_of_a_plain_search(tmp_path: Path) -> None:
    books = succession()
    flows = invoice_flows(data(tmp_path, SAME_PERSON, books))
    partners = partners_of(flows, FIRMS + PEOPLE)
    plain: dict[tuple[int, int], list[date]] = {}
    for row in books.rows:
        seller, buyer = int(row["seller_id"][1:]), int(row["buyer_id"][1:])
        plain.setdefault((seller, 2 * buyer), []).append(row["issued_on"])
        plain.setdefault((buyer, 2 * seller + 1), []).append(row["issued_on"])
    assert list(zip(partners.firm.tolist(), partners.partner.tolist(), strict=True)) == sorted(plain)
    assert partners.first_on.tolist() == [day_number(min(plain[key])) for key in sorted(plain)]
    assert partners.last_on.tolist() == [day_number(max(plain[key])) for key in sorted(plain)]
    firms = np.array([0, 1, 159], np.int32)
    at, rows = partners.rows_of(firms)
    assert np.bincount(at, minlength=3).tolist() == [8, 7, 0]
    assert (partners.find(partners.firm[rows], partners.partner[rows]) == rows).all()
    assert partners.find(np.array([159], np.int32), np.array([3])).tolist() == [-1]
