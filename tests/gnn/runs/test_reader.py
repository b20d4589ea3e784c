"""Runs on disk: whole or not there, the same bytes for the same input, every answer as composed."""

from __future__ import annotations

import random
import signal
import subprocess
import sys
import time
import unicodedata
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import orjson
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gnn.runs.composition import compose
from gnn.runs.publication import published_scores, score_run
from gnn.runs.reader import RunReader, open_current_run, open_run, publish_run
from gnn.runs.run_files import MANIFEST, RelationFacts, ScoreRun, StoredRun
from gnn.runs.scorecard import STATUSES
from gnn.runs.scores import column_text, relation_text
from gnn.runs.texts import TextIndex, pack
from graph.errors import ArtifactMismatch, BadInput, NoPublishedRun, StoreUnavailable, UnknownParty
from graph.snapshot import Snapshot
from graph.workspace import UNFINISHED, Workspace
from tests.gnn.published import TASK, drawn_parts, everyone, run_of, trade

HOSTILE = [
    "a/b",
    "a/score",
    "C:\\x",
    "../../etc/passwd",
    "50%2F50",
    "[red]x[/red]",
    "Ünïcode 公司",
    "a\nb",
    " ",
]


def events() -> list[dict[str, Any]]:
    day = date(2021, 3, 1)
    return [
        {"event_id": f"E{k}", "party_id": f"P{k % 3:03d}", "kind": kind, "occurred_on": day, "known_on": day}
        for k, kind in enumerate(("review", "complaint", "review", "complaint", "lawsuit", "review"))
    ]


@pytest.fixture(scope="module")
def taken(tmp_path_factory: pytest.TempPathFactory) -> Snapshot:
    return trade(tmp_path_factory.mktemp("trade"), events=events())


@pytest.fixture(scope="module")
def run(taken: Snapshot) -> ScoreRun:
    return run_of(taken)


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    return Workspace.open(tmp_path / "workspace")


@pytest.fixture
def reader(workspace: Workspace, run: ScoreRun) -> RunReader:
    publish_run(workspace, run)
    return open_current_run(workspace)


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_nothing_is_published_at_first(workspace: Workspace) -> None:
    with pytest.raises(NoPublishedRun, match="ecorisk score"):
        open_current_run(workspace)


def test_what_is_read_is_what_was_composed(reader: RunReader, taken: Snapshot) -> None:
    composed = compose(drawn_parts(taken), taken, everyone(taken))
    for code, party_id in enumerate(taken.party_ids.to_pylist()):
        body = reader.score(party_id)
        assert body["score"] == composed.score[code]
        assert body["z"] == composed.z[code]
        assert body["pd"] == pytest.approx(composed.pd[code], rel=1e-5)
        assert body["percentile"] == pytest.approx(composed.percentile[code], abs=0.05)
        points = body["points"]
        assert (
            points["base"]
            + points["own"]
            + points["environment"]
            + points["clamp"]
            + sum(points["inherited"].values())
            == (body["score"])
        )
        assert [r["points"] for r in body["reasons"]] == [p for p in composed.reasons.points[code] if p]


def test_an_explanation_sums_to_z_and_to_the_score(reader: RunReader, taken: Snapshot) -> None:
    for party_id in taken.party_ids.to_pylist()[:40]:
        body = reader.explanation(party_id)
        assert sum(part["log_odds"] or 0 for part in body["parts"]) == pytest.approx(body["z"], abs=1e-9)
        assert sum(part["points"] for part in body["parts"]) == body["score"]
        for part in body["parts"]:
            if part["part"] == "inherited":
                within = [c for c in body["counterparties"] if c["relation"] == part["relation"]]
                assert sum(c["log_odds"] for c in within) == pytest.approx(part["log_odds"], abs=1e-9)
                assert sum(c["points"] for c in within) == part["points"]
        shared = {key: body[key] for key in ("score", "pd", "band", "percentile", "points")}
        assert shared == {key: reader.score(party_id)[key] for key in shared}


def test_the_riskiest_and_the_one_whose_counterparties_cost_it_most(
    reader: RunReader, taken: Snapshot
) -> None:
    bodies = {party_id: reader.score(party_id) for party_id in taken.party_ids.to_pylist()}
    assert bodies[reader.riskiest()]["score"] == min(body["score"] for body in bodies.values())
    costs = {party_id: sum(body["points"]["inherited"].values()) for party_id, body in bodies.items()}
    assert costs[reader.most_inherited()] == min(costs.values()) < 0


