"""How explanations of rings write money, days, spans, counts, shares and names: one way for all of them."""

from __future__ import annotations

from collections.abc import Iterable

from graph.currencies import MINOR_DIGITS
from graph.relations import day_of

#: Names that a sentence lists before it counts the rest.
NAMES_LISTED = 8


def money(amount_minor: int, currency: str) -> str:
    """Minor units of an ISO 4217 currency: ``EUR 12,345.60``; currencies not known have two digits."""
    digits = MINOR_DIGITS.get(currency, 2)
    # Whole and fraction apart: a float would round amounts above 2**53.
    whole, fraction = divmod(abs(int(amount_minor)), 10**digits)
    text = f"{whole:,}" + (f".{fraction:0{digits}d}" if digits else "")
    return f"{currency} {'-' if amount_minor < 0 else ''}{text}"


def day(number: int) -> str:
    """Days since 1970-01-01 as ``2023-04-05``."""
    return day_of(number).isoformat()


def span(first_on: int, last_on: int) -> str:
    """``on 2023-04-05``, or ``between 2023-04-05 and 2023-05-17``; day numbers."""
    return f"on {day(first_on)}" if first_on == last_on else f"between {day(first_on)} and {day(last_on)}"


def counted(count: int, one: str, many: str | None = None) -> str:
    """``1 invoice``, ``2,000 invoices``; ``many`` where the plural takes more than an s."""
    return f"{count:,} {one if count == 1 else many or one + 's'}"


def share(part: float) -> str:
    """A share of one as ``12 %``; below ten per cent with one digit."""
    percent = 100 * part
    return f"{percent:.1f} %" if 0 < abs(percent) < 9.95 else f"{percent:.0f} %"


def times(count: int) -> str:
    """``once``, ``2 times``."""
    return "once" if count == 1 else f"{count} times"


def only_strongest(most: int, found: int, what: str) -> tuple[str, ...]:
    """The cut to be told where no more than ``most`` of those found are handed on; none where all are."""
    return (f"only the {most:,} strongest of {found:,} {what} are handed on",) if found > most else ()


def listing(names: Iterable[str], most: int = NAMES_LISTED) -> str:
    """``a``, ``a and b``, ``a, b and c``; beyond ``most`` names ``a, b and 7 others``."""
    shown = list(names)
    if len(shown) > most:
        shown[most - 1 :] = [f"{len(shown) - most + 1} others"]
    return shown[0] if len(shown) == 1 else ", ".join(shown[:-1]) + f" and {shown[-1]}" if shown else "nobody"
