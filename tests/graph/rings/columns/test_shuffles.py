"""Shuffles keep what they promise (what each typology's keeps: see its tests)."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from graph.rings.columns.financings import financed_invoices
from graph.rings.columns.rows import days
from graph.rings.columns.shuffles import SHUFFLE_DAYS, permuted, redealt
from tests.graph.rings.columns.test_financings import financed, financing, invoice


def test_dealt_anew_no_invoice_is_financed_twice_and_shares_and_spans_stay(tmp_path: Path) -> None:
    rng = np.random.default_rng(3)
    invoices = [
        invoice(k, int(rng.integers(0, 4)), 5, k, amount=int(rng.integers(50_000, 900_000)))
        for k in range(150)
    ]
    wanted = [*range(0, 100, 2), *range(0, 20, 2)]
    financings = [
        financing(k, of, 6 + k % 3, of + 3, amount=invoices[of]["amount"] // 2) for k, of in enumerate(wanted)
    ]
    snap = financed(tmp_path, invoices, financings)
    before, after = financed_invoices(snap), financed_invoices(redealt(snap, rng))
    assert len(np.unique(after.invoice)) == len(after) == len(before) == 60
    assert np.array_equal(before.financier, after.financier)
    assert np.array_equal(before.financed_on, after.financed_on)
    assert np.array_equal(before.issued_on // 30, after.issued_on // 30)
    assert np.allclose(after.amount / after.invoice_amount, 0.5, atol=1e-4)
    assert (before.invoice != after.invoice).mean() > 0.7


def test_more_financings_than_invoices_leave_a_surplus_without_one(tmp_path: Path) -> None:
    snap = financed(tmp_path, [invoice(0)], [financing(k, 0, 5 + k, 2) for k in range(3)])
    dealt = redealt(snap, np.random.default_rng(0))
    assert sorted(dealt.tables["financings"]["invoice_id"].to_pylist(), key=str) == ["I0000", None, None]


def test_permuted_parties_stay_in_their_span_and_all_else_where_it_was(tmp_path: Path) -> None:
    rng = np.random.default_rng(1)
    rows = [invoice(k, k % 3, int(rng.integers(3, 12)), int(rng.integers(0, 90))) for k in range(200)]
    snap = financed(tmp_path, rows, [])
    changed = permuted(snap, "invoices", "buyer_id", "issued_on", rng)
    before, after = snap.tables["invoices"], changed.tables["invoices"]
    assert after.drop_columns("buyer_code").equals(before.drop_columns("buyer_code"))
    buyers = [table["buyer_code"].to_numpy() for table in (before, after)]
    assert (buyers[0] != buyers[1]).any()
    span = days(before["issued_on"]) // SHUFFLE_DAYS
    for one in np.unique(span):
        assert np.array_equal(*(np.sort(codes[span == one]) for codes in buyers))
