"""What a user of torch-geometric would try first: hetero GraphSAGE and GAT, and label propagation.

The networks read ``gnn.heterodata.to_hetero_data``: own and environment columns standardised, a flag for
each column that has unknown values, all relations. Known results are not among their inputs. They are
trained full batch on all training days, with the epoch that ranks validation rows best kept.
"""

from __future__ import annotations

import copy
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace

import numpy as np
import scipy.sparse as sp
import torch
from numpy.typing import NDArray
from sklearn.metrics import roc_auc_score
from sklearn.preprocessing import QuantileTransformer
from torch import Tensor, nn
from torch_geometric.nn import GATConv, HeteroConv, SAGEConv
from torch_geometric.utils import to_torch_csr_tensor

from gnn.columns.features import fold_of, own_and_environment, raw_columns
from gnn.heterodata import PARTY, to_hetero_data
from gnn.model import Preparation
from gnn.panels.panel import Origin, Panel
from graph.relations import Relation
from graph.source import PARTS, Part

SAGE, GAT, PROPAGATION = "sage", "gat", "propagation"
PEERS = (SAGE, GAT, PROPAGATION)

EdgeType = tuple[str, str, str]


@dataclass(frozen=True)
class PeerSettings:
    """Sizes of the networks; ``patience``: epochs without a better validation AUC before they stop.

    ``budget``: of work in one fit (``_Day.work`` times epochs): a large graph is given fewer epochs, but at
    least ``least_epochs``.
    """

    hidden: int = 64
    epochs: int = 200
    patience: int = 20
    learning_rate: float = 0.01
    weight_decay: float = 5e-4
    dropout: float = 0.5
    budget: int = 240_000_000
    least_epochs: int = 30


SETTINGS = PeerSettings()

#: Points at which the distribution of a column is remembered.
QUANTILES = 200


class TwoLayers(nn.Module):
    """Two HeteroConv layers with a linear skip each, and a linear read-out."""

    def __init__(self, kind: str, edge_types: Sequence[EdgeType], settings: PeerSettings) -> None:
        super().__init__()
        hidden = settings.hidden

        def conv() -> nn.Module:
            made: nn.Module = (
                SAGEConv((-1, -1), hidden)
                if kind == SAGE
                else GATConv((-1, -1), hidden, add_self_loops=False)
            )
            return made

        self.convs = nn.ModuleList(
            HeteroConv({edge_type: conv() for edge_type in edge_types}, aggr="sum") for _ in range(2)
        )
        self.skips = nn.ModuleList(nn.LazyLinear(hidden) for _ in range(2))
        self.dropout, self.out = nn.Dropout(settings.dropout), nn.Linear(hidden, 1)

    def forward(self, x: Tensor, edges: Mapping[EdgeType, Tensor]) -> Tensor:
        for conv, skip in zip(self.convs, self.skips, strict=True):
            found = conv({PARTY: x}, edges) if edges else {}
            x = self.dropout(torch.relu(found.get(PARTY, 0.0) + skip(x)))
        log_odds: Tensor = self.out(x).squeeze(-1)
        return log_odds


@dataclass(frozen=True)
class _Day:
    """A prediction day as the networks see it."""

    x: Tensor
    edges: dict[EdgeType, Tensor]
    codes: Tensor
    y: Tensor

    def work(self) -> int:
        """Numbers that a layer moves, about: columns of every node by relation, messages over every edge."""
        messages = sum(e._nnz() if e.is_sparse_csr else 4 * e.shape[1] for e in self.edges.values())
        return self.x.shape[0] * self.x.shape[1] * (1 + len(self.edges)) // 16 + messages


