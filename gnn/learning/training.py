"""From a panel of past prediction days to a model: stage 1, trees, network, their weights, calibration."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace

import numpy as np
from numpy.typing import NDArray

from gnn.columns.features import ENVIRONMENT, OWN, raw_columns
from gnn.learning.blend import (
    GATE_ERRORS,
    GATE_ERRORS_OVERLAPPING,
    calibrate,
    cross_weighed,
    gain_in_errors,
    level,
    log_loss,
    weigh,
)
from gnn.learning.crosswise import crosswise_columns
from gnn.learning.ensembles import fit_groups, fit_groups_again, mean_of
from gnn.learning.fitted import Fitted, Member, hold_out
from gnn.learning.preparation import TrainingSettings, prepare, prepare_again
from gnn.learning.rows import labelled_rows
from gnn.learning.training_rows import Days, TrainingRows, rows_of
from gnn.learning.tree_sums import tree_sums
from gnn.learning.uncertainty import Disagreement, served_weights, uncertainty_of
from gnn.model import Blend, Centres, Model, Network, Preparation, Uncertainty
from gnn.network import EcosystemNetwork
from gnn.panels.holdout import windows_overlap
from gnn.panels.panel import MIN_POSITIVES, Origin, Panel, thinned
from gnn.scoring import RawParts, both_groups
from gnn.tree_walk import total_by_column
from gnn.trees import Trees
from graph.errors import Refused
from graph.source import Part

__all__ = ["NETWORK_ALONE", "TrainingSettings", "train"]

Progress = Callable[[str], None]

DEFAULTS = TrainingSettings()

#: Fact: ``_Weighed.network_alone``.
NETWORK_ALONE = "network_alone"


def _check(panel: Panel) -> None:
    parts: tuple[Part, ...] = ("train", "valid")
    for part in parts:
        labels = panel.labels(part)
        bad = int(labels.sum())
        if bad == 0 or bad == len(labels):
            raise Refused(
                f"task {panel.task.name}: all {len(labels)} rows of the {part} part have one outcome, so "
                "nothing can be learned. Load more history, or choose another task or horizon",
                part=part, rows=len(labels), positives=bad,
            )  # fmt: skip
        if part == "train" and bad < MIN_POSITIVES:
            raise Refused(
                f"task {panel.task.name}: {bad} bad outcomes in the train part; {MIN_POSITIVES} are needed",
                part=part, positives=bad,
            )  # fmt: skip


@dataclass(frozen=True)
class _Learnt:
    """A fit, and the round after which its trees end."""

    fitted: Fitted
    rounds: int


def _network(prepared: Preparation) -> EcosystemNetwork:
    n_caused = {name: len(columns) for name, columns in prepared.schema.caused.items()}
    return EcosystemNetwork(prepared.relations, n_caused)


def _fit(days: Days, valid: Sequence[Origin], prepared: Preparation, settings: TrainingSettings) -> _Learnt:
    network = _network(prepared)
    rows = rows_of(prepared, network, days)
    ensembles, rounds = fit_groups(rows.trees, labelled_rows(prepared, valid, days.held_out), settings)
    members: list[Member] = []
    if rows.held_out is None:
        rows.fit(network)
    else:
        members = _members(prepared, ensembles, network, rows, rows.held_out)
    fitted, _ = _fitted(prepared, mean_of(ensembles), network, rows)
    return _Learnt(replace(fitted, members=members), rounds)


def _members(
    prepared: Preparation,
    ensembles: Sequence[Mapping[str, Trees]],
    network: EcosystemNetwork,
    rows: TrainingRows,
    held_out: NDArray[np.int8],
) -> list[Member]:
    """A fit without each fold of the parties; ``network`` becomes the mean of theirs."""
    found, states = [], []
    for fold, trees in enumerate(ensembles):
        rows.fit(network, held_out != fold)
        folded, parts = network.folded(), rows.parts(trees, network)
        found.append(Member(prepared, trees, folded, _centres(prepared, trees, folded, rows, parts)))
        states.append({name: value.clone() for name, value in network.state_dict().items()})
    network.become_mean(states)
    return found


def _fit_again(
    days: Days, learnt: _Learnt, weighed: _Weighed, settings: TrainingSettings
) -> tuple[Fitted, _Weighed]:
    """The same on ``days`` that end with the validation days; the first fit stays as its member.

    Rounds and weights stay. Of a task by splits all rows tell slope and level, each by a fit without its
    party: nothing sets parts of one day apart. Else the slope stays, and the level is such that validation
    rows, the latest, keep their bad rate: what set them apart from earlier ones may now be in the parts.
    """
    first = learnt.fitted
    prepared = prepare_again(first.prepared, days.origins, days.raws, settings)
    network = _network(prepared)
    rows = rows_of(prepared, network, days)
    (trees,) = fit_groups_again(rows.trees, learnt.rounds, settings)
    rows.fit(network)
    fitted, parts = _fitted(prepared, trees, network, rows)
    weighed = replace(weighed, blend=replace(weighed.blend, tree_sums=fitted.tree_sums))
    if any(origin.own_labels_known for origin in days.origins):
        columns = crosswise_columns(network, rows, days.folds(), learnt.rounds, settings)
        weighed = weighed.calibrated(columns, rows.labels)
    else:
        n_valid = len(weighed.columns[0])
        columns = np.column_stack(parts.centred(fitted.centres, len(prepared.schema.own)).blended_columns())
        weighed = weighed.levelled(columns[-n_valid:], rows.labels[-n_valid:])
    return replace(fitted, members=first.members or [first.as_member()]), weighed


def _fitted(
    prepared: Preparation, trees: Mapping[str, Trees], network: EcosystemNetwork, rows: TrainingRows
) -> tuple[Fitted, RawParts]:
    """``trees`` and ``network`` centred on ``rows``, and the parts of those."""
    folded, parts = network.folded(), rows.parts(trees, network)
    centres = _centres(prepared, trees, folded, rows, parts)
    sums = tree_sums(rows.linear, parts.trees, folded)
    return Fitted(prepared, trees, folded, centres, sums, []), parts


def _centres(
    prepared: Preparation, trees: Mapping[str, Trees], network: Network, rows: TrainingRows, parts: RawParts
) -> Centres:
    walked = both_groups(trees, len(prepared.schema.own))
    by_column = total_by_column(walked, rows.design.of(OWN, ENVIRONMENT).values)
    return Centres(
        by_column.mean(0),
        network.own_weight * rows.s_means,
        {name: float(part.mean()) for name, part in parts.trees.items()},
        {name: float(part.mean()) for name, part in parts.network.items()},
    )


@dataclass(frozen=True)
class _Weighed:
    """Weights and calibration on validation rows (their ``columns``), how uncertain they are, and facts.

    ``network_alone``: slope and intercept that calibrate the network's parts where nothing else is served.
    """

    blend: Blend
    network_alone: tuple[float, float]
    uncertainty: Uncertainty
    facts: dict[str, object]
    columns: Sequence[NDArray[np.float64]]

    def calibrated(self, columns: NDArray[np.float64], y: NDArray[np.int8]) -> _Weighed:
        """Slope and level from other rows, float64 [rows, 4]."""
        slope, base = calibrate(columns @ served_weights(self.blend)[1:], y)
        return replace(
            self,
            blend=self.blend.stretched(slope, base),
            network_alone=calibrate(columns[:, 2:].sum(axis=1), y),
            uncertainty=self.uncertainty.stretched(slope),
        )

    def levelled(self, columns: NDArray[np.float64], y: NDArray[np.int8]) -> _Weighed:
        """The level from other rows, float64 [rows, 4], the slope as it was."""
        slope, _ = self.network_alone
        base = level(columns @ served_weights(self.blend)[1:], y)
        return replace(
            self,
            blend=replace(self.blend, base=base),
            network_alone=(slope, level(slope * columns[:, 2:].sum(axis=1), y)),
        )


def _weighed(fitted: Fitted, panel: Panel) -> _Weighed:
    disagreement = Disagreement(fitted)
    columns = fitted.columns(panel.of("valid"), disagreement.look)
    blend, facts = _blend(fitted, columns, panel)
    alone = calibrate(columns[2] + columns[3], panel.labels("valid"))
    return _Weighed(blend, alone, uncertainty_of(blend, columns, panel, disagreement), facts, columns)


def _blend(
    fitted: Fitted, columns: Sequence[NDArray[np.float64]], panel: Panel
) -> tuple[Blend, dict[str, object]]:
    """Weights and calibration on validation rows; fact ``inherited`` says whether inherited parts passed.

    Whether they pass is read from rows weighed by the other half of the parties.
    """
    y, party = panel.labels("valid"), panel.parties("valid")
    of_own = columns[::2]
    own, z_own = weigh(of_own, y), cross_weighed(of_own, y, party)
    facts: dict[str, object] = {"valid_log_loss_own": float(log_loss(z_own, y).mean())}
    if not fitted.prepared.relations:
        return Blend(own.base, own.weights[0], 0.0, own.weights[1], 0.0, {}), facts | {"inherited": False}
    together, z = weigh(columns, y), cross_weighed(columns, y, party)
    errors = gain_in_errors(z_own, z, y, party)
    least = GATE_ERRORS_OVERLAPPING if hold_out(fitted.members) else GATE_ERRORS
    facts |= {
        "valid_log_loss": float(log_loss(z, y).mean()),
        "inherited_gain_in_standard_errors": errors,
        "inherited": errors > least,
    }
    w1, w2, w3, w4 = together.weights
    return Blend(together.base, w1, w2, w3, w4, fitted.tree_sums), facts


def train(panel: Panel, settings: TrainingSettings = DEFAULTS, progress: Progress | None = None) -> Model:
    """A model of ``panel``'s task from its train and valid parts; test rows are not touched.

    Fitted on train, it is weighed and calibrated on valid; then, with the same rounds, weights and
    calibration, it is fitted again on both, since what is recent counts most (``TrainingSettings.again``).
    Where links bring no gain on validation beyond its error, the model is made without them and inherited
    parts are 0. Raises ``Refused`` under 30 bad outcomes in train, or one class in train or valid.
    """
    return train_with_members(panel, settings, progress).model


@dataclass(frozen=True)
class Trained:
    """A model and its members, which have not seen validation rows as the model may have.

    ``columns``: of ``Fitted.columns``, the validation rows of its panel; None where they are to be made anew.
    """

    model: Model
    members: Sequence[Member]
    columns: Sequence[NDArray[np.float64]] | None = None

    @property
    def prepared(self) -> Preparation:
        """What was learned before validation rows were."""
        return self.members[0].prepared if self.members else self.model.preparation


def train_with_members(
    panel: Panel, settings: TrainingSettings = DEFAULTS, progress: Progress | None = None
) -> Trained:
    """``train``, with what is needed to look at validation rows again."""
    _check(panel)
    say = progress or (lambda _: None)
    origins = thinned(panel.of("train"), settings.max_rows)
    say("own columns")
    raws = [raw_columns(origin.snapshot) for origin in origins]
    days, valid = Days(origins, raws, windows_overlap(panel)), panel.of("valid")
    prepared = prepare(origins, raws, valid, settings)
    if not settings.links:
        prepared = replace(prepared, relations=())
    say("trees and network")
    learnt = _fit(days, valid, prepared, settings)
    say("weights")
    weighed = _weighed(learnt.fitted, panel)
    facts = weighed.facts
    if prepared.relations and not facts["inherited"]:
        say("without links")
        learnt = _fit(days, valid, replace(prepared, relations=()), settings)
        weighed = _weighed(learnt.fitted, panel)
        facts = {**facts, **weighed.facts}
    fitted, again = learnt.fitted, settings.again and len(panel.labels("train")) <= settings.max_rows
    if again:
        say("once more, with validation rows")
        fitted, weighed = _fit_again(days.and_later(valid), learnt, weighed, settings)
    model = Model(
        preparation=fitted.prepared,
        trees=fitted.trees,
        network=fitted.network,
        centres=fitted.centres,
        blend=weighed.blend,
        uncertainty=weighed.uncertainty,
        facts=facts
        | {"fitted_again": again, NETWORK_ALONE: weighed.network_alone}
        | {"known_shares": _known_shares(days, prepared)}
        | _origin_facts(panel, settings),
    )
    return Trained(model, fitted.members, weighed.columns)


def _known_shares(days: Days, prepared: Preparation) -> dict[str, float]:
    """Share of the training rows of which each of the model's columns is known."""
    rows = sum(len(origin.codes) for origin in days.origins)
    known: dict[str, int] = {}
    for origin, raw in zip(days.origins, days.raws, strict=True):
        there = {**raw.own, **raw.environment}
        for name in prepared.schema.own + prepared.schema.environment:
            if name in there:
                known[name] = known.get(name, 0) + int(np.isfinite(there[name][origin.codes]).sum())
    return {name: count / rows for name, count in known.items()}


def _origin_facts(panel: Panel, settings: TrainingSettings) -> dict[str, object]:
    parts: tuple[Part, ...] = ("train", "valid")
    learned = [origin for part in parts for origin in panel.of(part)]
    return {
        "task": panel.task.to_json(),
        "settings": asdict(settings),
        "snapshots": {origin.as_of.isoformat(): origin.snapshot.sha256 for origin in learned},
        "tables": {name: digest.rows for name, digest in learned[-1].snapshot.digests.items()},
        "days": {part: [o.as_of.isoformat() for o in panel.of(part)] for part in parts},
        "rows": {part: len(panel.labels(part)) for part in parts},
        "positives": {part: int(panel.labels(part).sum()) for part in parts},
    }
