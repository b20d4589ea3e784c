"""Whose doing an inherited part is: exact sums by counterparty and path, made when they are asked for.

The network's part of a relation is a sum over counterparties (hop 1) and over paths (hop 2) by construction.
For the trees' part stands the nearest such sum (``gnn.learning.tree_sums``); what that leaves, and the
average party's part, which all are measured against, is shared by the weight of the links, so that nothing is
divided by something near zero.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from gnn.columns.linear_columns import (
    ANY,
    EPSILON,
    GIVEN,
    PRIOR_CASES,
    RECORDS,
    RESIDUAL_FLOOR,
    Denominator,
    LinearColumn,
    linear_columns,
)
from gnn.parts import CounterpartyPart
from gnn.threads import side_by_side

if TYPE_CHECKING:
    # Scoring hands these over; serving reads stored arrays and has no need of them.
    from gnn.columns.operators import Operator
    from gnn.columns.views import View
    from gnn.model import Model

Arrays = Mapping[str, NDArray[Any]]

DEFAULT_LIMIT = 20


def attribution_arrays(
    model: Model, view: View, inherited: Mapping[str, NDArray[np.float64]]
) -> dict[str, NDArray[Any]]:
    """What ``counterparty_parts`` reads; names are safe file names, relations are numbered.

    ``inherited``: calibrated part of each relation, float64 [n].
    """
    if not inherited:
        return {}
    around = view.surroundings
    arrays: dict[str, NDArray[Any]] = {"relations": np.array(list(inherited))}
    wide = {"given": view.sights[0].given}

    def add_pairs(prefix: str, operator: Operator) -> None:
        arrays[f"{prefix}.indptr"], arrays[f"{prefix}.indices"] = operator.indptr, operator.indices
        wide[f"{prefix}.weight"] = operator.weight

    add_pairs("any", around.any)
    for number, (name, part) in enumerate(inherited.items()):
        arrays[f"r{number}.inherited"] = part
        network, trees = model.network.read_outs[name], model.blend.tree_sums[name]
        for hop in (1, 2):
            weights = (
                model.blend.inherited_network * network.weights[hop]
                + model.blend.inherited_trees * trees.weights[hop]
            )
            arrays[f"r{number}.hop{hop}"] = np.stack((weights, trees.centres[hop]))
        if name in around.operators:
            add_pairs(f"r{number}", around.operators[name])
            if name in around.records:
                wide[f"r{number}.records"] = around.records[name]
    narrow = side_by_side(lambda values: values.astype(np.float32), list(wide.values()))
    return arrays | dict(zip(wide, narrow, strict=True))


@dataclass(frozen=True)
class _Paths:
    """Paths that end at one party: ``end`` and ``via`` int64 [p] (via -1: direct), ``weight`` float64 [p]."""

    end: NDArray[np.int64]
    via: NDArray[np.int64]
    weight: NDArray[np.float64]


def _row(arrays: Arrays, prefix: str, code: int) -> slice:
    indptr = arrays[f"{prefix}.indptr"]
    return slice(int(indptr[code]), int(indptr[code + 1]))


def _direct(arrays: Arrays, prefix: str, code: int) -> _Paths:
    row = _row(arrays, prefix, code)
    end = arrays[f"{prefix}.indices"][row].astype(np.int64)
    return _Paths(end, np.full(len(end), -1), arrays[f"{prefix}.weight"][row].astype(np.float64))


def _one_further(arrays: Arrays, direct: _Paths, code: int) -> _Paths:
    """From each direct counterparty to all of its counterparties but the party itself."""
    indptr = arrays["any.indptr"]
    starts, ends = indptr[direct.end], indptr[direct.end + 1]
    sizes = ends - starts
    offsets = np.repeat(starts - np.cumsum(sizes) + sizes, sizes)
    positions = offsets + np.arange(int(sizes.sum()))
    end = arrays["any.indices"][positions].astype(np.int64)
    via = np.repeat(direct.end, sizes)
    weight = np.repeat(direct.weight, sizes) * arrays["any.weight"][positions]
    others = end != code
    return _Paths(end[others], via[others], weight[others])


def _by_path(
    paths: _Paths,
    given: NDArray[np.float64],
    records: NDArray[np.float64],
    columns: tuple[LinearColumn, ...],
    coefficients: NDArray[np.float64],
) -> NDArray[np.float64]:
    """What each path gives, float64 [p]: together Σ over columns of weight·(column - centre).

    The centre is taken off by what makes the shares of a mean, and by the weights of the paths where a column
    is a sum. Paths without weight give nothing.
    """
    weighted = paths.weight[:, None] * given
    sums, recorded = weighted.sum(0), (paths.weight[:, None] * records).sum(0)
    pseudo = PRIOR_CASES / max(len(paths.end), 1)
    bottoms: dict[Denominator, float] = {
        "one": 1.0,
        "has": float(sums[GIVEN.index("has")]),
        "reach": float(paths.weight.sum()),
        "cases": float(sums[GIVEN.index("cases")]) + pseudo,
        "known": float(sums[GIVEN.index("known")]) + RESIDUAL_FLOOR,
        "record": float(recorded[RECORDS.index("record_cases")]) + pseudo if len(recorded) else 1.0,
    }
    part = np.zeros(len(paths.end))
    if bottoms["reach"] <= EPSILON:
        return part
    by_weight = paths.weight / bottoms["reach"]
    for column, (weight, centre) in zip(columns, coefficients.T, strict=True):
        bottom = bottoms[column.denominator]
        if weight == 0.0 or (column.centred and bottom <= EPSILON):
            continue
        if column.given == "one":
            top = paths.weight
        elif column.given in GIVEN:
            top = weighted[:, GIVEN.index(column.given)]
        else:
            top = paths.weight * records[:, RECORDS.index(column.given)]
        share = weighted[:, GIVEN.index("has")] / bottom if column.denominator == "has" else by_weight
        part += weight * (top / bottom - centre * share)
    return part


def path_parts(arrays: Arrays, number: int, code: int) -> tuple[_Paths, NDArray[np.float64]]:
    """Paths of a relation (by its number) and what each gives, by the network and by the trees' sum."""
    prefix = f"r{number}"
    if f"{prefix}.indptr" not in arrays:
        none = np.zeros(0, np.int64)
        return _Paths(none, none, np.zeros(0)), np.zeros(0)
    name = str(arrays["relations"][number])
    direct = _direct(arrays, prefix, code)
    further = _one_further(arrays, direct, code)
    parts = []
    for hop, paths in ((1, direct), (2, further)):
        given = np.asarray(arrays["given"][paths.end], dtype=np.float64)
        records = np.zeros((len(paths.end), 0))
        if hop == 1 and name != ANY:
            records = np.asarray(arrays[f"{prefix}.records"][_row(arrays, prefix, code)], dtype=np.float64)
        parts.append(_by_path(paths, given, records, linear_columns(name, hop), arrays[f"{prefix}.hop{hop}"]))
    together = _Paths(
        np.concatenate((direct.end, further.end)),
        np.concatenate((direct.via, further.via)),
        np.concatenate((direct.weight, further.weight)),
    )
    return together, np.concatenate(parts)


