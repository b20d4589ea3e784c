"""Published rings."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated, Any

from fastapi import APIRouter, Path, Query
from starlette.responses import Response

from api.current import CurrentRings
from api.problems import responses
from api.ring_schemas import OneRing, Rings
from api.routes.answers import answer
from graph.rings.cases.report import RingReport

router = APIRouter(prefix="/v1/rings", tags=["rings"], responses=responses(404, 422, 503))


def about(rings: RingReport) -> dict[str, Any]:
    """Which search an answer is of."""
    names = ("run_id", "as_of", "snapshot_sha", "base_currency")
    return {name: getattr(rings, name) for name in names}


@router.get("", response_model=Rings)
def list_rings(
    rings: CurrentRings,
    typology: Annotated[str | None, Query(description="only this code")] = None,
    minimum_severity: Annotated[float, Query(ge=0, le=1, description="only as severe or more")] = 0,
    offset: Annotated[int, Query(ge=0, description="rings to pass over")] = 0,
    limit: Annotated[int, Query(ge=1, le=1000, description="rings to give at most")] = 100,
) -> Response:
    """Rings of the last search, most severe first."""
    found = [
        ring
        for ring in rings.rings
        if typology in (None, ring.typology) and ring.severity >= minimum_severity
    ]
    found.sort(key=lambda ring: (-ring.severity, ring.expected_by_chance, ring.ring_id))
    shown = [asdict(ring) for ring in found[offset : offset + limit]]
    return answer({**about(rings), "matching": len(found), "lacking": rings.lacking, "rings": shown})


@router.get("/{ring_id}", response_model=OneRing)
def one_ring(
    ring_id: Annotated[str, Path(description="the ring's id")],
    rings: CurrentRings,
) -> Response:
    """One ring with its evidence."""
    return answer({**about(rings), "ring": asdict(rings.ring(ring_id))})
