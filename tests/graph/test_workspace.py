"""The workspace's folder: settings, and folders that appear whole or not at all."""

from __future__ import annotations

from pathlib import Path

import pytest

from graph.errors import BadInput, StoreUnavailable
from graph.workspace import SETTINGS_FILE, UNFINISHED, Settings, Workspace, write_atomically


def one_file(folder: Path) -> None:
    (folder / "a.txt").write_text("whole")


def test_it_is_made_on_first_use_and_found_on_the_next(tmp_path: Path) -> None:
    folder = tmp_path / "deep" / "workspace"
    made = Workspace.open(folder)
    assert (folder / SETTINGS_FILE).is_file()
    assert made.runs.is_dir()
    assert made.quarantine.is_dir()
    assert made == Workspace.open(folder)
    assert made.settings == Settings(base_currency=None)
    assert (made.current_run(), made.champion()) == (None, None)


def test_settings_are_read_from_toml(tmp_path: Path) -> None:
    (tmp_path / SETTINGS_FILE).write_text('base_currency = "CNY"')
    assert Workspace.open(tmp_path).settings.base_currency == "CNY"


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        (b"base_currency = ", "not valid TOML"),
        (b"\xff\xfe", "not valid TOML"),
        (b'base_curency = "EUR"', "unknown settings base_curency; there are: base_currency"),
        (b'base_currency = "euro"', "'euro', expected an ISO 4217 code"),
        (b"base_currency = 978", "978, expected an ISO 4217 code"),
    ],
)
def test_bad_settings_say_what_is_wrong_and_where(tmp_path: Path, content: bytes, complaint: str) -> None:
    (tmp_path / SETTINGS_FILE).write_bytes(content)
    with pytest.raises(BadInput, match=SETTINGS_FILE) as caught:
        Workspace.open(tmp_path)
    assert complaint in caught.value.message


def test_a_file_in_its_place_is_bad_input(tmp_path: Path) -> None:
    (tmp_path / "taken").write_text("")
    with pytest.raises(BadInput, match="cannot be used as a workspace"):
        Workspace.open(tmp_path / "taken")


def test_publishing_places_the_folder_and_flips_the_pointer(tmp_path: Path) -> None:
    workspace = Workspace.open(tmp_path)
    assert workspace.publish_run("r1", one_file) == workspace.current_run() == workspace.runs / "r1"
    assert (workspace.runs / "r1" / "a.txt").read_text() == "whole"


def test_a_failed_write_leaves_the_earlier_run_and_is_swept_by_the_next(tmp_path: Path) -> None:
    workspace = Workspace.open(tmp_path)
    workspace.publish_run("r1", one_file)

    def half(folder: Path) -> None:
        one_file(folder)
        raise RuntimeError

    with pytest.raises(RuntimeError):
        workspace.publish_run("r2", half)
    assert workspace.current_run() == workspace.runs / "r1"
    assert not (workspace.runs / "r2").exists()
    assert list(workspace.runs.glob(f"{UNFINISHED}*"))
    (workspace.runs / f"{UNFINISHED}current-1").write_text("r2")
    workspace.publish_run("r3", one_file)
    assert not list(workspace.runs.glob(f"{UNFINISHED}*"))


def test_a_folder_that_is_in_place_is_never_written_again(tmp_path: Path) -> None:
    workspace = Workspace.open(tmp_path)
    workspace.publish_run("r1", one_file)
    workspace.publish_run("r2", one_file)
    workspace.publish_run("r1", lambda folder: pytest.fail("written twice"))
    assert workspace.current_run() == workspace.runs / "r1"


def test_one_publication_at_a_time(tmp_path: Path) -> None:
    workspace = Workspace.open(tmp_path)
    with pytest.raises(StoreUnavailable, match="another job is publishing"):
        workspace.publish_run("r1", lambda folder: workspace.publish_run("r2", one_file) and None)


def test_a_model_is_champion_only_once_promoted(tmp_path: Path) -> None:
    workspace = Workspace.open(tmp_path)
    workspace.place_model("abc", one_file)
    assert workspace.champion() is None
    workspace.promote("abc")
    assert workspace.champion() == workspace.models / "abc"
    with pytest.raises(BadInput, match="no model def"):
        workspace.promote("def")


def test_the_candidate_is_not_the_champion(tmp_path: Path) -> None:
    workspace = Workspace.open(tmp_path)
    assert workspace.candidate() is None
    workspace.place_model("abc", one_file)
    workspace.nominate("abc")
    assert workspace.candidate() == workspace.models / "abc"
    assert workspace.champion() is None


def test_a_model_is_found_by_the_start_of_its_sha(tmp_path: Path) -> None:
    workspace = Workspace.open(tmp_path)
    for sha in ("abc1", "abd2"):
        workspace.place_model(sha, one_file)
    workspace.nominate("abc1")
    assert workspace.model("abc") == workspace.models / "abc1"
    for sha in ("ab", "x", "cand"):
        with pytest.raises(BadInput, match="a sha that starts with"):
            workspace.model(sha)
    with pytest.raises(BadInput, match="cannot name"):
        workspace.model("../abc1")


def test_promotions_are_appended_and_a_torn_line_harms_no_other(tmp_path: Path) -> None:
    workspace = Workspace.open(tmp_path)
    assert workspace.promotions() == []
    workspace.record_promotion({"number": 1, "because": "one\ntwo"})
    with workspace.promotions_file.open("ab") as file:
        file.write(b'{"number": 2, "beca')
    workspace.record_promotion({"number": 3})
    workspace.record_promotion({"number": 4})
    assert [line["number"] for line in workspace.promotions()] == [1, 3, 4]
    assert workspace.promotions()[0]["because"] == "one\ntwo"


@pytest.mark.parametrize("name", ["", ".", "..", "../x", "a/b", ".hidden", "a\0b"])
def test_names_cannot_leave_the_workspace(tmp_path: Path, name: str) -> None:
    workspace = Workspace.open(tmp_path)
    with pytest.raises(BadInput, match="cannot name"):
        workspace.publish_run(name, one_file)


def test_a_pointer_that_leads_outside_is_refused(tmp_path: Path) -> None:
    workspace = Workspace.open(tmp_path)
    workspace.current_run_pointer.write_text("../../etc")
    with pytest.raises(BadInput, match="cannot name"):
        workspace.current_run()


def test_a_file_is_replaced_whole(tmp_path: Path) -> None:
    path = tmp_path / "pointer"
    write_atomically(path, b"one")
    before = path.stat().st_ino
    write_atomically(path, b"two")
    assert path.read_bytes() == b"two"
    assert path.stat().st_ino != before
    assert [p.name for p in tmp_path.iterdir()] == ["pointer"]
