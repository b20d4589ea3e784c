from __future__ import annotations

import gzip
import json
import re
from datetime import date
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from graph.errors import LoadRefused, MappingError
from loaders import load
from tests.loaders.sources import HEADER, Shop, balanced, ledger, write_csv


def test_good_rows_are_stored_and_a_second_load_changes_nothing(shop: Shop) -> None:
    write_csv(shop.folder / "ledger.csv", ledger())
    first = shop.load()
    assert first.tables["invoices"].accepted == 200
    assert first.tables["parties"].accepted == 18
    assert balanced(first)
    assert first.quarantine is None
    before = shop.rows("SELECT * FROM invoices ORDER BY invoice_id")
    second = shop.load()
    assert second.tables["invoices"].accepted == 0
    assert second.tables["invoices"].unchanged == 200
    assert second.tables["parties"].unchanged == 18
    assert balanced(second)
    assert shop.rows("SELECT * FROM invoices ORDER BY invoice_id") == before


def test_json_has_the_promised_shape(shop: Shop) -> None:
    write_csv(shop.folder / "ledger.csv", ledger())
    report = json.loads(json.dumps(shop.load().to_json()))
    assert set(report["tables"]["invoices"]) == {"read", "accepted", "quarantined", "updated", "unchanged"}
    assert {"load_id", "source", "reasons", "ignored_columns", "quarantine", "filtered"} <= set(report)


# (column, bad value, reason): each lands in quarantine with its row, column, value and reason.
BAD_VALUES = [
    ("issued", "05/01/2020", "not_a_date"),
    ("issued", "2020-13-01", "not_a_date"),
    ("issued", "", "issued_on_given"),
    ("issued", "1066-10-14", "issued_on_sane"),
    ("paid", "2019-12-31", "paid_on_not_before_issued_on"),
    ("amount", "-3.50", "amount_in_range"),
    ("amount", "99999999999999", "amount_in_range"),
    ("amount", "9e30", "not_an_amount"),
    ("amount", "nan", "not_an_amount"),
    ("amount", "1,5", "not_an_amount"),
    ("amount", "many", "not_an_amount"),
    ("amount", "", "amount_given"),
    ("currency", "EURO", "unknown_currency"),
    ("currency", "", "currency_given"),
    ("number", "", "invoice_id_given"),
    ("number", "I\x0754", "control_character"),
    ("seller", "", "seller_id_given"),
    ("booked", "soon", "not_a_date"),
]


@pytest.mark.parametrize(("column", "value", "reason"), BAD_VALUES)
def test_a_bad_value_is_quarantined_with_its_place(shop: Shop, column: str, value: str, reason: str) -> None:
    rows = ledger()
    rows[53][HEADER.index(column)] = value
    write_csv(shop.folder / "ledger.csv", rows)
    report = shop.load()
    assert report.tables["invoices"].quarantined == 1
    assert report.tables["invoices"].accepted == 199
    assert balanced(report)
    lines = [line for line in shop.quarantined(report) if line["table"] == "invoices"]
    assert [line["reason"] for line in lines] == [reason]
    assert lines[0]["file"] == "ledger.csv"
    assert lines[0]["row_number"] == "55"  # line 1 is the header
    assert lines[0]["expected"]
    assert json.loads(lines[0]["row"])[column] == (value or None)


def test_a_row_with_several_faults_counts_once(shop: Shop) -> None:
    rows = ledger()
    rows[7][3], rows[7][4], rows[7][5] = "x", "y", "z"
    write_csv(shop.folder / "ledger.csv", rows)
    report = shop.load()
    assert report.tables["invoices"].quarantined == 1
    assert report.reasons == {"not_a_date": 1, "not_an_amount": 1, "unknown_currency": 1}


def test_refund_advice_is_given(shop: Shop) -> None:
    rows = ledger()
    rows[3][4] = "-5"
    write_csv(shop.folder / "ledger.csv", rows)
    assert "credit note" in shop.quarantined(shop.load())[0]["expected"]


