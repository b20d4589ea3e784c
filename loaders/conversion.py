"""From what a file holds to the contract's types, as SQL over whole columns.

Each value is *taken* (column, constant or expression), then *converted*; a value that is there but cannot
be converted is a fault with its reason, never a silent null.
"""

from __future__ import annotations

import string
from dataclasses import dataclass, field, replace
from datetime import date

from graph.contract import DUCKDB_TYPES, Column
from graph.currencies import MINOR_DIGITS
from graph.sql import literal
from loaders.mapping import ColumnMapping, NumberText, Scalar

DEFAULT_DATES = (
    "%Y-%m-%d",
    "%Y-%m-%d %H:%M:%S",
    "%Y-%m-%d %H:%M:%S.%f",
    "%Y-%m-%dT%H:%M:%S",
    "%Y-%m-%dT%H:%M:%S.%f",
    "%Y-%m-%dT%H:%M:%SZ",
    "%Y-%m-%dT%H:%M:%S.%fZ",
)
#: Words among the date formats: numbers that stand for days, as SQL over a number.
NUMBERED_DATES = {
    "epoch_s": "CAST(make_timestamp(CAST({} * 1000000 AS BIGINT)) AS DATE)",
    "epoch_ms": "CAST(make_timestamp(CAST({} * 1000 AS BIGINT)) AS DATE)",
    "excel": "DATE '1899-12-30' + CAST(floor({}) AS INTEGER)",
}
_SPACES = "' \t\r\n\u00a0\u3000'"
_TRUE, _FALSE = ("true", "t", "yes", "y", "1"), ("false", "f", "no", "n", "0")
_WHOLE = (
    "TINYINT",
    "SMALLINT",
    "INTEGER",
    "BIGINT",
    "HUGEINT",
    "UTINYINT",
    "USMALLINT",
    "UINTEGER",
    "UBIGINT",
)


@dataclass(frozen=True)
class Settings:
    """What a column inherits from its file: null texts, date formats, the writing of numbers."""

    nulls: tuple[str, ...] = ()
    dates: tuple[str, ...] = ()
    numbers: NumberText = field(default_factory=NumberText)


@dataclass(frozen=True)
class Conversion:
    """SQL of a converted value and, where it can fail, of the fault; ``reason`` and ``expected`` name it."""

    sql: str
    reason: str = ""
    expected: str = ""


def constant(value: Scalar | None, kind: str) -> str:
    """``value`` as SQL of DuckDB type ``kind``."""
    if value is None:
        text = "NULL"
    elif isinstance(value, str | date):
        text = literal(str(value))
    else:
        text = str(value).lower() if isinstance(value, bool) else repr(value)
    return f"CAST({text} AS {kind})"


def trimmed_text(raw: str) -> str:
    """Text without the spaces around it, null where nothing is left.

    Trimming costs more than all else there is to do with a text, so a column is asked first whether the
    value begins and ends with a printable sign.
    """
    trimmed = f"nullif(trim({raw}, {_SPACES}), '')"
    if not raw.replace(".", "_").isidentifier():
        return trimmed
    printable = f"{raw} > '!' AND {raw} < '~' AND {raw}[-1] BETWEEN '!' AND '~'"
    return f"CASE WHEN {printable} THEN {raw} ELSE {trimmed} END"


def _text(raw: str, source: str, nulls: tuple[str, ...] = ()) -> str:
    """``raw`` of type ``source`` as trimmed text; null where it is empty or one of ``nulls``."""
    if source == "VARCHAR":
        text = trimmed_text(raw)
    elif source in ("DOUBLE", "FLOAT"):
        whole = f"TRY_CAST({raw} AS BIGINT)"
        text = f"CASE WHEN {raw} = {whole} THEN CAST({whole} AS VARCHAR) ELSE CAST({raw} AS VARCHAR) END"
    elif source.startswith("TIMESTAMP"):
        text = f"replace(CAST({raw} AS VARCHAR), ' 00:00:00', '')"
    else:
        text = f"CAST({raw} AS VARCHAR)"
    if nulls:
        text = f"CASE WHEN {text} IN ({', '.join(map(literal, nulls))}) THEN NULL ELSE {text} END"
    return text