def test_where_counterparties_cost_nobody_points_none_is_named(workspace: Workspace, taken: Snapshot) -> None:
    parts = drawn_parts(taken)
    alone = {name: np.zeros_like(part) for name, part in parts.inherited.items()}
    publish_run(workspace, score_run(replace(parts, inherited=alone), taken, everyone(taken)))
    with pytest.raises(BadInput, match="cost nobody points"):
        open_current_run(workspace).most_inherited()


def test_a_batch_gives_the_same_scores_in_order_and_lists_the_unknown(
    reader: RunReader, taken: Snapshot
) -> None:
    ids = [*reversed(taken.party_ids.to_pylist()), "nobody", "P001"]
    bodies, unknown = reader.batch(ids)
    assert unknown == ["nobody"]
    assert [b["party_id"] for b in bodies] == [i for i in ids if i != "nobody"]
    for body in bodies:
        single = reader.score(body["party_id"])
        for reason in single["reasons"]:
            reason["evidence"] = None
        assert body == single
    assert reader.batch([]) == ([], [])


def test_reasons_show_the_rows_behind_them(reader: RunReader, taken: Snapshot) -> None:
    invoices = {row["invoice_id"]: row for row in taken.tables["invoices"].to_pylist()}
    shown = 0
    for code, party_id in enumerate(taken.party_ids.to_pylist()):
        for reason in reader.score(party_id)["reasons"]:
            if reason["code"] not in ("SALES_AMOUNT_365D", "PAID_LATE_SHARE_365D"):
                assert reason["evidence"] == (None if reason["relation"] else [])
                continue
            order = [(not row["adverse"], row["on"]) for row in reason["evidence"]]
            assert [adverse for adverse, _ in order] == sorted(adverse for adverse, _ in order)
            for row in reason["evidence"]:
                invoice = invoices[row["key"]]
                assert invoice[f"{row['role']}_code"] == code
                assert row["amount"] == invoice["amount"]
                assert row["on"] == invoice["issued_on"].isoformat()
                shown += 1
    assert shown > 100


@pytest.mark.parametrize(
    ("value", "peers", "text"),
    [
        (1.0, 2.0, "Sales are low"),
        (3.0, 2.0, "Sales of a year: as for many with bad outcomes"),
        (2.0, 2.0, "Sales of a year: as for many with bad outcomes"),
        (1.996, 2.0, "Sales of a year: as for many with bad outcomes"),
        (None, 2.0, "Not on record: sales of a year"),
        (1.0, None, "Sales of a year: as for many with bad outcomes"),
    ],
)
def test_nobody_reads_of_low_sales_who_has_high_ones(
    value: float | None, peers: float | None, text: str
) -> None:
    column = {"meaning": "Sales of a year.", "reason": "Sales are low", "better": "higher", "unit": "money"}
    assert column_text(column, value, peers) == text


@pytest.mark.parametrize(("value", "reason"), [(1.0, True), (0.0, False)])
def test_a_counted_bad_thing_is_named_even_if_those_who_have_any_have_more(
    value: float, reason: bool
) -> None:
    column = {"meaning": "Bad ones.", "reason": "One is on record", "better": "lower", "unit": "count"}
    assert (column_text(column, value, 2.0) == "One is on record") is reason


@pytest.mark.parametrize(
    ("counterparties", "unit", "has_any", "value", "start"),
    [
        ("suppliers", "share", True, 0.3, "Record of its suppliers with others is worse than usual"),
        ("firms it owns", "mean score", True, 500.0, "Scores of firms it owns are lower than usual"),
        ("suppliers", "share", True, None, "What is known of its suppliers"),
        ("suppliers", "mean score", True, 700.0, "What is known of its suppliers"),
        ("firms it owns", "mean score", False, None, "No firms it owns on record: as for many"),
    ],
)
def test_a_relation_is_called_worse_only_where_it_is(
    counterparties: str, unit: str, has_any: bool, value: float | None, start: str
) -> None:
    peers = 0.1 if unit == "share" else 600.0
    relation = RelationFacts("R.in", counterparties, unit)
    assert relation_text(relation, has_any, value, peers).startswith(start)


def test_bad_news_comes_before_newer_good_news(run: ScoreRun, taken: Snapshot) -> None:
    start = run.arrays["evidence/events/indptr"][taken.code("P001")]
    assert run.arrays["evidence/events/adverse"][start : start + 2].tolist() == [True, True]


def test_a_thin_file_has_no_score_but_says_why(workspace: Workspace, taken: Snapshot) -> None:
    publish_run(workspace, run_of(taken, minimum_coverage=1.01))
    body = open_current_run(workspace).explanation("P001")
    assert body["insufficient_evidence"]
    assert body["status"] == "insufficient_evidence"
    gone = ("score", "band", "pd", "percentile", "peer_group", "points", "z")
    assert all(body[name] is None for name in gone)
    assert body["reasons"] == body["parts"] == body["counterparties"] == []
    assert body["data_coverage"]["minimum_share"] == 1.01


