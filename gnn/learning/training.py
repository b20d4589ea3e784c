"""From a panel of past prediction days to a model: stage 1, trees, network, their weights, calibration."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray

from gnn.columns.features import ENVIRONMENT, OWN, FeatureMatrix, RawColumns, Stacked, raw_columns
from gnn.columns.views import View, designs
from gnn.heterodata import learning_data
from gnn.learning.blend import GATE_ERRORS, cross_weighed, gain_in_errors, log_loss, weigh
from gnn.learning.ensembles import fit_groups, mean_of
from gnn.learning.fitted import Fitted, Member
from gnn.learning.preparation import TrainingSettings, prepare
from gnn.learning.rows import LabelledRows, labelled_rows, members_missing, origin_view
from gnn.learning.tree_sums import tree_sums
from gnn.learning.uncertainty import Disagreement, uncertainty_of
from gnn.model import Blend, Centres, Model, Network, Preparation, Uncertainty
from gnn.network import EcosystemNetwork
from gnn.panels.holdout import HELD_OUT_FOLDS, windows_overlap
from gnn.panels.panel import MIN_POSITIVES, Origin, Panel, thinned
from gnn.scoring import RawParts, both_groups, stage_1_mean
from gnn.tree_walk import total, total_beyond, total_by_column
from gnn.trees import Trees
from graph.errors import Refused
from graph.source import Part

__all__ = ["TrainingSettings", "train"]

Progress = Callable[[str], None]

DEFAULTS = TrainingSettings()


@dataclass(frozen=True)
class _Days:
    """Training days with their columns, and validation days; ``overlap``: label windows of those run into
    these."""

    origins: Sequence[Origin]
    raws: Sequence[RawColumns]
    valid: Sequence[Origin]
    overlap: bool


@dataclass(frozen=True)
class _Rows:
    """Training rows of all days, stacked: columns of the trees with labels, columns of the network, stage 1.

    ``s`` float64 [3, rows]: stage 1's log-odds by own, by environment, and its base.
    """

    trees: LabelledRows
    linear: Mapping[str, NDArray[np.float64]]
    s: NDArray[np.float64]

    @property
    def labels(self) -> NDArray[np.int8]:
        return self.trees.labels

    @property
    def held_out(self) -> NDArray[np.int8] | None:
        return self.trees.held_out

    @property
    def design(self) -> FeatureMatrix:
        return self.trees.features

    def parts(self, trees: Mapping[str, Trees], network: EcosystemNetwork) -> RawParts:
        """Every part of the training rows."""

        n_own, none = self.design.groups.count(OWN), np.zeros(len(self.labels))

        def alone(group: str) -> NDArray[np.float64]:
            return total(trees[group], self.design.of(group).values) if group in trees else none

        def beyond_own(name: str) -> NDArray[np.float64]:
            if name not in trees:
                return none
            return total_beyond(trees[name], self.design.of(OWN, name).values, n_own)

        with torch.no_grad():
            inherited = network.inherited({name: torch.from_numpy(v) for name, v in self.linear.items()})
        weight = network.folded().own_weight
        return RawParts(
            alone(OWN),
            alone(ENVIRONMENT),
            weight * self.s[0],
            weight * self.s[1],
            {name: beyond_own(name) for name in network.relations},
            {name: part.numpy() for name, part in inherited.items()},
        )


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


def _gathered(
    network: EcosystemNetwork, view: View, codes: NDArray[np.int32]
) -> dict[str, NDArray[np.float64]]:
    """The network's columns for ``codes``, each row through the sight of its fold."""
    found = {
        name: np.zeros((len(codes), len(w)))
        for name, w in zip(network.relations, network.read_out, strict=True)
    }
    for sight, positions in view.rows_by_sight(codes):
        data = learning_data(view, sight, codes[positions])
        for name, columns in network.gather(data):
            found[name][positions] = columns.numpy()
    return found


def _rows(prepared: Preparation, network: EcosystemNetwork, days: _Days) -> _Rows:
    origins, raws = days.origins, days.raws
    labels = np.concatenate([origin.labels for origin in origins])
    stacked = Stacked(len(labels))
    linear, s = [], []
    for origin, raw in zip(origins, raws, strict=True):
        view = origin_view(prepared, origin, raw)
        for part in designs(view, origin.codes):
            stacked.add(part)
        linear.append(_gathered(network, view, origin.codes))
        s.append(np.stack((view.s_own, view.s_environment, view.s_base))[:, origin.codes])
    return _Rows(
        LabelledRows(stacked.matrix(), labels, members_missing(origins, days.overlap)),
        {name: np.concatenate([part[name] for part in linear]) for name in network.relations},
        s=np.concatenate(s, axis=1),
    )