def _number_text(text: str, numbers: NumberText) -> str:
    """Text of a number with '.' as decimal mark; null where its marks are not where they belong."""
    if numbers.strip:
        text = f"trim(translate({text}, {literal(numbers.strip)}, ''))"
    if numbers.negatives != "leading":
        written = r"(.*)-" if numbers.negatives == "trailing" else r"\((.*)\)"
        text = f"trim(regexp_replace({text}, '^{written}$', '-\\1'))"
    if not numbers.thousands and numbers.decimal == ".":
        return text
    decimal, thousands = (_escaped(mark) for mark in (numbers.decimal, numbers.thousands))
    grouped = rf"\d{{1,3}}(?:{thousands}\d{{3}})+|\d+" if thousands else r"\d+"
    pattern = rf"[+-]?(?:{grouped})(?:{decimal}\d*)?(?:[eE][+-]?\d+)?"
    plain = f"replace({text}, {literal(numbers.thousands)}, '')" if thousands else text
    plain = f"replace({plain}, {literal(numbers.decimal)}, '.')"
    return f"CASE WHEN regexp_full_match({text}, {literal(pattern)}) THEN {plain} END"


def _escaped(mark: str) -> str:
    return f"\\{mark}" if mark in string.punctuation and mark else mark


def minor_units_sql(currency: str | None) -> str:
    """Minor units of a major unit of the currency in SQL expression ``currency`` (2 digits if unknown)."""
    if currency is None:
        return "100"
    by_digits: dict[int, list[str]] = {}
    for code, digits in MINOR_DIGITS.items():
        if digits != 2:
            by_digits.setdefault(digits, []).append(literal(code))
    cases = " ".join(
        f"WHEN {currency} IN ({', '.join(codes)}) THEN {10**d}" for d, codes in by_digits.items()
    )
    return f"CASE {cases} ELSE 100 END"


@dataclass(frozen=True)
class Taken:
    """A value as taken from the file: SQL name ``raw`` and DuckDB type ``kind``."""

    raw: str
    kind: str


def convert(
    taken: Taken, column: Column, mapping: ColumnMapping, settings: Settings, currency: str | None
) -> Conversion:
    """How a taken value becomes the type of ``column``; ``currency`` is SQL for the row's currency."""
    nulls = (*settings.nulls, *mapping.nulls)
    if mapping.values:
        mapped = _mapped(_text(taken.raw, taken.kind, nulls), mapping)
        taken = Taken(mapped, "VARCHAR")
    elif mapping.nulls or (settings.nulls and taken.kind in ("VARCHAR", "DOUBLE", "FLOAT")):
        taken = Taken(_text(taken.raw, taken.kind, nulls), "VARCHAR")
    numbers = settings.numbers.overlaid(mapping.marks)
    if column.type == "text":
        conversion = Conversion(_as_text(taken, mapping))
    elif column.type == "date":
        conversion = _as_date(taken, mapping.dates or settings.dates or DEFAULT_DATES)
    elif column.type == "bool":
        conversion = _as_bool(taken)
    elif column.type == "money":
        conversion = _as_money(taken, mapping, numbers, currency)
    else:
        conversion = _as_number(taken, mapping, numbers, whole=column.type == "int")
    if mapping.values and mapping.others == "refuse":
        known = ", ".join(list(mapping.values)[:20])
        conversion = Conversion(conversion.sql, "value_not_mapped", f"one of {known}")
    return conversion


def _mapped(text: str, mapping: ColumnMapping) -> str:
    cases = " ".join(
        f"WHEN {literal(key)} THEN {constant(value, 'VARCHAR')}" for key, value in mapping.values.items()
    )
    others = text if mapping.others == "keep" else "NULL"
    return f"CASE {text} {cases} ELSE {others} END"


def _as_text(taken: Taken, mapping: ColumnMapping) -> str:
    text = (
        f"nfc_normalize({_text(taken.raw, taken.kind)})"
        if taken.kind == "VARCHAR"
        else _text(taken.raw, taken.kind)
    )
    if mapping.case:
        text = f"{mapping.case}({text})"
    return f"{literal(mapping.prefix)} || {text}" if mapping.prefix else text


def _as_date(taken: Taken, formats: tuple[str, ...]) -> Conversion:
    expected = f"a date as {' or '.join(formats)}"
    if formats == DEFAULT_DATES:
        expected = "a date such as 2020-01-31 (other forms: dates in the mapping)"
    if taken.kind == "DATE" or taken.kind.startswith("TIMESTAMP"):
        return Conversion(f"TRY_CAST({taken.raw} AS DATE)", "not_a_date", "a date")
    text = _text(taken.raw, taken.kind)
    written = [literal(format_) for format_ in formats if format_ not in NUMBERED_DATES]
    found = [f"CAST(try_strptime({text}, [{', '.join(written)}]) AS DATE)"] if written else []
    number = f"TRY_CAST({text} AS DOUBLE)"
    found += [f"TRY({NUMBERED_DATES[name].format(number)})" for name in formats if name in NUMBERED_DATES]
    return Conversion(
        found[0] if len(found) == 1 else f"coalesce({', '.join(found)})", "not_a_date", expected
    )


