"""Membership in rings as indicators: who is in one, how severe, and nothing where none were searched."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pyarrow as pa

from graph.indicators import compute
from graph.rings.membership import SCHEMA, with_rings
from graph.rings.typologies import TYPOLOGIES
from tests.ecosystems import parties, snapshot
from tests.graph.indicators.everything import AS_OF


def test_the_most_severe_ring_counts_and_nobody_else_is_in_one(tmp_path: Path) -> None:
    taken = snapshot(tmp_path, {"parties": parties(3)}, AS_OF)
    first, second = TYPOLOGIES[0].code, TYPOLOGIES[1].code
    rows = [
        {"ring_id": "a", "party_code": 0, "typology": first, "severity": 0.25},
        {"ring_id": "b", "party_code": 0, "typology": first, "severity": 0.5},
        {"ring_id": "c", "party_code": 0, "typology": second, "severity": 0.125},
        {"ring_id": "c", "party_code": 2, "typology": second, "severity": 0.125},
    ]
    ringed = replace(taken, tables={**taken.tables, "rings": pa.Table.from_pylist(rows, SCHEMA)})
    columns = compute(ringed).columns
    assert columns["rings_count"].tolist() == [3, 0, 1]
    assert columns["ring_severity"].tolist() == [0.5, 0, 0.125]
    assert columns[f"ring_severity_{first}"].tolist() == [0.5, 0, 0]
    assert columns[f"ring_severity_{second}"].tolist() == [0.125, 0, 0.125]
    nobody = replace(taken, tables={**taken.tables, "rings": SCHEMA.empty_table()})
    assert compute(nobody).columns["rings_count"].tolist() == [0, 0, 0]


def test_where_no_rings_were_searched_nothing_is_known(tmp_path: Path) -> None:
    taken = snapshot(tmp_path, {"parties": parties(3)}, AS_OF)
    assert with_rings(taken) is taken
    assert "rings_count" in compute(taken).absent
