"""All files of the kit, for a folder or a server."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from graph.errors import BadInput
from graph.kit.addresses import Addresses
from graph.kit.favourites import favourites, zipped
from graph.kit.guides import guides
from graph.kit.links import browser_settings, page
from graph.kit.style import grass


def kit_files(addresses: Addresses) -> Mapping[str, bytes]:
    """Content by path; equal addresses make equal bytes."""
    shown = guides(addresses)
    texts = {
        "index.html": page(addresses, {guide.name: guide.title for guide in shown}),
        "neo4j.conf": browser_settings(addresses),
        "risk.grass": grass(),
        **{f"guides/{guide.name}.html": guide.html for guide in shown},
    }
    return {"favourites.zip": zipped(favourites()), **{path: text.encode() for path, text in texts.items()}}


def write_kit(folder: Path, addresses: Addresses) -> tuple[str, ...]:
    """Write the kit into ``folder``, over an earlier one; returns the paths. Raises ``BadInput``."""
    files = kit_files(addresses)
    try:
        for path, content in files.items():
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            (folder / path).write_bytes(content)
    except OSError as error:
        raise BadInput(f"the kit cannot be written into {folder}: {error}") from error
    return tuple(files)