def _as_bool(taken: Taken) -> Conversion:
    if taken.kind == "BOOLEAN":
        return Conversion(taken.raw)
    text = f"lower({_text(taken.raw, taken.kind)})"
    true, false = (", ".join(map(literal, words)) for words in (_TRUE, _FALSE))
    sql = f"CASE WHEN {text} IN ({true}) THEN true WHEN {text} IN ({false}) THEN false END"
    return Conversion(sql, "not_a_boolean", f"one of {', '.join(_TRUE + _FALSE)}")


def _is_number(kind: str) -> bool:
    return kind in _WHOLE or kind in ("DOUBLE", "FLOAT") or kind.startswith("DECIMAL")


def _as_number(taken: Taken, mapping: ColumnMapping, numbers: NumberText, *, whole: bool) -> Conversion:
    if taken.kind == "BOOLEAN" or _is_number(taken.kind):
        number = f"TRY_CAST({taken.raw} AS DOUBLE)"
    else:
        text = _text(taken.raw, taken.kind)
        flag = f"CASE lower({text}) WHEN 'true' THEN 1 WHEN 'false' THEN 0 END"
        number = f"coalesce(TRY_CAST({_number_text(text, numbers)} AS DOUBLE), {flag})"
    if mapping.scale != 1:
        number = f"({number} * {mapping.scale!r})"
    if mapping.absolute:
        number = f"abs({number})"
    if not whole:
        return Conversion(number, "not_a_number", _number_form(numbers))
    sql = f"CASE WHEN {number} = trunc({number}) THEN TRY_CAST({number} AS BIGINT) END"
    return Conversion(sql, "not_a_whole_number", "a whole number")


def _as_money(taken: Taken, mapping: ColumnMapping, numbers: NumberText, currency: str | None) -> Conversion:
    """Minor units; their absolute value where the mapping says so."""
    signed = _as_signed_money(taken, mapping, numbers, currency)
    return replace(signed, sql=f"abs({signed.sql})") if mapping.absolute else signed


def _as_signed_money(
    taken: Taken, mapping: ColumnMapping, numbers: NumberText, currency: str | None
) -> Conversion:
    if mapping.unit == "minor" and mapping.scale == 1:
        whole = f"TRY_CAST({taken.raw} AS BIGINT)"
        if taken.kind not in _WHOLE:
            text = _number_text(_text(taken.raw, taken.kind), numbers)
            whole = (
                rf"CASE WHEN regexp_full_match({text}, '[+-]?\d+(\.0*)?') THEN TRY_CAST({text} AS BIGINT) END"
            )
        return Conversion(whole, "not_an_amount", "a whole number of minor units")
    amount = taken.raw if _is_number(taken.kind) else _number_text(_text(taken.raw, taken.kind), numbers)
    factor = "1" if mapping.unit == "minor" else minor_units_sql(currency)
    if taken.kind in ("DOUBLE", "FLOAT") or mapping.scale != 1:
        product = f"round(TRY_CAST({amount} AS DOUBLE) * {mapping.scale!r} * {factor}, 0)"
    else:
        # 18 digits hold more than the contract's maximum; DuckDB reads wider ones from text 150 times slower.
        product = (
            f"CAST(TRY_CAST({amount} AS DECIMAL(18, 4)) AS DECIMAL(28, 4)) * CAST({factor} AS DECIMAL(5, 0))"
        )
    whole = f"TRY_CAST({product} AS BIGINT)"
    return Conversion(whole, "not_an_amount", _number_form(numbers))


def _number_form(numbers: NumberText) -> str:
    marks = f"decimal mark {numbers.decimal!r}"
    return (
        f"a number ({marks}, thousands {numbers.thousands!r})" if numbers.thousands else f"a number ({marks})"
    )


def target_type(column: Column) -> str:
    """DuckDB type of ``column``."""
    return DUCKDB_TYPES[column.type]


def with_default(sql: str, default: Scalar | None, column: Column) -> str:
    """``sql``, nulls filled with ``default``."""
    return sql if default is None else f"coalesce({sql}, {constant(default, target_type(column))})"
