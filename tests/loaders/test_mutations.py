"""Ten thousand damaged rows: each is accepted rightly, quarantined with its reason, or the load refused."""

from __future__ import annotations

import random
from collections.abc import Callable

import pandas as pd
import pytest

from graph.contract import TABLES, Column
from graph.errors import LoadRefused
from tests.loaders.sources import CANONICAL, HEADER, Shop, balanced, every_table, ledger, write_csv

ROWS, MUTATED = 10_000, 5_000

Mutation = Callable[[random.Random, list[str]], list[str]]


def _set(column: str, *values: str) -> Mutation:
    place = HEADER.index(column)

    def mutate(random_: random.Random, row: list[str]) -> list[str]:
        return [*row[:place], random_.choice(values), *row[place + 1 :]]

    return mutate


#: What is done to a row, and whether the row is still right afterwards (None: it equals another one).
MUTATIONS: list[tuple[Mutation, bool]] = [
    (_set("amount", "", "x", "-1", "1e40", "inf", "12..5", "0x1F", "1 000"), False),
    (_set("amount", "1e3", "0", "+7", "0.001", " 12.50 "), True),
    (_set("issued", "", "2020-02-30", "30/12/2019", "yesterday", "1600-01-01", "2020-03-09"), False),
    (_set("issued", "2020-01-04", "2019-12-31 23:59:59", "2019-12-31T10:00:00"), True),
    (_set("paid", "2019-01-01", "2020-01-04", "never"), False),
    (_set("paid", "", "2020-01-05", " 2021-01-05"), True),
    (_set("currency", "", "EURO", "eur", "€", "E\x02R"), False),
    (_set("currency", "JPY", "USD ", " KWD"), True),
    (_set("booked", "", "soon", "9999-01-01"), False),
    (_set("seller", "", "  ", "\x7f", "S\tx"), False),
    (
        _set("seller", "S1", "商户", "O'Neill; DROP TABLE invoices; --", '"quoted"', "a,b", "💶", "Ünïcode"),
        True,
    ),
    (_set("number", "", " "), False),
    (lambda _, row: row[:-1], False),
    (lambda _, row: [*row, "more"], False),
    (lambda _, row: row[:3], False),
]


@pytest.mark.parametrize("seed", [1, 2])
def test_every_mutated_row_is_accounted_for(shop: Shop, seed: int) -> None:
    random_ = random.Random(seed)
    rows = ledger(ROWS)
    good = set(range(ROWS))
    for place in random_.sample(range(ROWS), MUTATED):
        mutate, right = random_.choice(MUTATIONS)
        rows[place] = mutate(random_, rows[place])
        if not right:
            good.discard(place)
    shop.share = 0.5
    write_csv(shop.folder / "ledger.csv", rows)
    report = shop.load()
    counts = report.tables["invoices"]
    assert counts.read == ROWS
    assert balanced(report)
    kept = {str(row[0]) for row in shop.rows("SELECT invoice_id FROM invoices")}
    assert kept == {f"I{place}" for place in good}
    named = {int(line["row_number"]) for line in shop.quarantined(report) if line["table"] == "invoices"}
    assert named == {place + 2 for place in set(range(ROWS)) - good}
    assert all(line["reason"] and line["expected"] for line in shop.quarantined(report))


@pytest.mark.parametrize("seed", range(12))
def test_damaged_bytes_are_never_lost(shop: Shop, seed: int) -> None:
    """Bytes overwritten anywhere: the load is refused, or every line of the file is in its account."""
    random_ = random.Random(seed)
    path = write_csv(shop.folder / "ledger.csv", ledger(500))
    content = bytearray(path.read_bytes())
    for _ in range(random_.randint(1, 8)):
        content[random_.randrange(80, len(content) - 1)] = random_.choice(b'",\r\n\x00;a\xe9 0')
    path.write_bytes(bytes(content))
    shop.share = 0.5
    before = len([line for line in bytes(content).split(b"\n") if line.rstrip(b"\r")]) - 1
    try:
        report = shop.load()
    except LoadRefused:
        assert shop.store.sources() == ()
        return
    assert report.tables["invoices"].read == before
    assert balanced(report)


#: What no column of a type can be.
NONSENSE = {
    "date": ["30/12/2019", "2020-02-30", "1600-01-01", "soon"],
    "int": ["1.5", "x", "1e400"],
    "float": ["x", "1,5", "--1"],
    "money": ["-1", "12.5", "1e40", "x"],
    "bool": ["maybe", "2"],
}  # fmt: skip


def nonsense(column: Column) -> list[str]:
    """Texts that are wrong in ``column``, whatever the rest of the row says."""
    wrong = list(NONSENSE.get(column.type, ()))
    if column.required:
        wrong += ["", " "]
    if column.one_of:
        wrong += ["nonsense"]
    if column.references == "parties":
        wrong += ["nobody"]
    if column.name == "currency":
        wrong += ["EURO", "€"]
    return wrong


@pytest.mark.parametrize("seed", [1, 2])
def test_damage_in_any_column_of_any_table_is_accounted_for(shop: Shop, seed: int) -> None:
    random_ = random.Random(seed)
    shop.mapping, shop.share = CANONICAL, 0.5
    damaged: dict[str, dict[int, tuple[str, str]]] = {}
    for name, made in every_table(shop.root / "made", parties=400, seed=seed).items():
        rows = made.map(lambda value: "" if pd.isna(value) else str(value))
        choices = [column for column in TABLES[name].columns if column.name in rows and nonsense(column)]
        damaged[name] = {}
        # Parties are left as they are, for other tables to name.
        for place in random_.sample(range(len(rows)), 0 if name == "parties" else min(len(rows) // 3, 400)):
            column = random_.choice(choices)
            # Unlike each other, for equal rows are one.
            value = random_.choice(nonsense(column)).replace("nobody", f"nobody {place}")
            rows.loc[place, column.name] = value
            damaged[name][place + 2] = (column.name, value)
        rows.to_csv(shop.folder / f"{name}.csv", index=False)

    report = shop.load()
    assert balanced(report)
    found: dict[str, dict[int, set[str]]] = {name: {} for name in TABLES}
    for line in shop.quarantined(report):
        assert line["reason"]
        assert line["expected"]
        found[line["table"]].setdefault(int(line["row_number"]), set()).add(line["column"])
    for name, rows_damaged in damaged.items():
        missed = {row: what for row, what in rows_damaged.items() if what[0] not in found[name].get(row, ())}
        assert not missed, name
        assert set(found[name]) == set(rows_damaged), name
    assert sum(map(len, damaged.values())) > 2000
