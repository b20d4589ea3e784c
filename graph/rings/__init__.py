"""Rings: patterns of trade, payments, guarantees and ownership that fraud analysts look for.

``columns`` reads a snapshot, ``patterns`` finds what stands out in it, ``typologies`` gives that a name, a
source and an explanation, one module each. ``detection`` weighs every finding against shuffles of the same
data (``calibration``), because chance alone brings cycles and blocks, most of all around hubs. ``cases``
gathers, judges, keeps and shows what is found; ``membership`` hands it on as a table of the snapshot.
"""