class _Columns:
    """Own and environment columns as normal quantiles of the training rows, unknown ones 0 with a flag."""

    def __init__(self, prepared: Preparation, origins: Sequence[Origin]) -> None:
        self._prepared = prepared
        rows = np.concatenate([self._raw(origin)[origin.codes] for origin in origins])
        known = np.isfinite(rows)
        self._kept = np.flatnonzero(known.any(axis=0))
        rows, known = rows[:, self._kept], known[:, self._kept]
        self._flagged = np.flatnonzero(~known.all(axis=0))
        # Heavy tails and 0/1 scales would drown everything else in a network, which has no thresholds.
        quantiles = min(QUANTILES, len(rows))
        self._quantiles = QuantileTransformer(
            n_quantiles=quantiles, output_distribution="normal", random_state=0
        ).fit(rows)

    def _raw(self, origin: Origin) -> NDArray[np.float64]:
        snapshot, prepared = origin.snapshot, self._prepared
        # Rates of industry and region leave out the row's own result on training days.
        folds = fold_of(snapshot.party_ids) if origin.part == "train" else None
        raw = raw_columns(snapshot)
        found = own_and_environment(snapshot, raw, prepared.schema, prepared.encodings, folds)
        return found.of(np.arange(snapshot.n_parties, dtype=np.int32)).astype(np.float64)

    def of(self, origin: Origin) -> dict[str, NDArray[np.float64]]:
        """Columns by name, float64 [n_parties]."""
        raw = self._raw(origin)[:, self._kept]
        known = np.isfinite(raw)
        values = np.where(known, np.clip(self._quantiles.transform(raw), -3.0, 3.0), 0.0)
        schema = self._prepared.schema
        names = [(schema.own + schema.environment)[place] for place in self._kept]
        columns = {name: values[:, k] for k, name in enumerate(names)}
        return columns | {f"known:{names[k]}": known[:, k].astype(np.float64) for k in self._flagged}


def _around(origin: Origin) -> NDArray[np.int64]:
    """The day's rows and everybody within two links of them, ascending: nobody else reaches their scores."""
    reached = np.zeros(origin.snapshot.n_parties, bool)
    reached[origin.codes] = True
    for _ in range(2):
        near = reached.copy()
        for relation in origin.snapshot.relations.values():
            near[relation.indices[np.repeat(reached, relation.degree())]] = True
        reached = near
    return np.flatnonzero(reached)


@dataclass(frozen=True)
class _Graphs:
    """Every day of a panel as the networks get it, by part."""

    edge_types: tuple[EdgeType, ...]
    days: Mapping[Part, Sequence[_Day]]

    def for_sums(self) -> _Graphs:
        """Edges as sparse matrices, row i holding who sends to i: what SAGE's sums want."""

        def matrices(day: _Day) -> _Day:
            shape = (len(day.x), len(day.x))
            return replace(
                day, edges={t: to_torch_csr_tensor(e.flip(0), size=shape) for t, e in day.edges.items()}
            )

        return replace(self, days={part: [matrices(day) for day in days] for part, days in self.days.items()})


def _day(origin: Origin, columns: _Columns, edge_types: Sequence[EdgeType]) -> _Day:
    around = _around(origin)
    data = to_hetero_data(origin.snapshot, columns.of(origin)).subgraph({PARTY: torch.from_numpy(around)})
    nothing = torch.zeros((2, 0), dtype=torch.long)
    edges = {t: data[t].edge_index if t in data.edge_types else nothing for t in edge_types}
    codes = torch.from_numpy(np.searchsorted(around, origin.codes))
    return _Day(data[PARTY].x, edges, codes, torch.from_numpy(origin.labels.astype(np.float32)))


def _graphs(panel: Panel, prepared: Preparation) -> _Graphs:
    columns = _Columns(prepared, panel.of("train"))
    names = sorted({name for origin in panel.of("train") for name in origin.snapshot.relations})
    edge_types = tuple((PARTY, name, PARTY) for name in names)
    days = {part: [_day(origin, columns, edge_types) for origin in panel.of(part)] for part in PARTS}
    return _Graphs(edge_types, days)


