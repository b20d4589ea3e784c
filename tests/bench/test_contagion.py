"""Planted contagion is found where it was planted, and none where there is none: the ordinary path."""

from __future__ import annotations

from typing import Any

import pytest

from bench.contagion import CONDITIONS, measure, settings_of
from bench.contagion_report import ROWS, render, table
from loaders.synthetic import EcosystemSettings

PARTIES = 20_000
#: Where nothing is to be found: two trainings, one of them on permuted links.
FEWER_PARTIES = 10_000


@pytest.fixture(scope="module")
def planted(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    return measure(EcosystemSettings(parties=PARTIES, seed=2), tmp_path_factory.mktemp("planted"))


@pytest.fixture(scope="module")
def bare(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    settings = EcosystemSettings(parties=FEWER_PARTIES, seed=2, contagion=0.0)
    return measure(settings, tmp_path_factory.mktemp("bare"), placebo=True)


def test_conditions_differ_from_the_clean_one_as_they_say() -> None:
    found = {name: settings_of(name, 1_000, 4) for name in CONDITIONS}
    clean = found["clean"]
    assert (clean.missing_links, clean.false_links, clean.outcome_delay_days) == (0.0, 0.0, 0)
    hard = found["all three"]
    assert (hard.missing_links, hard.false_links, hard.outcome_delay_days) == (0.3, 0.1, 90)
    assert found["no contagion"].contagion == 0.0
    assert {one.seed for one in found.values()} == {4}


@pytest.mark.slow
@pytest.mark.timeout(3000)
class TestPlanted:
    def test_the_graph_brings_what_was_planted(self, planted: dict[str, Any]) -> None:
        # .032 and .044 were measured; another processor's sums move them by thousandths.
        auc = planted["auc"]
        assert auc["gnn"] - auc["gbdt_own"] >= 0.025
        assert auc["default"] - auc["gbdt_own"] >= 0.03
        assert planted["default_less_gbdt_own"][0] > 0.01
        assert planted["links"]["gain"][0] > 0.01

    def test_inherited_parts_follow_the_planted_ones(self, planted: dict[str, Any]) -> None:
        assert planted["spearman"]["inherited"] >= 0.6
        # .85 of the oracle was found among 10,000 parties, where it has less to learn from.
        assert planted["spearman"]["inherited"] >= 0.7 * planted["spearman"]["oracle"]
        assert planted["pairs"]["spearman"] > 0.35
        assert planted["pairs"]["within_party"] > 0.35

    def test_the_counterparty_that_is_named_is_the_one_that_passed_it_on(
        self, planted: dict[str, Any]
    ) -> None:
        """Chance would name one in six."""
        found = planted["top_carrier"]
        assert found["parties"] > 500
        assert found["first"] > 0.65
        assert found["among_three"] > 0.8

    def test_stronger_relations_are_found_stronger(self, planted: dict[str, Any]) -> None:
        found = {name: strength["found"] for name, strength in planted["strengths"].items()}
        assert all(value > 0 for value in found.values())
        assert found["SUPPLIES.out"] > found["SUPPLIES.in"] > found["GUARANTEES.in"]
        assert found["GUARANTEES.out"] > found["GUARANTEES.in"]

    def test_table_and_page_show_every_figure(self, planted: dict[str, Any]) -> None:
        conditions = {"clean": [planted, planted], "late": [planted, planted]}
        figures = {"parties": PARTIES, "seeds": [2, 2], "conditions": conditions}
        assert table(figures).row_count == len(ROWS) + 4
        page = render(figures)
        assert "GUARANTEES.in" in page
        assert f"{planted['auc']['default']:.3f} / {planted['auc']['default']:.3f}" in page


@pytest.mark.slow
@pytest.mark.timeout(3000)
class TestNothingPlanted:
    def test_nothing_is_inherited_where_nothing_was_planted(self, bare: dict[str, Any]) -> None:
        low, _, high = bare["links"]["gain"]
        assert low <= 0.0 <= high
        assert 0.48 <= bare["inherited_auc"] <= 0.52
        assert bare["inherited_share"] <= bare["placebo"]["inherited_share"]
        assert bare["inherited_gain_in_standard_errors"] < 2.0
        # The rest is structure and the mean of more trees (.004 was measured), not links.
        assert abs(bare["auc"]["default"] - bare["auc"]["gbdt_own"]) < 0.01
