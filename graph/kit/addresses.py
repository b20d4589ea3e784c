"""Where the kit, Browser and the Neo4j server are, as an analyst's browser reaches them."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from pathlib import Path
from urllib.parse import quote, urlencode, urlsplit

#: Where a local server keeps its ports.
PORTS_FILE = "ports.json"


@dataclass(frozen=True)
class Addresses:
    """Where things are, as an analyst's browser reaches them. ``kit``: without a slash at the end.

    Browser opens guides in its drawer from ``localhost``, not from ``127.0.0.1``.
    """

    kit: str = "http://localhost:8000/kit"
    browser: str = "http://localhost:7474/browser/"
    bolt: str = "bolt://localhost:7687"
    user: str = "neo4j"
    database: str = "neo4j"

    def of_local_server(self, home: Path) -> Addresses:
        """Of the server whose files are in ``home``; these where none was started there."""
        try:
            ports = json.loads((home / PORTS_FILE).read_text("utf-8"))
            bolt, http = int(ports["bolt"]), int(ports["http"])
        except (OSError, ValueError, KeyError, TypeError):
            return self
        return replace(self, browser=f"http://127.0.0.1:{http}/browser/", bolt=f"bolt://127.0.0.1:{bolt}")

    def of_server(self, uri: str) -> Addresses:
        """Of a server by its Bolt address; Browser is taken to be on its usual port."""
        return replace(self, browser=f"http://{urlsplit(uri).hostname}:7474/browser/", bolt=uri)

    def guide(self, name: str) -> str:
        return f"{self.kit}/guides/{name}.html"

    @property
    def style(self) -> str:
        return f"{self.kit}/risk.grass"

    def deep_link(self, command: str, argument: str) -> str:
        """Opens Browser with a command ready: ``edit`` puts a query into the editor, ``guide`` opens a guide
        in the drawer, ``param`` sets a parameter."""
        scheme, _, host = self.bolt.partition("://")
        asked = {"dbms": f"{scheme}://{self.user}@{host}", "db": self.database, "cmd": command}
        return f"{self.browser}?{urlencode({**asked, 'arg': argument}, quote_via=quote)}"