def test_an_undated_source_without_a_prior_gives_no_pd(workspace: Workspace, taken: Snapshot) -> None:
    publish_run(workspace, run_of(taken, task=replace(TASK, dated=False)))
    body = open_current_run(workspace).score("P001")
    assert (body["pd"], body["band"], body["calibrated"]) == (None, None, False)
    assert body["horizon_days"] is None
    assert body["score"] is not None
    assert body["percentile"] is not None


def test_the_same_run_gives_the_same_bytes_and_publishing_again_changes_nothing(
    tmp_path: Path, taken: Snapshot
) -> None:
    folders = []
    for name in ("one", "two"):
        workspace = Workspace.open(tmp_path / name)
        run_id = publish_run(workspace, run_of(taken))
        assert publish_run(workspace, run_of(taken)) == run_id
        folders.append(workspace.runs / run_id)
    assert contents(folders[0]) == contents(folders[1])
    assert len(contents(folders[0])) > 20


def test_an_older_run_stays_readable_and_can_be_current_again(workspace: Workspace, taken: Snapshot) -> None:
    first = publish_run(workspace, run_of(taken))
    second = publish_run(workspace, run_of(taken, seed=1, model_sha="n" * 64))
    assert first != second
    assert open_current_run(workspace).facts.run_id == second
    assert open_run(workspace.runs / first).score("P001")["run_id"] == first
    publish_run(workspace, run_of(taken))
    assert open_current_run(workspace).facts.run_id == first


def test_opening_maps_the_arrays_and_takes_milliseconds(workspace: Workspace, run: ScoreRun) -> None:
    folder = workspace.runs / publish_run(workspace, run)
    open_run(folder)
    took = []
    for _ in range(5):
        start = time.perf_counter()
        open_run(folder)
        took.append(time.perf_counter() - start)
    assert min(took) < 0.1
    stored = StoredRun(folder)
    assert not stored.arrays["z"].flags.writeable
    assert isinstance(stored.arrays["z"].base, np.memmap)


def test_a_changed_byte_is_noticed(workspace: Workspace, run: ScoreRun) -> None:
    folder = workspace.runs / publish_run(workspace, run)
    open_run(folder).verify()
    manifest = orjson.loads((folder / MANIFEST).read_bytes())
    path = folder / manifest["arrays"]["score"]["file"]
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)
    with pytest.raises(ArtifactMismatch, match="score"):
        open_run(folder).verify()


@pytest.mark.parametrize("content", [None, b"{", b"[]", b"{}", b'{"format": 1}', b'{"format": 0}'])
def test_a_folder_that_is_no_run_is_refused(tmp_path: Path, content: bytes | None) -> None:
    if content is not None:
        (tmp_path / MANIFEST).write_bytes(content)
    with pytest.raises(ArtifactMismatch, match=r"not a run|score again"):
        open_run(tmp_path)


@pytest.mark.parametrize("content", [b"", b"no array", b"\x80\x04N."])
def test_a_broken_array_is_refused(workspace: Workspace, run: ScoreRun, content: bytes) -> None:
    folder = workspace.runs / publish_run(workspace, run)
    (folder / "0003.npy").write_bytes(content)
    with pytest.raises(ArtifactMismatch, match="not a run"):
        open_run(folder)


def test_only_one_job_publishes_at_a_time(workspace: Workspace, run: ScoreRun) -> None:
    def nested(_: Path) -> None:
        publish_run(workspace, run)

    with pytest.raises(StoreUnavailable, match="another job"):
        workspace.publish_run("outer", nested)
    publish_run(workspace, run)
    assert not list(workspace.runs.glob(f"{UNFINISHED}*"))


def test_neighbourhoods_stay_within_hops_and_limit(reader: RunReader, taken: Snapshot) -> None:
    around = taken.relations["SUPPLIES.out"]
    for hops, limit in ((1, 5), (1, 500), (2, 30), (3, 120)):
        body = reader.neighbourhood("P003", hops, limit)
        ids = [node["party_id"] for node in body["parties"]]
        assert ids[0] == "P003"
        assert len(set(ids)) == len(ids) <= limit
        assert max(node["hop"] for node in body["parties"]) <= hops
        for link in body["links"]:
            source, target = taken.code(link["source_id"]), taken.code(link["target_id"])
            row = around.counterparties(source)
            position = row.start + around.indices[row].tolist().index(target)
            assert (link["kind"], link["amount"]) == ("SUPPLIES", around.amount[position])
            assert {link["source_id"], link["target_id"]} <= set(ids)
    everyone_near = reader.neighbourhood("P003", 1, 500)
    partners = taken.to_networkx().to_undirected().neighbors("P003")
    assert {n["party_id"] for n in everyone_near["parties"]} == {"P003", *partners}
    assert everyone_near["complete"]
    assert not reader.neighbourhood("P003", 1, 2)["complete"]


