"""What is unusual about a pair's invoices."""

from __future__ import annotations

import numpy as np

from graph.rings.patterns.trade_habits import is_round


def test_round_amounts_have_two_digits_before_their_zeros() -> None:
    amounts = np.array([1, 99, 100, 101, 110, 1_200_000, 1_230_000, 10**15])
    assert is_round(amounts).tolist() == [True, True, True, False, True, True, False, True]
