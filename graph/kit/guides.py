"""Guides: slides that Browser shows beside the graph, with queries that a click puts into the editor.

Their texts are in ``slides/``. ``#`` begins a slide; the line below it is its lead. Of the blocks that
follow, parted by empty lines, those that begin with ``@`` say what is to stand there (``_BLOCKS``), the
others are paragraphs. Names in braces are filled in.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from html import escape
from pathlib import Path

from graph.kit.addresses import Addresses
from graph.kit.favourites import favourite, rings_of
from graph.kit.links import parameters_command
from graph.kit.style import BANDS
from graph.rings.typologies import TYPOLOGIES
from graph.rings.typology import Typology

SLIDES = Path(__file__).parent / "slides"
ALERT = "from_alert_to_case"
#: Guides that are no typology's, by name.
TITLES = {"tour": "A tour", ALERT: "From an alert to a filed case"}


@dataclass(frozen=True)
class Guide:
    """``name``: of its file, without the ending; ``html``: as ``:play`` takes it."""

    name: str
    title: str
    html: str


@dataclass(frozen=True)
class _Writer:
    """Turns blocks into HTML."""

    addresses: Addresses
    titles: Mapping[str, str]
    values: Mapping[str, str]

    def slide(self, text: str) -> str:
        head, *blocks = text.strip().split("\n\n")
        title, _, lead = head.partition("\n")
        body = "\n".join(self.block(block.strip()) for block in blocks)
        return (
            f"<slide class='row-fluid'><div class='col-sm-3'><h3>{self.filled(title)}</h3>"
            f"<p class='lead'>{self.filled(lead)}</p></div><div class='col-sm-9'>\n{body}\n</div></slide>"
        )

    def block(self, text: str) -> str:
        if not text.startswith("@"):
            return f"<p>{self.filled(text)}</p>"
        what, _, about = text.removeprefix("@").partition(" ")
        return _BLOCKS[what](self, about.format(**self.values))

    def filled(self, text: str) -> str:
        return escape(text.format(**self.values))

    def play(self, name: str) -> str:
        return f"<p>{escape(self.titles[name])}:</p>{_code(f':play {self.addresses.guide(name)}')}"

    def guides(self, _: str) -> str:
        return "\n".join(self.play(name) for name in self.titles if name != "tour")


def _code(text: str) -> str:
    """A click puts it into the editor."""
    return f"<pre class='code runnable'>{escape(text)}</pre>"


def _query(name: str) -> str:
    found = favourite(name)
    return f"<p>{escape(found.about)}:</p>{_code(found.body)}"


def _listing(code: str) -> str:
    return _code(
        f"{rings_of(code)}\n"
        "RETURN ring.ringId AS ring, ring.severity AS severity, ring.expectedByChance AS expectedByChance,\n"
        "       ring.firstOn AS first, ring.lastOn AS last, ring.explanation AS explanation\n"
        "ORDER BY severity DESC LIMIT 25"
    )


def _legend() -> str:
    meanings = ("below .5 %", "below 2 %", "below 5 %", "below 15 %", "15 % or more")
    cells = "".join(
        f"<td style='background-color:{color};color:{text};padding:4px 12px'>{label[-1]} {meaning}</td>"
        for (label, (color, _, text)), meaning in zip(BANDS.items(), meanings, strict=True)
    )
    return f"<table><tr>{cells}</tr></table><p>Grey: not scored. Purple: a ring or a case.</p>"


_BLOCKS: Mapping[str, Callable[[_Writer, str], str]] = {
    "command": lambda _, about: _code(about),
    "guides": _Writer.guides,
    "legend": lambda _, about: _legend(),
    "listing": lambda writer, about: _listing(writer.values["code"]),
    "parameters": lambda _, about: _code(parameters_command()),
    "play": _Writer.play,
    "query": lambda _, about: _query(about),
    "shell": lambda _, about: f"<pre>{escape(about)}</pre>",
    "style": lambda writer, about: _code(f":style {writer.addresses.style}"),
}


def guides(addresses: Addresses) -> tuple[Guide, ...]:
    """The tour, from an alert to a filed case, and one a typology."""
    titles = {**TITLES, **{typology.code: typology.title for typology in TYPOLOGIES}}
    written = [_written(name, addresses, titles, {}) for name in TITLES]
    for one in TYPOLOGIES:
        written.append(_written(one.code, addresses, titles, _values(one)))
    return tuple(written)


def _values(typology: Typology) -> dict[str, str]:
    names = ("code", "title", "definition", "published", "false_friends")
    return {name: getattr(typology, name) for name in names}


def _written(name: str, addresses: Addresses, titles: Mapping[str, str], values: Mapping[str, str]) -> Guide:
    text = (SLIDES / f"{name if name in TITLES else 'typology'}.txt").read_text("utf-8")
    writer = _Writer(addresses, titles, {"kit": addresses.kit, **values})
    slides = "\n".join(map(writer.slide, text.removeprefix("# ").split("\n# ")))
    head = f"<meta charset='utf-8'><title>{escape(titles[name])}</title>"
    return Guide(
        name,
        titles[name],
        f"<!doctype html>\n<html><head>{head}</head><body>\n<article class='guide'>"
        f"<carousel class='deck container-fluid'>\n{slides}\n</carousel></article>\n</body></html>\n",
    )
