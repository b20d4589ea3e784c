"""The planted truth, written beside the tables: for tests and benches, never loaded."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from loaders.synthetic.columns import Chosen, Column, Days, party, write
from loaders.synthetic.course import (
    GAIN,
    LONGEST_RUN_UP,
    NOT_YET,
    SHORTEST_RUN_UP,
    STRENGTH,
    Course,
    Moment,
    World,
    guarantee_shares,
)
from loaders.synthetic.population import INDUSTRY_NAMES, REGIONS

Codes = NDArray[np.int32]


def default_probability(course: Course, month: int) -> NDArray[np.float64]:
    """Probability of a declared default in the twelve months from ``month``; float64 [traders].

    Along the realised states: 1 - prod_m (1 - h_m P(run-up <= months left)); 1 for those in distress.
    """
    spread = LONGEST_RUN_UP - SHORTEST_RUN_UP + 1
    stays = np.zeros(course.hazard.shape[1])
    for later in range(month, min(month + 12, len(course.hazard))):
        left = month + 11 - later
        declared = np.clip((left - SHORTEST_RUN_UP + 1) / spread, 0, 1)
        stays += np.log1p(-course.hazard[later].astype(np.float64) * declared)
    return np.where(course.distress_month < month, 1.0, -np.expm1(stays))


def _write_hazard(world: World, course: Course, folder: Path) -> None:
    """``hazard``: the log-odds of each party's hazard by part, by prediction day."""
    settings, n = world.settings, world.population.traders
    parts: dict[str, list[NDArray[np.generic]]] = {}
    for month, moment in sorted(course.moments.items()):
        present = np.flatnonzero((world.population.entered[:n] <= month) & (course.default_month >= month))
        rows = {
            "party": present,
            "as_of": np.full(len(present), settings.month_starts[month]),
            "own": moment.own[present],
            "environment": moment.environment[present],
            "inherited": moment.inherited[present],
            "in_distress": course.distress_month[present] < month,
            "pd": default_probability(course, month)[present],
        }
        for name, values in rows.items():
            parts.setdefault(name, []).append(values)
    columns: dict[str, Column] = {name: np.concatenate(values) for name, values in parts.items()}
    codes, days = np.concatenate(parts["party"]), np.concatenate(parts["as_of"]).astype(np.int32)
    columns = {"party_id": party(codes), **columns, "as_of": Days(days)}
    del columns["party"]
    write(folder / "hazard.parquet", columns)


def _contributions(world: World, moment: Moment) -> list[tuple[str, Codes, Codes, NDArray[np.floating]]]:
    """(relation, party, counterparty, log-odds) of all that was inherited at a moment."""
    trade, g = world.trade, world.guarantees
    gain = GAIN * world.settings.contagion
    traded = np.flatnonzero(moment.exposure > 0)
    seller, buyer = trade.seller[traded], trade.buyer[traded]
    exposure, pressure = moment.exposure[traded], moment.pressure
    is_alive, given, taken = guarantee_shares(world, moment.month)
    alive = np.flatnonzero(is_alive)
    guarantor, guaranteed = g.guarantor[alive], g.guaranteed[alive]
    rows = {
        "SUPPLIES.out": (seller, buyer, exposure / moment.scale_out[seller]),
        "SUPPLIES.in": (buyer, seller, exposure / moment.scale_in[buyer]),
        "GUARANTEES.out": (guarantor, guaranteed, given[alive]),
        "GUARANTEES.in": (guaranteed, guarantor, taken[alive]),
    }
    return [
        (name, who, whom, gain * STRENGTH[name] * share * pressure[whom])
        for name, (who, whom, share) in rows.items()
    ]


def _write_inherited(world: World, course: Course, folder: Path) -> None:
    """``inherited``: what each counterparty adds to a party's log-odds, by prediction day and relation.

    A pair that traded in several relations has several rows; sum them.
    """
    settings = world.settings
    names = tuple(STRENGTH)
    schema = pa.schema(
        [
            ("party_id", pa.string()),
            ("counterparty_id", pa.string()),
            ("as_of", pa.date32()),
            ("relation", pa.string()),
            ("contribution", pa.float32()),
        ]
    )
    parts = []
    for month, moment in sorted(course.moments.items()):
        for name, who, whom, value in _contributions(world, moment):
            live = (course.default_month[who] >= month) & (np.abs(value) > 1e-4)
            day = np.full(int(live.sum()), settings.month_starts[month], np.int32)
            kind = np.full(len(day), names.index(name), np.int8)
            parts.append((who[live], whom[live], day, kind, value[live].astype(np.float32)))
    who, whom, day, kind, value = (np.concatenate(columns) for columns in zip(*parts, strict=True))
    write(
        folder / "inherited.parquet",
        {
            "party_id": party(who),
            "counterparty_id": party(whom),
            "as_of": Days(day),
            "relation": Chosen(names, kind),
            "contribution": value,
        },
        schema,
    )


def _write_shocks(world: World, folder: Path) -> None:
    shocks = world.environment
    pq.write_table(
        pa.table(
            {
                "scope": np.array(["industry", "region"])[shocks.scope].tolist(),
                "name": [
                    (INDUSTRY_NAMES, REGIONS)[scope][place]
                    for scope, place in zip(shocks.scope, shocks.place, strict=True)
                ],
                "on": pa.array(world.settings.month_starts[shocks.month]).cast(pa.date32()),
                "size": shocks.size,
            },
            schema=pa.schema(
                [("scope", pa.string()), ("name", pa.string()), ("on", pa.date32()), ("size", pa.float64())]
            ),
        ),
        folder / "shocks.parquet",
    )


def _write_relations(world: World, course: Course, folder: Path) -> None:
    """``relations``: first and last month of supply relations; a default on either side ends one."""
    trade, starts = world.trade, world.settings.month_starts
    broken = np.minimum(course.default_month[trade.seller], course.default_month[trade.buyer])
    end = np.maximum(np.minimum(trade.end, broken), trade.start)
    write(
        folder / "relations.parquet",
        {
            "supplier_id": party(trade.seller),
            "buyer_id": party(trade.buyer),
            "valid_from": Days(starts[trade.start]),
            "valid_to": Days(starts[end]),
            "by_default": broken < trade.end,
        },
    )


def _write_distress(world: World, course: Course, folder: Path) -> None:
    """``distress``: when each company that failed got into distress."""
    struck = np.flatnonzero(course.distress_month != NOT_YET)
    months = course.distress_month[struck]
    write(
        folder / "distress.parquet",
        {"party_id": party(struck), "since": Days(world.settings.month_starts[months])},
    )


def write_truth(world: World, course: Course, folder: Path) -> None:
    """All truth files into ``folder``."""
    folder.mkdir(parents=True, exist_ok=True)
    _write_hazard(world, course, folder)
    _write_inherited(world, course, folder)
    _write_shocks(world, folder)
    _write_relations(world, course, folder)
    _write_distress(world, course, folder)
