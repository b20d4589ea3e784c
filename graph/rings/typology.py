"""A typology of rings: what is looked for, how, and what the same data look like where nothing is meant."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from graph.rings.finding import Detection, Finding
from graph.snapshot import Snapshot

#: What the explanation calls a party of this code.
Naming = Callable[[int], str]


@dataclass(frozen=True)
class Typology:
    """One kind of ring.

    ``code``: stable, snake case. ``tables``: without one of these there is nothing to look at.
    ``settings``: a frozen dataclass, the defaults; ``detect(snapshot, settings)`` looks, liberally: what
    chance brings as well, so that chance can be measured.
    ``shuffle(snapshot, random numbers)``: the same data with the ties that the pattern rests on permuted,
    everyone's number of rows and their days kept.
    ``least_strength``: weaker findings are not kept, whatever shuffles bring (0 where strength is a surprise
    in nats over all places to look: there the chance model itself expects one such finding).
    ``explain``: one paragraph in plain words that accuses nobody.
    ``definition``, ``published`` (source of the pattern), ``false_friends`` (benign look-alikes): for
    people.
    """

    code: str
    title: str
    definition: str
    published: str
    false_friends: str
    tables: tuple[str, ...]
    settings: Any
    detect: Callable[[Snapshot, Any], Detection]
    shuffle: Callable[[Snapshot, np.random.Generator], Snapshot]
    explain: Callable[[Finding, Naming, str], str]
    least_strength: float = -math.inf