def test_past_the_allowed_share_nothing_is_loaded(shop: Shop) -> None:
    rows = ledger()
    write_csv(shop.folder / "ledger.csv", rows)
    shop.load()
    before = shop.rows("SELECT count(*) FROM invoices")
    for row in rows[:20]:
        row[4] = "x"
    for row in rows:
        row[0] += "-new"
    write_csv(shop.folder / "ledger.csv", rows)
    example = "For example ledger.csv row 2, amount: found 'x', expected a number"
    with pytest.raises(LoadRefused, match=f"20 of 200 rows are bad.*{example}") as refused:
        shop.load()
    assert shop.rows("SELECT count(*) FROM invoices") == before
    assert len(Path(refused.value.details["quarantine"]).read_text(encoding="utf-8").splitlines()) == 21


def test_same_version_with_other_content_conflicts(shop: Shop) -> None:
    rows = ledger()
    twin = [*rows[5][:4], "77.00", *rows[5][5:]]
    write_csv(shop.folder / "ledger.csv", [*rows, twin, rows[6]])
    report = shop.load()
    counts = report.tables["invoices"]
    assert (counts.accepted, counts.quarantined, counts.unchanged) == (199, 2, 1)
    assert report.reasons == {"conflict_in_load": 2}
    assert balanced(report)


def test_the_store_keeps_its_content_and_a_later_known_on_updates(shop: Shop) -> None:
    rows = ledger()
    write_csv(shop.folder / "ledger.csv", rows)
    shop.load()
    rows[5][4] = "77.00"
    rows[6][4], rows[6][7] = "88.00", "2020-03-01"
    write_csv(shop.folder / "ledger.csv", rows)
    report = shop.load()
    counts = report.tables["invoices"]
    assert (counts.accepted, counts.updated, counts.quarantined, counts.unchanged) == (1, 1, 1, 198)
    assert report.reasons == {"conflict_with_store": 1}
    assert balanced(report)
    assert shop.rows("SELECT amount FROM invoices WHERE invoice_id = 'I6' ORDER BY known_on") == [
        (650,),
        (8800,),
    ]


@pytest.mark.parametrize("at_once", [True, False])
def test_of_versions_a_day_sees_the_latest(shop: Shop, at_once: bool) -> None:
    rows = ledger()
    later = [*rows[6][:4], "88.00", *rows[6][5:7], "2020-03-01"]
    write_csv(shop.folder / "ledger.csv", [*rows, later] if at_once else rows)
    shop.load()
    if not at_once:
        write_csv(shop.folder / "ledger.csv", [later])
        assert shop.load().tables["invoices"].updated == 1
    for day, amount in ((date(2020, 2, 29), 650), (date(2020, 3, 1), 8800)):
        invoices = shop.store.read(day, None).tables["invoices"].to_pylist()
        assert [row["amount"] for row in invoices if row["invoice_id"] == "I6"] == [amount]
        assert len(invoices) == 200


def test_a_row_naming_an_unknown_party_is_quarantined(shop: Shop) -> None:
    buyers = "    distinct: first\n    columns: {{party_id: {{column: buyer"
    assert buyers in shop.mapping
    shop.mapping = shop.mapping.replace(buyers, "    where: buyer <> 'B3'\n" + buyers)
    shop.share = 0.2
    write_csv(shop.folder / "ledger.csv", ledger())
    report = shop.load()
    assert report.reasons == {"unknown_party": 18}
    assert report.tables["parties"].filtered == 18
    assert balanced(report)


