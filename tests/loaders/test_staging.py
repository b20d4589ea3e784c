"""Lookups, unpivoting, arrays, patterns and folders of contract tables."""

from __future__ import annotations

import gzip
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from graph.duckdb_store import DuckDBStore
from graph.errors import LoadRefused, MappingError
from loaders import LoadReport, load
from tests.loaders.sources import Shop, balanced

FRAUD = """
source: fraud
dated: false
reject_share: {share}
files:
  firms:
    path: firms.parquet
    lookups: [{{file: features, on: {{id: row}}}}, {{file: notes, on: id, TAKE}}]
  features: {{path: features.npz, array: x}}
  notes: {{path: notes.csv, {file}}}
  masks: {{path: features.npz, array: masks, transpose: true}}
tables:
  - table: parties
    from: firms
    x: [c0..c1, {{columns: "c[2-9]", as: "x_late_{{name}}"}}]
    columns: {{party_id: {{column: id, prefix: "f:"}}, kind: {{value: company}}, region: note,
              known_on: {{value: 2019-12-31}}}}
  - table: splits
    from: masks
    where: inside = 'true'
    unpivot: {{columns: [c0..c1], name: fold, value: inside}}
    columns: {{party_id: {{column: row, prefix: "f:"}}, task: {{value: t}}, part: {{value: train}},
              fold: {{expr: "CAST(substr(fold, 2) AS INTEGER)"}}, known_on: {{value: 2019-12-31}}}}
"""


@pytest.fixture
def fraud(shop: Shop) -> Shop:
    shop.mapping = FRAUD
    pq.write_table(pa.table({"id": [0, 1, 2], "label": [0.0, 1.0, None]}), shop.folder / "firms.parquet")
    np.savez(
        shop.folder / "features.npz",
        x=np.arange(12, dtype=np.float32).reshape(3, 4),
        masks=np.array([[True, False, True], [False, True, True]]),
    )
    (shop.folder / "notes.csv").write_text("id,note\n1,old\n1,new\n", encoding="utf-8")
    return shop


def test_lookups_patterns_arrays_and_unpivoting(fraud: Shop) -> None:
    fraud.mapping = FRAUD.replace("TAKE", "take: last")
    report = fraud.load()
    assert balanced(report)
    parties = fraud.rows(
        "SELECT d.party_id, x_c0, x_c1, x_late_c2, x_late_c3, region FROM parties p "
        "JOIN party_dictionary d ON d.code = p.party_code ORDER BY 1"
    )
    assert parties == [
        ("f:0", 0.0, 1.0, 2.0, 3.0, None),
        ("f:1", 4.0, 5.0, 6.0, 7.0, "new"),
        ("f:2", 8.0, 9.0, 10.0, 11.0, None),
    ]
    assert (report.tables["splits"].read, report.tables["splits"].accepted) == (6, 4)
    assert report.tables["splits"].filtered == 2
    assert report.ignored_columns == ("label",)


def test_a_lookup_takes_one_row_a_key(fraud: Shop) -> None:
    fraud.mapping = FRAUD.replace(", TAKE", "")
    with pytest.raises(LoadRefused, match="more than one row for key"):
        fraud.load()


def test_keys_are_alike_as_text_and_a_lookup_that_finds_nothing_is_told(fraud: Shop) -> None:
    fraud.mapping = FRAUD.replace("TAKE", "take: last")
    pq.write_table(pa.table({"id": [0.0, 1.0, 2.0], "label": [0, 1, 1]}), fraud.folder / "firms.parquet")
    report = fraud.load()
    assert fraud.rows("SELECT region FROM parties ORDER BY 1")[0] == ("new",)
    assert not [warning for warning in report.warnings if "no row finds" in warning]
    (fraud.folder / "notes.csv").write_text("id,note\nf:1,new\n", encoding="utf-8")
    fraud.root = fraud.root / "again"
    (fraud.root / "in").mkdir(parents=True)
    for file in (fraud.root.parent / "in").iterdir():
        file.rename(fraud.folder / file.name)
    assert "files.firms: no row finds its key in notes: are they written alike?" in fraud.load().warnings
    fraud.mapping = fraud.mapping.replace("on: id,", "on: {{_row: id}},")
    with pytest.raises(LoadRefused, match="firms: has no column '_row'"):
        fraud.load()


def test_an_absent_array_is_named(fraud: Shop) -> None:
    fraud.mapping = FRAUD.replace("TAKE", "take: first").replace("array: x", "array: y")
    with pytest.raises(LoadRefused, match="no array 'y'; it has x, masks"):
        fraud.load()


PARTIES = "party_id,kind,known_on,x_size,source\nA,company,2020-01-01,1.5,me\nB,company,2020-01-01,,me\n"
INVOICES = """invoice_id,seller_id,buyer_id,issued_on,amount,currency,known_on
I1,A,B,2020-01-02,1250,EUR,2020-01-03
"""


def canonical(folder: Path, root: Path) -> LoadReport:
    return load("canonical", folder, DuckDBStore(root / "ws" / "ecosystem.duckdb"), root / "ws")