def test_hostile_ids_are_found_and_only_they(tmp_path: Path) -> None:
    extra = [{"party_id": i, "kind": "company", "x_size": 1.0} for i in HOSTILE]
    taken = trade(tmp_path / "data", 40, 100)
    more = trade(
        tmp_path / "more",
        2,
        1,
        parties=[*[{"party_id": f"P{i:03d}", "kind": "company"} for i in (0, 1)], *extra],
    )
    workspace = Workspace.open(tmp_path / "workspace")
    publish_run(workspace, run_of(more))
    reader = open_current_run(workspace)
    for party_id in HOSTILE:
        assert reader.score(party_id)["party_id"] == party_id
    assert reader.score(unicodedata.normalize("NFD", "Ünïcode 公司"))["party_id"] == "Ünïcode 公司"
    for party_id in ("a", "", "A/B", "\ud800", "P00", *taken.party_ids.to_pylist()[3:6]):
        with pytest.raises(UnknownParty):
            reader.score(party_id)


@given(st.sets(st.text(max_size=5).filter(lambda t: t.isprintable()), max_size=30), st.text(max_size=5))
def test_the_index_finds_what_is_there_and_nothing_else(texts: set[str], other: str) -> None:
    listed = sorted({unicodedata.normalize("NFC", text) for text in texts})
    index = TextIndex.of(pack(pa.array(listed, pa.string())))
    assert index.find(listed) == list(range(len(listed)))
    wanted = unicodedata.normalize("NFC", other)
    assert index.find([other]) == [listed.index(wanted) if wanted in listed else -1]


def test_what_is_written_back_is_what_is_scored(run: ScoreRun, taken: Snapshot) -> None:
    table = published_scores(run, taken).scores
    composed = compose(drawn_parts(taken), taken, everyone(taken))
    assert table["party_id"].to_pylist() == taken.party_ids.to_pylist()
    assert table["score"].to_pylist() == composed.score.tolist()
    assert table["inherited_points"].to_pylist() == composed.points[:, 3:-1].sum(axis=1).tolist()
    assert set(table["band"].to_pylist()) <= set("ABCDE")


_PUBLISH_FOR_EVER = """
import sys
from dataclasses import replace
from pathlib import Path
from gnn.runs.run_files import ScoreRun, StoredRun
from gnn.runs.reader import publish_run
from graph.workspace import Workspace
stored = StoredRun(Path(sys.argv[1]))
arrays = {name: array for name, array in stored.arrays.items() if not name.startswith("party_ids/")}
workspace = Workspace.open(Path(sys.argv[2]))
print("ready", flush=True)
for number in range(100_000):
    facts = replace(stored.facts, run_id=f"{sys.argv[3]}-{number}")
    publish_run(workspace, ScoreRun(facts, stored.party_ids, arrays))
"""


def _kill_while_publishing(source: Path, workspace: Workspace, name: str, seconds: float) -> None:
    command = [sys.executable, "-c", _PUBLISH_FOR_EVER, str(source), str(workspace.folder), name]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"ready\n"
        time.sleep(seconds)
        process.send_signal(signal.SIGKILL)
    assert process.returncode == -signal.SIGKILL


def _check_after_kill(workspace: Workspace, run: ScoreRun) -> None:
    current = open_current_run(workspace)
    current.verify()
    assert current.score("P001")["status"] in STATUSES
    for folder in workspace.runs.iterdir():
        if folder.is_dir() and not folder.name.startswith("."):
            open_run(folder).verify()
    assert publish_run(workspace, run) == open_current_run(workspace).facts.run_id
    assert not list(workspace.runs.glob(f"{UNFINISHED}*"))


def _survive_kills(tmp_path: Path, run: ScoreRun, kills: int) -> None:
    workspace = Workspace.open(tmp_path / "workspace")
    source = workspace.runs / publish_run(workspace, run)
    moments = random.Random(5)
    for kill in range(kills):
        _kill_while_publishing(source, workspace, f"k{kill}", moments.uniform(0.0, 0.4))
        _check_after_kill(workspace, run)


def test_a_killed_publish_leaves_the_earlier_run_or_the_whole_new_one(tmp_path: Path, run: ScoreRun) -> None:
    _survive_kills(tmp_path, run, 1)


@pytest.mark.slow
def test_twenty_killed_publishes(tmp_path: Path, run: ScoreRun) -> None:
    _survive_kills(tmp_path, run, 20)
