"""Whether the process lives, and whether it can answer."""

from __future__ import annotations

from fastapi import APIRouter
from starlette.responses import Response

from api.current import CurrentReader
from api.problems import responses
from api.routes.answers import answer
from api.schemas import Health, Readiness

router = APIRouter(tags=["health"])


@router.get("/healthz", response_model=Health)
async def healthz() -> Response:
    """The process answers."""
    return answer({"status": "ok"})


@router.get("/readyz", response_model=Readiness, responses=responses(503))
async def readyz(run: CurrentReader) -> Response:
    """A run is published and open."""
    return answer({"status": "ready", "run_id": run.facts.run_id})
