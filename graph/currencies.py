"""ISO 4217: which codes exist, and how many minor units one major unit has."""

from __future__ import annotations

from collections.abc import Mapping

from babel.numbers import get_currency_precision, list_currencies

#: Digits of the minor unit by currency code (USD 2, JPY 0, KWD 3), historical codes included.
MINOR_DIGITS: Mapping[str, int] = {code: get_currency_precision(code) for code in sorted(list_currencies())}
