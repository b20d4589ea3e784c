from __future__ import annotations

from dataclasses import replace

import numpy as np
import torch
from torch import nn

from gnn.columns.views import View, relation_columns, view_of
from gnn.heterodata import EDGE_COLUMNS, learning_data, to_hetero_data
from gnn.model import Model, Network
from gnn.network import STRENGTH, EcosystemNetwork
from gnn.panels.panel import Panel
from gnn.scoring import read


def served_view(trained: Model, panel: Panel) -> View:
    test = panel.of("test")[0]
    return view_of(trained.preparation, test.snapshot, test.known)


def fitted(view: View, labels: np.ndarray) -> EcosystemNetwork:
    caused = {name: values.shape[1] for name, values in view.columns.caused.items()}
    network = EcosystemNetwork(view.preparation.relations, caused)
    with torch.no_grad():
        columns = dict(network.gather(learning_data(view, view.sights[0])))
    network.fit(columns, torch.from_numpy(view.s), torch.from_numpy(labels))
    return network


def folded_log_odds(view: View, network: Network) -> np.ndarray:
    everyone = np.arange(view.snapshot.n_parties, dtype=np.int32)
    z = network.intercept + network.own_weight * view.s
    for relation, read_out in network.read_outs.items():
        z = z + read(read_out, relation_columns(view, relation, everyone))
    return z


def test_the_fold_equals_the_networks_forward_pass(trained: Model, panel_of_parts: Panel) -> None:
    view = served_view(trained, panel_of_parts)
    rng = np.random.default_rng(3)
    network = fitted(view, (rng.random(view.snapshot.n_parties) < 0.3).astype(np.int8))
    with torch.no_grad():
        forward = network(learning_data(view, view.sights[0])).numpy()
        assert all(float(weights.abs().max()) > 0 for weights in network.read_out)
    np.testing.assert_allclose(folded_log_odds(view, network.folded()), forward, atol=1e-9)


def test_the_fold_holds_where_a_relation_is_missing(trained: Model, panel_of_parts: Panel) -> None:
    view = served_view(trained, panel_of_parts)
    network = fitted(view, (np.arange(view.snapshot.n_parties) % 3 == 0).astype(np.int8))
    relations = {n: r for n, r in view.snapshot.relations.items() if n != "SUPPLIES.out"}
    bare = view_of(trained.preparation, replace(view.snapshot, relations=relations), view.known)
    with torch.no_grad():
        forward = network(learning_data(bare, bare.sights[0])).numpy()
    np.testing.assert_allclose(folded_log_odds(bare, network.folded()), forward, atol=1e-9)


def test_training_ends_at_the_optimum(trained: Model, panel_of_parts: Panel) -> None:
    """Where the gradient of the loss, written down anew, is zero."""
    view = served_view(trained, panel_of_parts)
    labels = (np.arange(view.snapshot.n_parties) % 4 == 0).astype(np.int8)
    network = fitted(view, labels)
    z = network(learning_data(view, view.sights[0]))
    loss = nn.functional.binary_cross_entropy_with_logits(
        z, torch.from_numpy(labels).double(), reduction="sum"
    )
    norm = network.own_weight**2 + sum((weights**2).sum() for weights in network.read_out)
    (STRENGTH * loss + 0.5 * norm).backward()
    gradients = torch.cat([parameter.grad.reshape(-1) for parameter in network.parameters()])
    # The loss is 1-strongly convex in the weights: they are within 1e-8 of the optimum.
    assert float(gradients.abs().max()) < 1e-8


def test_chosen_rows_get_the_columns_they_get_among_all(trained: Model, panel_of_parts: Panel) -> None:
    view = served_view(trained, panel_of_parts)
    network = fitted(view, (np.arange(view.snapshot.n_parties) % 3 == 0).astype(np.int8))
    rows = np.random.default_rng(4).permutation(view.snapshot.n_parties)[:50].astype(np.int32)
    of_all = dict(network.gather(learning_data(view, view.sights[0])))
    for name, columns in network.gather(learning_data(view, view.sights[0], rows)):
        np.testing.assert_array_equal(columns.numpy(), of_all[name][rows.astype(np.int64)].numpy())


def test_a_plain_edge_index_gives_the_same_sums(trained: Model, panel_of_parts: Panel) -> None:
    view = served_view(trained, panel_of_parts)
    data = to_hetero_data(view.snapshot, {})
    edges = data["party", "SUPPLIES.out", "party"].edge_index
    values = torch.randn(view.snapshot.n_parties, 2, dtype=torch.float64)
    network = EcosystemNetwork((), {})
    summed = network.propagate(edges, x=values)
    relation = view.snapshot.relations["SUPPLIES.out"]
    code = int(np.argmax(relation.degree()))
    counterparties = relation.indices[relation.counterparties(code)].astype(np.int64)
    torch.testing.assert_close(summed[code], values[torch.from_numpy(counterparties)].sum(0))


def test_hetero_data_holds_every_party_and_pair(trained: Model, panel_of_parts: Panel) -> None:
    view = served_view(trained, panel_of_parts)
    column = np.arange(view.snapshot.n_parties, dtype=np.float32)
    data = to_hetero_data(view.snapshot, {"number": column})
    data.validate(raise_on_error=True)
    np.testing.assert_array_equal(data["party"].x[:, 0].numpy(), column)
    for name, relation in view.snapshot.relations.items():
        edges = data["party", name, "party"]
        assert edges.edge_attr.shape == (relation.n_pairs, len(EDGE_COLUMNS))
        np.testing.assert_array_equal(
            np.bincount(edges.edge_index[1], minlength=len(column)), relation.degree()
        )
