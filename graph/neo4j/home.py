"""The files of a local server: settings, ports, password, pid, logs, and its data."""

from __future__ import annotations

import json
import os
import random
import shutil
import socket
from dataclasses import dataclass
from pathlib import Path

import psutil

from graph.errors import StoreUnavailable

HOST = "127.0.0.1"
#: Below the ports that systems hand out to outgoing connections: one of those may be gone again before a
#: server has got so far as to bind it.
PORTS = range(20_000, 32_000)
PORT_ATTEMPTS = 200


@dataclass(frozen=True)
class ServerHome:
    """Where the files lie. A new database comes as a whole folder of data, made beside the one in use.

    ``data.new`` is complete from the moment it has that name; ``settle_data`` then puts it in place.
    """

    folder: Path

    @property
    def password_file(self) -> Path:
        """File of mode 0600 that holds the generated password."""
        return self.folder / "password"

    @property
    def pid_file(self) -> Path:
        return self.folder / "server.pid"

    @property
    def ports_file(self) -> Path:
        return self.folder / "ports.json"

    @property
    def console(self) -> Path:
        return self.folder / "logs" / "console.log"

    @property
    def lock(self) -> Path:
        """Held while the server is being started, and while its data are replaced."""
        return self.folder / "start.lock"

    @property
    def data(self) -> Path:
        return self.folder / "data"

    @property
    def new_data(self) -> Path:
        return self.folder / "data.new"

    def settle_data(self) -> None:
        """Put new data in place, wherever an earlier attempt was cut off; the server must not be running."""
        old = self.folder / "data.old"
        if self.new_data.exists():
            if self.data.exists():
                shutil.rmtree(old, ignore_errors=True)
                self.data.rename(old)
            self.new_data.rename(self.data)
        shutil.rmtree(old, ignore_errors=True)

    def ports(self) -> dict[str, int]:
        ports: dict[str, int] = json.loads(self.ports_file.read_text("utf-8"))
        return ports

    def extra_settings(self) -> dict[str, str]:
        """Lines of ``extra.conf``, where there is one: beside ours in ``neo4j.conf``, or instead of them."""
        path = self.folder / "extra.conf"
        lines = path.read_text("utf-8").splitlines() if path.exists() else []
        settings = (line.partition("=") for line in lines if line.strip() and not line.startswith("#"))
        return {name.strip(): value.strip() for name, _, value in settings}

    def process(self) -> psutil.Process | None:
        """The server's process. A pid that is gone, or another process's by now, counts as none."""
        try:
            process = psutil.Process(int(self.pid_file.read_text("utf-8").split()[0]))
            # Not by its time of birth, which moves when the system's clock is set.
            ours = f"--home-dir={self.folder}" in process.cmdline()
            alive = ours and process.status() != psutil.STATUS_ZOMBIE
        except (FileNotFoundError, ValueError, IndexError, OverflowError, psutil.Error):
            return None
        return process if alive else None

    def write_settings(self, page_cache_mb: int, *, new_ports: bool) -> None:
        """``neo4j.conf`` and the ports, which stay the same as long as nobody else takes them."""
        kept = {} if new_ports or not self.ports_file.exists() else self.ports()
        bolt, http = free_ports(kept.get("bolt"), kept.get("http"))
        write_privately(self.ports_file, json.dumps({"bolt": bolt, "http": http}))
        conf = self.folder / "conf" / "neo4j.conf"
        for folder in (conf.parent, self.console.parent, self.folder / "plugins"):
            folder.mkdir(exist_ok=True)
        settings = {
            "server.default_listen_address": HOST,
            "server.bolt.listen_address": f"{HOST}:{bolt}",
            "server.bolt.advertised_address": f"{HOST}:{bolt}",
            "server.http.listen_address": f"{HOST}:{http}",
            "server.http.advertised_address": f"{HOST}:{http}",
            "server.https.enabled": "false",
            "server.memory.pagecache.size": f"{page_cache_mb}m",
            "db.tx_log.rotation.retention_policy": "2 files",
            "dbms.usage_report.enabled": "false",
            "client.allow_telemetry": "false",
            "browser.remote_content_hostname_whitelist": "127.0.0.1,localhost",
            **self.extra_settings(),
        }
        write_privately(conf, "".join(f"{name}={value}\n" for name, value in settings.items()))


def write_privately(path: Path, text: str) -> None:
    """Write a file only its owner can read, whole or not at all."""
    beside = path.with_name(path.name + ".new")
    with os.fdopen(
        os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8"
    ) as file:
        file.write(text)
    beside.replace(path)


def free_ports(*wanted: int | None) -> tuple[int, ...]:
    """A free port of the loopback interface for each one wanted: that one where it is free, else any."""
    found: list[int] = []
    for port in wanted:
        # None is found twice: a port that is bound, but not listened on, may be bound again.
        others = random.SystemRandom().sample(sorted(set(PORTS) - set(found)), PORT_ATTEMPTS)
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            found.append(_bind(probe, [*([port] if port else []), *others]))
    return tuple(found)


def _bind(probe: socket.socket, ports: list[int]) -> int:
    for port in ports:
        try:
            probe.bind((HOST, port))
        except OSError:
            continue
        return port
    raise StoreUnavailable(f"no free port on {HOST}")
