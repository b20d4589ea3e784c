"""A small real source for the loader tests: one CSV of invoices, its mapping, and a store."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

import duckdb
import pandas as pd

from graph.contract import TABLES
from graph.duckdb_store import DuckDBStore
from loaders import LoadReport, load
from loaders.synthetic import EcosystemSettings, generate

MAPPING = """
source: shop
reject_share: {share}
files:
  ledger: {{path: "ledger*", {file}}}
tables:
  - table: parties
    from: ledger
    distinct: first
    columns: {{party_id: {{column: seller, prefix: "s:"}}, kind: {{value: company}},
              roles: {{value: supplier}}, known_on: booked}}
  - table: parties
    from: ledger
    distinct: first
    columns: {{party_id: {{column: buyer, prefix: "b:"}}, kind: {{value: company}}, roles: {{value: buyer}},
              known_on: booked}}
  - table: invoices
    from: ledger
    columns:
      invoice_id: number
      seller_id: {{column: seller, prefix: "s:"}}
      buyer_id: {{column: buyer, prefix: "b:"}}
      issued_on: issued
      amount: {{column: amount, unit: major}}
      currency: currency
      paid_on: paid
      known_on: booked
"""
#: The shipped mapping of the contract's own tables, with a share.
CANONICAL = (files("loaders") / "mappings" / "canonical.yaml").read_text("utf-8")
CANONICAL = CANONICAL.replace("{", "{{").replace("}", "}}") + "reject_share: {share}\n"
HEADER = ["number", "seller", "buyer", "issued", "amount", "currency", "paid", "booked"]


def ledger(n: int = 200) -> list[list[str]]:
    """``n`` good rows."""
    return [
        [f"I{i}", f"S{i % 7}", f"B{i % 11}", "2020-01-05", f"{i}.50", "EUR", "2020-02-01", "2020-01-06"]
        for i in range(n)
    ]


def every_table(folder: Path, parties: int, seed: int) -> dict[str, pd.DataFrame]:
    """Good rows of every table of the contract, made in ``folder``."""
    generate(EcosystemSettings(parties=parties, seed=seed), folder)
    made = {name: pd.read_parquet(folder / f"{name}.parquet") for name in TABLES if name != "splits"}
    split = {"task": "t", "fold": 0, "part": "test", "known_on": "2020-01-01"}
    return made | {"splits": made["parties"][["party_id"]].assign(**split)}


def write_csv(path: Path, rows: list[list[str]], encoding: str = "utf-8", delimiter: str = ",") -> Path:
    with path.open("w", encoding=encoding, newline="") as file:
        csv.writer(file, delimiter=delimiter, lineterminator="\n").writerows([HEADER, *rows])
    return path


@dataclass
class Shop:
    """A workspace with a store and a folder of files; ``mapping`` may be replaced by a test."""

    root: Path
    share: float = 0.05
    file: str = "encoding: utf-8"
    mapping: str = MAPPING

    @property
    def folder(self) -> Path:
        (self.root / "in").mkdir(exist_ok=True)
        return self.root / "in"

    @property
    def store(self) -> DuckDBStore:
        return DuckDBStore(self.root / "ws" / "ecosystem.duckdb")

    def load(self) -> LoadReport:
        path = self.root / "shop.yaml"
        path.write_text(self.mapping.format(share=self.share, file=self.file), encoding="utf-8")
        return load(str(path), self.folder, self.store, self.root / "ws")

    def rows(self, sql: str) -> list[tuple[object, ...]]:
        """The result of ``sql`` on the store's file."""
        with duckdb.connect(str(self.root / "ws" / "ecosystem.duckdb"), read_only=True) as connection:
            return connection.execute(sql).fetchall()

    def quarantined(self, report: LoadReport) -> list[dict[str, str]]:
        """The lines of the quarantine file, each text as it was."""
        assert report.quarantine is not None
        with Path(report.quarantine).open(encoding="utf-8", newline="") as file:
            lines = list(csv.DictReader(file))
        return [{name: text.removeprefix("'") for name, text in line.items()} for line in lines]


def balanced(report: LoadReport) -> bool:
    """Whether every row read is accounted for."""
    return all(
        c.read == c.accepted + c.quarantined + c.unchanged + c.filtered + c.merged
        for c in report.tables.values()
    )
