from __future__ import annotations

from pathlib import Path

import pytest

from graph.errors import MappingError
from loaders.mapping import matching
from loaders.parsing import read_mapping

GOOD = """
source: mine
files:
  a: {path: a.csv}
tables:
  - table: stocks
    from: a
    columns: {party_id: p, on: day, value: {column: v, unit: major}, currency: {value: EUR}, known_on: day}
"""


def read(tmp_path: Path, text: str) -> object:
    (tmp_path / "m.yaml").write_text(text, encoding="utf-8")
    return read_mapping(str(tmp_path / "m.yaml"))


def test_on_is_a_word(tmp_path: Path) -> None:
    assert "on" in read(tmp_path, GOOD).feeds[0].columns  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("source: mine", "source: 'a b'", "source: expected a name"),
        ("source: mine", "titel: x", "source: is missing"),
        ("source: mine", "source: mine\ntitel: x", "titel: unknown key"),
        ("path: a.csv", "path: a.csv, encoding: klingon", "files.a.encoding: unknown encoding"),
        ("path: a.csv", "path: a.csv, format: xls", "files.a.format: expected one of"),
        ("path: a.csv", "path: a.csv, delimiter: ab", "files.a.delimiter: expected one character"),
        (
            "path: a.csv",
            "path: a.csv, decimal: '.', thousands: '.'",
            "files.a.thousands: is the decimal mark",
        ),
        ("path: a.csv", "path: a.csv, dates: DD.MM.YYYY", "files.a.dates: 'DD.MM.YYYY' is no date format"),
        ("path: a.csv", "path: a.csv, dates: ['%Y', '%Q']", "files.a.dates: '%Q' is no date format"),
        ("path: a.csv", "path: a.csv, delimiter: ab", "one character or whitespace, found 'ab'"),
        ("on: day", "on: 2020-01-31", r"columns.on: expected a source column .* \{value: …\}"),
        ("party_id: p", "party_id: {column: p, absolute: true}", "columns.party_id.absolute"),
        ("path: a.csv", "path: 3", "files.a.path: expected str or list"),
        ("path: a.csv", "paths: a.csv", "files.a.path: is missing"),
        ("path: a.csv", "path: a.csv, min_rows: true", "files.a.min_rows: expected int"),
        ("path: a.csv", "path: a.csv, path: b.csv", "given twice"),
        ("path: a.csv", "path: a.csv, lookups: [{file: b, on: x}]", "no other file 'b'"),
        ("from: a", "from: b", r"tables\[0\].from: no file 'b'"),
        ("table: stocks", "table: stock", r"tables\[0\].table: expected one of"),
        ("party_id: p", "party: p", r"tables\[0\].columns.party: stocks has no such column"),
        ("party_id: p, ", "", r"columns.party_id: is missing"),
        (", known_on: day", "", r"columns.known_on: is missing.*never taken from the event"),
        (", unit: major", "", "columns.value.unit: is missing"),
        ("unit: major", "unit: cents", "columns.value.unit: expected one of major, minor"),
        ("{value: EUR}", "{value: 7}", "columns.currency.value: expected a text"),
        ("{value: EUR}", "{}", "exactly one of column, value, expr"),
        ("{value: EUR}", "{value: EUR, column: c}", "exactly one of column, value, expr"),
        ("on: day", "on: {value: 2020-02-30}", "not valid YAML|expected a date"),
        ("on: day", "on: {column: day, prefix: x}", "columns.on.prefix: on is no text"),
        ("party_id: p", "party_id: {column: p, dates: ['%Y']}", "columns.party_id.dates"),
        ("from: a", "from: a\n    distinct: newest", r"tables\[0\].distinct: expected true or one of"),
        ("from: a", "from: a\n    x: [c]", r"tables\[0\].x: stocks takes no x_ columns"),
        ("from: a", "from: a\n    where: sum(p) > 1", r"tables\[0\].where"),
        ("source: mine", "source: mine\nreject_share: 2", "reject_share: expected a share"),
        ("source: mine", "source: mine\ntasks: [{name: t}]", r"tasks\[0\].outcome: is missing"),
        ("source: mine", "source: mine\ntasks: [{name: t, outcome: o, as_of: {train: soon}}]", "as_of.train"),
        ("source: mine", "source: mine\ntasks: [{name: t, outcome: o, by_splits: true}]", "task t"),
        ("source: mine", "source: mine\nkinds: {links: [{nam: X}]}", r"kinds.links\[0\].name: is missing"),
        ("tables:", "tables: [\n", "not valid YAML"),
    ],
)
def test_mistakes_are_named_with_their_place(tmp_path: Path, old: str, new: str, message: str) -> None:
    assert read(tmp_path, GOOD)
    assert old in GOOD
    with pytest.raises(MappingError, match=message) as refused:
        read(tmp_path, GOOD.replace(old, new, 1))
    assert "m.yaml" in refused.value.message


def test_columns_by_name_glob_and_range() -> None:
    names = ("id", "c0", "c1", "c2", "c10", "fin_a", "fin_b", "a*")
    assert matching(("c0..c2",), names) == ("c0", "c1", "c2")
    assert matching(("fin_*", "id"), names) == ("id", "fin_a", "fin_b")
    assert matching(("a*",), names) == ("a*",)
    assert matching(("nothing",), names) == ()
