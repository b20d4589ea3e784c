"""How foreign files write numbers, dates, flags and lines, and how they are packed."""

from __future__ import annotations

import bz2
import gzip
import io
import json
import lzma
import zipfile
from datetime import UTC, date, datetime
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from graph.errors import LoadRefused
from tests.loaders.sources import HEADER, MAPPING, Shop, balanced, ledger, write_csv

AMOUNTS = [
    # (how the file writes numbers, a number so written, minor units)
    ('decimal: ",", thousands: "."', "1.234,50", 123450),
    ('decimal: ",", thousands: ".", strip: "€ "', "€ 1.234,50", 123450),
    ('strip: "$", thousands: ","', "$1,234.50", 123450),
    ('thousands: "\\u202f", decimal: ","', "1\u202f234,50", 123450),
    ("negatives: trailing", "12.50-", -1250),
    ("negatives: parentheses", "(12.50)", -1250),
    ('negatives: parentheses, strip: "$", thousands: ","', "($1,234.50)", -123450),
    ('negatives: trailing, decimal: ",", thousands: "."', "1.234,50-", -123450),
    ('decimal: ","', "-12,5", -1250),
]


@pytest.mark.parametrize(("file", "text", "units"), AMOUNTS)
def test_numbers_as_foreign_files_write_them(shop: Shop, file: str, text: str, units: int) -> None:
    rows = ledger(40)
    for row in rows:
        row[HEADER.index("amount")] = text
    write_csv(shop.folder / "ledger.csv", rows, delimiter="|")
    shop.file = f'delimiter: "|", {file}'
    if units < 0:
        with pytest.raises(LoadRefused, match="amount_in_range 40"):
            shop.load()
    absolute = "amount: {{column: amount, unit: major, absolute: true}}"
    shop.mapping = MAPPING.replace("amount: {{column: amount, unit: major}}", absolute)
    shop.load()
    assert shop.rows("SELECT DISTINCT amount FROM invoices") == [(abs(units),)]


def test_a_column_says_only_what_is_otherwise_than_in_its_file(shop: Shop) -> None:
    rows = ledger(40)
    for row in rows:
        row[HEADER.index("amount")] = "1.234,50 EUR"
    write_csv(shop.folder / "ledger.csv", rows, delimiter="|")
    shop.file = 'delimiter: "|", decimal: ",", thousands: "."'
    shop.mapping = MAPPING.replace("amount, unit: major", 'amount, unit: major, strip: " EUR"')
    shop.load()
    assert shop.rows("SELECT DISTINCT amount FROM invoices") == [(123450,)]


def test_a_columns_own_decimal_mark_is_no_thousands_separator(shop: Shop) -> None:
    write_csv(shop.folder / "ledger.csv", ledger(40), delimiter="|")
    shop.file = 'delimiter: "|", decimal: ",", thousands: "."'
    shop.mapping = MAPPING.replace("amount, unit: major", 'amount, unit: major, decimal: "."')
    shop.load()
    assert shop.rows("SELECT amount FROM invoices WHERE invoice_id = 'I7'") == [(750,)]


DAY = date(2020, 1, 5)
MOMENT = datetime(2020, 1, 5, 23, 59, 59, tzinfo=UTC)
DAYS = [
    ("epoch_s", str(int(MOMENT.timestamp()))),
    ("epoch_s", f"{MOMENT.timestamp():.3f}"),
    ("epoch_ms", str(int(MOMENT.timestamp() * 1000))),
    ("excel", "43835"),
    ("excel", "43835.75"),
    ("%d.%m.%Y", "05.01.2020"),
    ("%d.%m.%Y", "5.1.2020"),
    ("%m/%d/%y %H:%M", "1/5/20 13:45"),
    ("%Y%m%d", "20200105"),
    ("%Y-%m-%dT%H:%M:%S%z", "2020-01-05T23:00:00+02:00"),
]


@pytest.mark.parametrize(("format_", "text"), DAYS)
def test_days_as_foreign_files_write_them(shop: Shop, format_: str, text: str) -> None:
    rows = ledger(40)
    for row in rows:
        row[HEADER.index("issued")] = text
    rows[3][HEADER.index("issued")] = "soon"
    write_csv(shop.folder / "ledger.csv", rows)
    shop.mapping = MAPPING.replace(
        "issued_on: issued", f"issued_on: {{{{column: issued, dates: ['{format_}']}}}}"
    )
    report = shop.load()
    assert shop.rows("SELECT DISTINCT issued_on FROM invoices") == [(DAY,)]
    assert report.reasons == {"not_a_date": 1}


