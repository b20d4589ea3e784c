"""How unlikely a count is, in nats."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import special

from graph.rings.arrays import Floats

#: Chances are kept so far from nought and one; no tail is believed below the least.
EDGE, LEAST_TAIL = 1e-9, 1e-300


def binomial_surprise(seen: NDArray[np.number], tries: NDArray[np.number], chance: Floats) -> Floats:
    """-ln of the chance of ``seen`` successes or more in ``tries``; 0 where none is seen; float64 nats."""
    tail = special.bdtrc(seen - 1, tries, np.clip(chance, EDGE, 1 - EDGE))
    return np.asarray(-np.log(np.maximum(np.where(seen > 0, tail, 1.0), LEAST_TAIL)))
