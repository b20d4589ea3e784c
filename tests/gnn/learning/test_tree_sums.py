from __future__ import annotations

import numpy as np

from gnn.columns.linear_columns import ANY, linear_columns
from gnn.learning.tree_sums import tree_sums
from gnn.model import Network, ReadOut

NEAR, FAR = (len(linear_columns(ANY, hop)) for hop in (1, 2))


def read_out() -> ReadOut:
    zeros = {0: np.zeros(0), 1: np.zeros(NEAR), 2: np.zeros(FAR)}
    return ReadOut(zeros, {**zeros, 1: np.linspace(-1.0, 1.0, NEAR)})


def test_a_part_that_is_a_sum_over_counterparties_is_found_again() -> None:
    generator = np.random.default_rng(4)
    x = generator.normal(size=(4_000, NEAR + FAR + 3))
    x[:, 2] = 1.0  # a constant says nothing
    x[::7, 4] = np.nan  # nobody to average: as the centre
    centred = np.nan_to_num(x[:, : NEAR + FAR] - np.append(read_out().centres[1], np.zeros(FAR)))
    planted = generator.normal(size=NEAR + FAR)
    planted[2] = 0.0
    found = tree_sums({ANY: x}, {ANY: 2.5 + centred @ planted}, Network(0.0, 1.0, {ANY: read_out()}))[ANY]
    weights = np.concatenate((found.weights[1], found.weights[2]))
    np.testing.assert_allclose(weights, planted, rtol=0.02, atol=0.02)
    assert weights[2] == 0.0
    means = np.array([not column.centred for column in linear_columns(ANY, 1)])
    expected = np.where(means, x[:, :NEAR].mean(0), read_out().centres[1])
    np.testing.assert_allclose(found.centres[1], expected, atol=1e-12)
    assert not len(found.weights[0])


def test_columns_that_tell_the_same_share_the_weight() -> None:
    """Ridge: no weight grows without bound against its twin."""
    generator = np.random.default_rng(5)
    x = generator.normal(size=(500, NEAR + FAR))
    x[:, 1] = x[:, 0] + 1e-7 * generator.normal(size=500)
    found = tree_sums({ANY: x}, {ANY: x[:, 0]}, Network(0.0, 1.0, {ANY: read_out()}))[ANY]
    np.testing.assert_allclose(found.weights[1][:2], [0.5, 0.5], atol=0.02)


def test_trees_that_say_nothing_have_no_weights() -> None:
    x = np.random.default_rng(6).normal(size=(100, NEAR + FAR))
    found = tree_sums({ANY: x}, {ANY: np.zeros(100)}, Network(0.0, 1.0, {ANY: read_out()}))[ANY]
    assert not np.any(found.weights[1])
    assert not np.any(found.weights[2])
