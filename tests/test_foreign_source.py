"""A foreign simulator's tables, mapped by YAML alone: loaded, learnt, scored and explained."""

from __future__ import annotations

import json
import random
from pathlib import Path

import pytest

import ecorisk

pytestmark = pytest.mark.slow

#: As somebody would write it from the manual: no task, no roles, steps of an hour.
MAPPING = """
source: simulator
files:
  transfers: {path: "log_*.csv", ignore: [balance]}
kinds:
  outcomes: [fraud]
tables:
  - table: parties
    from: transfers
    distinct: first
    columns:
      party_id: payer
      kind: {value: account}
      known_on: &day {expr: "DATE '2020-01-01' + CAST(step AS INTEGER) // 24"}
  - table: parties
    from: transfers
    distinct: first
    columns: {party_id: payee, kind: {value: account}, known_on: *day}
  - table: payments
    from: transfers
    columns:
      payment_id: &key {expr: "_file || ':' || _row"}
      payer_id: payer
      payee_id: payee
      paid_on: *day
      amount: {column: amount, unit: major}
      currency: {value: USD}
      known_on: *day
  - table: outcomes
    from: transfers
    where: is_fraud = '1'
    columns: {outcome_id: *key, party_id: payee, kind: {value: fraud}, occurred_on: *day, value: {value: 1},
              known_on: *day}
"""


def simulate(folder: Path) -> None:
    """30 days of transfers in two files; some accounts receive most of the stolen money."""
    dice = random.Random(11)
    for part in (1, 2):
        lines = ["step,payer,payee,amount,balance,is_fraud"]
        for _ in range(6000):
            step = dice.randrange(360 * (part - 1), 360 * part)
            payer, payee, stolen = dice.randrange(40, 600), dice.randrange(600), 0
            if dice.random() < 0.1:
                payee, stolen = dice.randrange(40), int(dice.random() < 0.5)
            if payer != payee:
                amount = dice.lognormvariate(5 + 2 * stolen, 1)
                lines.append(f"{step},C{payer},C{payee},{amount:.2f},0,{stolen}")
        (folder / f"log_{part}.csv").write_text("\n".join([*lines, ""]))


def run(workspace: Path, capsys: pytest.CaptureFixture[str], *line: str) -> dict[str, object]:
    capsys.readouterr()
    code = ecorisk.run_command(["--workspace", str(workspace), "--json", *line])
    printed = capsys.readouterr()
    assert code == 0, printed.err
    body = json.loads(printed.out)
    assert isinstance(body, dict)
    return body


def test_a_simulators_tables_are_mapped_learnt_and_explained(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "tables").mkdir()
    simulate(tmp_path / "tables")
    (tmp_path / "simulator.yaml").write_text(MAPPING)
    workspace = tmp_path / "workspace"
    report = run(workspace, capsys, "load", str(tmp_path / "simulator.yaml"), str(tmp_path / "tables"))
    assert report["reasons"] == {}
    assert report["warnings"] == []
    trained = run(workspace, capsys, "train")
    assert trained["task"] == "fraud"
    models = trained["models"]
    assert isinstance(models, dict)
    assert models[trained["champion"]]["auc"] > 0.8
    run(workspace, capsys, "score", "--as-of", "2020-01-30")
    explained = run(workspace, capsys, "explain", "--riskiest")
    assert int(str(explained["party_id"])[1:]) < 40
    assert explained["reasons"]
