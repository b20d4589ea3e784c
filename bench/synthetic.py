"""Calibration of the synthetic ecosystem: what was planted, and what simple models find of it.

``python -m bench.synthetic --parties 20000 --contagion 1 --seeds 1 2 3`` prints one JSON object a seed.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from collections.abc import Sequence
from dataclasses import replace
from datetime import date
from pathlib import Path

import duckdb
import lightgbm
import numpy as np
from numpy.typing import NDArray
from scipy.stats import rankdata, spearmanr

from loaders.synthetic import EcosystemSettings, generate
from loaders.synthetic.settings import HORIZON_DAYS

Matrix = NDArray[np.float64]

#: Signs of a party's own doing in the twelve and the three months before a day.
OWN = """
with bought as (
  select buyer_id as party_id, seller_id, amount, issued_on,
    least(coalesce(least(paid_on, $d), $d) - due_on, 120) as late
  from invoices where known_on <= $d and issued_on > $d - 450 and due_on <= $d
    and (status in ('open', 'paid') or status_on > $d)),
late as (
  select party_id, count(*) as bills, avg(late) as late12, avg(late) filter (issued_on > $d - 180) as late6,
    max(late) as worst from bought group by 1),
sold as (
  select seller_id as party_id, sum(amount) filter (issued_on > $d - 365) as sales12,
    sum(amount) filter (issued_on > $d - 120) as sales4, count(*) as sold,
    count(distinct buyer_id) as buyers
  from invoices where known_on <= $d and issued_on > $d - 365 and status <> 'void' group by 1),
told as (
  select party_id, count(*) filter (kind = 'dispute') as disputes,
    count(*) filter (kind = 'return') as returns,
    count(*) filter (kind = 'complaint') as complaints, count(*) filter (kind = 'bad_review') as bad,
    count(*) filter (kind = 'lawsuit') as lawsuits, count(*) as told
  from events where known_on <= $d and occurred_on > $d - 365 group by 1),
stock as (
  select party_id, avg(units) filter ("on" > $d - 95) / avg(units) as build_up
  from stocks where known_on <= $d and "on" > $d - 730 group by 1),
economy as (
  select industry, region, max_by(value, "on") as activity from context
  where known_on <= $d group by all),
alive as (
  select seller_id as party_id from invoices where known_on <= $d and issued_on > $d - 180
  union select buyer_id from invoices where known_on <= $d and issued_on > $d - 180),
failed as (
  select party_id, occurred_on from outcomes where kind = 'default')
select p.party_id, coalesce(f.occurred_on between $d + 1 and $d + $h, false)::int as label,
  bills, late12, late6, worst, sales4 / sales12 as momentum, sales12, sold, buyers,
  disputes / sold as dispute_rate, returns / sold as return_rate, complaints, bad / told as bad_rate, told,
  lawsuits, build_up, activity, $d - registered_on as age_days,
  ['micro', 'small', 'medium', 'large'].list_position(size_band) as size
from parties p semi join alive using (party_id)
left join late using (party_id) left join sold using (party_id) left join told using (party_id)
left join stock using (party_id) left join economy using (industry, region)
left join failed f using (party_id)
where p.kind = 'company' and p.known_on <= $d and (f.occurred_on is null or f.occurred_on > $d)
order by p.party_id
"""

#: The same signs of the counterparties, as others see them, by share of trade; and their known defaults.
NEIGHBOURS = """
with edge as (
  select seller_id as party_id, buyer_id as other, 'out' as way, sum(w) as w from flow group by all union all
  select buyer_id, seller_id, 'in', sum(w) from flow group by all union all
  select source_id, target_id, 'guaranteed', sum(amount) from guarantee group by all union all
  select target_id, source_id, 'guarantor', sum(amount) from guarantee group by all),
bad as (select party_id, true as failed from outcomes where known_on <= $d and occurred_on > $d - 540),
seen as (
  select edge.*, o.late12, o.late6, o.bad_rate, o.dispute_rate, o.return_rate, o.complaints, o.activity,
    o.momentum, coalesce(failed, false)::double as failed
  from edge left join own o on o.party_id = edge.other left join bad on bad.party_id = edge.other)
