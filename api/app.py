"""The HTTP API over a workspace's published runs. It reads files that never change, and no database."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI

from api.current import current_rings_of, current_run_of
from api.middleware import LOOPBACK_HOSTS, BodyLimit, HostGuard
from api.problems import answer_with_problems
from api.routes import health, kit, parties, rings, runs, scores
from graph.errors import EcoriskError
from graph.kit.addresses import Addresses
from graph.workspace import Workspace

_log = logging.getLogger("ecorisk.api")


def create_app(
    workspace: Workspace,
    allowed_hosts: tuple[str, ...] | None = LOOPBACK_HOSTS,
    addresses: Addresses | None = None,
) -> FastAPI:
    """The API of ``workspace``. ``allowed_hosts``: names it answers to, None: any. ``addresses``: of Neo4j,
    for the analysts' kit; None: the usual ones."""
    current_run = current_run_of(workspace)

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        try:
            _log.info("serving run %s; /openapi.json describes every address", current_run.get().facts.run_id)
        except EcoriskError as error:
            _log.warning("not ready: %s", error)
        yield

    app = FastAPI(
        title="ecorisk",
        summary="Scores of published runs. Higher scores are safer.",
        version="1",
        lifespan=lifespan,
        # The interactive pages would load scripts from elsewhere.
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
    )
    app.state.current_run = current_run
    app.state.current_rings = current_rings_of(workspace)
    app.state.kit_addresses = addresses or Addresses()
    app.add_middleware(BodyLimit)
    app.add_middleware(HostGuard, allowed=allowed_hosts)
    answer_with_problems(app)
    for router in (parties.router, scores.router, rings.router, runs.router, health.router, kit.router):
        app.include_router(router)
    return app
