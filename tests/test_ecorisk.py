"""The command line as people and scripts use it: exit codes, JSON on stdout, the whole job."""

from __future__ import annotations

import csv
import io
import json
import shutil
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

import ecorisk
from gnn import artifact
from gnn.learning.fitted import Member, load_members, save_members
from graph.workspace import Workspace
from loaders.synthetic import EcosystemSettings, generate

SAMPLES = Path(ecorisk.__file__).parent / "loaders" / "samples"


class Terminal:
    """Runs command lines in one workspace; what they print to stdout and stderr stays apart."""

    def __init__(self, workspace: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self.workspace, self._capsys = workspace, capsys

    def run(self, *arguments: str) -> tuple[int, str, str]:
        self._capsys.readouterr()
        code = ecorisk.run_command(["--workspace", str(self.workspace), *arguments])
        captured = self._capsys.readouterr()
        return code, captured.out, captured.err

    def json(self, *arguments: str) -> dict[str, Any]:
        code, out, err = self.run(*arguments, "--json")
        assert code == 0, err
        body = json.loads(out)
        assert isinstance(body, dict)
        return body


@pytest.fixture
def terminal(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Terminal:
    return Terminal(tmp_path / "workspace", capsys)


def test_the_whole_job(terminal: Terminal, tmp_path: Path) -> None:
    """Load, snapshot, train, evaluate, score and explain, as JSON of the documented shapes."""
    generate(EcosystemSettings(parties=1500, seed=3), tmp_path / "tables")
    loaded = terminal.json("load", "canonical", str(tmp_path / "tables"))
    assert set(loaded["tables"]["invoices"]) == {"read", "accepted", "quarantined", "updated", "unchanged"}
    assert loaded["tables"]["parties"]["accepted"] > 1000
    assert loaded["reasons"] == {}

    again = terminal.json("load", "canonical", str(tmp_path / "tables"))
    assert all(counts["accepted"] == 0 for counts in again["tables"].values())

    taken = terminal.json("snapshot", "--as-of", "2024-01-01")
    assert taken["parties"] > 1000
    assert len(taken["snapshot_sha"]) == 64

    trained = terminal.json("train")
    evaluated = terminal.json("evaluate", "--slices")
    check_slices(evaluated.pop("slices"), evaluated)
    assert evaluated.pop("calibration")["slope"] is not None
    assert set(evaluated) == {
        "task", "test", "champion", "models", "differences", "inherited_share",
    }  # fmt: skip
    names = {"null", "degree", "gbdt_own", "gbdt_graph", "gnn", "default"}
    assert set(evaluated["models"]) == names
    assert set(evaluated["differences"]) == names
    for metrics in evaluated["models"].values():
        assert set(metrics) == {"auc", "ap", "ks", "brier", "ece", "lift5"}
    # Scored anew from the stored artifact: the same figures as in training.
    assert evaluated["models"] == trained["models"]

    run = terminal.json("score", "--as-of", "2024-01-01")
    assert set(run) == {"run_id", "as_of", "n", "model_sha", "snapshot_sha"}
    assert run["model_sha"] == trained["model_sha"]
    assert run["snapshot_sha"] == taken["snapshot_sha"]
    assert terminal.json("score", "--as-of", "2024-01-01") == run

    explained = terminal.json("explain", "--riskiest")
    total = sum(part["log_odds"] for part in explained["parts"] if part["log_odds"] is not None)
    assert total == pytest.approx(explained["z"], abs=1e-6)
    assert sum(part["points"] for part in explained["parts"]) == explained["score"]
    code, out, _ = terminal.run("explain", explained["party_id"])
    assert code == 0
    assert explained["party_id"] in out

    check_record(terminal, run["run_id"], explained["party_id"])
    check_promotion(terminal, trained)
    for day, stale in (("2024-06-01", False), ("2025-06-01", True)):
        code, out, _ = terminal.run("score", "--as-of", day)
        assert (code, "newest row on record" in out) == (0, stale)


def check_record(terminal: Terminal, run_id: str, party_id: str) -> None:
    """A published decision is made again from the store, and the champion has a card."""
    assert terminal.json("replay", run_id, party_id)["same"] is True
    assert terminal.run("replay", run_id, "nobody")[0] == 3
    code, _, err = terminal.run("replay", "no-such-run", party_id)
    assert code == 3
    assert run_id in err
    written = terminal.workspace / "card.md"
    card = terminal.json("card", "--out", str(written))["card"]
    assert written.read_text("utf-8") == card
    assert {"## Evaluation", "## Slices", "## Limits"} <= set(card.splitlines())


def check_slices(slices: list[dict[str, Any]], evaluated: dict[str, Any]) -> None:
    """Bins by size and by counterparties hold every test case once."""
    for by in ("size", "degree"):
        mine = [each for each in slices if each["by"] == by]
        assert len(mine) > 1
        assert sum(each["n"] for each in mine) == evaluated["test"]["n"]
        assert sum(each["positives"] for each in mine) == evaluated["test"]["positives"]


def check_promotion(terminal: Terminal, trained: dict[str, Any]) -> None:
    """The first model was champion by itself; a worse one is refused, with the table, but for a reason."""
    workspace, first = Workspace.open(terminal.workspace), trained["model_sha"]
    assert trained["promoted"] is True
    assert [line["decision"] for line in workspace.promotions()] == ["first"]
    assert terminal.json("promote")["decision"] == "same"

    worse = place_worse(workspace, first)
    code, out, err = terminal.run("promote", worse[:10])
    assert code == 5
    assert "AUC less champion's" in " ".join(out.split())
    assert "not met" in out
    assert "--override --because" in " ".join(err.split())
    assert workspace.require_champion().name == first

    assert terminal.run("promote", worse, "--override")[0] == 2
    assert terminal.run("promote", worse, "--because", "no override")[0] == 2
    found = terminal.json("promote", worse, "--override", "--because", "a drill")
    assert found["decision"] == "overridden"
    assert (found["gate"]["passed"], found["gate"]["champion"]) == (False, first)
    figures = {each["name"]: each["figures"] for each in found["gate"]["conditions"]}
    assert figures["AUC less champion's"]["auc"][1] < -0.005
    assert workspace.require_champion().name == worse
    lines = workspace.promotions()
    assert [line["decision"] for line in lines] == ["first", "refused", "overridden"]
    assert (lines[-1]["because"], lines[-1]["before"]) == ("a drill", first)


def place_worse(workspace: Workspace, sha: str) -> str:
    """A model that takes what it knows of a party for its opposite, beside the challengers of ``sha``."""
    folder = workspace.models / sha
    model = artifact.load(folder)
    turned = {name: trees.scaled(-1.0) if name == "own" else trees for name, trees in model.trees.items()}
    network = replace(model.network, own_weight=-model.network.own_weight)
    weak = replace(model, trees=turned, network=network)

    def write(target: Path) -> None:
        shutil.copytree(folder / "challengers", target / "challengers")
        shutil.copy(folder / "evaluation.json", target)
        artifact.save(weak, target)
        save_members(
            weak,
            [Member(model.preparation, turned, network, model.centres) for _ in load_members(folder)],
            target,
        )

    scratch = workspace.folder / "scratch"
    scratch.mkdir()
    worse = artifact.save(weak, scratch)
    workspace.place_model(worse, write)
    return worse


def test_options_may_stand_anywhere(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = str(tmp_path / "w")
    line = ["load", "--json", "scms_delivery", str(SAMPLES / "scms_delivery"), f"--workspace={folder}"]
    assert ecorisk.run_command(line) == 0
    assert json.loads(capsys.readouterr().out)["source"] == "scms_delivery"
    assert (tmp_path / "w" / "ecosystem.duckdb").exists()


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (("load", "nothing_known", "."), 3, "there is no mapping"),
        (("load", "canonical", "/no/such/folder"), 3, "no such file"),
        (("snapshot", "--as-of", "yesterday"), 2, "YYYY-MM-DD"),
        (("snapshot",), 2, "--as-of"),
        (("snapshot", "--as-of", "2020-01-01"), 3, "load a source first"),
        (("train",), 3, "load a source first"),
        (("score", "--as-of", "2020-01-01"), 3, "ecorisk train"),
        (("promote",), 3, "ecorisk train"),
        (("promote", "abc"), 3, "starts with 'abc'"),
        (("explain", "nobody"), 3, "ecorisk score"),
        (("explain",), 2, "PARTY_ID"),
        (("--store", "bolt://127.0.0.1:1", "snapshot", "--as-of", "2020-01-01"), 4, "127.0.0.1:1"),
        (("--store", "postgres", "snapshot", "--as-of", "2020-01-01"), 3, "duckdb"),
        (("--store", "neo4j", "snapshot", "--as-of", "2020-01-01"), 4, "neo4j start"),
        (("frobnicate",), 2, "frobnicate"),
    ],
)
def test_errors_have_their_codes_and_say_what_to_do(
    terminal: Terminal, arguments: tuple[str, ...], code: int, message: str
) -> None:
    found, out, err = terminal.run(*arguments)
    assert found == code
    assert message in " ".join(err.split())
    assert out == ""


def test_an_error_is_one_json_object_too(terminal: Terminal) -> None:
    code, out, _ = terminal.run("train", "--json")
    assert code == 3
    assert json.loads(out)["error"] == "BadInput"


def test_too_little_evidence_is_refused_without_a_model(terminal: Terminal, tmp_path: Path) -> None:
    generate(EcosystemSettings(parties=250, seed=1, base_rate=0.001), tmp_path / "tables")
    terminal.json("load", "canonical", str(tmp_path / "tables"))
    code, _, err = terminal.run("train")
    assert code == 5
    assert "No model was made" in err
    assert not list((terminal.workspace / "models").glob("[0-9a-f]*"))


def test_a_load_with_too_many_bad_rows_leaves_the_store_as_it_was(terminal: Terminal, tmp_path: Path) -> None:
    tables = tmp_path / "tables"
    tables.mkdir()
    (tables / "parties.csv").write_text("party_id,kind,known_on\na,company,2020-01-01\nb,castle,2020-01-01\n")
    code, _, err = terminal.run("load", "canonical", str(tables))
    assert code == 3
    assert "quarantine" in err
    quarantined = next((terminal.workspace / "quarantine").glob("*.csv")).read_text("utf-8")
    assert "castle" in quarantined
    assert terminal.run("snapshot", "--as-of", "2021-01-01")[0] == 3


def test_a_synthetic_ecosystem_can_hide_links(terminal: Terminal, tmp_path: Path) -> None:
    def links(name: str, *asked: str) -> int:
        terminal.json("synth", str(tmp_path / name), "--parties", "300", *asked)
        guarantees = pq.read_table(tmp_path / name / "links.parquet")["kind"].to_pylist()
        return guarantees.count("GUARANTEES")

    assert links("hidden", "--missing-links", "0.5", "--false-links", "0.1") < 0.8 * links("all")
    assert terminal.run("synth", str(tmp_path / "late"), "--outcome-delay-days", "91")[0] != 0


def test_rings_from_search_to_verdict(terminal: Terminal, tmp_path: Path) -> None:
    tables = tmp_path / "tables"
    asked = ("--parties", "900", "--rings", "2")
    assert terminal.json("synth", str(tables), *asked)["rings"] == 2
    assert pq.read_table(tables / "truth" / "rings.parquet").num_rows > 4
    terminal.json("load", "canonical", str(tables))
    assert terminal.run("cases")[0] == 3

    export = tmp_path / "rings.csv"
    found = terminal.json("rings", "--as-of", "2025-03-01", "--export", str(export))
    assert found["rings"]
    ids = {ring["ring_id"] for ring in found["rings"]}
    exported = csv.DictReader(io.StringIO(export.read_text("utf-8")))
    assert ids == {row["ring_id"] for row in exported}
    shown = terminal.run("rings", "--as-of", "2025-03-01")[1]
    assert found["searches"][0]["typology"] in shown

    case_id = terminal.json("cases")["cases"][0]["case_id"]
    given = terminal.json("verdict", case_id, "dismissed", "--note", "[red]one family[/red]")
    assert given["decision"] == "dismissed"
    code, out, _ = terminal.run("cases")
    assert (code, "1 dismissed" in out, "[red]" in "".join(out.split())) == (0, True, True)
    assert terminal.json("cases", "--precision")["precision"][0]["dismissed"] == 1
    assert terminal.run("verdict", case_id, "guilty")[0] == 3
    assert terminal.run("rings", "--as-of", "2025-03-01", "--typology", "nonsense")[0] == 3


def test_the_kit_names_the_server_that_is_used(terminal: Terminal, tmp_path: Path) -> None:
    body = terminal.json(
        "--store", "bolt://db.example:7687", "kit", str(tmp_path / "kit"), "--url", "http://k/"
    )
    assert {"index.html", "favourites.zip", "risk.grass", "guides/tour.html"} <= set(body["files"])
    assert all((tmp_path / "kit" / path).stat().st_size for path in body["files"])
    page = (tmp_path / "kit" / "index.html").read_text("utf-8")
    assert "http://db.example:7474/browser/?dbms=bolt%3A%2F%2Fneo4j%40db.example%3A7687" in page
    assert "play http://k/guides/tour.html" in (tmp_path / "kit" / "neo4j.conf").read_text("utf-8")
    assert not terminal.workspace.exists()
    (tmp_path / "ports.json").touch()
    code, _, err = terminal.run("kit", str(tmp_path / "ports.json"))
    assert code == 3
    assert "cannot be written" in err


def test_demo_does_not_delete_what_is_not_its_own(
    terminal: Terminal, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.txt").write_text("ten years of work")
    code, _, err = terminal.run("demo", "--folder", str(tmp_path / "mine"))
    assert code == 3
    assert "not empty" in err
    assert (tmp_path / "mine" / "thesis.txt").exists()


def test_a_command_that_is_run_aside_keeps_what_it_says(tmp_path: Path) -> None:
    lines = (f"synth '{tmp_path / 'made'}' --parties 200", f"--workspace '{tmp_path / 'w'}' train")
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as beside:
        (made, said), (failed, why) = beside.map(ecorisk._run_aside, lines, (200, 200))
    assert (made, failed) == (0, 3)
    assert "200 parties in" in said
    assert "the store is empty" in why
