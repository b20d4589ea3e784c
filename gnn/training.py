"""From a panel of past prediction days to a model: stage 1, trees, network, their weights, calibration."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field, replace
from functools import partial

import lightgbm as lgb
import numpy as np
import torch
from numpy.typing import NDArray

from gnn.blend import GATE_ERRORS, Weights, gain_in_errors, log_loss, weigh
from gnn.boosting import STAGE_1, BoostingSettings, exported, fit, fit_all
from gnn.features import (
    ENVIRONMENT,
    FOLDS,
    OWN,
    FeatureMatrix,
    RawColumns,
    fit_encodings,
    fold_of,
    own_and_environment,
    raw_columns,
    schema_of,
)
from gnn.heterodata import learning_data
from gnn.model import Blend, Centres, Model, Network, Preparation
from gnn.network import EcosystemNetwork
from gnn.operators import ANY, HALF_LIFE_DAYS, gather, kinds_of
from gnn.panel import Origin, Panel
from gnn.scoring import RawParts, both_groups, raw_parts, stage_1_mean
from gnn.trees import Trees, join, total_by_column
from gnn.views import View, design, surroundings_of, view_of
from graph.errors import Refused

Progress = Callable[[str], None]

MIN_POSITIVES = 30


@dataclass(frozen=True)
class TrainingSettings:
    """Sizes and seeds; the defaults are measured. ``max_rows``: training rows drawn at most."""

    seeds: tuple[int, ...] = (1, 2, 3)
    half_life_days: float = HALF_LIFE_DAYS
    averaged_columns: int = 24
    max_rows: int = 200_000
    min_linked_rows: int = 30
    stage_1: BoostingSettings = STAGE_1
    trees: BoostingSettings = field(default_factory=BoostingSettings)


@dataclass(frozen=True)
class _Rows:
    """Training rows of all days, stacked."""

    design: FeatureMatrix
    linear: Mapping[str, NDArray[np.float64]]
    s: NDArray[np.float64]
    labels: NDArray[np.int8]


def _check(panel: Panel) -> None:
    for part in ("train", "valid"):
        labels = [o.labels for o in panel.origins if o.part == part]
        found = np.concatenate(labels) if labels else np.zeros(0, np.int8)
        bad = int(found.sum())
        if bad == 0 or bad == len(found):
            raise Refused(
                f"task {panel.task.name}: all {len(found)} rows of the {part} part have one outcome; "
                "nothing can be learned. Load more history, or choose another task or horizon",
                part=part, rows=len(found), positives=bad,
            )  # fmt: skip
        if part == "train" and bad < MIN_POSITIVES:
            raise Refused(
                f"task {panel.task.name}: {bad} bad outcomes in the train part; {MIN_POSITIVES} are needed",
                part=part, positives=bad,
            )  # fmt: skip


def _sampled(panel: Panel, max_rows: int) -> list[Origin]:
    """Training days, their rows thinned evenly to ``max_rows`` in all."""
    origins = [origin for origin in panel.origins if origin.part == "train"]
    total = sum(len(origin.codes) for origin in origins)
    if total <= max_rows:
        return origins
    drawn = np.random.default_rng(11).permutation(total)[:max_rows]
    kept = np.zeros(total, bool)
    kept[drawn] = True
    bounds = np.cumsum([len(origin.codes) for origin in origins])[:-1]
    return [
        replace(origin, codes=origin.codes[keep], labels=origin.labels[keep])
        for origin, keep in zip(origins, np.split(kept, bounds), strict=True)
    ]


def _relations(origins: list[Origin], min_linked_rows: int) -> tuple[str, ...]:
    """Relations that enough training rows have, then ``any`` where they are of several kinds."""
    linked: dict[str, int] = {}
    kinds: set[str] = set()
    for origin in origins:
        kinds |= kinds_of(origin.snapshot.relations)
        for name, relation in origin.snapshot.relations.items():
            linked[name] = linked.get(name, 0) + int((relation.degree()[origin.codes] > 0).sum())
    found = tuple(sorted(name for name, rows in linked.items() if rows >= min_linked_rows))
    return (*found, ANY) if found and len(kinds) > 1 else found


def _record_priors(origins: list[Origin], relations: tuple[str, ...]) -> dict[str, float]:
    priors = {}
    for name in relations:
        found = [o.snapshot.relations[name] for o in origins if name in o.snapshot.relations]
        cases = sum(int(relation.matured.sum()) for relation in found)
        priors[name] = sum(int(relation.bad.sum()) for relation in found) / cases if cases else 0.0
    return priors


def _stage_1(
    prepared: Preparation, origins: list[Origin], raws: list[RawColumns], settings: TrainingSettings
) -> tuple[tuple[Trees, ...], tuple[int, ...]]:
    """One own-and-environment ensemble a fold, and the own columns by importance (most first)."""
    x, y, fold = [], [], []
    for origin, raw in zip(origins, raws, strict=True):
        folds = fold_of(origin.snapshot.party_ids)
        columns = own_and_environment(origin.snapshot, raw, prepared.schema, prepared.encodings, folds)
        x.append(columns.own_environment[origin.codes])
        y.append(origin.labels)
        fold.append(folds[origin.codes])
    rows, labels, row_fold = np.concatenate(x), np.concatenate(y), np.concatenate(fold)
    n_own = len(prepared.schema.own)
    group = (np.arange(rows.shape[1]) >= n_own).astype(np.int32)

    def job(held_out: int) -> lgb.Booster:
        used = row_fold != held_out
        return fit(rows[used], labels[used], group, settings.stage_1, seed=held_out)

    boosters = fit_all([partial(job, fold) for fold in range(FOLDS)])
    gain = np.sum([booster.feature_importance("gain") for booster in boosters], axis=0)
    order = np.argsort(-gain[:n_own], kind="stable")
    chosen = np.sort(order[: settings.averaged_columns])
    return tuple(exported(booster, group) for booster in boosters), tuple(int(column) for column in chosen)


def _kept_share(panel: Panel, origins: list[Origin], prepared: Preparation) -> float:
    """Share of known results to show to training rows, so that they see as much as validation rows do."""
    def around(origin: Origin, share: float) -> float:
        known = (origin.known.n > 0).astype(np.float64)[:, None] * share
        surroundings = surroundings_of(origin.snapshot, prepared)
        return float(gather(surroundings.any, known, origin.codes).mean()) if surroundings.operators else 0.0

    valid = [origin for origin in panel.origins if origin.part == "valid"]
    seen = np.mean([around(o, 1.0 - 1.0 / FOLDS if o.own_labels_known else 1.0) for o in origins])
    later = np.mean([around(o, 1.0) for o in valid])
    return float(min(1.0, later / seen)) if seen > 0 else 1.0


def prepare(
    panel: Panel, origins: list[Origin], raws: list[RawColumns], settings: TrainingSettings
) -> Preparation:
    """Everything that turns a snapshot into columns, learned from training rows alone."""
    relations = _relations(origins, settings.min_linked_rows)
    encodings = fit_encodings([(o.snapshot, o.codes, o.labels) for o in origins])
    schema = schema_of(
        [(raw, o.codes) for raw, o in zip(raws, origins, strict=True)], encodings, set(relations)
    )
    labels = np.concatenate([origin.labels for origin in origins])
    cases = sum(float(origin.known.n.sum()) for origin in origins)
    bad = sum(float(origin.known.bad.sum()) for origin in origins)
    prepared = Preparation(
        schema=schema,
        encodings=encodings,
        stage_1=(),
        averaged=(),
        relations=relations,
        prior=bad / cases if cases else float(labels.mean()),
        record_priors=_record_priors(origins, relations),
        half_life_days=settings.half_life_days,
        kept_share=1.0,
    )
    ensembles, averaged = _stage_1(prepared, origins, raws, settings)
    prepared = replace(prepared, stage_1=ensembles, averaged=averaged)
    if any(origin.own_labels_known for origin in origins) and relations:
        prepared = replace(prepared, kept_share=_kept_share(panel, origins, prepared))
    return prepared


def training_view(prepared: Preparation, origin: Origin, raw: RawColumns | None = None) -> View:
    """``origin`` as the model sees it: by folds on training days, as served on later ones."""
    return view_of(
        prepared, origin.snapshot, origin.known,
        training=origin.part == "train", own_labels_known=origin.own_labels_known, raw=raw,
    )  # fmt: skip


def _gathered(network: EcosystemNetwork, view: View, codes: NDArray[np.int32]) -> dict[str, NDArray[np.float64]]:
    """The network's columns for ``codes``, each row through the sight of its fold."""
    found = {name: np.zeros((len(codes), len(w))) for name, w in zip(network.relations, network.read_out, strict=True)}
    for sight, positions in view.rows_by_sight(codes):
        columns = network.gather(learning_data(view, sight))
        for name, values in columns.items():
            found[name][positions] = values[torch.from_numpy(codes[positions].astype(np.int64))].numpy()
    return found


