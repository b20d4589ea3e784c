"""Neo4j's own jars, fetched once from Maven Central by coordinate and checked against known digests.

``jars.txt`` pins what ``org.neo4j:neo4j``, ``org.neo4j.app:neo4j-server`` and
``org.neo4j.client:neo4j-browser`` need, so nothing has to be resolved and nothing else can slip in.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor, as_completed
from importlib import resources
from pathlib import Path

import platformdirs
from filelock import FileLock
from jgo.maven import MavenContext
from requests import RequestException

from graph.errors import StoreUnavailable

NEO4J_VERSION = "5.26.24"
PARALLEL_DOWNLOADS = 6
DOWNLOAD_LIMIT_S = 60

#: Called with (jars present, jars needed).
Progress = Callable[[int, int], None]


def default_cache() -> Path:
    """Where the jars are kept for every workspace of this user."""
    return Path(platformdirs.user_cache_dir("ecorisk")) / f"neo4j-{NEO4J_VERSION}"


def pinned() -> dict[str, str]:
    """Maven coordinate (group:artifact:version[:classifier]) to SHA-256 of every jar."""
    text = resources.files("graph.neo4j").joinpath("jars.txt").read_text("utf-8")
    return {line.split()[0]: line.split()[1] for line in text.splitlines()}


def file_name(coordinate: str) -> str:
    """``group:artifact:version[:classifier]`` → ``artifact-version[-classifier].jar``."""
    return "-".join(coordinate.split(":")[1:]) + ".jar"


def fetch_jars(cache: Path, progress: Progress) -> Path:
    """The folder with all jars, fetching the missing ones; safe under concurrent callers and kills.

    Raises ``StoreUnavailable`` where they can't be had.
    """
    lib = cache / "lib"
    lib.mkdir(parents=True, exist_ok=True)
    wanted = pinned()
    with FileLock(cache / "fetch.lock"):
        missing = [c for c in wanted if not (lib / file_name(c)).exists()]
        done = len(wanted) - len(missing)
        progress(done, len(wanted))
        context = MavenContext(repo_cache=cache / "maven", timeout=DOWNLOAD_LIMIT_S)
        with ThreadPoolExecutor(PARALLEL_DOWNLOADS) as pool:
            jobs = [pool.submit(_fetch, context, c, wanted[c], lib / file_name(c)) for c in missing]
            try:
                for job in as_completed(jobs):
                    job.result()
                    done += 1
                    progress(done, len(wanted))
            except (RequestException, OSError, RuntimeError) as error:
                pool.shutdown(cancel_futures=True)
                raise StoreUnavailable(
                    f"Neo4j {NEO4J_VERSION} could not be fetched from Maven Central ({error}). It is needed "
                    f"once (about 140 MB, kept in {cache}). Behind a private certificate authority set "
                    "REQUESTS_CA_BUNDLE; without a network use a server of your own "
                    "(--store bolt://HOST:7687) or the embedded store (--store duckdb)"
                ) from error
    return lib


def _fetch(context: MavenContext, coordinate: str, sha256: str, target: Path) -> None:
    group, name, version, *classifier = coordinate.split(":")
    artifact = context.project(group, name).at_version(version).artifact(*classifier)
    # A download that was cut off leaves a short file in the repository: check, and fetch it anew once.
    for _ in range(2):
        path = artifact.resolve()
        if hashlib.sha256(path.read_bytes()).hexdigest() == sha256:
            path.replace(target)
            return
        path.unlink()
    raise RuntimeError(f"{coordinate} does not have the expected digest {sha256}")
