"""The catalogue's words, its page, and that its expressions run on a cluster's engine too."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import ibis
import pyarrow as pa
import pytest
from ibis.config import Config

from graph.contract import TABLES
from graph.indicators.catalogue import CATALOGUE, COMPARING, FIGURES, OF_ONE_KIND, SHEETS
from graph.indicators.document import DOCUMENT, render
from graph.indicators.facts import Facts, filled_of
from graph.rings.membership import SCHEMA
from graph.vocabulary import EVENT_KINDS, LINK_KINDS
from tests.ecosystems import snapshot
from tests.graph.indicators.everything import AS_OF, everything

GROUPS = {
    "sales", "buyers", "suppliers", "payments", "inventory", "disputes", "outcomes", "logistics",
    "financing", "guarantees", "ownership", "activity", "rings", "environment", "peers",
}  # fmt: skip


def test_there_are_at_least_a_hundred_with_names_of_their_own() -> None:
    declared = [i.name for sheet in (*SHEETS, *COMPARING) for i in sheet.indicators()]
    assert len(declared) == len(set(declared)) == len(CATALOGUE) >= 100
    assert {i.group for i in CATALOGUE.values()} == GROUPS
    assert set(CATALOGUE) >= FIGURES


def test_what_is_told_of_any_kind_and_of_one_is_measured_alike() -> None:
    for any_kind, kinds in OF_ONE_KIND.items():
        for kind in kinds:
            one, other = CATALOGUE[any_kind], CATALOGUE[kind]
            assert (one.unit, one.window_days, one.better) == (other.unit, other.window_days, other.better), (
                kind
            )


def test_every_entry_is_filled_in() -> None:
    for name, entry in CATALOGUE.items():
        assert name == entry.name == name.lower()
        assert name.isidentifier()
        assert entry.unit
        assert entry.better in ("higher", "lower", None)
        assert entry.cause in ("own", "environment", "counterparty")
        assert entry.window_days is None or entry.window_days > 0
        assert len(entry.meaning) > 15
        assert entry.meaning.endswith("."), name
        assert len(entry.reason) > 15
        assert not entry.reason.endswith("."), name
        assert entry.tables
        assert set(entry.tables) <= {*TABLES, "rings"}, name


def test_counterparty_indicators_name_their_relation_and_no_others_do() -> None:
    kinds = set(LINK_KINDS) | {name.upper() for name, kind in EVENT_KINDS.items() if kind.relation}
    for name, entry in CATALOGUE.items():
        assert (entry.relation is not None) == (entry.cause == "counterparty"), name
        if entry.relation is not None:
            kind, _, end = entry.relation.partition(".")
            assert kind in kinds, name
            assert end == "" if LINK_KINDS.get(kind) and LINK_KINDS[kind].symmetric else end in ("in", "out")
            assert not entry.actionable, name


def test_reasons_accuse_nobody() -> None:
    for entry in CATALOGUE.values():
        if not entry.name.startswith(("past_fraud", "days_since_past_fraud")):
            assert not set(entry.reason.lower().split()) & {"fraud", "suspicious", "cheat", "fake", "guilty"}


def test_names_with_a_window_state_it() -> None:
    for name, entry in CATALOGUE.items():
        last = name.removesuffix("_peer_percentile").removesuffix("_peer_difference").rsplit("_", 1)[-1]
        if last.endswith("d") and last[:-1].isdigit():
            assert entry.window_days is not None, name
            assert entry.window_days >= int(last[:-1]), name


def test_the_page_is_current() -> None:
    assert DOCUMENT.read_text(encoding="utf-8") == render(), "run: python -m graph.indicators.document"


class _SparkOptions(Config):
    treat_nan_as_null: bool = False


@pytest.fixture
def spark_dialect() -> Iterator[str]:
    """SQL for Spark can be written without Spark once the options it would register are there."""
    before = ibis.options.pyspark
    ibis.options.pyspark = before or _SparkOptions()
    yield "pyspark"
    ibis.options.pyspark = before


def test_every_expression_can_be_written_for_spark(tmp_path: Path, spark_dialect: str) -> None:
    taken = snapshot(tmp_path, everything(), AS_OF)
    parties = taken.tables["parties"]
    figures = parties.select(["party_code", "kind", "industry", "country", "region", "size_band"])
    for name in sorted(FIGURES):
        figures = figures.append_column(name, pa.array([0.0] * len(figures), pa.float32()))
    figures = figures.append_column("fold", pa.array([0] * len(figures), pa.int8()))
    tables = {**taken.tables, "figures": figures, "rings": SCHEMA.empty_table()}
    facts = Facts(
        tables={name: ibis.table(ibis.Schema.from_pyarrow(t.schema), name) for name, t in tables.items()},
        today=ibis.date(AS_OF.isoformat()),
        kinds=taken.kinds,
        filled=filled_of(tables),
        keep=lambda rows: rows,
    )
    for sheet in (*SHEETS, *COMPARING):
        rows = sheet.query(facts)
        wanted = sheet.computable(facts.filled)
        assert len(wanted) == len(sheet.definitions)
        sql = ibis.to_sql(
            rows.select("party_code", **{d.name: d.value(rows) for d in wanted}), dialect=spark_dialect
        )
        assert all(f"`{d.name}`" in sql for d in wanted)
