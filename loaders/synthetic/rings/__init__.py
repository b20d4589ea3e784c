"""Planted rings: so many of every typology, each beside three benign patterns that look like it.

A planter is a function of one module a typology: it plants one ring and its look-alikes.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

from loaders.synthetic.course import World
from loaders.synthetic.invoices import Defaults
from loaders.synthetic.rings import (
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
from loaders.synthetic.rings.ground import Ground

Planter = Callable[[Ground], None]

#: By typology's code.
PLANTERS: Mapping[str, Planter] = {
    circular_trading.CODE: circular_trading.plant,
    carousel.CODE: carousel.plant,
    guarantee_circle.CODE: guarantee_circle.plant,
    related_party_trade.CODE: related_party_trade.plant,
    duplicate_financing.CODE: duplicate_financing.plant,
    phantom_shipment.CODE: phantom_shipment.plant,
    pass_through.CODE: pass_through.plant,
    phoenix.CODE: phoenix.plant,
    dense_block.CODE: dense_block.plant,
    tight_community.CODE: tight_community.plant,
}


def plant_rings(world: World, defaults: Defaults, folder: Path) -> None:
    """Plant ``settings.rings`` rings of every typology into the files in ``folder``; 0 changes nothing."""
    if not world.settings.rings:
        return
    ground = Ground(world, defaults)
    for code, plant in PLANTERS.items():
        ground.turn_to(code)
        for _ in range(world.settings.rings):
            plant(ground)
    ground.write(folder)
