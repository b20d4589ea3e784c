"""Columns as arrays, positions and ranges, and rows as findings cite them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from graph.rings.columns.rows import bounds, evidence_rows, matches, positions, ranges, text_codes
from graph.rings.detection import in_order
from graph.rings.finding import EvidenceRow
from tests.ecosystems import parties, snapshot
from tests.graph.rings.columns.test_financings import AS_OF, invoice

TEXTS = st.lists(st.none() | st.sampled_from("abcdef"), max_size=9)


@given(TEXTS, st.lists(st.sampled_from("abcd"), unique=True, max_size=4), st.booleans())
def test_positions_are_those_of_a_plain_search(
    values: list[str | None], among: list[str], null: bool
) -> None:
    held = [*among, *([None] if null else [])]
    found = positions(pa.chunked_array([values], pa.string()), pa.chunked_array([held], pa.string()))
    assert found.tolist() == [among.index(value) if value in among else -1 for value in values]


@given(st.lists(st.integers(0, 5), max_size=6), st.lists(st.integers(0, 5), max_size=9))
def test_matches_are_those_of_a_plain_search(wanted: list[int], held: list[int]) -> None:
    ascending = np.sort(np.array(held, np.int64))
    found = matches(np.array(wanted, np.int64), ascending)
    pairs = [(k, at) for k, value in enumerate(wanted) for at in np.flatnonzero(ascending == value).tolist()]
    assert list(zip(*(column.tolist() for column in found), strict=True)) == pairs


def test_ranges_go_by_their_bounds() -> None:
    found = bounds(np.array([2, 0, 3]))
    assert found.tolist() == [0, 2, 2, 5]
    k, row = ranges(found[:-1], found[1:])
    assert (k.tolist(), row.tolist()) == ([0, 0, 2, 2, 2], [0, 1, 2, 3, 4])


def test_texts_are_numbered_and_null_is_none() -> None:
    assert text_codes(pa.chunked_array([["b", None], ["a", "b"]])).tolist() == [0, -1, 1, 0]


def test_rows_are_cited_by_their_keys_parties_by_their_ids(tmp_path: Path) -> None:
    ends = {"source_id": "P002", "target_id": "P001"}
    links = [{**ends, "kind": "OWNS", "valid_from": AS_OF.replace(year=2020)}]
    taken = in_order(
        snapshot(
            tmp_path, {"parties": parties(3), "links": links, "invoices": [invoice(7), invoice(3)]}, AS_OF
        )
    )
    assert evidence_rows(taken, "links", [0]) == (
        EvidenceRow("links", ("P002", "P001", "OWNS", "2020-12-31")),
    )
    assert [row.key for row in evidence_rows(taken, "invoices", np.array([1, 0]))] == [("I0007",), ("I0003",)]
    assert evidence_rows(taken, "invoices", []) == ()