def _rows(
    prepared: Preparation, network: EcosystemNetwork, origins: list[Origin], raws: list[RawColumns]
) -> _Rows:
    designs, linear, s = [], [], []
    for origin, raw in zip(origins, raws, strict=True):
        view = training_view(prepared, origin, raw)
        designs.append(design(view, origin.codes))
        linear.append(_gathered(network, view, origin.codes))
        s.append(view.s[origin.codes])
    first = designs[0]
    values = np.concatenate([d.values for d in designs])
    return _Rows(
        FeatureMatrix(first.names, first.groups, values),
        {name: np.concatenate([part[name] for part in linear]) for name in network.relations},
        np.concatenate(s),
        np.concatenate([origin.labels for origin in origins]),
    )


def fit_groups(matrix: FeatureMatrix, labels: NDArray[np.int8], settings: TrainingSettings) -> dict[str, Trees]:
    """Group-additive trees: the mean of the seeds' ensembles, by group, each over its group's columns."""
    groups = tuple(dict.fromkeys(matrix.groups))
    group = np.array([groups.index(name) for name in matrix.groups], np.int32)
    jobs = [partial(fit, matrix.values, labels, group, settings.trees, seed) for seed in settings.seeds]
    boosters = fit_all(jobs)
    together = join([exported(booster, group) for booster in boosters]).scaled(1.0 / len(boosters))
    first = {name: matrix.groups.index(name) for name in groups}
    return {name: together.of_group(groups.index(name), first[name]) for name in groups}


