"""One thread for little work: on a busy machine, waiting for a second one takes ten times what it saves."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import numba

#: Rows that one thread is done with before two have found each other.
FEW_ROWS = 30_000


@contextmanager
def threads_for(rows: int) -> Iterator[None]:
    """Within, compiled loops over ``rows`` use one thread where they are few."""
    before = numba.get_num_threads()
    numba.set_num_threads(1 if rows < FEW_ROWS else before)
    try:
        yield
    finally:
        numba.set_num_threads(before)
