"""Calibration of the synthetic ecosystem: what was planted, and what simple models find of it.

``python -m bench.synthetic --parties 20000 --contagion 1 --seeds 1 2 3`` prints one JSON object a seed.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from collections.abc import Sequence
from dataclasses import replace
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
  from invoices where known_on <= $d and issued_on > $d - 450 and due_on <= $d and status in ('open', 'paid')),
late as (
  select party_id, count(*) as bills, avg(late) as late12, avg(late) filter (issued_on > $d - 180) as late6,
    max(late) as worst from bought group by 1),
sold as (
  select seller_id as party_id, sum(amount) filter (issued_on > $d - 365) as sales12,
    sum(amount) filter (issued_on > $d - 120) as sales4, count(*) as sold,
    count(distinct buyer_id) as buyers
  from invoices where known_on <= $d and issued_on > $d - 365 and status <> 'void' group by 1),
told as (
  select party_id, count(*) filter (kind = 'dispute') as disputes, count(*) filter (kind = 'return') as returns,
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
WAYS = ("out", "in", "guaranteed", "guarantor")


def auc(label: NDArray[np.int64], score: Matrix) -> float:
    """Area under the ROC curve; ties count half."""
    positives = int(label.sum())
    ranks = rankdata(score)[label == 1].sum()
    return float((ranks - positives * (positives + 1) / 2) / (positives * (len(label) - positives)))


def columns_at(con: duckdb.DuckDBPyConnection, day: object) -> tuple[NDArray, NDArray, Matrix, Matrix]:
    """(party ids, labels, own columns, neighbours' columns) of the population of a day."""
    given = {"d": day}
    con.execute("create or replace temp table own as " + OWN, {**given, "h": HORIZON_DAYS})
    con.execute(
        """create or replace temp table flow as select seller_id, buyer_id,
        amount * pow(2, -($d - issued_on) / 180.0) as w
        from invoices where known_on <= $d and status <> 'credit_note'""",
        given,
    )
    con.execute(
        """create or replace temp table guarantee as select * from links where kind = 'GUARANTEES'
        and known_on <= $d and (valid_to is null or valid_to > $d)""",
        given,
    )
    sums = ", ".join(f"sum(w * {c}) filter ({c} is not null) / sum(w) filter ({c} is not null) as {c}" for c in SEEN)
    sums += ", sum(w * failed) / sum(w) as failed"
    con.execute("create or replace temp table beside as " + NEIGHBOURS.format(sums=sums), given)
    names = (*SEEN, "failed", "degree")
    joined = " ".join(f"left join beside {w} on {w}.party_id = own.party_id and {w}.way = '{w}'" for w in WAYS)
    picked = ", ".join(f"{w}.{c} as {w}_{c}" for w in WAYS for c in names)
    table = con.execute(
        f"select own.*, {picked} from own {joined} order by own.party_id".replace(" in.", ' "in".')
        .replace("beside in ", 'beside "in" ')
    ).fetch_arrow_table()
    numbers = [
        table[name].cast("float64").to_numpy(zero_copy_only=False) for name in table.column_names[2:]
    ]
    split = table.num_columns - 2 - len(WAYS) * len(names)
    matrix = np.column_stack(numbers)
    return table[0].to_numpy(), table[1].to_numpy(), matrix[:, :split], matrix[:, split:]


def _fit(train: tuple[Matrix, NDArray], test: Matrix) -> Matrix:
    model = lightgbm.LGBMClassifier(
        n_estimators=150, num_leaves=8, learning_rate=0.04, min_child_samples=40, subsample=0.8,
        subsample_freq=1, colsample_bytree=0.5, reg_lambda=5, n_jobs=2, random_state=0,
        deterministic=True, force_row_wise=True, verbose=-1,
    )  # fmt: skip
    model.fit(train[0], train[1])
    return np.asarray(model.predict_proba(test)[:, 1])


def measure(settings: EcosystemSettings, folder: Path) -> dict[str, float]:
    """Figures of a generated ecosystem: base rate, inherited share of variance, AUC out of time."""
    con = duckdb.connect(config={"threads": 2})
    for path in sorted(folder.glob("*.parquet")):
        con.execute(f"create view {path.stem} as from read_parquet($path)".replace("$path", f"'{path}'"))
    con.execute(f"create view hazard as from read_parquet('{folder / 'truth' / 'hazard.parquet'}')")
    days = settings.declaration().tasks[0].as_of
    panels = {}
    for part in ("train", "test"):
        found = []
        for day in days[part]:
            ids, label, own, beside = columns_at(con, day)
            truth = con.execute(
                """select inherited, environment, own, in_distress, pd from own
                left join hazard h on h.party_id = own.party_id and h.as_of = $d order by own.party_id""",
                {"d": day},
            ).fetchnumpy()
            planted = np.column_stack([np.ma.filled(truth[c].astype(float), 0) for c in truth])
            found.append((label, own, beside, planted))
        panels[part] = tuple(np.concatenate(column) for column in zip(*found, strict=True))
    label, own, beside, planted = panels["train"]
    t_label, t_own, t_beside, t_planted = panels["test"]
    inherited = t_planted[:, :1]
    scores = {
        "own": _fit((own, label), t_own),
        "own_and_neighbours": _fit((np.hstack([own, beside]), label), np.hstack([t_own, t_beside])),
        "own_and_planted": _fit((np.hstack([own, planted[:, :1]]), label), np.hstack([t_own, inherited])),
        "neighbours": _fit((beside, label), t_beside),
        "planted_own": t_planted[:, 2] + t_planted[:, 1] + 9 * t_planted[:, 3],
        "planted": t_planted[:, :3].sum(axis=1) + 9 * t_planted[:, 3],
        "planted_pd": t_planted[:, 4],
        "planted_inherited": t_planted[:, 0],
    }
    guess = lightgbm.LGBMRegressor(n_estimators=150, num_leaves=15, n_jobs=2, verbose=-1)
    recovered = guess.fit(beside, planted[:, 0]).predict(t_beside)
    variance = t_planted[:, :3].var(axis=0)
    return {
        "n_test": len(t_label),
        "default_rate": float(t_label.mean()),
        "train_rate": float(label.mean()),
        "inherited_variance_share": float(variance[0] / variance.sum()),
        "environment_variance_share": float(variance[1] / variance.sum()),
        "log_odds_sd": float(t_planted[:, :3].sum(axis=1).std()),
        "spearman_recoverable": float(spearmanr(recovered, t_planted[:, 0]).statistic),
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
