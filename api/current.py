"""The run being served: opened once, and again when another one is published."""

from __future__ import annotations

import logging
import threading
from typing import Annotated, cast

from fastapi import Depends, Request

from gnn.runs.reader import RunReader, open_current_run
from graph.errors import ArtifactMismatch
from graph.workspace import Workspace

#: Inode and time of the pointer file; None: there is none.
_Pointer = tuple[int, int] | None

_log = logging.getLogger("ecorisk.api")


class CurrentRun:
    """Looks at the workspace's pointer file on each request (one ``stat``) and follows it."""

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace
        self._lock = threading.Lock()
        self._opened: tuple[_Pointer, RunReader] | None = None

    def _pointer(self) -> _Pointer:
        try:
            found = self._workspace.current_run_pointer.stat()
        except FileNotFoundError:
            return None
        return found.st_ino, found.st_mtime_ns

    def reader(self) -> RunReader:
        """The published run. Raises ``NoPublishedRun``, or ``ArtifactMismatch`` where it cannot be read and
        no earlier one is open."""
        opened = self._opened
        if opened is None or opened[0] != self._pointer():
            with self._lock:
                opened = self._follow()
        return opened[1]

    def _follow(self) -> tuple[_Pointer, RunReader]:
        pointer, earlier = self._pointer(), self._opened
        if earlier is not None and earlier[0] == pointer:
            return earlier
        try:
            reader = open_current_run(self._workspace)
        except ArtifactMismatch as error:
            if earlier is None:
                raise
            reader = earlier[1]
            _log.error("still serving run %s: %s", reader.facts.run_id, error)
        self._opened = (pointer, reader)
        return self._opened


async def current_reader(request: Request) -> RunReader:
    """Dependency of every route that reads the published run."""
    return cast(CurrentRun, request.app.state.current_run).reader()


CurrentReader = Annotated[RunReader, Depends(current_reader)]
