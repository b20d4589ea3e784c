"""Typologies, one module each: what is looked for, and all of them in order."""

from __future__ import annotations

from graph.rings.typologies import (
    carousel,
    circular_trading,
    dense_block,
    duplicate_financing,
    guarantee_circle,
    pass_through,
    phantom_shipment,
    phoenix,
    related_party_trade,
    tight_community,
)
from graph.rings.typology import Typology

#: In the order in which people are shown them.
TYPOLOGIES: tuple[Typology, ...] = (
    circular_trading.TYPOLOGY,
    carousel.TYPOLOGY,
    guarantee_circle.TYPOLOGY,
    related_party_trade.TYPOLOGY,
    duplicate_financing.TYPOLOGY,
    phantom_shipment.TYPOLOGY,
    pass_through.TYPOLOGY,
    phoenix.TYPOLOGY,
    dense_block.TYPOLOGY,
    tight_community.TYPOLOGY,
)
