"""The first load of a whole store into an empty local server, by ``neo4j-admin database import``.

The server stands still meanwhile. The new data are made beside the old and put in place by a rename, so a
killed import leaves the server as it was; run it again. Constraints and indexes are made at the end, by the
import or by whatever opens the store next.
"""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import uuid
from collections import deque
from pathlib import Path

from graph.errors import BadInput, StoreUnavailable
from graph.neo4j.distribution import JAVA_OPTIONS, Distribution
from graph.neo4j.import_files import ARGUMENTS_FILE, ImportFiles
from graph.neo4j.import_graph import write_import_files
from graph.neo4j.lease import release, take
from graph.neo4j.migrations import bring_up_to_date
from graph.neo4j.server import LocalServer
from graph.neo4j.session import Neo4jSession
from graph.store import EMBEDDED, LOCAL_SERVER, Tell

#: Nodes that an empty store may have: who writes to it, and in which form.
BOOKKEEPING = "n:Lease OR n:Schema"
STAGES = 4
TAIL_LINES = 12


def import_store(server: LocalServer, database: Path, tell: Tell) -> ImportFiles:
    """Import the DuckDB store ``database`` into ``server``, which is started; it runs afterwards.

    Raises ``BadInput`` where the server holds something already or there is nothing to import,
    ``StoreUnavailable`` where a job is at work in either or neo4j-admin fails; then nothing has changed.
    """
    settings = server.start(lambda done, total: tell(f"jars {done}/{total}", done / max(total, 1)))
    with Neo4jSession(settings) as session:
        _require_empty(session, server)
    work = server.home / "import"
    shutil.rmtree(work, ignore_errors=True)
    owner = ""
    try:
        files = write_import_files(database, work, tell)
        with server.locked():
            owner = _stop_while_empty(server)
            _replace_data(server, files, tell)
    finally:
        shutil.rmtree(work, ignore_errors=True)
        tell("starting the server", None)
        with Neo4jSession(server.start()) as session:
            release(session, owner)  # gone with the old data, or still there with them
    with Neo4jSession(server.settings()) as session:
        bring_up_to_date(session, tell=lambda done, all_: tell(f"indexes {done}/{all_}", done / all_))
    return files


def require_local(server: LocalServer, store: str) -> None:
    """Raise ``BadInput`` where ``--store`` names another server than the workspace's local one."""
    if store in (EMBEDDED, LOCAL_SERVER):
        return
    if server.password_file.exists() and store == server.settings().uri:
        return
    raise BadInput(
        f"{store} is not the local server of this workspace: write the files with 'ecorisk neo4j import "
        "--files-only DIR' and run the command it prints where that server is"
    )


def _require_empty(session: Neo4jSession, server: LocalServer) -> None:
    found = session.read(f"MATCH (n) WHERE NOT ({BOOKKEEPING}) RETURN labels(n) AS labels LIMIT 1")
    if found:
        raise BadInput(
            f"the server in {server.home} is not empty (there are nodes {':'.join(found[0]['labels'])}): "
            "an import is for the first load; what comes later is added by 'ecorisk --store neo4j load'"
        )


def _stop_while_empty(server: LocalServer) -> str:
    """Stop the server while nobody writes to it; whose lease keeps the others away until it is down."""
    with Neo4jSession(server.settings()) as session:
        owner = take(session)
        try:
            _require_empty(session, server)
        except BaseException:
            release(session, owner)
            raise
    server.stop()
    return owner


def _replace_data(server: LocalServer, files: ImportFiles, tell: Tell) -> None:
    home = server.files
    for left in server.home.glob("data.importing-*"):
        shutil.rmtree(left, ignore_errors=True)
    staged = server.home / f"data.importing-{uuid.uuid4().hex}"
    # Users, passwords and the name of the database stay as they are.
    for part in ("databases/system", "transactions/system", "dbms"):
        if (home.data / part).exists():
            shutil.copytree(home.data / part, staged / part)
    conf = files.folder / "import.conf"
    conf.write_text(f"server.directories.data={staged}\n", "utf-8")
    distribution = Distribution.read(server.home)
    arguments = (
        "database",
        "import",
        "full",
        "neo4j",
        f"--additional-config={conf}",
        f"@{ARGUMENTS_FILE}",
    )
    classpath = distribution.classpath(server.cache, lambda done, total: None)
    try:
        _run([distribution.java, *distribution.admin(classpath, server.home, arguments)], files.folder, tell)
    except BaseException:
        shutil.rmtree(staged, ignore_errors=True)
        raise
    staged.rename(home.new_data)
    home.settle_data()


def _run(command: list[str], folder: Path, tell: Tell) -> None:
    """Run neo4j-admin, telling which of its stages it is in and how far."""
    tail: deque[str] = deque(maxlen=TAIL_LINES)
    stage, what = 0, "starting"
    with subprocess.Popen(  # noqa: S603
        command,
        cwd=folder,
        # neo4j-admin works in a JVM of its own, which takes its options from here.
        env=dict(os.environ, JAVA_OPTS=" ".join(JAVA_OPTIONS)),
        start_new_session=True,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
    ) as process:
        try:
            assert process.stdout is not None  # noqa: S101
            for line in process.stdout:
                if started := re.match(r"\((\d)/\d\) (.+?) \d{4}-", line):
                    stage, what = int(started[1]) - 1, started[2].lower()
                    tell(what, stage / STAGES)
                elif done := re.search(r"(\d+)% ", line):
                    tell(what, (stage + int(done[1]) / 100) / STAGES)
                elif line.strip():
                    tail.append(line)
        except BaseException:
            os.killpg(process.pid, signal.SIGKILL)
            raise
    if process.returncode:
        raise StoreUnavailable(
            f"neo4j-admin could not import the files (exit {process.returncode}); the server is as before. "
            f"The end of what it said:\n{''.join(tail)}"
        )