def test_a_party_of_the_store_is_known(shop: Shop) -> None:
    write_csv(shop.folder / "ledger.csv", ledger())
    shop.load()
    shop.mapping = re.sub(r"  - table: parties.*?(?=  - table: invoices)", "", shop.mapping, flags=re.S)
    rows = ledger()
    for row in rows:
        row[0] += "-b"
    rows[0][1] = "S99"
    write_csv(shop.folder / "ledger.csv", rows)
    report = shop.load()
    assert report.tables["invoices"].accepted == 199
    assert report.reasons == {"unknown_party": 1}


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030", "latin-1", "utf-16"])
def test_encodings(shop: Shop, encoding: str) -> None:
    rows = ledger()
    name = "Zürich" if encoding == "latin-1" else "深圳"
    rows[3][1] = name
    shop.file = f"encoding: {encoding.removesuffix('-sig')}"
    write_csv(shop.folder / "ledger.csv", rows, encoding)
    shop.load()
    assert shop.rows(f"SELECT count(*) FROM party_dictionary WHERE party_id = 's:{name}'") == [(1,)]


def test_wrong_encoding_names_the_byte(shop: Shop) -> None:
    rows = ledger()
    rows[3][1] = "深圳"
    write_csv(shop.folder / "ledger.csv", rows, "gb18030")
    with pytest.raises(LoadRefused, match=r"byte offset .*gb18030"):
        shop.load()


def test_text_is_normalised(shop: Shop) -> None:
    rows = ledger()
    rows[3][1] = "  Zu\u0308rich "
    write_csv(shop.folder / "ledger.csv", rows)
    shop.load()
    assert shop.rows("SELECT count(*) FROM party_dictionary WHERE party_id = 's:Z\u00fcrich'") == [(1,)]


def test_gzip_is_read_and_a_truncated_one_refused(shop: Shop) -> None:
    plain = write_csv(shop.root / "plain.csv", ledger()).read_bytes()
    packed = gzip.compress(plain)
    (shop.folder / "ledger.csv.gz").write_bytes(packed)
    assert shop.load().tables["invoices"].accepted == 200
    (shop.folder / "ledger.csv.gz").write_bytes(packed[: len(packed) // 2])
    with pytest.raises(LoadRefused, match="gzip"):
        shop.load()


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "is empty"),
        (b"number,seller,buyer,issued,amount,currency,paid,booked\n", "no rows|zero rows"),
        (b"number,seller,buyer,issued,amount,currency,paid\nI1,S,B,,1,EUR,\n", "no column 'booked'"),
        (b"number,seller,seller,issued\n1,2,3,4\n", "twice"),
        (",".join(HEADER).encode() + b"\nI1,S1,B1,2020-01-01,1.0,EUR,,2020-01-02\nI2,S",
         "ends in the middle of line 3"),
        ("number,seller".encode("utf-16"), "encoding"),
    ],
)  # fmt: skip
def test_unreadable_files_are_refused(shop: Shop, content: bytes, message: str) -> None:
    (shop.folder / "ledger.csv").write_bytes(content)
    with pytest.raises(LoadRefused, match=message):
        shop.load()


def test_absent_files_and_counts_out_of_range_are_refused(shop: Shop) -> None:
    with pytest.raises(LoadRefused, match="no such file"):
        shop.load()
    write_csv(shop.folder / "ledger.csv", ledger())
    shop.file = "min_rows: 1000"
    with pytest.raises(LoadRefused, match="expected at least 1,000"):
        shop.load()
    shop.file = "max_rows: 10"
    with pytest.raises(LoadRefused, match="at most 10"):
        shop.load()


def test_damaged_lines_do_not_swallow_their_neighbours(shop: Shop) -> None:
    path = write_csv(shop.folder / "ledger.csv", ledger())
    lines = path.read_text(encoding="utf-8").split("\n")
    lines[10] = '"' + lines[10]  # a quote never closed
    lines[20] = lines[20].rsplit(",", 2)[0]  # two fields short
    lines[30] = lines[30] + ",surplus"
    lines[40] = lines[40].replace("EUR", "E\0R")
    lines[50] = lines[50].replace("S", "S\r")
    lines.insert(60, "")
    lines[70] = lines[70].replace("EUR", "X")
    path.write_text("\n".join(lines), encoding="utf-8", newline="")
    report = shop.load()
    assert report.tables["invoices"].read == 200
    assert report.tables["invoices"].accepted == 194
    assert balanced(report)
    found = {int(line["row_number"]): line["reason"] for line in shop.quarantined(report)}
    assert found == {
        11: "unbalanced_quote",
        21: "wrong_number_of_fields",
        31: "wrong_number_of_fields",
        41: "nul_character",
        51: "stray_line_break",
        71: "unknown_currency",
    }


