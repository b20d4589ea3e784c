"""The speed bench runs at a tiny size and reports every stage; nothing is timed here."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from bench.speed import main, table
from bench.speed_peers import PEERS
from bench.speed_stages import STAGES


@pytest.mark.slow
def test_every_stage_and_peer_is_reported(tmp_path: Path) -> None:
    out = tmp_path / "speed.json"
    main(["--parties", "2000", "--folder", str(tmp_path / "data"), "--out", str(out)])
    found = json.loads(out.read_text("utf-8"))
    size = found["sizes"]["2000"]
    assert set(size["stages"]) == {*STAGES, *PEERS}
    assert size["records"] > 2000
    for figures in size["stages"].values():
        assert figures["wall_s"] >= 0
        assert figures["cpu_s"] >= 0
        assert figures["peak_mb"] > 0
    assert size["stages"]["indicators"]["facts"]["indicators"] >= 100
    assert size["stages"]["get score"]["facts"]["requests"] > 0
    assert table("2000", size, size["stages"]).row_count == len(STAGES) + len(PEERS)


def test_figures_are_added_to_those_of_other_stages(tmp_path: Path) -> None:
    out, data = tmp_path / "speed.json", ["--folder", str(tmp_path / "data")]
    for stage in ("load", "snapshot"):
        main(["--parties", "300", *data, "--stages", stage, "--out", str(out)])
    stages = json.loads(out.read_text("utf-8"))["sizes"]["300"]["stages"]
    assert set(stages) == {"load", "snapshot"}
    assert stages["snapshot"]["facts"]["pairs"] > 0


def test_a_stage_that_fails_is_said(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError, match="'train' ended with 1"):
        main(["--parties", "300", "--folder", str(tmp_path), "--stages", "train"])
