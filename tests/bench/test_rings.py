"""Planted rings are found again, look-alikes are left alone, shuffles left in peace."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from bench.rings import FROZEN, PAGE, Plot, jaccard, page, planted, recover, snapshot_of
from graph.rings.typologies import TYPOLOGIES
from loaders.synthetic import EcosystemSettings
from loaders.synthetic.rings import PLANTERS


def test_a_small_ecosystem_s_rings_are_held_against_what_was_planted(tmp_path: Path) -> None:
    settings = EcosystemSettings(parties=900, rings=2, invoices_per_party=6)
    snapshot = snapshot_of(tmp_path, settings)
    truth = planted(tmp_path / "tables")
    assert {plot.typology for plot in truth} == {t.code for t in TYPOLOGIES} == set(PLANTERS)
    for code in PLANTERS:
        kinds = [plot.kind for plot in truth if plot.typology == code]
        assert (len(kinds), kinds.count("ring"), len(set(kinds))) == (8, 2, 4), code
    carousel = next(t for t in TYPOLOGIES if t.code == "carousel")
    found = recover(snapshot, carousel, truth, seed=1, shuffled=0)
    assert (found.planted, found.found, found.recall) == (2, 2, 1.0)
    # The same findings, where their rings had been planted as look-alikes, count against precision.
    benign = [Plot(plot.typology, "benign", plot.members) for plot in truth]
    against = recover(snapshot, carousel, benign, seed=1, shuffled=0)
    assert (against.planted, against.look_alikes, against.precision) == (0, found.rings, 0.0)


def test_members_are_compared_by_what_they_share_of_all() -> None:
    assert jaccard(frozenset("abc"), frozenset("bcd")) == 0.5


def test_the_page_is_that_of_the_frozen_figures() -> None:
    assert PAGE.read_text("utf-8") == page(json.loads(FROZEN.read_text("utf-8")))


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_recall_precision_and_peace_at_twenty_thousand_parties(tmp_path: Path) -> None:
    """Fifty planted rings a typology, default settings, on a seed that nothing was tuned on."""
    settings = EcosystemSettings(parties=20_000, rings=50, seed=4)
    snapshot = snapshot_of(tmp_path, settings)
    truth = planted(tmp_path / "tables")
    for typology in TYPOLOGIES:
        found = recover(snapshot, typology, truth, seed=4, shuffled=1)
        assert found.recall >= 0.9, found
        assert found.precision >= 0.8, found
        assert found.on_shuffled[0] <= 2, found
