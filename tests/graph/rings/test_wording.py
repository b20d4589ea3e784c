"""Money, days and names in sentences."""

from __future__ import annotations

from datetime import date

from graph.relations import day_number
from graph.rings.wording import counted, day, listing, money, only_strongest, share, span, times


def test_money_has_the_digits_of_its_currency() -> None:
    assert money(1_234_567, "EUR") == "EUR 12,345.67"
    assert money(5, "EUR") == "EUR 0.05"
    assert money(-5, "EUR") == "EUR -0.05"
    assert money(1_234, "JPY") == "JPY 1,234"
    assert money(1_234, "KWD") == "KWD 1.234"
    assert money(9_007_199_254_740_993_01, "EUR") == "EUR 9,007,199,254,740,993.01"


def test_days_and_spans() -> None:
    number = day_number(date(2024, 2, 29))
    assert day(number) == "2024-02-29"
    assert span(number, number) == "on 2024-02-29"
    assert span(number, number + 1) == "between 2024-02-29 and 2024-03-01"


def test_counts_and_shares() -> None:
    assert counted(1, "invoice") == "1 invoice"
    assert counted(2_000, "company", "companies") == "2,000 companies"
    assert (share(0.0), share(0.034), share(0.5)) == ("0 %", "3.4 %", "50 %")
    assert (times(1), times(12)) == ("once", "12 times")


def test_a_cut_is_told_where_something_was_cut() -> None:
    assert only_strongest(20_000, 20_000, "circles") == ()
    assert only_strongest(20_000, 20_001, "circles") == (
        "only the 20,000 strongest of 20,001 circles are handed on",
    )


def test_long_lists_count_the_rest() -> None:
    assert listing([]) == "nobody"
    assert listing(["a"]) == "a"
    assert listing(["a", "b"]) == "a and b"
    assert listing(["a", "b", "c"]) == "a, b and c"
    assert listing(list("abcdef"), most=4) == "a, b, c and 3 others"
