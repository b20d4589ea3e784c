"""The workspace: one folder for settings, the embedded store, models and published runs.

::

    ecorisk.toml        settings
    ecosystem.duckdb    the embedded store
    models/<sha>/       artifacts;        models/champion names the one that is served,
                        models/candidate the one trained last
    promotions.jsonl    who made which model champion, when and why; lines are only ever appended
    runs/<id>/          published runs;   runs/current names the one that is read
    rings/<id>/         published rings;  rings/current names those that are read
    quarantine/         rows that were turned away, with their reasons
    neo4j/              a local server's files

A folder of models or runs appears whole or not at all: it is written under another name, synced and
renamed, and only then a pointer file is replaced. What a killed job left behind is swept by the next one.
"""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import tomllib
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

from graph.errors import BadInput, StoreUnavailable

SETTINGS_FILE = "ecorisk.toml"
#: Names of folders that are still being written start with this.
UNFINISHED = ".writing-"

_NEW_SETTINGS = """\
# Settings of this workspace. Every one has a default.
# base_currency = "EUR"    # all amounts are converted into it; default: the currency of the data
"""


@dataclass(frozen=True)
class Settings:
    """What ``ecorisk.toml`` says. ``base_currency``: ISO 4217 code, None: the currency of the data."""

    base_currency: str | None = None

    @classmethod
    def read(cls, path: Path) -> Settings:
        """Raises ``BadInput`` for broken TOML, unknown settings and values that cannot be used."""
        try:
            raw = tomllib.loads(path.read_text("utf-8"))
        except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
            raise BadInput(f"{path}: not valid TOML in UTF-8: {error}") from error
        known = [f.name for f in fields(cls)]
        unknown = sorted(set(raw) - set(known))
        if unknown:
            raise BadInput(f"{path}: unknown settings {', '.join(unknown)}; there are: {', '.join(known)}")
        currency = raw.get("base_currency")
        if currency is not None and not (
            isinstance(currency, str) and len(currency) == 3 and currency.isascii() and currency.isupper()
        ):
            raise BadInput(f"{path}: base_currency is {currency!r}, expected an ISO 4217 code such as 'EUR'")
        return cls(base_currency=currency)


@dataclass(frozen=True)
class Workspace:
    """One workspace. ``Workspace.open`` makes it on first use; a plain instance touches nothing."""

    folder: Path
    settings: Settings = field(default_factory=Settings)

    @classmethod
    def open(cls, folder: Path) -> Workspace:
        """The workspace in ``folder``, created where there is none. Raises ``BadInput``."""
        folder = folder.absolute()
        try:
            folder.mkdir(parents=True, exist_ok=True)
            settings_file = folder / SETTINGS_FILE
            if not settings_file.exists():
                write_atomically(settings_file, _NEW_SETTINGS.encode())
            workspace = cls(folder, Settings.read(settings_file))
            for room in (workspace.models, workspace.runs, workspace.quarantine):
                room.mkdir(exist_ok=True)
        except OSError as error:
            raise BadInput(f"{folder} cannot be used as a workspace: {error}") from error
        return workspace

    @property
    def database(self) -> Path:
        """File of the embedded store."""
        return self.folder / "ecosystem.duckdb"

    @property
    def models(self) -> Path:
        return self.folder / "models"

    @property
    def runs(self) -> Path:
        return self.folder / "runs"

    @property
    def quarantine(self) -> Path:
        return self.folder / "quarantine"

    @property
    def neo4j(self) -> Path:
        """Folder of a local Neo4j server's files."""
        return self.folder / "neo4j"

    @property
    def current_run_pointer(self) -> Path:
        """File that names the run being read; it changes by being replaced."""
        return self.runs / "current"

    def current_run(self) -> Path | None:
        """Folder of the published run; None where nothing was published."""
        return _target(self.current_run_pointer)

    @property
    def rings(self) -> Path:
        return self.folder / "rings"

    @property
    def current_rings_pointer(self) -> Path:
        """File that names the rings being read; it changes by being replaced."""
        return self.rings / "current"

    def current_rings(self) -> Path | None:
        """Folder of the published rings; None where none were searched."""
        return _target(self.current_rings_pointer)

    def champion(self) -> Path | None:
        """Folder of the served model; None where none was promoted."""
        return _target(self.models / "champion")

    def candidate(self) -> Path | None:
        """Folder of the model trained last; None where none was."""
        return _target(self.models / "candidate")

    def model(self, sha: str) -> Path:
        """Folder of the model whose sha starts so. Raises ``BadInput`` where none does, or several do."""
        start = _plain(sha)
        found = [path for path in self.models.glob("[!.]*") if path.is_dir() and path.name.startswith(start)]
        if len(found) != 1:
            raise BadInput(f"{len(found)} models in {self.models} have a sha that starts with {sha!r}")
        return found[0]

    def require_champion(self) -> Path:
        """Folder of the served model. Raises ``BadInput`` where none was trained yet."""
        folder = self.champion()
        if folder is None:
            raise BadInput(f"there is no model in {self.folder}: run 'ecorisk train'")
        return folder

    def publish_run(self, run_id: str, write: Callable[[Path], None]) -> Path:
        """Put a run in place (``write`` fills an empty folder), then make it the current one."""
        return _publish(self.runs, run_id, write, "current")

    def publish_rings(self, run_id: str, write: Callable[[Path], None]) -> Path:
        """Put rings in place (``write`` fills an empty folder), then make them the current ones."""
        return _publish(self.rings, run_id, write, "current")

    def place_model(self, sha: str, write: Callable[[Path], None]) -> Path:
        """Put a model in place without promoting it."""
        return _publish(self.models, sha, write, None)

    def nominate(self, sha: str) -> None:
        """Make the model ``sha`` the candidate. Raises ``BadInput`` where it is not in place."""
        self._point("candidate", sha)

    def promote(self, sha: str) -> None:
        """Make the model ``sha`` the champion. Raises ``BadInput`` where it is not in place."""
        self._point("champion", sha)

    def _point(self, pointer: str, sha: str) -> None:
        if not (self.models / _plain(sha)).is_dir():
            raise BadInput(f"no model {sha} in {self.models}")
        with _one_writer(self.models):
            write_atomically(self.models / pointer, f"{sha}\n".encode())

    @property
    def promotions_file(self) -> Path:
        return self.folder / "promotions.jsonl"

    def record_promotion(self, entry: Mapping[str, Any]) -> None:
        """Append a line to the log of promotions, and have the disk hold it."""
        with _one_writer(self.models):
            append_line(self.promotions_file, json.dumps(entry, ensure_ascii=False).encode())

    def promotions(self) -> list[dict[str, Any]]:
        """The log of promotions, oldest first; what a killed job wrote of a line is passed over."""
        found = []
        if self.promotions_file.exists():
            for line in self.promotions_file.read_bytes().splitlines():
                try:
                    found.append(json.loads(line))
                except ValueError:
                    continue
        return found


