"""Snapshots as PyG ``HeteroData``, so that any PyG model can be plugged in."""

from __future__ import annotations

import warnings
from collections.abc import Mapping

import numpy as np
import torch
from numpy.typing import NDArray

from gnn.columns.design import Surroundings
from gnn.columns.operators import count_paths
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


def _sparse(
    indptr: NDArray[np.int64], columns: NDArray[np.int64], weight: NDArray[np.float64], width: int
) -> torch.Tensor:
    """A CSR matrix [rows, width]."""
    with warnings.catch_warnings():
        # torch says once that CSR is in beta; what is used of it here is tested.
        warnings.filterwarnings("ignore", message="Sparse CSR tensor support is in beta")
        return torch.sparse_csr_tensor(
            torch.from_numpy(indptr),
            torch.from_numpy(columns),
            torch.from_numpy(weight),
            size=(len(indptr) - 1, width),
            check_invariants=False,
        )


def learning_data(view: View, sight: Sight, rows: NDArray[np.int32] | None = None) -> HeteroData:
    """What the network reads to learn from ``rows`` (None: all n parties): the payload, and the rows'
    pairs of each relation as CSR.

    Per party ``given`` [n, k], ``rows`` [rows] and their ``s``; over any relation ``adj_t`` (n x n). Per
    relation, for the rows: ``adj_t`` (rows x n), ``pairs`` (rows x m) and ``records`` [m, 4], ``back`` the
    weight of the way back, ``degree``, ``paths`` two-hop paths, ``caused``.
    """
    data, around = HeteroData(), view.surroundings
    asked = np.arange(view.snapshot.n_parties, dtype=np.int32) if rows is None else rows
    data[PARTY].given = torch.from_numpy(sight.given)
    data[PARTY].rows = torch.from_numpy(asked.astype(np.int64))
    data[PARTY].s = torch.from_numpy(view.s[asked])
    over = around.any
    data[PARTY].any_adj_t = _sparse(over.indptr, over.indices.astype(np.int64), over.weight, over.n_parties)
    for name in view.preparation.relations:
        if name in around.operators:
            _add_operator(data, around, name, asked)
        if name in view.columns.caused:
            caused = view.columns.caused[name][asked].astype(np.float64)
            data[PARTY, name, PARTY].caused = torch.from_numpy(caused)
    return data


def _add_operator(data: HeteroData, around: Surroundings, name: str, rows: NDArray[np.int32]) -> None:
    operator, edges = around.operators[name], data[PARTY, name, PARTY]
    indptr, pairs = operator.pairs_of(rows)
    weight = operator.weight[pairs]
    edges.adj_t = _sparse(indptr, operator.indices[pairs].astype(np.int64), weight, operator.n_parties)
    edges.back = torch.from_numpy(operator.back_total[rows])
    edges.degree = torch.from_numpy(np.diff(indptr))
    edges.paths = torch.from_numpy(count_paths(operator, around.any, rows))
    if name in around.records:
        records = around.records[name]
        edges.pairs = _sparse(indptr, pairs, weight, len(records))
        edges.records = torch.from_numpy(records)
