"""Many scores at once."""

from __future__ import annotations

from fastapi import APIRouter
from starlette.responses import Response

from api.current import CurrentReader
from api.problems import responses
from api.routes.answers import answer
from api.schemas import Batch, BatchRequest

router = APIRouter(prefix="/v1", tags=["scores"], responses=responses(400, 413, 422, 503))


@router.post("/scores:batch", response_model=Batch)
def score_batch(asked: BatchRequest, run: CurrentReader) -> Response:
    """Scores of up to 1,000 parties; ids that are not known are listed and do no harm to the others."""
    scores, unknown = run.batch(asked.party_ids)
    return answer({"run_id": run.facts.run_id, "scores": scores, "unknown_party_ids": unknown})