def test_multiline_texts_where_the_mapping_allows_them(shop: Shop) -> None:
    rows = ledger()
    rows[3][5] = "EUR\n"
    shop.file = "multiline: true"
    write_csv(shop.folder / "ledger.csv", rows)
    assert shop.load().tables["invoices"].accepted == 200


def test_delimiters_decimal_commas_and_dates(shop: Shop) -> None:
    rows = ledger()
    for row in rows:
        row[4] = "1.234,50"
        row[3], row[6], row[7] = "05.01.2020", "2020/02/01", "06.01.2020"
    shop.file = (
        'delimiter: ";", decimal: ",", thousands: ".", dates: ["%d.%m.%Y", "%Y/%m/%d"], nulls: ["n/a"]'
    )
    rows[9][6] = "n/a"
    rows[10][4] = "1.23,50"
    write_csv(shop.folder / "ledger.csv", rows, delimiter=";")
    report = shop.load()
    assert report.reasons == {"not_an_amount": 1}
    assert shop.rows("SELECT DISTINCT amount, paid_on::VARCHAR FROM invoices ORDER BY ALL") == [
        (123450, "2020-02-01"),
        (123450, None),
    ]


def test_minor_units_follow_the_currency(shop: Shop) -> None:
    rows = ledger(3)
    for row, currency in zip(rows, ("JPY", "KWD", "USD"), strict=True):
        row[4], row[5] = "7", currency
    write_csv(shop.folder / "ledger.csv", rows)
    shop.load()
    assert shop.rows("SELECT amount FROM invoices ORDER BY invoice_id") == [(7,), (7000,), (700,)]


def test_unmapped_columns_are_reported(shop: Shop) -> None:
    rows = [[*row, "x", "y"] for row in ledger()]
    path = write_csv(shop.folder / "ledger.csv", rows)
    path.write_text(path.read_text().replace("booked\n", "booked,surprise,expected\n", 1))
    shop.file = "ignore: [expected]"
    report = shop.load()
    assert report.ignored_columns == ("expected", "surprise")
    assert report.warnings == ("ledger.csv: column 'surprise' is unmapped",)


def test_several_files_of_other_formats_are_one(shop: Shop) -> None:
    rows = ledger()
    write_csv(shop.folder / "ledger-1.csv", rows[:100])
    write_csv(shop.folder / "ledger-2.tsv", rows[100:150], delimiter="\t")
    shop.file = "format: auto"
    lines = [json.dumps(dict(zip(HEADER, row, strict=True)), ensure_ascii=False) for row in rows[150:199]]
    (shop.folder / "ledger-3.jsonl").write_text(
        "\n".join([*lines[:10], "{broken", *lines[10:]]), encoding="utf-8"
    )
    pq.write_table(
        pa.Table.from_pylist([dict(zip(HEADER, rows[199], strict=True))]), shop.folder / "ledger-4.parquet"
    )
    report = shop.load()
    assert report.tables["invoices"].accepted == 200
    assert report.reasons == {"not_json": 3}  # once for each table the file feeds
    assert {(line["file"], line["row_number"]) for line in shop.quarantined(report)} == {
        ("ledger-3.jsonl", "11")
    }


def test_one_of_several_files_without_a_mapped_column_is_refused(shop: Shop) -> None:
    write_csv(shop.folder / "ledger-1.csv", ledger())
    path = write_csv(shop.folder / "ledger-2.csv", ledger())
    path.write_text(path.read_text().replace("booked", "posted", 1))
    with pytest.raises(LoadRefused, match=r"ledger-2.csv: has no column 'booked'"):
        shop.load()


