"""Rings: patterns of trade, payments, guarantees and ownership that fraud analysts look for.

One module a typology, each on the snapshot's columns, listed in ``typologies``; every finding is weighed
against shuffles of the same data (``calibration``), because chance alone brings cycles and blocks, most of
all around hubs. What is found is kept and served as a ``report``.
"""
