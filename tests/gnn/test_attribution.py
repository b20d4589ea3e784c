from __future__ import annotations

import time
from collections import defaultdict
from dataclasses import replace

import numpy as np
import pytest

from gnn.attribution import counterparty_parts, direct_parts, path_parts
from gnn.columns.linear_columns import EPSILON, linear_columns
from gnn.columns.views import relation_columns, view_of
from gnn.model import Model
from gnn.panels.panel import Panel
from gnn.parts import ScoredParts
from gnn.scoring import read


@pytest.mark.parametrize("limit", [0, 3, 20, 100_000])
def test_parts_sum_to_each_relations_inherited_part(scored: ScoredParts, limit: int) -> None:
    for code in range(0, len(scored.own), 37):
        sums: dict[str, float] = defaultdict(float)
        parts = counterparty_parts(scored.attribution, code, limit)
        for part in parts:
            sums[part.relation] += part.log_odds
        for relation, inherited in scored.inherited.items():
            assert sums[relation] == pytest.approx(inherited[code], abs=1e-9)
        assert sum(part.counterparty is not None for part in parts) <= limit


def test_paths_sum_to_what_network_and_tree_sums_read(
    trained: Model, scored: ScoredParts, panel_of_parts: Panel
) -> None:
    """Named is what network and trees' sums read beyond the average row; caused columns are left over."""
    test = panel_of_parts.of("test")[0]
    view = view_of(trained.preparation, test.snapshot, test.known)
    rows = np.arange(0, test.snapshot.n_parties, 29, dtype=np.int32)
    for number, relation in enumerate(trained.relations):
        columns = relation_columns(view, relation, rows)
        reach = [
            columns.linear[hop][:, [column.name for column in linear_columns(relation, hop)].index("reach")]
            for hop in (1, 2)
        ]
        surrounded = np.minimum(*reach) > EPSILON
        assert surrounded.sum() > 10
        none = replace(columns, caused=np.zeros((len(rows), 0), np.float32))
        sums = trained.blend.tree_sums[relation]
        network = replace(sums, weights={**trained.network.read_outs[relation].weights, 0: np.zeros(0)})
        expected = trained.blend.inherited_network * read(network, none)
        expected += trained.blend.inherited_trees * read(sums, none)
        found = [path_parts(scored.attribution, number, int(code))[1].sum() for code in rows[surrounded]]
        np.testing.assert_allclose(found, expected[surrounded], atol=1e-5)
        for hop in (1, 2):
            centred = np.array([column.centred for column in linear_columns(relation, hop)])
            np.testing.assert_array_equal(
                sums.centres[hop][centred], trained.network.read_outs[relation].centres[hop][centred]
            )


def test_direct_counterparties_share_what_comes_from_and_through_them(scored: ScoredParts) -> None:
    """All of a party's inherited part is theirs, hop 2 through the one that leads there."""
    several = 0
    for code in range(0, len(scored.own), 41):
        direct, log_odds = direct_parts(scored.attribution, code)
        told = dict.fromkeys(direct.tolist(), 0.0)
        nobodys = 0.0
        for part in counterparty_parts(scored.attribution, code, 100_000):
            if part.counterparty is None:
                nobodys += part.log_odds
            else:
                told[part.counterparty if part.via is None else part.via] += part.log_odds
        np.testing.assert_allclose(log_odds, [told[one] for one in direct.tolist()], atol=1e-9)
        assert log_odds.sum() + nobodys == pytest.approx(scored.inherited_total()[code], abs=1e-9)
        several += len(direct) > 2
    assert several > 5
    assert not len(direct_parts({}, 0)[0])


def test_paths_lead_to_real_counterparties(scored: ScoredParts, panel_of_parts: Panel) -> None:
    snapshot = panel_of_parts.of("test")[0].snapshot
    neighbours: dict[int, set[int]] = defaultdict(set)
    for relation in snapshot.relations.values():
        rows = np.repeat(np.arange(snapshot.n_parties), relation.degree())
        for i, j in zip(rows.tolist(), relation.indices.tolist(), strict=True):
            neighbours[i].add(j)
    named = 0
    for code in range(40):
        for part in counterparty_parts(scored.attribution, code):
            if part.counterparty is None:
                continue
            named += 1
            assert part.counterparty != code
            first = part.counterparty if part.via is None else part.via
            assert first in neighbours[code]
            assert part.via is None or part.counterparty in neighbours[part.via]
    assert named > 100


def test_strongest_first_then_remainders(scored: ScoredParts) -> None:
    parts = counterparty_parts(scored.attribution, 3, 10)
    sizes = [abs(part.log_odds) for part in parts if part.counterparty is not None]
    assert sizes == sorted(sizes, reverse=True)
    assert [part.counterparty is None for part in parts] == sorted(
        part.counterparty is None for part in parts
    )


def test_a_worse_counterparty_gives_more(trained: Model, scored: ScoredParts) -> None:
    """Planted: big buyers are bad news, so direct buyers' parts rise with what stage 1 says of them."""
    relation = "SUPPLIES.out"
    given, direct = scored.attribution["given"], []
    for code in range(300):
        for part in counterparty_parts(scored.attribution, code, 1000):
            if part.relation == relation and part.via is None and part.counterparty is not None:
                direct.append((given[part.counterparty, 0], part.log_odds))
    x, y = np.array(direct).T
    assert np.corrcoef(x, y)[0, 1] > 0.2


def test_an_isolated_party_inherits_only_the_remainder(scored: ScoredParts) -> None:
    arrays = dict(scored.attribution)
    for number in range(len(arrays["relations"])):
        arrays[f"r{number}.indptr"] = np.zeros_like(arrays[f"r{number}.indptr"])
    for part in counterparty_parts(arrays, 7):
        assert part.counterparty is None
        assert part.log_odds == pytest.approx(scored.inherited[part.relation][7])


def test_without_links_there_is_nothing_to_share_out() -> None:
    assert counterparty_parts({}, 0) == []


def test_an_answer_takes_milliseconds(scored: ScoredParts) -> None:
    counterparty_parts(scored.attribution, 0)
    start = time.process_time()
    for code in range(100):
        counterparty_parts(scored.attribution, code)
    assert (time.process_time() - start) / 100 < 0.02
