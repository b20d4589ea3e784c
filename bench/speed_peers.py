"""The ordinary ways to do the same: pandas, scipy, networkx, PyG's HeteroConv on COO."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd
import scipy.sparse as sp

from bench.measuring import Measure, timed
from bench.speed_stages import COLUMNS, Place, given_columns
from graph.relations import day_number

#: Parties whose neighbours networkx walks; its time is stated for all, in proportion.
NETWORKX_PARTIES = 2_000

LAYERS = 2


def _by_party(rows: pd.DataFrame, me: str, other: str, today: int) -> list[pd.DataFrame]:
    """Of one side of the invoices: by window, count, sum, mean and largest amount, mean days to pay,
    share paid late, distinct counterparties, first and last day; the largest counterparty's share; growth
    and spread of monthly sums."""
    found = []
    for window in (90, 180, 365):
        recent = rows[rows["issued_on"] > today - window]
        found.append(
            recent.groupby(me).agg(
                n=("amount", "size"), total=("amount", "sum"), mean=("amount", "mean"),
                most=("amount", "max"), to_pay=("to_pay", "mean"), late=("late", "mean"),
                others=(other, "nunique"), first=("issued_on", "min"), last=("issued_on", "max"),
            )
        )  # fmt: skip
        pairs = recent.groupby([me, other])["amount"].sum().groupby(level=0)
        found.append(pd.DataFrame({"largest_share": pairs.max() / pairs.sum()}))
    monthly = rows[rows["issued_on"] > today - 730].groupby([me, "month"])["amount"].sum()
    by_month = monthly.groupby(level=0)
    found.append(pd.DataFrame({"spread": by_month.std() / by_month.mean(), "months": by_month.size()}))
    return found


def pandas_indicators(place: Place) -> Measure:
    """64 columns of sales and purchases: the common kinds, from one table of the ten that ours read."""
    taken = place.snapshot()
    table, today = taken.tables["invoices"], day_number(taken.as_of)
    columns = {name: table[name].to_numpy() for name in ("seller_code", "buyer_code", "amount")}
    for name in ("issued_on", "paid_on", "due_on"):
        columns[name] = table[name].cast("int32").cast("float64").to_numpy()
    rows = pd.DataFrame(columns)
    with timed() as found:
        rows["to_pay"] = rows["paid_on"] - rows["issued_on"]
        rows["late"] = rows["paid_on"] > rows["due_on"]
        rows["month"] = (rows["issued_on"] // 30).astype("int32")
        made = _by_party(rows, "seller_code", "buyer_code", today)
        made += _by_party(rows, "buyer_code", "seller_code", today)
        dense = pd.concat([columns.reindex(range(taken.n_parties)) for columns in made], axis=1)
    found.facts = {"indicators": dense.shape[1], "rows": len(rows)}
    return found


def scipy_means(place: Place) -> Measure:
    taken = place.snapshot()
    values, n = given_columns(taken.n_parties), taken.n_parties
    shares = []
    for relation in taken.relations.values():
        share = 1.0 / np.repeat(relation.degree(), relation.degree())
        shares.append(sp.csr_matrix((share, relation.indices, relation.indptr), shape=(n, n)))
    wide = values.astype(np.float64)
    with timed() as found:
        for share in shares:
            share @ wide
    found.facts = {"columns": COLUMNS, "relations": len(shares)}
    return found


def networkx_means(place: Place) -> Measure:
    import networkx as nx

    taken = place.snapshot()
    values, asked = given_columns(taken.n_parties), np.arange(min(NETWORKX_PARTIES, taken.n_parties))
    graphs = []
    for relation in taken.relations.values():
        graph = nx.DiGraph()
        for code in asked.tolist():
            ends = relation.indices[relation.counterparties(code)].tolist()
            graph.add_edges_from((code, end) for end in ends)
        graphs.append(graph)
    with timed() as found:
        for graph in graphs:
            for code in asked.tolist():
                ends = list(graph.successors(code)) if code in graph else []
                if ends:
                    np.mean([values[end] for end in ends], axis=0)
    scale = taken.n_parties / len(asked)
    found.facts = {"columns": COLUMNS, "relations": len(graphs), "measured_on_parties": len(asked)}
    found.wall_s, found.cpu_s = found.wall_s * scale, found.cpu_s * scale
    return found


def hetero_conv_epoch(place: Place) -> Measure:
    """One full-batch epoch of two HeteroConv(SAGEConv) layers, forward and backward."""
    import torch

    from gnn.heterodata import PARTY, to_hetero_data

    # After gnn.heterodata, which keeps the first import's warnings quiet.
    from torch_geometric.nn import HeteroConv, SAGEConv  # isort: skip

    taken = place.snapshot()
    values = given_columns(taken.n_parties)
    data = to_hetero_data(taken, {str(k): values[:, k] for k in range(COLUMNS)})
    torch.manual_seed(1)
    layers = torch.nn.ModuleList(
        HeteroConv({edges: SAGEConv(COLUMNS, COLUMNS) for edges in data.edge_types}) for _ in range(LAYERS)
    )
    head = torch.nn.Linear(COLUMNS, 1)
    labels = (torch.rand(taken.n_parties) < 0.05).float()
    optimiser = torch.optim.Adam([*layers.parameters(), *head.parameters()])
    with timed() as found:
        x = data.x_dict
        for layer in layers:
            x = {name: hidden.relu() for name, hidden in layer(x, data.edge_index_dict).items()}
        logits = head(x[PARTY])[:, 0]
        torch.nn.functional.binary_cross_entropy_with_logits(logits, labels).backward()  # type: ignore[no-untyped-call]
        optimiser.step()
    found.facts = {"columns": COLUMNS, "layers": LAYERS, "epochs": 1}
    return found


#: By name, the stage that it is compared with, and what is done.
PEERS: dict[str, tuple[str, Callable[[Place], Measure]]] = {
    "pandas": ("indicators", pandas_indicators),
    "scipy": ("neighbour means", scipy_means),
    "networkx": ("neighbour means", networkx_means),
    "PyG HeteroConv, one epoch": ("network", hetero_conv_epoch),
}