@pytest.mark.parametrize("text", ["2020-01-05T23:00:00Z", "2020-01-05T23:00:00.123Z", "2020-01-05 23:00:00"])
def test_timestamps_in_utc_need_no_word(shop: Shop, text: str) -> None:
    rows = ledger(40)
    for row in rows:
        row[HEADER.index("issued")] = text
    write_csv(shop.folder / "ledger.csv", rows)
    shop.load()
    assert shop.rows("SELECT DISTINCT issued_on FROM invoices") == [(DAY,)]


@settings(max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(st.one_of(st.integers(), st.floats().map(str), st.text("0123456789-.e", min_size=1, max_size=30)))
def test_no_number_of_seconds_breaks_a_load(shop: Shop, value: object) -> None:
    rows = ledger(40)
    rows[0][HEADER.index("issued")] = f"{value}"
    for row in rows[1:]:
        row[HEADER.index("issued")] = "1578268799"
    write_csv(shop.folder / "ledger.csv", rows)
    shop.mapping = MAPPING.replace("issued_on: issued", "issued_on: {{column: issued, dates: epoch_s}}")
    assert balanced(shop.load())


def packed(name: str, data: bytes) -> bytes:
    if name == "zip":
        buffer = io.BytesIO()
        with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr("__MACOSX/._ledger.csv", b"x")
            archive.writestr("ledger.csv", data)
        return buffer.getvalue()
    return {"gz": gzip.compress, "bz2": bz2.compress, "xz": lzma.compress}[name](data)


@pytest.mark.parametrize("name", ["gz", "bz2", "xz", "zip"])
def test_packed_files_are_unpacked_and_damaged_ones_refused(shop: Shop, name: str) -> None:
    plain = write_csv(shop.folder / "plain", ledger()).read_bytes()
    (shop.folder / "plain").unlink()
    path = shop.folder / f"ledger.csv.{name}"
    whole = packed(name, plain)
    path.write_bytes(whole)
    assert shop.load().tables["invoices"].accepted == 200
    path.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(LoadRefused, match="damaged or truncated"):
        shop.load()


def test_an_archive_of_several_files_and_a_workbook_are_named(shop: Shop) -> None:
    path = shop.folder / "ledger.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("a.csv", "a")
        archive.writestr("b.csv", "b")
    with pytest.raises(LoadRefused, match=r"zip archive of 2 files \(a.csv, b.csv\); unpack it"):
        shop.load()
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("[Content_Types].xml", "a")
    path.rename(shop.folder / "ledger.xlsx")
    with pytest.raises(LoadRefused, match="Excel workbook"):
        shop.load()


def as_records() -> list[dict[str, str | None]]:
    return [dict(zip(HEADER, row, strict=True)) for row in ledger()]


@pytest.mark.parametrize("form", ["array", "pretty", "wrapped", "lines"])
def test_json_as_interfaces_give_it(shop: Shop, form: str) -> None:
    records = as_records()
    text = {
        "array": json.dumps(records),
        "pretty": json.dumps(records, indent=2),
        "wrapped": json.dumps({"count": 200, "data": records}, indent=2),
        "lines": "\n".join(map(json.dumps, records)),
    }[form]
    (shop.folder / "ledger.json").write_text(text)
    report = shop.load()
    assert report.tables["invoices"].accepted == 200
    assert balanced(report)


def test_json_that_is_cut_off_is_refused(shop: Shop) -> None:
    path = shop.folder / "ledger.json"
    path.write_text(json.dumps(as_records())[:5000])
    with pytest.raises(LoadRefused, match=r"^ledger.json: is no JSON \(.*fetch it again$"):
        shop.load()
    path.write_text('"words"')
    with pytest.raises(LoadRefused, match=r"^ledger.json: holds no list of objects"):
        shop.load()


def test_nested_json_is_reached_by_expressions(shop: Shop) -> None:
    records = [{**record, "buyer": {"id": record["buyer"]}} for record in as_records()]
    (shop.folder / "ledger.jsonl").write_text("\n".join(map(json.dumps, records)))
    shop.mapping = MAPPING.replace("column: buyer", "expr: \"json_extract_string(buyer, '$.id')\"")
    assert shop.load().tables["invoices"].accepted == 200
    assert shop.rows("SELECT count(*) FROM party_dictionary WHERE party_id = 'b:B3'") == [(1,)]


def test_flags_are_numbers_where_numbers_are_asked_for(shop: Shop) -> None:
    rows = ledger(40)
    for number, row in enumerate(rows):
        row[HEADER.index("currency")] = ("True", "FALSE")[number % 2]
    write_csv(shop.folder / "ledger.csv", rows)
    shop.mapping = MAPPING.replace("currency: currency", "currency: {{value: EUR}}").replace(
        "known_on: booked}}", "known_on: booked, x_flag: currency}}", 1
    )
    shop.load()
    assert set(shop.rows("SELECT DISTINCT x_flag FROM parties")) == {(1.0,), (0.0,), (None,)}


def test_steps_since_a_chosen_day_and_columns_turned_into_rows(tmp_path: Path) -> None:
    """A simulator's steps, and a column a month."""
    shop = Shop(tmp_path)
    (shop.folder / "steps.csv").write_text("step,who\n0,a\n47,b\n")
    (shop.folder / "wide.csv").write_text("who,2020-01,2020-02\na,5,\nb,7,9\n")
    shop.mapping = """
source: simulated
files:
  steps: {{path: steps.csv}}
  wide: {{path: wide.csv}}
tables:
  - table: parties
    from: steps
    columns:
      party_id: who
      kind: {{value: company}}
      known_on: &day {{expr: "DATE '2020-01-01' + CAST(step AS INTEGER) // 24"}}
      registered_on: *day
  - table: stocks
    from: wide
    unpivot: {{columns: ["20*"], name: month, value: units}}
    where: units IS NOT NULL
    columns:
      party_id: who
      on: &end {{expr: "last_day(strptime(month || '-01', '%Y-%m-%d'))"}}
      units: units
      known_on: *end
"""
    report = shop.load()
    assert report.tables["stocks"].accepted == 3
    assert report.tables["stocks"].filtered == 1
    assert shop.rows("SELECT registered_on FROM parties ORDER BY 1") == [
        (date(2020, 1, 1),),
        (date(2020, 1, 2),),
    ]
    assert shop.rows('SELECT "on", units FROM stocks ORDER BY 1, 2')[-1] == (date(2020, 2, 29), 9.0)


def test_lines_that_are_no_records_are_left_out_and_numbers_stay(shop: Shop) -> None:
    rows = ledger()
    rows[7][HEADER.index("issued")] = "soon"
    plain = write_csv(shop.folder / "ledger.csv", rows).read_text()
    lines = ['Account "4711', "printed,today", "", *plain.splitlines()]
    lines.insert(20, '# a word, in "between')
    (shop.folder / "ledger.csv").write_text("\n".join(lines) + "\n")
    shop.file = "skip: 2, comment: '#'"
    report = shop.load()
    (line,) = [line for line in shop.quarantined(report) if line["table"] == "invoices"]
    assert lines[int(line["row_number"]) - 1].startswith("I7,")
    assert report.tables["invoices"].accepted == 199
    assert balanced(report)


def test_columns_parted_by_any_run_of_spaces(shop: Shop) -> None:
    path = write_csv(shop.folder / "ledger.csv", ledger(), delimiter=" ")
    lines = path.read_text().splitlines()
    spaced = [f"  {line.replace(' ', '  ')} \t" if number % 2 else line for number, line in enumerate(lines)]
    path.write_bytes("\r\n".join(["   ", *spaced, ""]).encode())
    shop.file = "delimiter: whitespace, skip: 1"
    report = shop.load()
    assert report.tables["invoices"].accepted == 200
    assert shop.rows("SELECT amount FROM invoices WHERE invoice_id = 'I7'") == [(750,)]


def test_quotes_after_a_backslash(shop: Shop) -> None:
    """As databases export them: a backslash before a quote, a comma or itself."""
    rows = ledger(40)
    lines = [",".join(HEADER), *(",".join(row) for row in rows)]
    lines[4] = lines[4].replace("S3", '"S\\"3, \\\\"')
    lines[5] = lines[5].replace("S4", '"S4')
    (shop.folder / "ledger.csv").write_text("\n".join([*lines, ""]))
    shop.file = r'escape: "\\"'
    report = shop.load()
    assert shop.rows("SELECT party_id FROM party_dictionary WHERE party_id LIKE 's:%,%'") == [('s:S"3, \\',)]
    assert {line["row_number"] for line in shop.quarantined(report)} == {"6"}


def test_what_only_the_file_s_name_says(shop: Shop) -> None:
    """A file a month, in folders: its name is data, and makes the row's number a key."""
    for month in ("01", "02"):
        folder = shop.folder / "2020" / month
        folder.mkdir(parents=True)
        write_csv(folder / "ledger.csv", [*ledger(40), ["", *ledger(1)[0][1:]]])
    shop.mapping = (
        MAPPING.replace('"ledger*"', '"**/*.csv"')
        .replace("invoice_id: number", "invoice_id: {{expr: \"_file || ':' || _row\"}}")
        .replace(
            "issued_on: issued", "issued_on: {{expr: \"strptime(left(_file, 7) || '/01', '%Y/%m/%d')\"}}"
        )
        .replace("currency: currency", "currency: currency\n      goods: _file")
    )
    report = shop.load()
    assert report.tables["invoices"].accepted == 82
    found = shop.rows("SELECT invoice_id, issued_on, goods FROM invoices ORDER BY issued_on, invoice_id")
    assert found[0] == ("2020/01/ledger.csv:10", date(2020, 1, 1), "2020/01/ledger.csv")
    assert found[-1][1] == date(2020, 2, 1)
