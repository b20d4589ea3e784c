"""Scores, reasons and coverage from the parts a model gives."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from gnn.runs.composition import MAX_REASONS, compose, log_odds_matrix
from gnn.runs.counterparty_records import counterparty_record, record_unit
from gnn.runs.coverage import coverage_of
from gnn.runs.meanings import meaning_of
from gnn.runs.scorecard import INSUFFICIENT_EVIDENCE, OUTSIDE_POPULATION, SCORED, points_of
from graph.snapshot import Snapshot
from graph.vocabulary import LINK_KINDS
from tests.gnn.published import drawn_parts, everyone, trade


@pytest.fixture(scope="module")
def taken(tmp_path_factory: pytest.TempPathFactory) -> Snapshot:
    return trade(tmp_path_factory.mktemp("trade"))


def test_log_odds_sum_to_z_and_points_to_the_score(taken: Snapshot) -> None:
    parts = drawn_parts(taken, spread=4.0)
    composed = compose(parts, taken, everyone(taken))
    assert np.allclose(log_odds_matrix(parts).sum(axis=1), composed.z, rtol=0, atol=1e-12)
    assert (composed.points.sum(axis=1) == composed.score).all()
    assert (composed.points[:, -1] != 0).any(), "some scores must be clamped for this to mean anything"
    assert (np.diff(composed.score[np.argsort(composed.pd, kind="stable")]) <= 0).all()


def test_the_strongest_adverse_parts_become_reasons_largest_first(taken: Snapshot) -> None:
    parts = drawn_parts(taken)
    composed = compose(parts, taken, everyone(taken))
    names = tuple(parts.inherited)
    for code in range(taken.n_parties):
        offered = {
            int(column): round(float(points_of(part)))
            for column, part in zip(parts.reason_columns[code], parts.reason_parts[code], strict=True)
        }
        offered |= {-2 - r: int(composed.points[code, 3 + r]) for r in range(len(names))}
        expected = sorted(points for points in offered.values() if points <= -1)[:MAX_REASONS]
        source, points = composed.reasons.source[code], composed.reasons.points[code]
        given = [(int(s), int(p)) for s, p in zip(source, points, strict=True) if s != -1]
        assert [p for _, p in given] == expected
        assert all(offered[s] == p for s, p in given)


def test_reasons_carry_the_value_and_the_median_of_the_peers(taken: Snapshot) -> None:
    parts = drawn_parts(taken)
    composed = compose(parts, taken, everyone(taken))
    industry = taken.tables["parties"]["industry"].to_pylist()
    group = composed.peer_groups
    columns = list(parts.features.values())
    for code in range(taken.n_parties):
        assert group.shared[group.group[code]] == {"industry": industry[code], "region": "NS"[code // 2 % 2]}
        for source, value, peers in zip(
            composed.reasons.source[code],
            composed.reasons.value[code],
            composed.reasons.peers[code],
            strict=True,
        ):
            if source == 0:
                mine = group.group == group.group[code]
                assert np.isclose(peers, np.nanmedian(columns[0][mine]))
                assert value == columns[0][code] or np.isnan(columns[0][code])


def test_a_relation_reason_states_the_counterparties_record_with_others(taken: Snapshot) -> None:
    parts = drawn_parts(taken)
    composed = compose(parts, taken, everyone(taken))
    seen = 0
    for code, slot in zip(*np.nonzero(composed.reasons.source <= -2), strict=True):
        name = tuple(parts.inherited)[-2 - composed.reasons.source[code, slot]]
        relation = taken.relations[name]
        matured = bad = 0
        for other in relation.indices[relation.counterparties(int(code))]:
            for party in range(taken.n_parties):
                row = relation.counterparties(party)
                at = np.flatnonzero((relation.indices[row] == other) & (party != code))
                matured += int(relation.matured[row][at].sum())
                bad += int(relation.bad[row][at].sum())
        value = composed.reasons.value[code, slot]
        assert value == np.float32(bad / matured) if matured else np.isnan(value)
        seen += 1
    assert seen > 10


def test_where_a_relation_knows_no_cases_it_states_their_mean_score(taken: Snapshot) -> None:
    relation = taken.relations["SUPPLIES.out"]
    unknown = replace(relation, matured=np.zeros_like(relation.matured))
    without = replace(taken, relations={**taken.relations, "SUPPLIES.out": unknown})
    score, scored = np.arange(300, 300 + taken.n_parties), np.arange(taken.n_parties) % 3 > 0
    means = counterparty_record(without, "SUPPLIES.out", score, scored)
    assert record_unit(without, "SUPPLIES.out") == "mean score"
    for code in range(taken.n_parties):
        around = relation.indices[relation.counterparties(code)]
        around = around[scored[around]]
        assert np.isclose(means[code], score[around].mean()) if len(around) else np.isnan(means[code])


def test_degrees_are_shown_as_counts(taken: Snapshot) -> None:
    parts = drawn_parts(taken)
    degrees = taken.relations["SUPPLIES.in"].degree()
    position = list(parts.features).index("log_degree:SUPPLIES.in")
    features = {**parts.features, "log_degree:SUPPLIES.in": np.log1p(degrees).astype(np.float32)}
    composed = compose(replace(parts, features=features), taken, everyone(taken))
    rows, places = np.nonzero(parts.reason_columns == position)
    assert np.allclose(composed.column_values[rows, places], degrees[rows], rtol=1e-5)


def test_a_thin_file_gets_no_score_and_is_no_peer(taken: Snapshot) -> None:
    parts = drawn_parts(taken)
    features: dict[str, Any] = {name: column.copy() for name, column in parts.features.items()}
    for name, column in features.items():
        if meaning_of(name, LINK_KINDS).of_record:
            column[:5] = np.nan
    composed = compose(replace(parts, features=features), taken, everyone(taken))
    assert (composed.status[:5] == INSUFFICIENT_EVIDENCE).all()
    assert (composed.status[5:] == SCORED).all()
    assert np.isnan(composed.percentile[:5]).all()
    assert (composed.reasons.source[:5] == -1).all()
    assert not np.isin(np.arange(5), composed.peer_groups.members).any()


def test_parties_outside_the_population_are_not_scored(taken: Snapshot) -> None:
    asked = np.arange(10, dtype=np.int32)
    composed = compose(drawn_parts(taken), taken, everyone(taken, population=asked))
    assert (composed.status[:10] == SCORED).all()
    assert (composed.status[10:] == OUTSIDE_POPULATION).all()
    assert composed.peer_groups.sizes().tolist() == [10]


def test_known_share_counts_what_takes_records_of_the_party(taken: Snapshot) -> None:
    full = np.ones(taken.n_parties, np.float32)
    column = full.copy()
    column[1] = np.nan
    features = {"sales_amount_365d": column, "x_size": column, "log_degree:A.out": full, "rate:region": full}
    assert coverage_of(features, taken).known_share[:3].tolist() == [1.0, 0.0, 1.0]
    assert (coverage_of({"rate:region": full}, taken).known_share == 1.0).all()


def test_a_party_that_no_row_names_has_no_score_unless_its_source_describes_it(tmp_path: Path) -> None:
    quiet = [{"party_id": f"Q{i}", "kind": "company"} for i in range(2)]
    people = [{"party_id": f"P{i:03d}", "kind": "company"} for i in range(10)]
    taken = trade(tmp_path, 10, 200, parties=people + quiet)
    parts = drawn_parts(taken)
    size = parts.features["x_size"].copy()
    size[taken.code("Q1")] = np.nan
    composed = compose(replace(parts, features={**parts.features, "x_size": size}), taken, everyone(taken))
    assert composed.coverage.rows[:10].sum() == 2 * taken.tables["invoices"].num_rows
    assert composed.coverage.rows[10:].tolist() == [0, 0]
    assert composed.status[10:].tolist() == [SCORED, INSUFFICIENT_EVIDENCE]


@pytest.mark.parametrize(
    ("name", "code", "part", "better"),
    [
        ("sales_amount_365d", "SALES_AMOUNT_365D", "own", "higher"),
        ("x_size", "X_SIZE", "own", None),
        ("log_degree:SUPPLIES.in", "NUMBER_OF_COUNTERPARTIES:SUPPLIES.in", "own", None),
        ("rate:industry", "RECORD_OF_INDUSTRY", "environment", "lower"),
    ],
)
def test_every_column_has_a_code_and_a_sentence(name: str, code: str, part: str, better: str | None) -> None:
    meaning = meaning_of(name, LINK_KINDS)
    assert (meaning.code, meaning.part, meaning.better) == (code, part, better)
    assert meaning.reason
    assert "SUPPLIES" not in meaning.reason


def test_same_input_same_bytes(taken: Snapshot, tmp_path: Path) -> None:
    one, two = (compose(drawn_parts(taken), taken, everyone(taken)) for _ in range(2))
    assert one.points.tobytes() == two.points.tobytes()
    assert one.percentile.tobytes() == two.percentile.tobytes()
