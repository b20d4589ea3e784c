"""Rings: patterns of trade, payments, guarantees and ownership that fraud analysts look for.

One module a typology, each on the snapshot's columns; every finding is weighed against shuffles of the same
data (``calibration``), because chance alone brings cycles and blocks, most of all around hubs.
"""

from __future__ import annotations

from graph.rings import guarantee_circle
from graph.rings.typology import Typology

#: All typologies, in the order in which people are shown them.
TYPOLOGIES: tuple[Typology, ...] = (guarantee_circle.TYPOLOGY,)
