"""A local server's files: its data are replaced as a whole, its process is known by its folder."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from graph.errors import BadInput
from graph.neo4j.distribution import Distribution
from graph.neo4j.home import PORTS, ServerHome, free_ports


@pytest.mark.parametrize("there", [("data",), ("data", "data.new"), ("data.new",), ("data.new", "data.old"),
                                   ("data", "data.old"), ("data", "data.new", "data.old"), ()])  # fmt: skip
def test_new_data_take_the_place_of_old_ones_wherever_it_was_cut_off(
    tmp_path: Path, there: tuple[str, ...]
) -> None:
    for name in there:
        (tmp_path / name).mkdir()
        (tmp_path / name / "is").write_text(name)
    home = ServerHome(tmp_path)
    for _ in range(2):
        home.settle_data()
        left = {path.name: (path / "is").read_text() for path in tmp_path.iterdir()}
        expected = "data.new" if "data.new" in there else "data"
        assert left == ({"data": expected} if there else {})


def test_a_process_is_known_by_its_folder_not_by_its_time_of_birth(tmp_path: Path) -> None:
    home = ServerHome(tmp_path)
    wait = "input('up\\n')"
    for folder, known in ((tmp_path, True), (tmp_path / "other", False)):
        command = [sys.executable, "-c", wait, f"--home-dir={folder}"]
        pipe = subprocess.PIPE
        with subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True) as process:
            assert process.stdout is not None
            # Its command line is there for others to read once it has wholly begun, and not always before.
            assert process.stdout.readline() == "up\n"
            home.pid_file.write_text(f"{process.pid} 123.0")
            found = home.process()
            assert (found is not None and found.pid == process.pid) == known
            process.communicate("\n")
        assert home.process() is None


def test_ports_are_distinct_and_not_of_those_for_outgoing_connections() -> None:
    for _ in range(50):
        bolt, http = free_ports(None, None)
        assert bolt != http
        assert {bolt, http} <= set(PORTS)


def test_a_port_is_not_found_twice(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("graph.neo4j.home.PORTS", PORTS[:2])
    monkeypatch.setattr("graph.neo4j.home.PORT_ATTEMPTS", 1)
    for _ in range(20):
        assert len(set(free_ports(None, None))) == 2


def test_another_distribution_is_named_in_one_file(tmp_path: Path) -> None:
    assert Distribution.read(tmp_path) == Distribution()
    file = tmp_path / "distribution.toml"
    java = tmp_path / "java"
    java.touch()
    file.write_text(f'version = "2026.08.0"\nlib = "{tmp_path}"\njava = "{java}"\nmain_class = "org.X"\n')
    found = Distribution.read(tmp_path)
    assert (found.main_class, found.java) == ("org.X", str(java))
    classpath = found.classpath(tmp_path, lambda done, total: None)
    assert classpath == f"{tmp_path}/*"
    assert found.server(classpath, tmp_path, 512)[0] == str(java)
    assert "org.X" in found.server(classpath, tmp_path, 512)
    for wrong in ("nonsense", 'main = "x"', "version = 5", 'lib = "/nowhere"\n'):
        file.write_text(wrong)
        with pytest.raises(BadInput, match=r"distribution\.toml"):
            Distribution.read(tmp_path)