def _fit_network(network: EcosystemNetwork, rows: _Rows) -> list[Network]:
    """Fit ``network``; where rows are held out it becomes the mean of its members, which are returned."""
    columns = {name: torch.from_numpy(values) for name, values in rows.linear.items()}
    s, labels = torch.from_numpy(rows.s.sum(axis=0)), torch.from_numpy(rows.labels)
    if rows.held_out is None:
        network.fit(columns, s, labels)
        return []
    members, states = [], []
    for fold in range(HELD_OUT_FOLDS):
        network.fit(columns, s, labels, torch.from_numpy((rows.held_out != fold).astype(np.float64)))
        members.append(network.folded())
        states.append({name: value.clone() for name, value in network.state_dict().items()})
    network.become_mean(states)
    return members


def _fit(days: _Days, prepared: Preparation, settings: TrainingSettings) -> Fitted:
    n_caused = {name: len(columns) for name, columns in prepared.schema.caused.items()}
    network = EcosystemNetwork(prepared.relations, n_caused)
    rows = _rows(prepared, network, days)
    ensembles = fit_groups(rows.trees, labelled_rows(prepared, days.valid, days.overlap), settings)
    trees, networks = mean_of(ensembles), _fit_network(network, rows)
    folded, parts = network.folded(), rows.parts(trees, network)
    return Fitted(
        prepared,
        trees,
        folded,
        _centres(prepared, trees, folded, rows, parts),
        tree_sums(rows.linear, parts.trees, folded),
        [Member(*both) for both in zip(ensembles, networks, strict=True)] if networks else [],
    )


def _centres(
    prepared: Preparation, trees: Mapping[str, Trees], network: Network, rows: _Rows, parts: RawParts
) -> Centres:
    x = np.ascontiguousarray(rows.design.of(OWN, ENVIRONMENT).values)
    by_column = total_by_column(both_groups(trees, len(prepared.schema.own)), x)
    by_stage_1 = total_by_column(stage_1_mean(prepared), x)
    return Centres(
        by_column.mean(0),
        network.own_weight * by_stage_1.mean(0),
        {name: float(part.mean()) for name, part in parts.trees.items()},
        {name: float(part.mean()) for name, part in parts.network.items()},
    )


@dataclass(frozen=True)
class _Weighed:
    """Weights and calibration on validation rows (their ``columns``), how uncertain they are, and facts."""

    blend: Blend
    uncertainty: Uncertainty
    facts: dict[str, object]
    columns: Sequence[NDArray[np.float64]]


def _weighed(fitted: Fitted, panel: Panel) -> _Weighed:
    disagreement = Disagreement(fitted)
    columns = fitted.columns(panel.of("valid"), disagreement.look)
    blend, facts = _blend(fitted, columns, panel)
    return _Weighed(blend, uncertainty_of(blend, columns, panel, disagreement), facts, columns)


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
    facts |= {
        "valid_log_loss": float(log_loss(z, y).mean()),
        "inherited_gain_in_standard_errors": errors,
        "inherited": errors > GATE_ERRORS,
    }
    w1, w2, w3, w4 = together.weights
    return Blend(together.base, w1, w2, w3, w4, fitted.tree_sums), facts


def train(panel: Panel, settings: TrainingSettings = DEFAULTS, progress: Progress | None = None) -> Model:
    """A model of ``panel``'s task from its train and valid parts; test rows are not touched.

    Where links bring no gain on validation beyond its error, the model is made without them and inherited
    parts are 0. Raises ``Refused`` under 30 bad outcomes in train, or one class in train or valid.
    """
    return train_with_members(panel, settings, progress).model


@dataclass(frozen=True)
class Trained:
    """A model and its members, which hold out validation rows.

    ``columns``: of ``Fitted.columns``, the validation rows of its panel; None where they are to be made anew.
    """

    model: Model
    members: Sequence[Member]
    columns: Sequence[NDArray[np.float64]] | None = None


def train_with_members(
    panel: Panel, settings: TrainingSettings = DEFAULTS, progress: Progress | None = None
) -> Trained:
    """``train``, with what is needed to look at validation rows again."""
    _check(panel)
    say = progress or (lambda _: None)
    origins = thinned(panel.of("train"), settings.max_rows)
    say("own columns")
    raws = [raw_columns(origin.snapshot) for origin in origins]
    days = _Days(origins, raws, panel.of("valid"), windows_overlap(panel))
    prepared = prepare(origins, days.raws, panel.of("valid"), settings)
    if not settings.links:
        prepared = replace(prepared, relations=())
    say("trees and network")
    fitted = _fit(days, prepared, settings)
    say("weights")
    weighed = _weighed(fitted, panel)
    facts = weighed.facts
    if prepared.relations and not facts["inherited"]:
        say("without links")
        fitted = _fit(days, replace(prepared, relations=()), settings)
        weighed = _weighed(fitted, panel)
        facts = {**facts, **weighed.facts}
    model = Model(
        preparation=fitted.prepared,
        trees=fitted.trees,
        network=fitted.network,
        centres=fitted.centres,
        blend=weighed.blend,
        uncertainty=weighed.uncertainty,
        facts=facts | {"known_shares": _known_shares(days, prepared)} | _origin_facts(panel, settings),
    )
    return Trained(model, fitted.members, weighed.columns)


def _known_shares(days: _Days, prepared: Preparation) -> dict[str, float]:
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
