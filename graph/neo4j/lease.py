"""One writer at a time: a lease on a node, renewed while held, taken over from a dead holder."""

from __future__ import annotations

import os
import socket
import threading
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from graph.errors import StoreUnavailable
from graph.neo4j.session import Neo4jSession, Row, Transaction

LEASE_S = 60.0
RENEW_S = 15.0


def _machine() -> str:
    """Processes with the same value can see each other's process ids."""
    namespace = Path("/proc/self/ns/pid")
    return f"{socket.gethostname()}|{namespace.readlink() if namespace.is_symlink() else ''}"


def _holder_is_gone(lease: Row) -> bool:
    """Whether the holder was a process of this machine that has ended (no need to wait for the expiry)."""
    if lease["machine"] != _machine():
        return False
    try:
        os.kill(lease["pid"], 0)
    except ProcessLookupError:
        return True
    except PermissionError:
        return False
    state = Path(f"/proc/{lease['pid']}/stat")
    # A killed process whose parent has not looked yet still has its number.
    return state.exists() and state.read_text().rpartition(")")[2].split()[0] in "ZX"


class Lease:
    """The right to write, held. Every writing transaction renews it first and so notices its loss."""

    def __init__(self, session: Neo4jSession, owner: str) -> None:
        self._session = session
        self._owner = owner

    def renew(self, transaction: Transaction) -> None:
        """Renew inside a transaction; it then commits only as long as the lease is ours.

        Touched before it is looked at: from then on nobody else can take it until this transaction ends.
        """
        found = transaction.run(
            """MATCH (l:Lease {name: 'writer'}) SET l.touched = timestamp()
               WITH l WHERE l.owner = $owner
               SET l.expiresAt = timestamp() + $lease_ms RETURN l.owner""",
            owner=self._owner,
            lease_ms=int(LEASE_S * 1000),
        )
        if not found:
            raise StoreUnavailable(
                "another job took the Neo4j store over, because this one stood still too long"
            )

    def write(self, query: str, **parameters: object) -> list[Row]:
        """One query in a transaction of its own, under the lease."""
        return self.write_all((query,), **parameters)

    def write_all(self, queries: tuple[str, ...], **parameters: object) -> list[Row]:
        """Queries over the same parameters in one transaction; records of the last one."""

        def work(transaction: Transaction) -> list[Row]:
            self.renew(transaction)
            return [transaction.run(query, **parameters) for query in queries][-1]

        return self._session.transact(work)

    def keep(self, ended: threading.Event) -> None:
        """Renew now and then until ``ended``; a lost lease is found by the next write."""
        while not ended.wait(RENEW_S):
            try:
                self._session.transact(self.renew)
            except StoreUnavailable:
                return


def _held(session: Neo4jSession) -> Row | None:
    found = session.read(
        """MATCH (l:Lease {name: 'writer'}) WHERE l.owner IS NOT NULL AND l.expiresAt > timestamp()
           RETURN l.owner AS owner, l.machine AS machine, l.pid AS pid"""
    )
    return found[0] if found else None


def holder(session: Neo4jSession) -> Row | None:
    """Machine and pid of the job that writes now; None where none does."""
    lease = _held(session)
    return None if lease is None or _holder_is_gone(lease) else lease


def left_behind(session: Neo4jSession) -> bool:
    """Whether a process of this machine died with the lease: what it sent last may be under way still."""
    lease = _held(session)
    return lease is not None and _holder_is_gone(lease)


def take(session: Neo4jSession) -> str:
    """Take the lease; ``StoreUnavailable`` where a live job holds it. Returns our owner id."""
    previous = _held(session)
    if previous is not None and not _holder_is_gone(previous):
        raise StoreUnavailable(
            f"another job writes to this Neo4j store (process {previous['pid']} on "
            f"{previous['machine'].split('|')[0]}): wait for it to end"
        )
    owner = uuid.uuid4().hex
    taken = session.write(
        """MERGE (l:Lease {name: 'writer'})
           SET l.touched = timestamp()
           WITH l WHERE l.owner IS NULL OR l.expiresAt <= timestamp() OR l.owner IN [$previous, $owner]
           SET l.owner = $owner, l.machine = $machine, l.pid = $pid, l.expiresAt = timestamp() + $lease_ms
           RETURN l.owner""",
        owner=owner,
        previous=previous["owner"] if previous else "",
        machine=_machine(),
        pid=os.getpid(),
        lease_ms=int(LEASE_S * 1000),
    )
    if not taken:
        raise StoreUnavailable("another job began to write to this Neo4j store just now: wait for it to end")
    return owner


def release(session: Neo4jSession, owner: str) -> None:
    """Give the lease back; one that can't be given back expires by itself."""
    with suppress(StoreUnavailable):
        session.write(
            """MATCH (l:Lease {name: 'writer', owner: $owner})
               REMOVE l.owner, l.machine, l.pid, l.expiresAt""",
            owner=owner,
        )


@contextmanager
def writing(session: Neo4jSession) -> Iterator[Lease]:
    """Hold the lease for the length of a block."""
    owner = take(session)
    lease = Lease(session, owner)
    ended = threading.Event()
    keeper = threading.Thread(target=lease.keep, args=(ended,), name="lease", daemon=True)
    keeper.start()
    try:
        yield lease
    finally:
        ended.set()
        keeper.join()
        release(session, owner)
