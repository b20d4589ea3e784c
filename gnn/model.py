"""A trained model: everything scoring needs, as arrays and plain values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gnn.columns.features import Encoding, Schema
from gnn.trees import Trees

#: Version of the artifact's layout; a model of another one is refused.
LAYOUT = 4


@dataclass(frozen=True)
class Preparation:
    """How columns are made from a snapshot, frozen at training.

    ``stage_1``: one ensemble a fold over own columns, then environment's (no tree reads both), trained
    without that fold; ``averaged``: positions of the own columns whose means over counterparties are taken;
    ``relations``: relations learned from (``any`` among them where there are several kinds);
    ``prior`` / ``record_priors``: bad share among known results / pair cases of each relation;
    ``read``: by relation, the columns that its trees read; all, of a relation that is not named;
    ``kept_share``: share of known results that rows of a training day by splits may see.
    """

    schema: Schema
    encodings: tuple[Encoding, ...]
    stage_1: tuple[Trees, ...]
    averaged: tuple[int, ...]
    relations: tuple[str, ...]
    prior: float
    record_priors: Mapping[str, float]
    kept_share: float
    read: Mapping[str, tuple[str, ...]]


@dataclass(frozen=True)
class ReadOut:
    """Weights for one relation, on columns as they are (standardisation folded in).

    ``weights`` / ``centres``: float64 by hop (1, 2), then those of counterparty-caused indicators (0).
    A column gives weight·(value - centre), 0 where unknown. Of uncentred columns the network's centres are 0,
    those of a trees' sum the means of its rows.
    """

    weights: Mapping[int, NDArray[np.float64]]
    centres: Mapping[int, NDArray[np.float64]]


@dataclass(frozen=True)
class Network:
    """The folded network: log-odds = intercept + own_weight·s + Σ relations."""

    intercept: float
    own_weight: float
    read_outs: Mapping[str, ReadOut]


@dataclass(frozen=True)
class Centres:
    """Training means of every part, taken off so that constants cannot slide between parts.

    ``trees_columns`` / ``network_columns``: float64 [own + environment], of the parts by path attribution;
    ``trees`` / ``network``: of the relations' parts.
    """

    trees_columns: NDArray[np.float64]
    network_columns: NDArray[np.float64]
    trees: Mapping[str, float]
    network: Mapping[str, float]


@dataclass(frozen=True)
class Blend:
    """Calibrated log-odds: a·(b0 + w·parts) + b, kept as weights of centred parts and one base.

    ``own_*`` weigh own and environment, ``inherited_*`` the relations; all >= 0. ``tree_sums``: by relation,
    the sum over counterparties that comes nearest to the trees' part (for naming counterparties).
    """

    base: float
    own_trees: float
    inherited_trees: float
    own_network: float
    inherited_network: float
    tree_sums: Mapping[str, ReadOut]

    def stretched(self, slope: float, base: float) -> Blend:
        """The same weights times ``slope``, with another ``base``."""
        return Blend(
            base,
            slope * self.own_trees,
            slope * self.inherited_trees,
            slope * self.own_network,
            slope * self.inherited_network,
            self.tree_sums,
        )


@dataclass(frozen=True)
class Uncertainty:
    """How far off calibrated log-odds may be; see ``gnn.precision`` for how it is read.

    ``covariance`` float64 [5, 5]: of the blend's base and four weights, calibration included, over a
    bootstrap of the validation rows' parties. ``spread``: standard deviation, in log-odds, of what trees and
    network say when other parties had been there to learn from. ``drift``: standard deviation of how far the
    bad rate moves, in log-odds, from one prediction day to another.
    """

    covariance: NDArray[np.float64]
    spread: float
    drift: float

    def stretched(self, slope: float) -> Uncertainty:
        """Of log-odds that are ``slope`` times as large."""
        return Uncertainty(slope**2 * self.covariance, slope * self.spread, self.drift)


@dataclass(frozen=True)
class Model:
    """A model and what it was made from.

    ``trees``: ensembles by group ("own", "environment", a relation's name), each over that group's columns; a
    relation's over own columns too, before its own: its part is what these change beyond what own ones say.
    ``facts``: JSON values that travel with it (task, days, seeds, shas, validation figures).
    """

    preparation: Preparation
    trees: Mapping[str, Trees]
    network: Network
    centres: Centres
    blend: Blend
    uncertainty: Uncertainty
    facts: Mapping[str, object]

    @property
    def relations(self) -> tuple[str, ...]:
        """Relations with an inherited part; empty where links were absent or brought nothing."""
        return tuple(self.network.read_outs)
