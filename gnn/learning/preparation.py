"""What is learned before the model itself: columns, milieu rates, stage 1, and which relations there are."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from gnn.columns.features import (
    FOLDS,
    RawColumns,
    fit_encodings,
    fold_of,
    own_and_environment,
    schema_of,
)
from gnn.columns.linear_columns import ANY
from gnn.columns.operators import gather, kinds_of
from gnn.columns.views import surroundings_of
from gnn.learning.boosting import COARSE, FINE, RANDOM, STAGE_1, BoostingSettings, Draw, exported, fit_draws
from gnn.learning.scouting import scouted
from gnn.model import Preparation
from gnn.panels.panel import Origin
from gnn.trees import Trees
from graph.errors import Refused


@dataclass(frozen=True)
class TrainingSettings:
    """Sizes and seeds; the defaults are measured.

    ``max_rows``: training rows drawn at most; ``links``: whether links may be used at all; ``interactions``:
    whether own columns meet those of a relation in trees; ``again``: whether the model is fitted again with
    validation rows once it has been weighed on them, unless there are more than ``max_rows`` to train on.
    ``trees``: of the ensembles whose mean the model is, one a seed.
    """

    seeds: tuple[int, ...] = (1, 2, 3, 4)
    averaged_columns: int = 24
    max_rows: int = 100_000
    min_linked_rows: int = 30
    links: bool = True
    interactions: bool = True
    again: bool = True
    stage_1: BoostingSettings = STAGE_1
    trees: tuple[BoostingSettings, ...] = (BoostingSettings(), FINE, COARSE, RANDOM)

    def draws(self, rounds: int | None = None) -> list[Draw]:
        """One ensemble a seed; ``rounds``: in place of their own."""
        of_seeds = [Draw(seed, self.trees[place % len(self.trees)]) for place, seed in enumerate(self.seeds)]
        if rounds is None:
            return of_seeds
        return [replace(draw, settings=replace(draw.settings, rounds=rounds)) for draw in of_seeds]


def _relations(origins: Sequence[Origin], min_linked_rows: int) -> tuple[str, ...]:
    """Relations that enough training rows have, then ``any`` where they are of several kinds."""
    linked: dict[str, int] = {}
    kinds: set[str] = set()
    for origin in origins:
        kinds |= kinds_of(origin.snapshot.relations)
        for name, relation in origin.snapshot.relations.items():
            linked[name] = linked.get(name, 0) + int((relation.degree()[origin.codes] > 0).sum())
    found = tuple(sorted(name for name, rows in linked.items() if rows >= min_linked_rows))
    return (*found, ANY) if found and len(kinds) > 1 else found


def _record_priors(origins: Sequence[Origin], relations: tuple[str, ...]) -> dict[str, float]:
    priors = {}
    for name in relations:
        found = [o.snapshot.relations[name] for o in origins if name in o.snapshot.relations]
        cases = sum(int(relation.matured.sum()) for relation in found)
        priors[name] = sum(int(relation.bad.sum()) for relation in found) / cases if cases else 0.0
    return priors


def _stage_1(
    prepared: Preparation, origins: Sequence[Origin], raws: Sequence[RawColumns], settings: TrainingSettings
) -> tuple[tuple[Trees, ...], tuple[int, ...]]:
    """One own-and-environment ensemble a fold, and the own columns by importance (most first)."""
    x, y, fold = [], [], []
    for origin, raw in zip(origins, raws, strict=True):
        folds = fold_of(origin.snapshot.party_ids)
        columns = own_and_environment(origin.snapshot, raw, prepared.schema, prepared.encodings, folds)
        x.append(columns.of(origin.codes))
        y.append(origin.labels)
        fold.append(folds[origin.codes])
    rows, labels, row_fold = np.concatenate(x), np.concatenate(y), np.concatenate(fold)
    n_own = len(prepared.schema.own)
    apart = [list(range(n_own)), list(range(n_own, rows.shape[1]))]
    draws = [Draw(held_out, settings.stage_1, row_fold == held_out) for held_out in range(FOLDS)]
    boosters = fit_draws(rows, labels, [kind for kind in apart if kind], draws)
    gain = np.sum([booster.feature_importance("gain") for booster in boosters], axis=0)
    order = np.argsort(-gain[:n_own], kind="stable")
    chosen = np.sort(order[: settings.averaged_columns])
    return tuple(exported(booster) for booster in boosters), tuple(int(column) for column in chosen)


def _kept_share(origins: Sequence[Origin], later: Sequence[Origin], prepared: Preparation) -> float:
    """Share of known results to show to training rows, so that they see as much as validation rows do."""

    def around(origin: Origin) -> float:
        known = (origin.known.n > 0).astype(np.float64)[:, None]
        surroundings = surroundings_of(origin.snapshot, prepared)
        return float(gather(surroundings.any, known, origin.codes).mean())

    seen, wanted = (sum(map(around, days)) / max(len(days), 1) for days in (origins, later))
    return min(1.0, wanted / seen) if seen > 0 else 1.0


def prepare(
    origins: Sequence[Origin],
    raws: Sequence[RawColumns],
    later: Sequence[Origin],
    settings: TrainingSettings,
) -> Preparation:
    """Everything that turns a snapshot into columns, learned from the training days ``origins`` alone.

    ``raws``: their columns. ``later``: validation days; only how many results are known there is looked at.
    """
    relations = _relations(origins, settings.min_linked_rows)
    encodings = fit_encodings([(o.snapshot, o.codes, o.labels) for o in origins])
    schema = schema_of(
        [(raw, o.codes) for raw, o in zip(raws, origins, strict=True)], encodings, set(relations)
    )
    if not schema.own + schema.environment:
        raise Refused("no column varies over the training rows: there is nothing to learn from")
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
        kept_share=1.0,
        read={},
    )
    ensembles, averaged = _stage_1(prepared, origins, raws, settings)
    prepared = replace(prepared, stage_1=ensembles, averaged=averaged)
    if any(origin.own_labels_known for origin in origins) and relations:
        prepared = replace(prepared, kept_share=_kept_share(origins, later, prepared))
    return scouted(prepared, origins)


def prepare_again(
    prepared: Preparation, origins: Sequence[Origin], raws: Sequence[RawColumns], settings: TrainingSettings
) -> Preparation:
    """Milieu rates and stage 1 learned from more days; which columns and relations there are stays."""
    encodings = fit_encodings([(o.snapshot, o.codes, o.labels) for o in origins])
    prepared = replace(prepared, encodings=encodings)
    ensembles, _ = _stage_1(prepared, origins, raws, settings)
    return replace(prepared, stage_1=ensembles)
