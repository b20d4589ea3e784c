"""What is installed from the wheel works by itself: mappings, samples and lists of jars travel in it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The project as a wheel."""
    folder = tmp_path_factory.mktemp("wheel")
    line = [
        sys.executable,
        "-m",
        "pip",
        "wheel",
        "--quiet",
        "--no-deps",
        "--wheel-dir",
        str(folder),
        str(ROOT),
    ]
    built = subprocess.run(line, capture_output=True, text=True)
    assert built.returncode == 0, built.stderr
    (found,) = folder.glob("ecorisk-*.whl")
    return found


@pytest.fixture(scope="module")
def installed(wheel: Path) -> Path:
    """A folder of its own with the wheel's content, as pip puts it there."""
    target = wheel.parent / "site"
    line = [
        sys.executable,
        "-m",
        "pip",
        "install",
        "--quiet",
        "--no-deps",
        "--target",
        str(target),
        str(wheel),
    ]
    subprocess.run(line, check=True, capture_output=True)
    return target


def test_every_file_of_the_rooms_travels_and_nothing_else(wheel: Path) -> None:
    rooms = ("graph", "gnn", "api", "loaders")
    files = {
        str(path.relative_to(ROOT)) for room in rooms for path in (ROOT / room).rglob("*") if path.is_file()
    }
    with zipfile.ZipFile(wheel) as archive:
        packed = {name for name in archive.namelist() if ".dist-info/" not in name}
    assert {name for name in files if "__pycache__" not in name} <= packed
    assert {name.split("/")[0] for name in packed} == {*rooms, "ecorisk.py"}
    for name in (
        "loaders/mappings/canonical.yaml",
        "graph/neo4j/jars.txt",
        *(f"{room}/py.typed" for room in rooms),
    ):
        assert name in packed
    assert any(name.startswith("loaders/samples/scms_delivery/") for name in packed)


def test_the_installed_copy_loads_its_own_sample(installed: Path, tmp_path: Path) -> None:
    environment = {**os.environ, "PYTHONPATH": str(installed), "PYTHONSAFEPATH": "1"}

    def run(*line: str) -> str:
        done = subprocess.run(
            [sys.executable, *line], cwd=tmp_path, env=environment, capture_output=True, text=True
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    homes = run(
        "-c", "import ecorisk, graph, loaders; print(ecorisk.__file__, graph.__file__, loaders.__file__)"
    )
    assert all(Path(home).is_relative_to(installed) for home in homes.split())
    sample = installed / "loaders" / "samples" / "scms_delivery"
    report = json.loads(
        run("-m", "ecorisk", "load", "scms_delivery", str(sample), "--workspace", "w", "--json")
    )
    assert report["tables"]["shipments"]["accepted"] > 10_000
    assert (tmp_path / "w" / "ecosystem.duckdb").is_file()