select party_id, way, {sums}, log(1 + count(*)) as degree
from seen group by all
"""
SEEN = ("late12", "late6", "bad_rate", "dispute_rate", "return_rate", "complaints", "activity", "momentum")
#: Trade of the past, an invoice half a year old counting half; guarantees that stand.
FLOW = """
select seller_id, buyer_id, amount * pow(2, -($d - issued_on) / 180.0) as w
from invoices where known_on <= $d and status <> 'credit_note'
"""
GUARANTEE = """
select * from links where kind = 'GUARANTEES' and known_on <= $d and (valid_to is null or valid_to > $d)
"""
PLANTED = ("h.inherited", "h.environment", "h.own", "h.in_distress", "h.pd")
WAYS = ("out", "in", "guaranteed", "guarantor")


def auc(label: NDArray[np.int64], score: Matrix) -> float:
    """Area under the ROC curve; ties count half."""
    positives = int(label.sum())
    ranks = rankdata(score)[label == 1].sum()
    return float((ranks - positives * (positives + 1) / 2) / (positives * (len(label) - positives)))


def columns_at(con: duckdb.DuckDBPyConnection, day: date) -> tuple[NDArray[np.int64], Matrix, Matrix, Matrix]:
    """(labels, own columns, neighbours' columns, planted parts) of the population of a day."""
    given = {"d": day}
    con.execute("create or replace temp table own as " + OWN, {**given, "h": HORIZON_DAYS})
    con.execute("create or replace temp table flow as " + FLOW, given)
    con.execute("create or replace temp table guarantee as " + GUARANTEE, given)
    shares = [f"sum(w * {c}) filter ({c} is not null) / sum(w) filter ({c} is not null) as {c}" for c in SEEN]
    sums = ", ".join([*shares, "sum(w * failed) / sum(w) as failed"])
    con.execute("create or replace temp table beside as " + NEIGHBOURS.format(sums=sums), given)
    names = (*SEEN, "failed", "degree")
    joins = " ".join(
        f"left join beside as b_{way} on b_{way}.party_id = own.party_id and b_{way}.way = '{way}'"
        for way in WAYS
    )
    picked = ", ".join(f"b_{way}.{name} as {way}_{name}" for way in WAYS for name in names)
    table = con.execute(
        f"""select own.*, {picked}, {", ".join(PLANTED)} from own {joins}
        left join hazard h on h.party_id = own.party_id and h.as_of = $d order by own.party_id""",
        given,
    ).to_arrow_table()
    numbers = [table[i].cast("float64").to_numpy() for i in range(1, table.num_columns)]
    first_planted = len(numbers) - len(PLANTED)
    first_beside = first_planted - len(WAYS) * len(names)
    return (
        numbers[0].astype(np.int64),
        np.column_stack(numbers[1:first_beside]),
        np.column_stack(numbers[first_beside:first_planted]),
        np.nan_to_num(np.column_stack(numbers[first_planted:])),
    )


def _fit(columns: Matrix, label: NDArray[np.int64], test: Matrix) -> Matrix:
    model = lightgbm.LGBMClassifier(
        n_estimators=150, num_leaves=8, learning_rate=0.04, min_child_samples=40, subsample=0.8,
        subsample_freq=1, colsample_bytree=0.5, reg_lambda=5, n_jobs=2, random_state=0,
        deterministic=True, force_row_wise=True, verbose=-1,
    )  # fmt: skip
    model.fit(columns, label)
    return np.asarray(model.predict(test, raw_score=True))


def _panels(
    settings: EcosystemSettings, folder: Path
) -> list[tuple[NDArray[np.int64], Matrix, Matrix, Matrix]]:
    """The columns of all train days, and of the test day."""
    con = duckdb.connect(config={"threads": 2})
    for path in (*sorted(folder.glob("*.parquet")), folder / "truth" / "hazard.parquet"):
        con.read_parquet(str(path)).create_view(path.stem)
    found = []
    for part in ("train", "test"):
        days = [columns_at(con, settings.first_day_of(month)) for month in settings.prediction_months[part]]
        label, own, beside, planted = (np.concatenate(column) for column in zip(*days, strict=True))
        found.append((label, own, beside, planted))
    return found


def measure(settings: EcosystemSettings, folder: Path) -> dict[str, float]:
    """Figures of a generated ecosystem: base rate, inherited share of variance, AUC out of time."""
    (label, own, beside, planted), (t_label, t_own, t_beside, t_planted) = _panels(settings, folder)
    t_inherited = t_planted[:, 0]
    both, t_both = np.hstack([own, planted[:, :1]]), np.hstack([t_own, t_planted[:, :1]])
    scores = {
        "own": _fit(own, label, t_own),
        "own_and_neighbours": _fit(np.hstack([own, beside]), label, np.hstack([t_own, t_beside])),
        "own_and_planted": _fit(both, label, t_both),
        "neighbours": _fit(beside, label, t_beside),
        "planted_inherited": t_inherited,
        "planted_pd": t_planted[:, 4],
    }
    variance = t_planted[:, :3].var(axis=0)
    has_contagion = settings.contagion > 0
    return {
        "test_parties": len(t_label),
        "default_rate_train": float(label.mean()),
        "default_rate_test": float(t_label.mean()),
        "inherited_variance_share": float(variance[0] / variance.sum()),
        "environment_variance_share": float(variance[1] / variance.sum()),
        "spearman_neighbours": float(spearmanr(scores["neighbours"], t_inherited).statistic)
        if has_contagion
        else 0.0,
        **{f"auc_{name}": auc(t_label, score) for name, score in scores.items()},
    }


def main(arguments: Sequence[str] | None = None) -> None:
    """Print the figures of each seed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--parties", type=int, default=20_000)
    parser.add_argument("--contagion", type=float, default=1.0)
    parser.add_argument("--seeds", type=int, nargs="+", default=[1])
    chosen = parser.parse_args(arguments)
    base = EcosystemSettings(parties=chosen.parties, contagion=chosen.contagion)
    for seed in chosen.seeds:
        settings = replace(base, seed=seed)
        with tempfile.TemporaryDirectory() as folder:
            generate(settings, Path(folder))
            figures = measure(settings, Path(folder))
        print(json.dumps({"seed": seed, "contagion": settings.contagion} | figures, default=float))


if __name__ == "__main__":
    main()
