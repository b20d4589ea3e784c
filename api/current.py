"""What is being served: opened once, and again when another one is published."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Generic, TypeVar, cast

from fastapi import Depends, Request

from gnn.runs.reader import RunReader, open_current_run
from graph.errors import ArtifactMismatch
from graph.rings.cases.report import RingReport, current_report
from graph.workspace import Workspace

#: Inode and time of the pointer file; None: there is none.
_Pointer = tuple[int, int] | None
Served = TypeVar("Served")

_log = logging.getLogger("ecorisk.api")


class Current(Generic[Served]):
    """Looks at a pointer file of the workspace on each request (one ``stat``) and follows it."""

    def __init__(self, pointer: Path, read: Callable[[], Served]) -> None:
        self._file = pointer
        self._read = read
        self._lock = threading.Lock()
        self._opened: tuple[_Pointer, Served] | None = None

    def _pointer(self) -> _Pointer:
        try:
            found = self._file.stat()
        except FileNotFoundError:
            return None
        return found.st_ino, found.st_mtime_ns

    def get(self) -> Served:
        """What is published. Raises ``NoPublishedRun``, or ``ArtifactMismatch`` where it cannot be read and
        nothing earlier is open."""
        opened = self._opened
        if opened is None or opened[0] != self._pointer():
            with self._lock:
                opened = self._follow()
        return opened[1]

    def _follow(self) -> tuple[_Pointer, Served]:
        pointer, earlier = self._pointer(), self._opened
        if earlier is not None and earlier[0] == pointer:
            return earlier
        try:
            served = self._read()
        except ArtifactMismatch as error:
            if earlier is None:
                raise
            served = earlier[1]
            _log.error("still serving what %s named before: %s", self._file, error)
        self._opened = (pointer, served)
        return self._opened


def current_run_of(workspace: Workspace) -> Current[RunReader]:
    """The published run."""
    return Current(workspace.current_run_pointer, lambda: open_current_run(workspace))


def current_rings_of(workspace: Workspace) -> Current[RingReport]:
    """The published rings."""
    return Current(workspace.current_rings_pointer, lambda: current_report(workspace))


async def current_reader(request: Request) -> RunReader:
    """Dependency of every route that reads the published run."""
    return cast(Current[RunReader], request.app.state.current_run).get()


async def current_rings(request: Request) -> RingReport:
    """Dependency of every route that reads the published rings."""
    return cast(Current[RingReport], request.app.state.current_rings).get()


CurrentReader = Annotated[RunReader, Depends(current_reader)]
CurrentRings = Annotated[RingReport, Depends(current_rings)]
