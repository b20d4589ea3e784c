"""Snapshots as PyG ``HeteroData``, so that any PyG model can be plugged in."""

from __future__ import annotations

import warnings
from collections.abc import Mapping

import numpy as np
import torch
from numpy.typing import NDArray

from gnn.columns.design import Surroundings, gather_paths
from gnn.columns.linear_columns import ANY
from gnn.columns.operators import Operator
from gnn.columns.views import Sight, View
from gnn.geometric import HeteroData
from graph.relations import day_number
from graph.snapshot import Snapshot

PARTY = "party"

#: Columns of ``edge_attr``.
EDGE_COLUMNS = ("count", "amount", "age_days", "matured", "bad", "strength")


def to_hetero_data(snapshot: Snapshot, columns: Mapping[str, NDArray[np.floating]]) -> HeteroData:
    """All parties with ``columns`` as ``x``, and every relation as an edge type.

    Edges run from the counterparty to the party that looks at it, the way messages flow; node j is code j.
    ``edge_attr`` float32 [edges, 6] holds ``EDGE_COLUMNS`` (amount in minor units).
    """
    data = HeteroData()
    n = snapshot.n_parties
    x = np.column_stack(list(columns.values())) if columns else np.zeros((n, 0))
    data[PARTY].x = torch.from_numpy(x.astype(np.float32))
    data[PARTY].num_nodes = n
    data[PARTY].column_names = tuple(columns)
    today = day_number(snapshot.as_of)
    for name, relation in snapshot.relations.items():
        row = np.repeat(np.arange(n), relation.degree())
        edges = data[PARTY, name, PARTY]
        edges.edge_index = torch.from_numpy(np.stack((relation.indices.astype(np.int64), row)))
        attributes = (
            relation.count, relation.amount, today - relation.last_on,
            relation.matured, relation.bad, relation.strength,
        )  # fmt: skip
        edges.edge_attr = torch.from_numpy(np.column_stack(attributes).astype(np.float32))
    return data


def _sparse(operator: Operator, columns: NDArray[np.int64], width: int) -> torch.Tensor:
    """The operator's weights in a CSR matrix [n, width], at the given columns."""
    with warnings.catch_warnings():
        # torch says once that CSR is in beta; what is used of it here is tested.
        warnings.filterwarnings("ignore", message="Sparse CSR tensor support is in beta")
        return torch.sparse_csr_tensor(
            torch.from_numpy(operator.indptr),
            torch.from_numpy(columns),
            torch.from_numpy(operator.weight),
            size=(operator.n_parties, width),
            check_invariants=False,
        )


def learning_data(view: View, sight: Sight, only: str | None = None) -> HeteroData:
    """``to_hetero_data`` with what the network reads: the payload and each relation's operator as CSR.

    ``only``: what it reads for this relation, and nothing else; all at once would fill a large memory.

    Per party ``given`` [n, k], ``s`` [n]; per relation ``adj_t`` (n x n), ``pairs`` (n x m) and ``records``
    [m, 4], ``back`` [n] the weight of the way back, ``degree`` [n], ``paths`` [n] two-hop paths.
    """
    data = to_hetero_data(view.snapshot, {}) if only is None else HeteroData()
    data[PARTY].given = torch.from_numpy(sight.given)
    data[PARTY].s = torch.from_numpy(view.s)
    around = view.surroundings
    wanted = {*view.preparation.relations, ANY} if only is None else {only, ANY}
    for name in wanted & set(around.operators):
        _add_operator(data, around, name)
    for name in wanted & set(view.columns.caused):
        data[PARTY, name, PARTY].caused = torch.from_numpy(view.columns.caused[name].astype(np.float64))
    return data


def _add_operator(data: HeteroData, around: Surroundings, name: str) -> None:
    operator, edges = around.operators[name], data[PARTY, name, PARTY]
    everyone = np.arange(operator.n_parties, dtype=np.int32)
    edges.adj_t = _sparse(operator, operator.indices.astype(np.int64), operator.n_parties)
    edges.back = torch.from_numpy(operator.back_total)
    edges.degree = torch.from_numpy(operator.degree())
    edges.paths = torch.from_numpy(gather_paths(around, name, everyone))
    if name in around.records:
        m = len(operator.indices)
        edges.pairs = _sparse(operator, np.arange(m, dtype=np.int64), m)
        edges.records = torch.from_numpy(around.records[name])