def _plain(name: str) -> str:
    if not name or name.startswith(".") or "/" in name or "\0" in name:
        raise BadInput(f"{name!r} cannot name a folder of a workspace")
    return name


def _target(pointer: Path) -> Path | None:
    try:
        name = pointer.read_text("utf-8").strip()
    except FileNotFoundError:
        return None
    return pointer.parent / _plain(name)


def sync(path: Path) -> None:
    """Have the disk hold what was written to a file, or the names in a folder."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def write_atomically(path: Path, content: bytes) -> None:
    """Replace a file: readers see the old bytes or the new ones, also after a crash."""
    beside = path.with_name(f"{UNFINISHED}{path.name}-{os.getpid()}")
    with beside.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    beside.replace(path)
    sync(path.parent)


def place_folder(final: Path, write: Callable[[Path], None]) -> None:
    """What ``write`` puts into a folder, at ``final``, whole or not at all; an empty one may be there."""
    unfinished = final.with_name(f"{UNFINISHED}{final.name}")
    if unfinished.exists():
        shutil.rmtree(unfinished)
    unfinished.mkdir(parents=True)
    write(unfinished)
    for path in unfinished.rglob("*"):
        sync(path)
    sync(unfinished)
    unfinished.replace(final)
    sync(final.parent)


def append_line(path: Path, line: bytes) -> None:
    """Append to a log; a line that a killed job left unfinished stays alone on its own."""
    with path.open("ab+") as file:
        if file.tell():
            file.seek(-1, os.SEEK_END)
            if file.read(1) != b"\n":
                line = b"\n" + line
        file.write(line + b"\n")
        file.flush()
        os.fsync(file.fileno())
    sync(path.parent)


@contextmanager
def _one_writer(room: Path) -> Iterator[None]:
    """Only one job at a time publishes into ``room``; the lock of a killed one is gone with it."""
    with (room / ".lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise StoreUnavailable(
                f"another job is publishing into {room}: try again when it is done"
            ) from None
        yield


def _sweep(room: Path) -> None:
    for leftover in room.glob(f"{UNFINISHED}*"):
        if leftover.is_dir():
            shutil.rmtree(leftover)
        else:
            leftover.unlink()


def _publish(room: Path, name: str, write: Callable[[Path], None], pointer: str | None) -> Path:
    """Place a folder and flip ``pointer`` to it. A folder of this name that is there already is kept."""
    final = room / _plain(name)
    room.mkdir(parents=True, exist_ok=True)
    with _one_writer(room):
        _sweep(room)
        if not final.exists():
            place_folder(final, write)
        if pointer is not None:
            write_atomically(room / pointer, f"{name}\n".encode())
    return final
