"""The form of what is kept in Neo4j has a version: ``(:Schema {name: 'ecorisk', version})``.

A store of an earlier form is brought to the present one before anything is read or written, under the
writer's lease, one step after the other; a step and the version it leads to are safe to run again. A store
of a later form is refused. Constraints and indexes are not steps: whatever is missing is made.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from graph.errors import StoreUnavailable
from graph.neo4j.lease import Lease, writing
from graph.neo4j.schema import schema_statements
from graph.neo4j.session import Neo4jSession

#: Is told how many of the missing constraints and indexes are made, and how many are.
IndexProgress = Callable[[int, int], None]
POLL_S = 0.1


@dataclass(frozen=True)
class Migration:
    """A step to ``version``. ``run`` may be cut off anywhere and run again, and writes through the lease."""

    version: int
    what: str
    run: Callable[[Neo4jSession, Lease], None]


def _name_version(session: Neo4jSession, lease: Lease) -> None:
    """Stores made before versions were kept have this form already."""


#: In order, one a version, from 1 on without a gap.
MIGRATIONS: tuple[Migration, ...] = (Migration(1, "versions are kept", _name_version),)
SCHEMA_VERSION = MIGRATIONS[-1].version


def stored_version(session: Neo4jSession) -> int:
    """The version of the form that the store has; 0 where none was kept yet."""
    found = session.read("MATCH (s:Schema {name: 'ecorisk'}) RETURN max(s.version) AS version")
    return int(found[0]["version"] or 0)


def bring_up_to_date(
    session: Neo4jSession,
    migrations: tuple[Migration, ...] = MIGRATIONS,
    tell: IndexProgress = lambda done, total: None,
) -> None:
    """Constraints and indexes, then every step that is missing. Raises ``StoreUnavailable``.

    The lease is taken only where there is something to do.
    """
    known = migrations[-1].version
    version = stored_version(session)
    if version > known:
        raise StoreUnavailable(
            f"this Neo4j store has form {version}, written by a later ecorisk; this one knows forms up to "
            f"{known}: upgrade ecorisk (nothing was changed)"
        )
    if missing_statements(session):
        make_indexes(session, tell)
    if version == known:
        return
    with writing(session) as lease:
        for migration in migrations[stored_version(session) :]:
            migration.run(session, lease)
            lease.write(
                "MERGE (s:Schema {name: 'ecorisk'}) SET s.version = $version, s.changedAt = datetime()",
                version=migration.version,
            )


def missing_statements(session: Neo4jSession) -> Mapping[str, str]:
    """Name and statement of every constraint and index that is not there."""
    present = {row["name"] for row in session.alone("SHOW INDEXES YIELD name")}
    return {name: text for name, text in schema_statements().items() if name not in present}


def make_indexes(session: Neo4jSession, tell: IndexProgress = lambda done, total: None) -> None:
    """Make the constraints and indexes that are missing, and wait until all are filled."""
    missing = missing_statements(session)
    for done, name in enumerate(sorted(missing)):
        tell(done, len(missing))
        session.alone(missing[name])
    while True:
        found = session.alone("SHOW INDEXES YIELD name, state, failureMessage")
        failed = [f"{row['name']}: {row['failureMessage']}" for row in found if row["state"] == "FAILED"]
        if failed:
            raise StoreUnavailable(f"Neo4j could not fill an index: {'; '.join(failed)}")
        if all(row["state"] == "ONLINE" for row in found):
            return
        time.sleep(POLL_S)