def _relation_parts(arrays: Arrays, number: int, code: int) -> tuple[_Paths, NDArray[np.float64], float]:
    """Paths of a relation, the log-odds of each, and the remainder; together the inherited part."""
    inherited = float(arrays[f"r{number}.inherited"][code])
    paths, log_odds = path_parts(arrays, number, code)
    direct = paths.via < 0
    if not direct.any():
        return paths, log_odds, inherited
    share = paths.weight[direct] / paths.weight[direct].sum()
    log_odds[direct] += share * (inherited - log_odds.sum())
    return paths, log_odds, 0.0


def direct_parts(arrays: Arrays, code: int) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Direct counterparties of a party, ascending, and the log-odds that come from or through each.

    int64 and float64 [k]: over all relations and both hops; ``arrays`` as for ``counterparty_parts``.
    """
    ends, given = [np.zeros(0, np.int64)], [np.zeros(0)]
    for number in range(len(arrays.get("relations", ()))):
        paths, log_odds, _ = _relation_parts(arrays, number, code)
        ends.append(np.where(paths.via < 0, paths.end, paths.via))
        given.append(log_odds)
    direct, place = np.unique(np.concatenate(ends), return_inverse=True)
    total = np.bincount(place, weights=np.concatenate(given), minlength=len(direct))
    return direct, total.astype(np.float64)


def counterparty_parts(arrays: Arrays, code: int, limit: int = DEFAULT_LIMIT) -> list[CounterpartyPart]:
    """The counterparties and paths that move a party's log-odds most, and each relation's remainder.

    At most ``limit`` of them. A relation's parts sum to its inherited part (to 1e-9). ``arrays``: of a scored
    run, as handed back.
    The remainder (counterparty None) holds what is beyond the limit; without counterparties, all there is.
    """
    if "relations" not in arrays:
        return []
    found: list[CounterpartyPart] = []
    rests: list[float] = []
    names = [str(name) for name in arrays["relations"]]
    for number, name in enumerate(names):
        paths, log_odds, rest = _relation_parts(arrays, number, code)
        order = np.argsort(-np.abs(log_odds), kind="stable")
        rests.append(rest + float(log_odds[order[limit:]].sum()))
        found += [
            CounterpartyPart(
                name, int(paths.end[p]), None if paths.via[p] < 0 else int(paths.via[p]), float(log_odds[p])
            )
            for p in order[:limit]
        ]
    found.sort(key=lambda part: (-abs(part.log_odds), part.relation, part.counterparty, part.via or -1))
    for part in found[limit:]:
        rests[names.index(part.relation)] += part.log_odds
    remainders = [CounterpartyPart(name, None, None, rest) for name, rest in zip(names, rests, strict=True)]
    return found[:limit] + [part for part in remainders if part.log_odds != 0.0]
