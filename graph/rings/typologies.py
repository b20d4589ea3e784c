"""All typologies."""

from __future__ import annotations

from graph.rings import duplicate_financing, guarantee_circle
from graph.rings.typology import Typology

#: In the order in which people are shown them.
TYPOLOGIES: tuple[Typology, ...] = (
    guarantee_circle.TYPOLOGY,
    duplicate_financing.TYPOLOGY,
)
