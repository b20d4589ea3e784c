"""Work on several things side by side, above all on rows in chunks.

A chunk's columns are few enough to stay in cache, and compiled loops let go of the interpreter. Of a single
thing the caller's own thread takes care: waiting for another takes longer than it saves.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

Thing = TypeVar("Thing")
Result = TypeVar("Result")

#: Rows of a chunk.
CHUNK = 16_384

#: Each holds the columns of a chunk.
WORKERS = min(8, len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1)


def side_by_side(work: Callable[[Thing], Result], things: Sequence[Thing]) -> list[Result]:
    """``work`` on each, results in their order."""
    if len(things) < 2:
        return [work(thing) for thing in things]
    with ThreadPoolExecutor(WORKERS) as workers:
        return list(workers.map(work, things))


def by_chunks(rows: int, work: Callable[[slice], Result]) -> list[Result]:
    """``work`` on each chunk of so many rows, results in their order; called once where there are none."""
    chunks = [slice(start, min(start + CHUNK, rows)) for start in range(0, max(rows, 1), CHUNK)]
    return side_by_side(work, chunks)
