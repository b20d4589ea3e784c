"""Temporary folders go with their object, with their process, and at the latest with the next one."""

from __future__ import annotations

import gc
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from graph.neo4j.scratch import PREFIX, UNLOCKED_LIMIT_S, ScratchFolder

HOLD = """
import sys, time
from graph.neo4j.scratch import ScratchFolder
held = ScratchFolder()
(held.path / "copy").write_text("rows of somebody")
print(held.path, flush=True)
sys.stdin.readline()
"""


@pytest.fixture(autouse=True)
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr("tempfile.tempdir", None)
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    return tmp_path


def folders(root: Path) -> list[Path]:
    return sorted(root.glob(f"{PREFIX}*/"))


def test_a_folder_goes_with_its_object(root: Path) -> None:
    scratch = ScratchFolder()
    (scratch.path / "a").write_text("1")
    scratch.clear()
    assert list(scratch.path.iterdir()) == []
    assert len(folders(root)) == 1
    del scratch
    gc.collect()
    assert folders(root) == []


def test_a_folder_goes_with_its_process_and_a_killed_ones_with_the_next(root: Path) -> None:
    def hold() -> tuple[subprocess.Popen[str], Path]:
        pipe = subprocess.PIPE
        process = subprocess.Popen([sys.executable, "-c", HOLD], stdin=pipe, stdout=pipe, text=True)
        assert process.stdout is not None
        return process, Path(process.stdout.readline().strip())

    (ended, first), (killed, second), (living, third) = hold(), hold(), hold()
    with ended, killed, living:
        ended.communicate("\n")
        killed.kill()
        killed.wait()
        assert [path.exists() for path in (first, second, third)] == [False, True, True]
        mine = ScratchFolder()
        assert [path.exists() for path in (second, third, mine.path)] == [False, True, True]
        living.communicate("\n")


def test_a_folder_without_a_lock_is_left_alone_for_a_while(root: Path) -> None:
    young, old = root / f"{PREFIX}young", root / f"{PREFIX}old"
    for folder in (young, old):
        folder.mkdir()
    past = time.time() - UNLOCKED_LIMIT_S - 60
    os.utime(old, (past, past))
    kept = ScratchFolder()
    assert folders(root) == sorted([young, kept.path.parent])
