from __future__ import annotations

import csv
import re
from pathlib import Path

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.loaders.sources import HEADER, Shop, ledger, write_csv

HOSTILE = [
    "=1+1",
    "+1",
    "-5",
    "-5+cmd|' /C calc'!A0",
    "@SUM(1)",
    "\t=1",
    "＝1+1",
    "－1",
    "'=1",
    "'",
    "''x",
    "a;=1",
]


def cells(path: str) -> list[dict[str, str]]:
    with Path(path).open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_no_cell_can_pass_for_a_formula_and_every_text_comes_back(shop: Shop) -> None:
    shop.share = 0.5
    rows = ledger(len(HOSTILE) * 4)
    for row, text in zip(rows, HOSTILE, strict=False):
        row[HEADER.index("issued")] = text
    write_csv(shop.folder / "=ledger.csv", rows)
    shop.mapping = shop.mapping.replace('"ledger*"', '"*ledger.csv"')
    report = shop.load()
    assert report.quarantine is not None
    for line in cells(report.quarantine):
        for text in line.values():
            assert not re.match(r"[=+\-@\t\r\n＝＋－＠]", text)
        assert line["file"] == "'=ledger.csv"
    written = Path(report.quarantine).read_text(encoding="utf-8")
    assert '"a;=1"' in written, "texts are quoted: another separator cuts none of them"
    given = [line["value"] for line in shop.quarantined(report) if line["column"] == "issued_on"]
    assert given == HOSTILE


@settings(max_examples=20, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(st.text("=+-@'＝a1 ", min_size=1, max_size=5).filter(lambda text: bool(text.strip())))
def test_any_text_comes_back(shop: Shop, text: str) -> None:
    shop.share = 0.5
    rows = ledger(4)
    rows[2][HEADER.index("amount")] = f"{text}x"
    write_csv(shop.folder / "ledger.csv", rows)
    (line,) = [line for line in shop.quarantined(shop.load()) if line["table"] == "invoices"]
    assert line["value"] == f"{text}x"
    assert line["column"] == "amount"
