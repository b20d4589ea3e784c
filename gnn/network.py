"""The additive graph network: its own part is the trees', its inherited part a sum over counterparties.

    log-odds = intercept + w·3(s - c) + Σ_r Σ_hop Σ_k β_rhk · (f_rhk - μ) / σ

with f_rhk(i) = Σ_j A_r^hop[i, j]·given_k(j) / D_k(i): messages are weighted sums over the CSR of a relation
(two of them, without the way back, for two hops). The read-out is linear in what each counterparty gives, so
every counterparty's part is exact, and convex, so it is trained with L-BFGS to the optimum.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from gnn.columns.linear_columns import (
    ANY,
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

Columns = Mapping[str, Mapping[int, Tensor]]


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

    def _hop(self, data: HeteroData, relation: str, hop: int) -> Tensor:
        edges, given = data[PARTY, relation, PARTY], data[PARTY].given
        none = torch.zeros(len(given), dtype=torch.float64)
        nothing = none[:, None][:, :0]
        if "adj_t" not in edges:  # nobody has this relation yet
            return _columns(
                linear_columns(relation, hop), 0.0 * given, none.expand(len(RECORDS), -1).T, none, none
            )
        there = (edges.degree > 0).double()
        if hop == 1:
            sums = self.propagate(edges.adj_t, x=given)
            records = spmm(edges.pairs, edges.records, reduce="sum") if "records" in edges else nothing
            return _columns(linear_columns(relation, hop), sums, records, there, edges.degree.double())
        over_any = self.propagate(data[PARTY, ANY, PARTY].adj_t, x=given)
        sums = self.propagate(edges.adj_t, x=over_any) - edges.back[:, None] * given
        sums = torch.where(sums.abs() < EPSILON * 1e-3, 0.0, sums)
        reach = torch.where(edges.paths > 0, (there - edges.back).clamp(min=0.0), none)
        return _columns(linear_columns(relation, hop), sums, nothing, reach, edges.paths)

    def gather(self, data: HeteroData) -> dict[str, Tensor]:
        """Columns of every party by relation, float64 [n, width]: hop 1, hop 2, counterparty-caused."""
        return {relation: self.gather_one(data, relation) for relation in self.relations}

    def gather_one(self, data: HeteroData, relation: str) -> Tensor:
        """Columns of every party for one relation."""
        parts = [self._hop(data, relation, hop) for hop in (1, 2)]
        edges = data[PARTY, relation, PARTY]
        return torch.cat([*parts, edges.caused] if "caused" in edges else parts, dim=1)

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
            standard = (columns[relation] - self.centre[position]) / self.scale[position]
            parts[relation] = torch.nan_to_num(standard, nan=0.0) @ self.read_out[position]
        return parts

    def log_odds(self, s: Tensor, parts: Mapping[str, Tensor]) -> Tensor:
        """Sum of all parts, float64 [rows]."""
        own = self.own_weight * OWN_SCALE * (s - self.own_centre)
        return self.intercept + own + sum(parts.values(), torch.zeros_like(s))

    def forward(self, data: HeteroData) -> Tensor:
        """Log-odds of every party of ``data`` (see ``gnn.heterodata.learning_data``), float64 [n]."""
        return self.log_odds(data[PARTY].s, self.inherited(self.gather(data)))

    def fit(
        self, columns: Mapping[str, Tensor], s: Tensor, labels: Tensor, used: Tensor | None = None
    ) -> None:
        """Minimise STRENGTH·Σ logistic loss + half the squared norm of the weights, to the optimum.

        ``used`` float64 [rows], 1 or 0: rows whose loss counts. Scales are those of all rows.
        """
        self.standardise(columns, s)
        optimiser = torch.optim.LBFGS(
            self.parameters(), max_iter=300, history_size=20, tolerance_grad=1e-7,
            tolerance_change=1e-12, line_search_fn="strong_wolfe",
        )  # fmt: skip
        y = labels.double()

        def loss() -> Tensor:
            optimiser.zero_grad()
            z = self.log_odds(s, self.inherited(columns))
            data_loss = nn.functional.binary_cross_entropy_with_logits(z, y, weight=used, reduction="sum")
            norm = self.own_weight**2 + sum(((w**2).sum() for w in self.read_out), torch.zeros(()))
            total: Tensor = STRENGTH * data_loss + 0.5 * norm
            total.backward()  # type: ignore[no-untyped-call]
            return total

        threads = torch.get_num_threads()
        torch.set_num_threads(1)  # sums in one order
        try:
            optimiser.step(loss)  # type: ignore[no-untyped-call]
        finally:
            torch.set_num_threads(threads)

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
