"""From a model and a day to a run."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy.special import expit, logit

from gnn import artifact
from gnn.model import Model
from gnn.panels.panel import Panel
from gnn.parts import ScoredParts
from gnn.runs.scoring_job import make_run
from graph.snapshot import Snapshot


def test_a_stated_prior_moves_every_pd_to_the_populations_rate(
    trained: Model, panel_of_parts: Panel, scored: ScoredParts, ecosystem: Snapshot
) -> None:
    prior = 0.02
    task = {**artifact.task_of(trained).to_json(), "prior": prior}
    of_population = replace(trained, facts={**trained.facts, "task": task})
    sample, population = (
        make_run(model, "0" * 64, ecosystem, lambda _: None) for model in (trained, of_population)
    )
    moved = logit(population.arrays["pd"]) - logit(sample.arrays["pd"])
    learned = np.concatenate([panel_of_parts.labels("train"), panel_of_parts.labels("valid")])
    assert artifact.sample_bad_share(trained) == pytest.approx(learned.mean())
    assert np.allclose(moved, logit(prior) - logit(learned.mean()), atol=1e-5)
    # Test cases, weighed as they come up in the population: as many are bad as is predicted. (The planted
    # results are in the panel alone, so their parts are taken from it.)
    (test,) = panel_of_parts.of("test")
    share, bad = test.labels.mean(), test.labels == 1
    weight = np.where(bad, prior / share, (1 - prior) / (1 - share))
    predicted = np.average(expit(scored.z()[test.codes] + moved[0]), weights=weight)
    assert predicted == pytest.approx(prior, rel=0.15)
