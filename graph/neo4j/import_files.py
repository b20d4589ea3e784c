"""CSV files as ``neo4j-admin database import`` takes them, written by DuckDB.

CSV, because neo4j-admin reads lists and empty texts from it, and not from Parquet. Texts stand in quotes:
``""`` is an empty text, nothing at all is null.
"""

from __future__ import annotations

import shlex
from collections import Counter
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from graph.neo4j.import_source import ImportSource
from graph.sql import literal, quote

ARGUMENTS_FILE = "import.args"
#: Stands between labels, and between the values of a list; no name has it.
LIST_MARK = "\x1f"
#: Nodes carry the numbers that Neo4j gives them, so that no text is looked up at the ends of relationships.
OPTIONS = ("--id-type=actual", "--array-delimiter=U+001F", "--bad-tolerance=0")
BLOCK_BYTES = 1 << 24


@dataclass(frozen=True)
class ImportFiles:
    """What was written into ``folder``, and from how many rows of the store."""

    folder: Path
    rows: int
    nodes: int
    relationships: int

    @property
    def command(self) -> str:
        """What to run, as the server's own user, where its database is stopped and empty."""
        folder = shlex.quote(str(self.folder))
        return f"cd {folder} && neo4j-admin database import full neo4j @{ARGUMENTS_FILE}"

    def to_json(self) -> dict[str, Any]:
        return asdict(self) | {"command": self.command}

    def sentence(self) -> str:
        """What was written, in one line."""
        return f"{self.nodes:,} nodes and {self.relationships:,} relationships from {self.rows:,} rows"


class ImportFolder:
    """A folder that is being filled with files, and the options that hand them over."""

    def __init__(self, folder: Path, source: ImportSource) -> None:
        self._folder = folder
        self._source = source
        self._counts: Counter[str] = Counter()
        self._options = list(OPTIONS)
        self._multiline: list[str] = []

    def nodes(self, name: str, sql: str, label: str = "") -> None:
        """A file of nodes: columns under neo4j-admin's headers, labels there or one for all."""
        self._write("nodes", name, sql, label)

    def relationships(self, name: str, sql: str, kind: str = "") -> None:
        """A file of relationships, types there or one for all."""
        self._write("relationships", name, sql, kind)

    def close(self) -> ImportFiles:
        """Write the options into a file of their own."""
        options = list(self._options)
        if self._multiline:
            options += ["--multiline-fields-format=v2", f"--multiline-fields={','.join(self._multiline)}"]
        (self._folder / ARGUMENTS_FILE).write_text("\n".join(options) + "\n", "utf-8")
        rows = sum(self._source.rows.values())
        return ImportFiles(self._folder, rows, self._counts["nodes"], self._counts["relationships"])

    def _write(self, option: str, name: str, sql: str, kind: str) -> None:
        path = self._folder / f"{len(self._options):03}-{name}.csv"
        texts = [row[0] for row in self._source.run(f"DESCRIBE {sql}").fetchall() if ":string" in row[0]]
        forced = f", FORCE_QUOTE ({', '.join(map(quote, texts))})" if texts else ""
        count = self._source.number(f"COPY ({sql}) TO {literal(str(path))} (FORMAT csv, HEADER{forced})")
        self._counts[option] += count
        self._options.append(f"--{option}={kind + '=' if kind else ''}./{path.name}")
        if _has_long_lines(path, count):
            self._multiline.append(f"./{path.name}")


def _has_long_lines(path: Path, rows: int) -> bool:
    """Whether a value goes over several lines, which costs neo4j-admin time where it has to expect it."""
    lines = returns = 0
    with path.open("rb") as file:
        while block := file.read(BLOCK_BYTES):
            lines += block.count(b"\n")
            returns += block.count(b"\r")
    return lines != rows + 1 or returns > 0
