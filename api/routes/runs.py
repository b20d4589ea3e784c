"""The published run."""

from __future__ import annotations

from fastapi import APIRouter
from starlette.responses import Response

from api.current import CurrentReader
from api.problems import responses
from api.routes.answers import answer
from api.schemas import Run

router = APIRouter(prefix="/v1/runs", tags=["runs"], responses=responses(503))


@router.get("/current", response_model=Run)
async def current(run: CurrentReader) -> Response:
    """What is being served: day, question, model and data."""
    return answer(run.summary())
