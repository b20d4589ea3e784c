"""The page of typologies is written from them."""

from __future__ import annotations

from graph.rings.document import DOCUMENT, render
from graph.rings.typologies import TYPOLOGIES


def test_the_page_is_current() -> None:
    assert DOCUMENT.read_text(encoding="utf-8") == render(), "run: python -m graph.rings.document"


def test_every_typology_says_what_it_is_and_accuses_nobody() -> None:
    assert len({typology.code for typology in TYPOLOGIES}) == len(TYPOLOGIES) == 10
    for typology in TYPOLOGIES:
        for text in (typology.definition, typology.published, typology.false_friends):
            assert len(text) > 30, typology.code
            assert text.endswith("."), typology.code
        assert not set(typology.definition.lower().split()) & {"fraudster", "guilty", "criminal", "fake"}
