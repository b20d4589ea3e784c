"""Rounds end where validation rows are served best, each judged by a member that was not shown its party."""

from __future__ import annotations

import numpy as np
from scipy.special import expit

from gnn.columns.features import FeatureMatrix
from gnn.learning.boosting import BoostingSettings, Draw, fit_draws
from gnn.learning.rows import LabelledRows
from gnn.learning.stopping import STOP_EVERY, Rounds, best_stop, raw_mean, raw_unseen

SETTINGS = BoostingSettings(rounds=110)


def rows(n: int, seed: int, signal: float) -> LabelledRows:
    rng = np.random.default_rng(seed)
    values = rng.normal(size=(n, 5)).astype(np.float32)
    labels = (rng.random(n) < expit(signal * values[:, 0])).astype(np.int8)
    return LabelledRows(
        FeatureMatrix(tuple("abcde"), ("own",) * 5, values), labels, (np.arange(n) % 2).astype(np.int8)
    )


def members(train: LabelledRows) -> list:  # type: ignore[type-arg]
    draws = [Draw(fold, SETTINGS, train.held_out == fold) for fold in (0, 1)]
    return fit_draws(train.features.values, train.labels, None, draws)


def test_steps_sum_to_the_whole() -> None:
    train = rows(800, 1, 1.5)
    found, values = members(train), train.features.values
    steps = [
        raw_mean(found, values, Rounds(start, STOP_EVERY)) for start in range(0, SETTINGS.rounds, STOP_EVERY)
    ]
    np.testing.assert_allclose(sum(steps), raw_mean(found, values), atol=1e-9)


def test_noise_stops_early_and_signal_goes_on() -> None:
    ends = []
    for signal in (0.0, 1.5):
        train, valid = rows(800, 1, signal), rows(2_000, 2, signal)
        ends.append(best_stop(members(train), valid, valid.features.values).rounds)
    assert ends[0] == STOP_EVERY
    assert STOP_EVERY < ends[1] <= SETTINGS.rounds


def test_a_row_is_judged_by_the_member_that_missed_it() -> None:
    train = rows(800, 1, 1.5)
    found, values = members(train), train.features.values
    unseen = raw_unseen(found, values, train.held_out)
    for number, member in enumerate(found):
        mine = train.held_out == number
        np.testing.assert_array_equal(unseen[mine], member.predict(values[mine], raw_score=True))


def test_nobody_says_nothing() -> None:
    valid = rows(500, 3, 1.0)
    stop = best_stop([], valid, valid.features.values)
    assert abs(expit(stop.intercept) - valid.labels.mean()) < 1e-4