def test_a_folder_of_contract_tables_needs_no_mapping(shop: Shop) -> None:
    (shop.folder / "parties.csv").write_text(PARTIES, encoding="utf-8")
    (shop.folder / "invoices.csv.gz").write_bytes(gzip.compress(INVOICES.encode()))
    (shop.folder / "tasks.yaml").write_text(
        "source: mine\ntasks: [{name: t, outcome: lost}]\nkinds: {outcomes: [lost]}\n", encoding="utf-8"
    )
    outcomes = pa.table({"outcome_id": ["o"], "party_id": ["A"], "kind": ["lost"], "value": [1]})
    for day in ("occurred_on", "known_on"):
        outcomes = outcomes.append_column(day, pa.array([20_000], pa.int32()).cast(pa.date32()))
    pq.write_table(outcomes, shop.folder / "outcomes.parquet")
    report = canonical(shop.folder, shop.root)
    assert report.source == "mine"
    assert {name: counts.accepted for name, counts in report.tables.items()} == {
        "parties": 2,
        "invoices": 1,
        "outcomes": 1,
    }
    assert shop.rows("SELECT amount, source FROM invoices") == [(1250, "mine")]
    assert shop.rows("SELECT x_size, source FROM parties ORDER BY party_code") == [(1.5, "me"), (None, "me")]
    assert [task.name for task in shop.store.sources()[0].tasks] == ["t"]


@pytest.mark.parametrize(
    ("asked", "word"),
    [("outcome: los", "los"), ("outcome: lost, party_kinds: [company, shop]", "shop"),
     ("outcome: dormant, roles: [seller]", "seller")],
)  # fmt: skip
def test_a_task_that_asks_for_what_no_row_can_be_is_refused(shop: Shop, asked: str, word: str) -> None:
    (shop.folder / "parties.csv").write_text(PARTIES, encoding="utf-8")
    (shop.folder / "tasks.yaml").write_text(
        f"tasks: [{{name: good, outcome: late_30}}, {{name: t, {asked}}}]\nkinds: {{outcomes: [lost]}}\n"
    )
    with pytest.raises(MappingError, match=rf"task t\.[a-z_]+: '{word}' is neither standard nor declared"):
        canonical(shop.folder, shop.root)


def test_a_contract_table_without_known_on_is_refused_with_advice(shop: Shop) -> None:
    (shop.folder / "parties.csv").write_text("party_id,kind\nA,company\n", encoding="utf-8")
    with pytest.raises(LoadRefused, match=r"parties.csv.*no column 'known_on'.*first be known"):
        canonical(shop.folder, shop.root)


def test_every_lacking_column_is_named_at_once(shop: Shop) -> None:
    (shop.folder / "parties.csv").write_text("party_id,title\nA,Alpha\n", encoding="utf-8")
    with pytest.raises(
        LoadRefused, match=r"^parties.csv: has no column 'kind' nor 'known_on'.*found: 'party_id', 'title'"
    ):
        canonical(shop.folder, shop.root)


def test_an_empty_folder_is_refused(shop: Shop) -> None:
    with pytest.raises(LoadRefused, match="none of the files"):
        canonical(shop.folder, shop.root)


def test_headers_quotes_and_single_files(shop: Shop) -> None:
    path = shop.folder / "plain.csv"
    path.write_text('A|5" pipe\nB|6" pipe\n', encoding="utf-8")
    mapping = shop.root / "plain.yaml"
    text = """
source: plain
files:
  plain: {path: plain.csv, header: HEADER, delimiter: "|", quote: null, ignore: [c1, note]}
tables:
  - table: parties
    from: plain
    columns: {party_id: COLUMN, kind: {value: company}, name: {expr: "NOTE"}, known_on: {value: 2020-01-01}}
"""
    for header, column, note in (("false", "c0", "c1"), ("[id, note]", "id", "note")):
        mapping.write_text(text.replace("HEADER", header).replace("COLUMN", column).replace("NOTE", note))
        report = load(str(mapping), path, shop.store, shop.root / "ws")
        assert report.tables["parties"].read == 2
    assert shop.rows("SELECT name FROM party_names ORDER BY 1") == [('5" pipe',), ('6" pipe',)]


def test_an_empty_table_where_the_mapping_allows_it(shop: Shop) -> None:
    mapping = shop.root / "empty.yaml"
    text = """
source: empty
files:
  firms: {path: firms.csv, min_rows: LEAST}
tables:
  - {table: parties, from: firms, same_names: true}
"""
    (shop.folder / "firms.csv").write_text("party_id,kind,known_on\n", encoding="utf-8")
    mapping.write_text(text.replace("LEAST", "0"), encoding="utf-8")
    assert load(str(mapping), shop.folder, shop.store, shop.root / "ws").tables["parties"].read == 0
    mapping.write_text(text.replace("LEAST", "1"), encoding="utf-8")
    with pytest.raises(LoadRefused, match="zero rows"):
        load(str(mapping), shop.folder, shop.store, shop.root / "ws")


def test_a_file_of_nothing_but_damaged_lines_is_refused(shop: Shop) -> None:
    (shop.folder / "parties.csv").write_text("party_id,kind,known_on\nA\nB,company\n", encoding="utf-8")
    with pytest.raises(LoadRefused, match="2 of 2 rows are bad"):
        canonical(shop.folder, shop.root)
