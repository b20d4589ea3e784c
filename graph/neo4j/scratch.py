"""Temporary folders that don't outlive their process, however it ends.

A folder is deleted with its object. One whose process was killed is known by its lock, which nobody holds
any more, and goes when the next one is made.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import tempfile
import time
import weakref
from pathlib import Path
from typing import IO

from filelock import FileLock

PREFIX = "ecorisk-neo4j-"
LOCK = "lock"
#: A folder without a lock may be one that is being made by an earlier version of this code.
UNLOCKED_LIMIT_S = 3_600


class ScratchFolder:
    """A new folder ``path`` under the system's temporary folder, this object's alone."""

    def __init__(self) -> None:
        root = Path(tempfile.gettempdir())
        with FileLock(root / f"{PREFIX}{os.getuid()}.lock"):
            for other in root.glob(f"{PREFIX}*/"):
                _sweep(other)
            folder = Path(tempfile.mkdtemp(prefix=PREFIX))
            self._lock = (folder / LOCK).open("w")
            fcntl.flock(self._lock, fcntl.LOCK_EX)
        self.path = folder / "files"
        self.path.mkdir()
        weakref.finalize(self, _remove, folder, self._lock)

    def clear(self) -> None:
        """Delete everything in it."""
        shutil.rmtree(self.path, ignore_errors=True)
        self.path.mkdir()


def _remove(folder: Path, lock: IO[str]) -> None:
    shutil.rmtree(folder, ignore_errors=True)
    lock.close()


def _sweep(folder: Path) -> None:
    """Delete a folder that no process holds."""
    try:
        with (folder / LOCK).open("r") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            shutil.rmtree(folder, ignore_errors=True)
    except FileNotFoundError:
        if folder.exists() and folder.stat().st_mtime < time.time() - UNLOCKED_LIMIT_S:
            shutil.rmtree(folder, ignore_errors=True)
    except OSError:  # held by a process that lives, or another user's
        return