def test_truncated_parquet_is_refused(shop: Shop) -> None:
    pq.write_table(pa.table({"number": ["a"]}), shop.folder / "ledger.parquet")
    content = (shop.folder / "ledger.parquet").read_bytes()
    (shop.folder / "ledger.parquet").write_bytes(content[:-20])
    with pytest.raises(LoadRefused, match="Parquet"):
        shop.load()


def test_nothing_of_a_load_is_left_behind(shop: Shop) -> None:
    write_csv(shop.folder / "ledger.csv", ledger())
    shop.load()
    assert list((shop.root / "ws" / "tmp").iterdir()) == []


def test_an_unknown_source_is_refused(shop: Shop) -> None:
    with pytest.raises(MappingError, match="canonical"):
        load("nowhere", shop.folder, shop.store, shop.root / "ws")


def test_an_undeclared_kind_is_quarantined(shop: Shop) -> None:
    shop.mapping = shop.mapping.replace("kind: {{value: company}}", "kind: {{value: cooperative}}")
    write_csv(shop.folder / "ledger.csv", ledger())
    with pytest.raises(LoadRefused, match="kind_known"):
        shop.load()
    shop.mapping = shop.mapping.replace("files:", "kinds: {{parties: [cooperative]}}\nfiles:")
    assert shop.load().tables["parties"].accepted == 18


def test_failing_expressions_are_faults_not_nulls(shop: Shop) -> None:
    shop.mapping = shop.mapping.replace(
        "paid_on: paid", 'paid_on: {{expr: "CAST(issued AS DATE) + CAST(paid AS INTEGER)"}}'
    ).replace(
        "    columns:\n      invoice_id",
        "    where: CAST(amount AS DOUBLE) > 10\n    columns:\n      invoice_id",
    )
    rows = ledger()
    for row in rows:
        row[6] = "3"
    rows[50][6] = "x"
    rows[51][6] = ""
    rows[52][4] = "y"
    write_csv(shop.folder / "ledger.csv", rows)
    report = shop.load()
    assert report.reasons == {"expression_failed": 2, "not_an_amount": 1}
    assert (report.tables["invoices"].filtered, report.tables["invoices"].quarantined) == (10, 2)
    assert balanced(report)
    assert shop.rows("SELECT DISTINCT paid_on::VARCHAR FROM invoices ORDER BY 1") == [
        ("2020-01-08",),
        (None,),
    ]


def test_short_forms_and_a_constant_taken_for_a_column(shop: Shop) -> None:
    write_csv(shop.folder / "ledger.csv", ledger())
    shop.mapping = shop.mapping.replace('ledger: {{path: "ledger*", {file}}}', "ledger: ledger.csv")
    assert shop.load().tables["invoices"].accepted == 200
    shop.mapping = shop.mapping.replace("kind: {{value: company}}", "kind: company")
    with pytest.raises(LoadRefused, match=r"a constant is written \{value: company\}"):
        shop.load()


@pytest.mark.parametrize(
    ("expr", "message"),
    [
        ("issued + 1", r"ledger: tables\[2\].columns.issued_on: 'issued \+ 1'.*cast them"),
        ("CAST(issued AS DATE) + to_months(1) + 1", "No function matches"),
        ("substr(issued)", "substr"),
    ],
)
def test_a_formula_whose_types_do_not_go_together_is_named(shop: Shop, expr: str, message: str) -> None:
    write_csv(shop.folder / "ledger.csv", ledger())
    shop.mapping = shop.mapping.replace("issued_on: issued", f"issued_on: {{{{expr: '{expr}'}}}}")
    with pytest.raises(MappingError, match=message):
        shop.load()
    shop.mapping = shop.mapping.replace(
        "from: ledger\n    columns:\n",
        "from: ledger\n    where: number > DATE '2020-01-01' + number\n    columns:\n",
    )
    with pytest.raises(MappingError):
        shop.load()
