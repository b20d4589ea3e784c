"""The gate on rows whose truth is known: equals and betters pass, and what is wrong has its name."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
from rich.console import Console
from scipy.special import expit

from gnn.champion.gate import CANDIDATE, CHAMPION, NO_GRAPH, WITH_GRAPH, Gate, GateSettings, JudgedRows, judge
from gnn.champion.slices import DEGREE, quintiles

N = 8_000


def rows(seed: int = 1) -> JudgedRows:
    """Two days of 4,000 parties: half of the log-odds is the party's own, half comes through links.

    The candidate and the graph's challenger see all of it (each with noise of its own), the other half.
    """
    rng = np.random.default_rng(seed)
    party = np.tile(np.arange(N // 2, dtype=np.int32), 2)
    own, inherited = rng.normal(size=N), rng.normal(size=N)
    labels = (rng.random(N) < expit(-2.0 + own + inherited)).astype(np.int8)

    def seen(signal: np.ndarray) -> np.ndarray:
        return -2.0 + signal + 0.1 * rng.normal(size=N)

    z = {CANDIDATE: seen(own + inherited), NO_GRAPH: seen(own), WITH_GRAPH: seen(own + inherited)}
    degree = rng.integers(0, 30, N // 2)[party]
    return JudgedRows(labels, party, z, (quintiles(DEGREE, "counterparties", degree),))


@pytest.fixture(scope="module")
def judged() -> JudgedRows:
    return rows()


def with_candidate(found: JudgedRows, z: np.ndarray) -> JudgedRows:
    return replace(found, z={**found.z, CANDIDATE: z})


def test_a_good_candidate_passes(judged: JudgedRows) -> None:
    found = judge(judged, uses_links=True)
    assert found.passed, found.failed
    names = [condition.name for condition in found.conditions]
    assert names == [
        "enough outcomes", "AUC less gbdt_own's", "AUC less gbdt_graph's", "calibration slope",
        "mean predicted", "no worse by degree",
    ]  # fmt: skip


def test_links_must_pay_where_they_are_used(judged: JudgedRows) -> None:
    same = with_candidate(judged, judged.z[NO_GRAPH])
    same = replace(same, z={CANDIDATE: same.z[CANDIDATE], NO_GRAPH: same.z[NO_GRAPH]})
    assert judge(same, uses_links=True).failed == ("AUC less gbdt_own's",)
    without = judge(same, uses_links=False)
    assert without.passed
    assert "no links" in without.notes[0]


def test_it_is_not_worse_than_the_champion(judged: JudgedRows) -> None:
    better = replace(judged, z={**judged.z, CHAMPION: judged.z[WITH_GRAPH]})
    assert judge(better, uses_links=True, champion="abc").passed
    blurred = judged.z[CANDIDATE] + 0.8 * np.random.default_rng(2).normal(size=N)
    worse = judge(with_candidate(better, blurred), uses_links=True, champion="abc")
    assert "AUC less champion's" in worse.failed
    figures = next(c.figures for c in worse.conditions if c.name == "AUC less champion's")
    low, mid, high = figures["auc"]
    assert low < mid < high < 0


def test_another_question_cannot_be_compared(judged: JudgedRows) -> None:
    found = judge(judged, uses_links=True, champion="abc", incomparable="it answers another task")
    assert found.failed == ("comparable champion",)


@pytest.mark.parametrize(
    ("distorted", "condition"),
    [
        (lambda z: 2.0 * z + 1.5, "calibration slope"),
        (lambda z: 0.4 * z - 1.2, "calibration slope"),
        (lambda z: z + 0.5, "mean predicted"),
    ],
)
def test_odds_that_do_not_hold_are_named(judged: JudgedRows, distorted: object, condition: str) -> None:
    assert callable(distorted)
    found = judge(with_candidate(judged, distorted(judged.z[CANDIDATE])), uses_links=True)
    assert condition in found.failed


def test_a_bin_that_is_served_worse_is_named_though_the_whole_is_not(judged: JudgedRows) -> None:
    bins = judged.groupings[0].bins
    z = judged.z[CANDIDATE].copy()
    # What is lost among the thinly linked is made good by what is known of the others.
    z[bins == 0] = judged.z[NO_GRAPH][bins == 0]
    others = bins != 0
    z[others] += 0.8 * (2 * judged.labels[others] - 1.0)
    found = judge(with_candidate(judged, z), uses_links=True)
    by_degree = next(c for c in found.conditions if c.name == "no worse by degree")
    assert not by_degree.met
    worse = [(each["bin"], each["rival"]) for each in by_degree.figures["bins"] if each["worse"]]
    assert worse == [(judged.groupings[0].labels[0], WITH_GRAPH)]
    rankings = [c for c in found.conditions if c.name.startswith("AUC less")]
    assert all(condition.met for condition in rankings)


def test_equals_are_seldom_called_worse_in_any_bin() -> None:
    """Ten comparisons at a time, none of them a true difference: taken one by one a fifth would fail."""
    refused = 0
    for seed in range(20):
        found = judge(rows(seed), uses_links=True, settings=GateSettings(resamples=100))
        refused += "no worse by degree" in found.failed
    assert refused <= 2


def test_too_few_outcomes_say_nothing(judged: JudgedRows) -> None:
    few = replace(judged, labels=(np.arange(N) < 10).astype(np.int8))
    assert judge(few, uses_links=True).failed == ("enough outcomes",)


def test_a_verdict_comes_back_from_its_json(judged: JudgedRows) -> None:
    found = judge(judged, uses_links=True)
    again = Gate.from_json(json.loads(json.dumps(found.to_json())))
    assert again == found
    console = Console(width=200, record=True)
    console.print(again.table())
    assert all(condition.name in console.export_text(clear=False) for condition in found.conditions)
