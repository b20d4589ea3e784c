"""The ready queries: files in ``queries/``, one a favourite, and one more for every typology of rings.

A folder's name begins with its number, so do a file's and a query's title, since Browser sorts by it. The
title is the first line, short, and the second says what the query shows. Parameters are never required to
hold anything: null lets the query choose, mostly the riskiest party of the run in force.
"""

from __future__ import annotations

import io
import re
import zipfile
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from graph.rings.typologies import TYPOLOGIES
from graph.rings.typology import Typology

QUERIES = Path(__file__).parent / "queries"
RINGS_FOLDER = "3_rings_by_typology"
#: Number of the first typology's query in it, after those of any typology.
FIRST_TYPOLOGY = 10
#: What a zip archive says of every file's time, so that equal queries make equal bytes.
EPOCH = (2020, 1, 1, 0, 0, 0)
#: Parameters of the queries; all of them may be null.
PARAMETERS = ("party", "other", "invoiceId", "ringId", "caseId", "asOf")

_PARAMETER = re.compile(r"\$(\w+)")


@dataclass(frozen=True)
class Favourite:
    """A query of the kit. ``name``: folder and file without numbers; ``text``: title, about, query."""

    name: str
    folder: str
    file: str
    text: str

    @property
    def title(self) -> str:
        """What Browser shows in its list."""
        return self.text.splitlines()[0].removeprefix("// ")

    @property
    def about(self) -> str:
        """What the query shows."""
        return self.text.splitlines()[1].removeprefix("// ")

    @property
    def body(self) -> str:
        """The query itself."""
        return self.text.split("\n", 2)[2].strip()

    @property
    def is_command(self) -> bool:
        """A command of Browser's (``:param``), no query."""
        return self.body.startswith(":")

    @property
    def parameters(self) -> tuple[str, ...]:
        return tuple(sorted(set(_PARAMETER.findall(self.body))))


@cache
def favourites() -> tuple[Favourite, ...]:
    """All of them, in the order in which people are shown them."""
    found = [_read(path) for path in QUERIES.rglob("*.cypher")]
    found += [_of_typology(typology, number) for number, typology in enumerate(TYPOLOGIES, FIRST_TYPOLOGY)]
    return tuple(sorted(found, key=lambda one: (one.folder, one.file)))


def favourite(name: str) -> Favourite:
    """A query by its name; ``KeyError`` where there is none."""
    return {one.name: one for one in favourites()}[name]


def zipped(chosen: Iterable[Favourite]) -> bytes:
    """An archive to drop on Browser's pane of favourites: a folder there for every folder in it."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for one in chosen:
            entry = zipfile.ZipInfo(f"{one.folder}/{one.file}", EPOCH)
            entry.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(entry, one.text)
    return buffer.getvalue()


def rings_of(code: str) -> str:
    """How a query begins that is about the most severe rings of a typology."""
    return (
        f"MATCH (ring:Ring {{typology: '{code}'}})\n"
        "WITH ring ORDER BY ring.severity DESC, ring.ringId LIMIT 25"
    )


def _read(path: Path) -> Favourite:
    folder = path.parent.name
    name = f"{_plain(folder)}/{_plain(path.stem)}"
    return Favourite(name, _shown(folder), path.name, path.read_text("utf-8"))


def _of_typology(typology: Typology, number: int) -> Favourite:
    return Favourite(
        f"{_plain(RINGS_FOLDER)}/{typology.code}",
        _shown(RINGS_FOLDER),
        f"{number:02d}_{typology.code}.cypher",
        f"// {number:02d} {typology.title}\n// {typology.title}: the most severe rings (picture)\n"
        f"{rings_of(typology.code)}\nMATCH path = (ring)-[:INVOLVES]->(:Party)\nRETURN path LIMIT 300\n",
    )


def _plain(name: str) -> str:
    return name.partition("_")[2]


def _shown(folder: str) -> str:
    """``2_one_counterparty`` → ``2 One counterparty``."""
    number, _, words = folder.partition("_")
    return f"{number} {words.replace('_', ' ').capitalize()}"
