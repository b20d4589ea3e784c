"""The additive graph network: its own part is the trees', its inherited part a sum over counterparties.

    log-odds = intercept + w·3(s - c) + Σ_r Σ_hop Σ_k β_rhk · (f_rhk - μ) / σ

with f_rhk(i) = Σ_j A_r^hop[i, j]·given_k(j) / D_k(i): messages are weighted sums over the CSR of a relation
(two of them, without the way back, for two hops). The read-out is linear in what each counterparty gives, so
every counterparty's part is exact, and convex, so it is trained to the optimum.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from gnn.columns.linear_columns import (
    EPSILON,
    GIVEN,
    PRIOR_CASES,
    RECORDS,
    RESIDUAL_FLOOR,
    LinearColumn,
    linear_columns,
)
from gnn.geometric import HeteroData, MessagePassing, spmm
from gnn.heterodata import PARTY
from gnn.model import Network, ReadOut

#: The own part enters this many times larger than a standardised column, so that it is hardly shrunk.
OWN_SCALE = 3.0

#: Weight of a row's loss against half the squared norm of the read-out.
STRENGTH = 0.003

#: Where the loss is flat enough, and after how many steps it is left at.
_FLAT, _NEWTON_STEPS = 1e-9, 50

#: Rows whose curvature is added at a time.
_CHUNK = 8_192


class EcosystemNetwork(MessagePassing):  # type: ignore[misc]
    """Message passing over ``relations``; ``n_caused``: counterparty-caused columns by relation.

    Hop 0 stands for those columns: they are the party's own, and need no message.
    """

    def __init__(self, relations: Sequence[str], n_caused: Mapping[str, int]) -> None:
        super().__init__(aggr="sum")
        self.relations = tuple(relations)
        self.intercept = nn.Parameter(torch.zeros((), dtype=torch.float64))
        self.own_weight = nn.Parameter(torch.ones((), dtype=torch.float64))
        self.own_centre = 0.0
        self.read_out = nn.ParameterList()
        self.centre: list[Tensor] = []
        self.scale: list[Tensor] = []
        for relation in self.relations:
            width = sum(len(linear_columns(relation, hop)) for hop in (1, 2)) + n_caused.get(relation, 0)
            self.read_out.append(nn.Parameter(torch.zeros(width, dtype=torch.float64)))
            self.centre.append(torch.zeros(width, dtype=torch.float64))
            self.scale.append(torch.ones(width, dtype=torch.float64))

    def message(self, x_j: Tensor) -> Tensor:
        """An unweighted message, for a plain ``edge_index``."""
        return x_j

    def message_and_aggregate(self, edge_index: Tensor, x: Tensor) -> Tensor:
        """Weighted sums of messages in one sparse product."""
        sums: Tensor = spmm(edge_index, x, reduce="sum")
        return sums

    def _hop(self, data: HeteroData, over_any: Tensor, relation: str, hop: int) -> Tensor:
        edges, party = data[PARTY, relation, PARTY], data[PARTY]
        none = torch.zeros(len(party.rows), dtype=torch.float64)
        nothing = none[:, None][:, :0]
        columns = linear_columns(relation, hop)
        if "adj_t" not in edges:  # nobody has this relation yet
            no_sums, no_records = (none.expand(len(names), -1).T for names in (GIVEN, RECORDS))
            return _columns(columns, no_sums, no_records, none, none)
        there = (edges.degree > 0).double()
        if hop == 1:
            sums = self.propagate(edges.adj_t, x=party.given)
            records = spmm(edges.pairs, edges.records, reduce="sum") if "records" in edges else nothing
            return _columns(columns, sums, records, there, edges.degree.double())
        sums = self.propagate(edges.adj_t, x=over_any) - edges.back[:, None] * party.given[party.rows]
        sums = torch.where(sums.abs() < EPSILON * 1e-3, 0.0, sums)
        reach = torch.where(edges.paths > 0, (there - edges.back).clamp(min=0.0), none)
        return _columns(columns, sums, nothing, reach, edges.paths)

    def gather(self, data: HeteroData) -> Iterator[tuple[str, Tensor]]:
        """Relation by relation, columns of the data's rows, float64 [rows, width]: hop 1, hop 2, caused."""
        over_any = self.propagate(data[PARTY].any_adj_t, x=data[PARTY].given)
        for relation in self.relations:
            parts = [self._hop(data, over_any, relation, hop) for hop in (1, 2)]
            edges = data[PARTY, relation, PARTY]
            yield relation, torch.cat([*parts, edges.caused] if "caused" in edges else parts, dim=1)

    def standardise(self, columns: Mapping[str, Tensor], s: Tensor) -> None:
        """Take scales (and the centres of means) from training rows."""
        self.own_centre = float(s.mean())
        for position, relation in enumerate(self.relations):
            centred = [c.centred for hop in (1, 2) for c in linear_columns(relation, hop)]
            values = columns[relation]
            centred += [True] * (values.shape[1] - len(centred))
            known = torch.isfinite(values)
            count = known.sum(0).clamp(min=1)
            mean = torch.where(known, values, 0.0).sum(0) / count
            spread = torch.sqrt(torch.where(known, (values - mean) ** 2, 0.0).sum(0) / count)
            self.centre[position] = torch.where(torch.tensor(centred), mean, 0.0)
            # A constant column gets no weight.
            self.scale[position] = torch.where(spread > 1e-9, spread, torch.inf)

    def inherited(self, columns: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Part of each relation, float64 [rows]."""
        parts = {}
        for position, relation in enumerate(self.relations):
            parts[relation] = self._standard(columns[relation], position) @ self.read_out[position]
        return parts

    def _standard(self, columns: Tensor, position: int) -> Tensor:
        return ((columns - self.centre[position]) / self.scale[position]).nan_to_num_(nan=0.0)

    def log_odds(self, s: Tensor, parts: Mapping[str, Tensor]) -> Tensor:
        """Sum of all parts, float64 [rows]."""
        own = self.own_weight * OWN_SCALE * (s - self.own_centre)
        return self.intercept + own + sum(parts.values(), torch.zeros_like(s))

    def forward(self, data: HeteroData) -> Tensor:
        """Log-odds of the rows of ``data`` (see ``gnn.heterodata.learning_data``), float64 [rows]."""
        return self.log_odds(data[PARTY].s, self.inherited(dict(self.gather(data))))

    def fit(
        self, columns: Mapping[str, Tensor], s: Tensor, labels: Tensor, used: Tensor | None = None
    ) -> None:
        """Minimise STRENGTH·Σ logistic loss + half the squared norm of the weights, to the optimum.

        ``used`` float64 [rows], 1 or 0: rows whose loss counts. Scales are those of all rows.
        """
        self.standardise(columns, s)
        weight = torch.ones(len(s), dtype=torch.float64) if used is None else used
        threads = torch.get_num_threads()
        torch.set_num_threads(1)  # sums in one order
        try:
            with torch.no_grad():
                found = _optimum(self._design(columns, s), labels.double(), weight)
                sizes = [1, 1, *(len(w) for w in self.read_out)]
                self.intercept.copy_(found[0])
                self.own_weight.copy_(found[1])
                for read_out, values in zip(self.read_out, torch.split(found, sizes)[2:], strict=True):
                    read_out.copy_(values)
        finally:
            torch.set_num_threads(threads)

    def _design(self, columns: Mapping[str, Tensor], s: Tensor) -> Tensor:
        """Everything the weights are multiplied with, the intercept's ones first, [rows, weights]."""
        x = torch.empty((len(s), 2 + sum(len(w) for w in self.read_out)), dtype=torch.float64)
        x[:, 0], x[:, 1], start = 1.0, OWN_SCALE * (s - self.own_centre), 2
        for position, relation in enumerate(self.relations):
            end = start + columns[relation].shape[1]
            x[:, start:end] = self._standard(columns[relation], position)
            start = end
        return x

    def become_mean(self, states: Sequence[Mapping[str, Tensor]]) -> None:
        """Take the mean of the weights of fits on the same columns: its log-odds are the mean of theirs."""
        self.load_state_dict(
            {name: torch.stack([state[name] for state in states]).mean(0) for name in states[0]}
        )

    def folded(self) -> Network:
        """The same function as plain arrays, standardisation folded into weights and centres."""
        read_outs = {}
        with torch.no_grad():
            for position, relation in enumerate(self.relations):
                weights = (self.read_out[position] / self.scale[position]).numpy()
                bounds = np.cumsum([len(linear_columns(relation, hop)) for hop in (1, 2)])
                read_outs[relation] = ReadOut(
                    weights=_by_hop(weights, bounds), centres=_by_hop(self.centre[position].numpy(), bounds)
                )
            own = float(self.own_weight) * OWN_SCALE
            return Network(float(self.intercept) - own * self.own_centre, own, read_outs)


def _optimum(x: Tensor, y: Tensor, used: Tensor) -> Tensor:
    """Weights of the logistic regression of ``y`` on ``x`` [rows, weights], the first one unpenalised.

    Newton's method, steps halved until the loss falls: the loss is convex, and smooth enough for a dozen.
    """
    penalty = torch.ones(x.shape[1], dtype=torch.float64)
    penalty[0] = 0.0

    def loss(z: Tensor, at: Tensor) -> float:
        data_loss = (used * (nn.functional.softplus(z) - y * z)).sum()
        return float(STRENGTH * data_loss + 0.5 * (penalty * at**2).sum())

    at, z = torch.zeros(x.shape[1], dtype=torch.float64), torch.zeros(len(x), dtype=torch.float64)
    now = loss(z, at)
    for _ in range(_NEWTON_STEPS):
        p = torch.sigmoid(z)
        gradient = STRENGTH * (x.T @ (used * (p - y))) + penalty * at
        if float(gradient.abs().max()) < _FLAT:
            break
        hessian = torch.diag(penalty)
        curved = STRENGTH * used * p * (1.0 - p)
        for start in range(0, len(x), _CHUNK):
            rows = x[start : start + _CHUNK]
            hessian += rows.T @ (rows * curved[start : start + _CHUNK, None])
        hessian[0, 0] += 1e-12  # rows may be none
        step = torch.linalg.solve(hessian, gradient)
        moved, size = x @ step, 1.0
        while (then := loss(z - size * moved, at - size * step)) > now and size > 1e-6:
            size /= 2.0
        at, z, now = at - size * step, z - size * moved, then
    return at


def _by_hop(values: NDArray[np.float64], bounds: NDArray[np.int64]) -> dict[int, NDArray[np.float64]]:
    near, far, caused = np.split(values.copy(), bounds)
    return {0: caused, 1: near, 2: far}


def _columns(
    columns: Sequence[LinearColumn], sums: Tensor, records: Tensor, reach: Tensor, paths: Tensor
) -> Tensor:
    """``HopSums.column`` for every column, on tensors."""
    pseudo = PRIOR_CASES / paths.clamp(min=1.0)
    bottoms = {
        "one": torch.ones_like(reach),
        "has": sums[:, GIVEN.index("has")],
        "reach": reach,
        "cases": sums[:, GIVEN.index("cases")] + pseudo,
        "known": sums[:, GIVEN.index("known")] + RESIDUAL_FLOOR,
    }
    if records.shape[1]:
        bottoms["record"] = records[:, RECORDS.index("record_cases")] + pseudo
    found = []
    for column in columns:
        if column.given == "one":
            top = reach
        elif column.given in GIVEN:
            top = sums[:, GIVEN.index(column.given)]
        else:
            top = records[:, RECORDS.index(column.given)]
        bottom = bottoms[column.denominator]
        found.append(
            torch.where(bottom > EPSILON, top / bottom, torch.nan) if column.centred else top / bottom
        )
    return torch.stack(found, dim=1)
