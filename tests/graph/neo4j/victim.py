"""A job to kill: ``python -m tests.graph.neo4j.victim load|publish FOLDER NAME``."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from graph.neo4j import load, publication
from graph.neo4j.session import Neo4jSettings
from graph.neo4j.store import Neo4jStore
from graph.source import SourceDeclaration
from tests.graph.test_stores import scores

#: Small batches: many moments at which the job can die.
load.BATCH_ROWS = 200
publication.BATCH_ROWS = 200
PARTIES = 2_000


def main(job: str, folder: Path, name: str) -> None:
    settings = Neo4jSettings(os.environ["VICTIM_URI"], "neo4j", os.environ["VICTIM_PASSWORD"])
    store = Neo4jStore(settings)
    print("ready", flush=True)
    if job == "load":
        with store.begin(SourceDeclaration(name)) as transaction:
            for table in ("parties", "invoices"):
                transaction.append(table, folder / f"{table}.parquet")
    else:
        store.publish(scores(name, 300 + int(name), n=PARTIES))
    print("done", flush=True)


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]), sys.argv[3])
