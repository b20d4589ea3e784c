from __future__ import annotations

import csv
from importlib.resources import files
from pathlib import Path

import pandas as pd

from graph.contract import TABLES
from graph.duckdb_store import DuckDBStore
from graph.workspace import Workspace
from loaders import load
from loaders.synthetic import EcosystemSettings, generate
from tests.loaders.sources import MAPPING, Shop, balanced, ledger, write_csv

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


def test_whatever_column_names_an_unknown_party_its_row_is_quarantined(tmp_path: Path) -> None:
    folder = tmp_path / "tables"
    generate(EcosystemSettings(parties=300, seed=4), folder)
    parties = pd.read_parquet(folder / "parties.parquet")["party_id"]
    splits = pd.DataFrame(
        {"party_id": parties, "task": "t", "fold": 0, "part": "test", "known_on": "2020-01-01"}
    )
    splits.to_parquet(folder / "splits.parquet")
    expected = set()
    for name, table in TABLES.items():
        columns = [column.name for column in table.columns if column.references == "parties"]
        rows = pd.read_parquet(folder / f"{name}.parquet") if columns else None
        for place, column in enumerate(columns):
            rows[column] = rows[column].astype(object)
            rows.loc[place, column] = f"nobody of {name}.{column}"
            expected.add((name, column, f"nobody of {name}.{column}"))
        if columns:
            rows.to_parquet(folder / f"{name}.parquet")
    assert {name for name, _, _ in expected} >= {"events", "outcomes", "stocks", "identifiers", "links"}
    mapping = tmp_path / "lenient.yaml"
    canonical = (files("loaders") / "mappings" / "canonical.yaml").read_text("utf-8")
    mapping.write_text(canonical + "reject_share: 0.5\n")

    workspace = Workspace.open(tmp_path / "workspace")
    report = load(str(mapping), folder, DuckDBStore(workspace.database), workspace.folder)
    assert report.reasons == {"unknown_party": len(expected)}
    assert balanced(report)
    (quarantine,) = (workspace.folder / "quarantine").rglob("*.csv")
    with quarantine.open(newline="", encoding="utf-8") as file:
        found = {(row["table"], row["column"], row["value"]) for row in csv.DictReader(file)}
    assert found == expected
