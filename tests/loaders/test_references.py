from __future__ import annotations

from pathlib import Path

from graph.contract import TABLES
from tests.loaders.sources import CANONICAL, MAPPING, Shop, balanced, every_table, ledger, write_csv

PAYMENTS = """
  - table: payments
    from: receipts
    columns:
      payment_id: number
      payer_id: {{column: buyer, prefix: "b:"}}
      payee_id: {{column: seller, prefix: "s:"}}
      paid_on: paid
      amount: {{column: amount, unit: major}}
      currency: currency
      invoice_id: invoice
      known_on: paid
"""
FILES = "files:\n  receipts: {{path: receipts.csv, optional: true}}\n"


def receipts(path: Path, invoices: list[str]) -> None:
    """One payment for each of ``invoices``."""
    lines = [f"P{i},S1,B1,2020-02-01,5.00,EUR,{invoice}" for i, invoice in enumerate(invoices)]
    path.write_text("\n".join(["number,seller,buyer,paid,amount,currency,invoice", *lines, ""]))


def told(warnings: tuple[str, ...]) -> list[str]:
    return [warning for warning in warnings if "name invoices" in warning]


def test_invoices_that_are_not_there_yet_are_told_until_they_come(shop: Shop) -> None:
    shop.mapping = MAPPING.replace("files:\n", FILES) + PAYMENTS
    rows = ledger()
    write_csv(shop.folder / "ledger.csv", rows[:100])
    wanted = [f"I{i}" for i in (*range(90, 100), *range(103, 108), 103, 103)]
    receipts(shop.folder / "receipts.csv", [*wanted, ""])

    first = shop.load()
    assert first.tables["payments"].accepted == 18
    assert first.tables["payments"].quarantined == 0
    assert balanced(first)
    (warning,) = told(first.warnings)
    assert warning.startswith("payments.invoice_id: 7 rows")
    assert "('I103', 'I104', 'I105')" in warning
    again = shop.load()
    assert again.tables["payments"].unchanged == 18
    assert told(again.warnings) == [warning], "still missing"

    write_csv(shop.folder / "ledger.csv", rows[100:107])
    third = shop.load()
    assert told(third.warnings)[0].startswith("payments.invoice_id: 1 rows")
    (shop.folder / "receipts.csv").unlink()
    write_csv(shop.folder / "ledger.csv", rows[107:])
    assert not told(shop.load().warnings)
    (shop.folder / "ledger.csv").unlink()
    write_csv(shop.folder / "ledger.csv", rows[:1])
    receipts(shop.folder / "receipts.csv", wanted)
    assert not told(shop.load().warnings), "all have come by now"


def test_a_credit_note_may_come_before_what_it_corrects(shop: Shop) -> None:
    shop.mapping = MAPPING.replace(
        "      paid_on: paid\n",
        "      paid_on: paid\n      corrects_invoice_id: {{expr: \"CASE number WHEN 'I7' THEN 'I8' "
        "WHEN 'I9' THEN 'old' END\"}}\n",
    )
    write_csv(shop.folder / "ledger.csv", ledger())
    report = shop.load()
    assert report.tables["invoices"].accepted == 200
    (warning,) = told(report.warnings)
    assert warning.startswith("invoices.corrects_invoice_id: 1 rows")
    assert "('old')" in warning


def test_whatever_column_names_an_unknown_party_its_row_is_quarantined(shop: Shop) -> None:
    shop.mapping, shop.share = CANONICAL, 0.5
    expected = set()
    for name, rows in every_table(shop.root / "made", parties=300, seed=4).items():
        columns = [column.name for column in TABLES[name].columns if column.references == "parties"]
        for place, column in enumerate(columns):
            rows[column] = rows[column].astype(object)
            rows.loc[place, column] = f"nobody of {name}.{column}"
            expected.add((name, column, f"nobody of {name}.{column}"))
        rows.to_parquet(shop.folder / f"{name}.parquet")
    assert {name for name, _, _ in expected} >= {"events", "outcomes", "stocks", "identifiers", "links"}

    report = shop.load()
    assert report.reasons == {"unknown_party": len(expected)}
    assert balanced(report)
    found = {(line["table"], line["column"], line["value"]) for line in shop.quarantined(report)}
    assert found == expected
