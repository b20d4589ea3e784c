"""Every planter leaves rows that load, the same ones each time, and as many rings as it was asked for."""

from __future__ import annotations

from pathlib import Path

import pyarrow.parquet as pq
import pytest

from graph.duckdb_store import DuckDBStore
from loaders import load
from loaders.synthetic import EcosystemSettings, generate
from loaders.synthetic.rings import PLANTERS
from loaders.synthetic.rings.ground import RING

SETTINGS = EcosystemSettings(parties=3000, seed=4, rings=2, invoices_per_party=2)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("planted") / "data"
    generate(SETTINGS, out)
    return out


def test_same_settings_plant_the_same_rows(folder: Path, tmp_path: Path) -> None:
    generate(SETTINGS, tmp_path / "again")
    for path in sorted(folder.rglob("*.parquet")):
        assert path.read_bytes() == (tmp_path / "again" / path.relative_to(folder)).read_bytes(), path.name


def test_planted_rows_load_without_a_rejected_one(folder: Path, tmp_path: Path) -> None:
    report = load("canonical", folder, DuckDBStore(tmp_path / "ecosystem.duckdb"), tmp_path)
    assert {name: counts.quarantined for name, counts in report.tables.items() if counts.quarantined} == {}


@pytest.mark.parametrize("code", PLANTERS)
def test_every_ring_stands_beside_three_look_alikes(folder: Path, code: str) -> None:
    truth = pq.read_table(folder / "truth" / "rings.parquet").to_pandas()
    plots = truth[truth["typology"] == code].drop_duplicates("ring_id")
    kinds = plots["kind"].value_counts().to_dict()
    assert kinds.pop(RING) == SETTINGS.rings
    assert len(kinds) == 3
    assert set(kinds.values()) == {SETTINGS.rings}
    assert (truth["first_on"] <= truth["last_on"]).all()
    assert not truth.duplicated(["ring_id", "party_id"]).any()
