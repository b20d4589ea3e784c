"""Time, CPU seconds and peak memory of one thing that is done, in a process of its own."""

from __future__ import annotations

import resource
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from typing import Any


@dataclass
class Measure:
    """``wall_s`` and ``cpu_s`` (all threads) of what was timed; ``peak_mb``: of the whole process so far.

    ``facts``: what was done, and how much of it.
    """

    wall_s: float = 0.0
    cpu_s: float = 0.0
    peak_mb: float = 0.0
    facts: dict[str, Any] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        rounded = {name: round(getattr(self, name), 3) for name in ("wall_s", "cpu_s")}
        return {**asdict(self), **rounded, "peak_mb": round(self.peak_mb)}


def peak_mb() -> float:
    """Largest resident size of this process so far, MB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


@contextmanager
def timed() -> Iterator[Measure]:
    """Fill in a ``Measure`` for what is done within."""
    found = Measure()
    wall, cpu = time.perf_counter(), time.process_time()
    yield found
    found.wall_s, found.cpu_s = time.perf_counter() - wall, time.process_time() - cpu
    found.peak_mb = peak_mb()
