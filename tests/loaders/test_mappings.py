"""The shipped mappings on what travels with ecorisk, and on the whole sets where they are at hand."""

from __future__ import annotations

import dataclasses
import re
from pathlib import Path

import pytest

from graph.duckdb_store import DuckDBStore
from graph.source import Task
from graph.vocabulary import KindDeclaration
from loaders import load, shipped_mappings
from loaders.document import tables_document
from loaders.mapping import ColumnMapping, FileMapping, Lookup, NumberText
from loaders.parsing import read_mapping
from tests.loaders.sources import balanced

ROOT = Path(__file__).parents[2]
SHARED = ROOT.parent / "shared" / "data"
SAMPLES = ROOT / "loaders" / "samples"

#: What the README files of the sets promise: rows accepted of a table.
EXPECTED = {
    "scms_delivery": {"shipments": 10_324, "parties": 73 + 88 + 43, "outcomes": 20_648},
    "h2_labor_certification": {"events": 226_002},
    "fdcompcn": {"parties": 5_317, "links": 2_775 + 380 + 521, "splits": 5_317},
    "tolokers": {"parties": 11_758, "links": 519_000, "splits": 117_580},
    "smesd": {"outcomes": 3_976, "events": 15_366, "links": 13_240},
    "olist": {"parties": 40_847, "events": 94_660},
    "cumcm2020c": {"invoices": 1_087_766, "outcomes": 123},
}
SLOW = {"cumcm2020c", "olist", "h2_labor_certification"}


@pytest.mark.parametrize("name", shipped_mappings())
def test_every_shipped_mapping_can_be_read(name: str) -> None:
    assert read_mapping(name).declaration.name == name


@pytest.mark.parametrize("name", ["scms_delivery", "h2_labor_certification"])
def test_the_bundled_records_load(name: str, tmp_path: Path) -> None:
    store = DuckDBStore(tmp_path / "ecosystem.duckdb")
    report = load(name, SAMPLES / name, store, tmp_path)
    assert balanced(report)
    assert report.quarantine is None
    assert report.warnings == ()
    assert [source.name for source in store.sources()] == [name]


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=[pytest.mark.slow] if name in SLOW else []) for name in EXPECTED]
)
def test_the_whole_sets_load(name: str, tmp_path: Path) -> None:
    if not (SHARED / name).is_dir():
        pytest.skip(f"the data set {name} is not beside this project (../shared/data/{name})")
    report = load(name, SHARED / name, DuckDBStore(tmp_path / "ecosystem.duckdb"), tmp_path)
    assert balanced(report)
    assert report.warnings == ()
    for table, accepted in EXPECTED[name].items():
        assert report.tables[table].accepted == accepted
    if name == "cumcm2020c":
        assert report.tables["invoices"].unchanged == 11_665  # the exact duplicates
        assert report.tables["invoices"].quarantined == 10


def _keys(cls: type, renamed: dict[str, str]) -> set[str]:
    return {renamed.get(field.name, field.name) for field in dataclasses.fields(cls)} - {""}


def test_the_manual_names_every_key() -> None:
    manual = (ROOT / "docs" / "mapping.md").read_text(encoding="utf-8")
    numbers = {"numbers": "decimal"}
    keys = (
        _keys(FileMapping, {"name": "", "paths": "path", **numbers})
        | _keys(ColumnMapping, {"marks": "decimal"})
        | _keys(NumberText, {})
        | _keys(Lookup, {})
        | _keys(Task, {})
        | _keys(KindDeclaration, {})
        | {
            "source",
            "title",
            "licence",
            "dated",
            "reject_share",
            "kinds",
            "tasks",
            "files",
            "tables",
            "declared_in",
        }
        | {
            "table",
            "from",
            "where",
            "columns",
            "x",
            "distinct",
            "same_names",
            "unpivot",
        }
    )
    assert {key for key in keys if f"`{key}`" not in manual} == set()


def test_the_manual_lists_the_tables_as_they_are() -> None:
    manual = (ROOT / "docs" / "mapping.md").read_text(encoding="utf-8")
    assert tables_document() in manual, "put in what `python -m loaders.document` prints"


def test_the_manual_s_examples_are_valid_mappings(tmp_path: Path) -> None:
    manual = (ROOT / "docs" / "mapping.md").read_text(encoding="utf-8")
    examples = re.findall(r"```yaml\n(.*?)```", manual, flags=re.S)
    assert len(examples) >= 2
    for example in examples:
        (tmp_path / "example.yaml").write_text(example, encoding="utf-8")
        assert read_mapping(str(tmp_path / "example.yaml")).feeds


def test_the_manual_s_ledger_loads(tmp_path: Path) -> None:
    manual = (ROOT / "docs" / "mapping.md").read_text(encoding="utf-8")
    (tmp_path / "ledger.yaml").write_text(
        re.findall(r"```yaml\n(.*?)```", manual, flags=re.S)[0], encoding="utf-8"
    )
    sales = re.search(r"    (Nr;Kunde.*?)\n\n", manual, flags=re.S)
    assert sales is not None
    (tmp_path / "sales.csv").write_text(sales[1].replace("\n    ", "\n") + "\n", encoding="latin-1")
    (tmp_path / "failed.csv").write_text(
        "customer,filed,published\nMaier,2021-01-01,2021-01-15\n", encoding="utf-8"
    )
    store = DuckDBStore(tmp_path / "ws" / "ecosystem.duckdb")
    report = load(str(tmp_path / "ledger.yaml"), tmp_path, store, tmp_path / "ws")
    assert {name: counts.accepted for name, counts in report.tables.items()} == {
        "parties": 3,
        "invoices": 2,
        "outcomes": 1,
    }