def _fit_network(kind: str, graphs: _Graphs, seed: int, settings: PeerSettings) -> NDArray[np.float64]:
    """Log-odds of a hetero ``sage`` or ``gat`` for test rows, whose labels are not read."""
    torch.manual_seed(seed)
    graphs = graphs.for_sums() if kind == SAGE else graphs
    days, network = graphs.days, TwoLayers(kind, graphs.edge_types, settings)
    work = sum(day.work() for part in ("train", "valid") for day in days[part])
    epochs = int(np.clip(settings.budget // max(work, 1), settings.least_epochs, settings.epochs))
    _fit(network, days["train"], days["valid"], epochs, settings)
    return _scores(network, days["test"])


def _scores(network: TwoLayers, days: Sequence[_Day]) -> NDArray[np.float64]:
    network.eval()
    with torch.no_grad():
        found = [network(day.x, day.edges)[day.codes] for day in days]
    return torch.cat(found).numpy().astype(np.float64)


def _fit(
    network: TwoLayers, train: Sequence[_Day], valid: Sequence[_Day], epochs: int, settings: PeerSettings
) -> None:
    y_valid = torch.cat([day.y for day in valid]).numpy()
    y = torch.cat([day.y for day in train])
    loss_of = nn.BCEWithLogitsLoss(pos_weight=(1 - y).sum() / y.sum())
    _scores(network, valid[:1])  # lazy layers learn their widths
    optimiser = torch.optim.Adam(
        network.parameters(), lr=settings.learning_rate, weight_decay=settings.weight_decay
    )
    best, kept, since = -1.0, copy.deepcopy(network.state_dict()), 0
    for _ in range(epochs):
        network.train()
        optimiser.zero_grad()
        for day in train:
            # Day by day, so that one day's messages are held at a time; the gradient is the same.
            loss = loss_of(network(day.x, day.edges)[day.codes], day.y) * (len(day.y) / len(y))
            loss.backward()
        optimiser.step()
        auc = float(roc_auc_score(y_valid, _scores(network, valid)))
        since += 1
        if auc > best:
            best, kept, since = auc, copy.deepcopy(network.state_dict()), 0
        if since >= settings.patience:
            break
    network.load_state_dict(kept)


#: Shares of what comes from counterparties that are tried on validation.
ALPHAS = (0.5, 0.8, 0.9, 0.99)
STEPS = 30


def _union(relations: Mapping[str, Relation], n: int) -> sp.csr_array:
    """All pairs of all relations, symmetric and normalised by the root of both degrees."""
    both = sp.csr_array((n, n))
    for relation in relations.values():
        ones = np.ones(len(relation.indices))
        one = sp.csr_array((ones, relation.indices, relation.indptr), shape=(n, n))
        both = both + one + one.T
    both.data[:] = 1.0
    root = 1.0 / np.sqrt(np.maximum(both.sum(axis=1), 1.0))
    return sp.csr_array(sp.diags_array(root) @ both @ sp.diags_array(root))


def _spread(origin: Origin, alpha: float) -> NDArray[np.float64]:
    """Zhou et al. 2004: known results less their mean, spread over links; scores of the day's rows."""
    known = origin.known
    n, bad = known.n.astype(np.float64), known.bad.astype(np.float64)
    rate = bad.sum() / max(n.sum(), 1.0)
    start = (bad - rate * n) / (n + 2.0)
    links, found = _union(origin.snapshot.relations, len(n)), start.copy()
    for _ in range(STEPS):
        found = alpha * (links @ found) + (1.0 - alpha) * start
    rows: NDArray[np.float64] = found[origin.codes]
    return rows


def propagate_labels(panel: Panel) -> NDArray[np.float64]:
    """Scores of test rows from what was known of their counterparties (and of them) before.

    ``alpha`` is the one that ranks validation rows best.
    """

    def scores(part: Part, alpha: float) -> NDArray[np.float64]:
        return np.concatenate([_spread(origin, alpha) for origin in panel.of(part)])

    y = panel.labels("valid")
    best = max(ALPHAS, key=lambda alpha: float(roc_auc_score(y, scores("valid", alpha))))
    return scores("test", best)


def fit_peers(
    panel: Panel, prepared: Preparation, seed: int, tell: Callable[[str], None]
) -> dict[str, NDArray[np.float64]]:
    """Scores of test rows by peer. ``prepared``: which columns there are, and the rates of milieus."""
    found = {}
    with _one_thread():
        graphs = _graphs(panel, prepared)
        for kind in (SAGE, GAT):
            tell(kind)
            found[kind] = _fit_network(kind, graphs, seed, SETTINGS)
    tell(PROPAGATION)
    found[PROPAGATION] = propagate_labels(panel)
    return found


@contextmanager
def _one_thread() -> Iterator[None]:
    """Sums in one order, and no waiting for each other on a machine that is shared."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Sparse CSR tensor support is in beta")
        warnings.filterwarnings("ignore", message="Sparse invariant checks are implicitly disabled")
        try:
            yield
        finally:
            torch.set_num_threads(threads)
