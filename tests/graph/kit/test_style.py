"""Colours: every label that the store writes has a rule of its own, the bands the last word."""

from __future__ import annotations

import re

from graph.kit.style import BANDS, grass
from graph.neo4j.publication import BAND_LABELS
from graph.neo4j.schema import BOOKKEEPING, LABELS, ROLE_LABELS, version_label


def test_every_label_has_a_colour_and_bands_come_last() -> None:
    rules = re.findall(r"^node\.(\w+) \{\n(.*?)\n\}", grass(), flags=re.M | re.S)
    found = [label for label, body in rules if "color: #" in body and "caption: '" in body]
    written = {*LABELS.values(), *map(version_label, LABELS), *ROLE_LABELS.values(), "Verdict"}
    written |= {label for label, _ in BOOKKEEPING} | set(BAND_LABELS.values())
    assert set(found) == written
    assert len(found) == len(written)
    assert found[-len(BANDS) :] == list(BANDS) == list(BAND_LABELS.values())
    selectors = re.findall(r"^(\S+) \{$", grass(), flags=re.M)
    assert len(set(selectors)) == len(selectors), "Browser keeps the last rule of a selector alone"
    colors = [color for color, _, _ in BANDS.values()]
    assert len(set(colors)) == len(colors)
    assert grass().count("{\n") == grass().count("}\n")
