"""Guides: slides with queries of the kit, one guide a typology, nothing in them that breaks out."""

from __future__ import annotations

from dataclasses import replace
from html import unescape
from html.parser import HTMLParser

import pytest

from graph.kit import guides as module
from graph.kit.addresses import Addresses
from graph.kit.favourites import favourites
from graph.kit.guides import Guide, guides
from graph.rings.typologies import TYPOLOGIES

ADDRESSES = Addresses(kit="http://localhost:8123/kit")
GUIDES = guides(ADDRESSES)


class Slides(HTMLParser):
    """Counts slides, keeps what is runnable, and minds that elements are closed in order."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.slides = 0
        self.runnable: list[str] = []
        self.texts: list[str] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert tag != "script"
        self.slides += tag == "slide"
        if tag != "meta":
            self.open.append(tag)
        self.running = dict(attrs).get("class") == "code runnable"
        if self.running:
            self.runnable.append("")

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open[-1:] == ["pre"] and self.running:
            self.runnable[-1] += data
        elif self.open[-1:] == ["p"]:
            self.texts.append(data)


@pytest.mark.parametrize("guide", GUIDES, ids=lambda guide: guide.name)
def test_slides_that_hold_runnable_queries(guide: Guide) -> None:
    found = Slides(guide.html)
    assert found.open == []
    assert found.slides >= 4
    assert len(found.runnable) >= 4
    known = {one.body for one in favourites()}
    for text in found.runnable:
        assert text in known or text.startswith(":") or "MATCH (ring:Ring {typology: " in text
    assert not [text for text in found.texts if "{" in text], "left to be filled in"


def test_the_tour_leads_to_every_other_guide() -> None:
    tour, *others = GUIDES
    played = [text for text in Slides(tour.html).runnable if text.startswith(":play")]
    assert played == [f":play http://localhost:8123/kit/guides/{one.name}.html" for one in others]
    assert [one.name for one in others] == ["from_alert_to_case", *(one.code for one in TYPOLOGIES)]


def test_a_typology_s_texts_are_text(monkeypatch: pytest.MonkeyPatch) -> None:
    hostile = "<script>alert(1)</script> {kit} & 'x'"
    odd = replace(TYPOLOGIES[0], title=hostile, definition=hostile, published=hostile, false_friends=hostile)
    monkeypatch.setattr(module, "TYPOLOGIES", (odd,))
    found = guides(ADDRESSES)[-1]
    assert "<script" not in found.html
    assert unescape(found.html).count(hostile) >= 4
    assert Slides(found.html).open == []