def _fit_network(network: EcosystemNetwork, rows: _Rows) -> Network:
    columns = {name: torch.from_numpy(values) for name, values in rows.linear.items()}
    network.fit(columns, torch.from_numpy(rows.s), torch.from_numpy(rows.labels))
    return network.folded()


@dataclass(frozen=True)
class _Fitted:
    """Trees and network before they are weighed."""

    prepared: Preparation
    trees: Mapping[str, Trees]
    network: Network
    centres: Centres
    tree_rate: Mapping[str, float]

    def parts(self, view: View, codes: NDArray[np.int32]) -> RawParts:
        return raw_parts(self.prepared, self.trees, self.network, view, codes)


def _fit(origins: list[Origin], raws: list[RawColumns], prepared: Preparation, settings: TrainingSettings) -> _Fitted:
    n_caused = {name: len(columns) for name, columns in prepared.schema.caused.items()}
    network = EcosystemNetwork(prepared.relations, n_caused)
    rows = _rows(prepared, network, origins, raws)
    trees = fit_groups(rows.design, rows.labels, settings)
    folded = _fit_network(network, rows)
    parts = []
    for origin, raw in zip(origins, raws, strict=True):
        view = training_view(prepared, origin, raw)
        parts.append(raw_parts(prepared, trees, folded, view, origin.codes))
    together = RawParts.stack(parts)
    return _Fitted(
        prepared, trees, folded, _centres(prepared, trees, folded, rows, together), _tree_rates(together)
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


def _tree_rates(parts: RawParts) -> dict[str, float]:
    """By relation, the slope of the trees' part on the network's: how much of it goes the network's way."""
    rates = {}
    for name, network in parts.network.items():
        spread = float(network.var())
        slope = float(np.cov(parts.trees[name], network, bias=True)[0, 1]) / spread if spread > 0 else 0.0
        rates[name] = max(slope, 0.0)
    return rates


def _weighed(fitted: _Fitted, panel: Panel) -> tuple[Blend, dict[str, object]]:
    """Weights and calibration on validation rows; ``opened`` says whether the inherited parts passed."""
    valid = [origin for origin in panel.origins if origin.part == "valid"]
    parts = RawParts.stack(
        [fitted.parts(training_view(fitted.prepared, o), o.codes) for o in valid]
    ).centred(fitted.centres, len(fitted.prepared.schema.own))
    y = np.concatenate([origin.labels for origin in valid])
    party = _party_numbers(valid)
    own = weigh([parts.own_trees_total(), parts.own_network_total()], y)
    z_own = own.base + own.weights[0] * parts.own_trees_total() + own.weights[1] * parts.own_network_total()
    facts: dict[str, object] = {"valid_log_loss_own": float(log_loss(z_own, y).mean())}
    if not fitted.prepared.relations:
        return Blend(own.base, own.weights[0], 0.0, own.weights[1], 0.0, {}), facts | {"inherited": False}
    columns = parts.blended_columns()
    all_parts = weigh(columns, y)
    z = _summed(all_parts, columns)
    errors = gain_in_errors(z_own, z, y, party)
    facts |= {
        "valid_log_loss": float(log_loss(z, y).mean()),
        "inherited_gain_in_standard_errors": errors,
        "inherited": errors > GATE_ERRORS,
    }
    w1, w2, w3, w4 = all_parts.weights
    return Blend(all_parts.base, w1, w2, w3, w4, fitted.tree_rate), facts


def _summed(weights: Weights, columns: list[NDArray[np.float64]]) -> NDArray[np.float64]:
    return weights.base + sum((w * c for w, c in zip(weights.weights, columns, strict=True)), np.zeros(len(columns[0])))


def _party_numbers(origins: list[Origin]) -> NDArray[np.int64]:
    """One number a party over all of ``origins``."""
    ids = np.concatenate(
        [np.asarray(o.snapshot.party_ids.take(_codes(o)).to_pylist(), dtype=object) for o in origins]
    )
    return np.unique(ids.astype(str), return_inverse=True)[1]


def _codes(origin: Origin) -> NDArray[np.int64]:
    return origin.codes.astype(np.int64)


def train(panel: Panel, settings: TrainingSettings = TrainingSettings(), progress: Progress | None = None) -> Model:
    """A model of ``panel``'s task from its train and valid parts; test rows are not touched.

    Where links bring no gain on validation beyond its error, the model is made without them and inherited
    parts are 0. Raises ``Refused`` under 30 bad outcomes in train, or one class in train or valid.
    """
    _check(panel)
    say = progress or (lambda _: None)
    origins = _sampled(panel, settings.max_rows)
    say("own columns")
    raws = [raw_columns(origin.snapshot) for origin in origins]
    prepared = prepare(panel, origins, raws, settings)
    say("trees and network")
    fitted = _fit(origins, raws, prepared, settings)
    say("weights")
    blend, facts = _weighed(fitted, panel)
    if prepared.relations and not facts["inherited"]:
        say("without links")
        fitted = _fit(origins, raws, replace(prepared, relations=()), settings)
        blend, without = _weighed(fitted, panel)
        facts = {**facts, **without}
    return Model(
        preparation=fitted.prepared,
        trees=fitted.trees,
        network=fitted.network,
        centres=fitted.centres,
        blend=blend,
        facts=facts | _origin_facts(panel, settings),
    )


def _origin_facts(panel: Panel, settings: TrainingSettings) -> dict[str, object]:
    return {
        "task": panel.task.name,
        "settings": asdict(settings),
        "days": {
            part: [o.as_of.isoformat() for o in panel.origins if o.part == part] for part in ("train", "valid")
        },
        "snapshots": {
            o.as_of.isoformat(): o.snapshot.sha256 for o in panel.origins if o.part in ("train", "valid")
        },
        "rows": {part: sum(len(o.codes) for o in panel.origins if o.part == part) for part in ("train", "valid")},
        "positives": {
            part: sum(int(o.labels.sum()) for o in panel.origins if o.part == part) for part in ("train", "valid")
        },
    }
