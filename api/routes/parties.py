"""One party: score, explanation, neighbourhood.

A party's id may hold anything, slashes too, so it is all that stands before the last part of the path.
"""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated

from fastapi import APIRouter, Path, Query
from starlette.convertors import Convertor, register_url_convertor
from starlette.responses import Response

from api.current import CurrentReader, CurrentRings
from api.problems import responses
from api.ring_schemas import PartyRings
from api.routes.answers import answer
from api.routes.rings import about
from api.schemas import Explanation, Neighbourhood, Score


class PartyId(Convertor[str]):
    """Any text, line breaks and slashes included."""

    regex = r"(?s:.+)"

    def convert(self, value: str) -> str:
        return value

    def to_string(self, value: str) -> str:
        return value


register_url_convertor("party", PartyId())

router = APIRouter(prefix="/v1/parties", tags=["parties"], responses=responses(404, 422, 503))

PartyIdInPath = Annotated[str, Path(description="the party's id as its source names it, percent-encoded")]


@router.get("/{party_id:party}/score", response_model=Score)
async def score(party_id: PartyIdInPath, run: CurrentReader) -> Response:
    """The party's score with its principal reasons."""
    return answer(run.score(party_id))


@router.get("/{party_id:party}/explanation", response_model=Explanation)
def explanation(
    party_id: PartyIdInPath,
    run: CurrentReader,
    limit: Annotated[int, Query(ge=1, le=100, description="counterparties to name at most")] = 20,
) -> Response:
    """The score with its exact split, the counterparties and columns it comes from."""
    return answer(run.explanation(party_id, limit))


@router.get("/{party_id:party}/rings", response_model=PartyRings)
def party_rings(party_id: PartyIdInPath, rings: CurrentRings) -> Response:
    """Rings that the party is a member of; none for a party in no ring, known or not."""
    found = [asdict(ring) for ring in rings.of_party(party_id)]
    return answer({**about(rings), "party_id": party_id, "rings": found})


@router.get("/{party_id:party}/neighbourhood", response_model=Neighbourhood)
def neighbourhood(
    party_id: PartyIdInPath,
    run: CurrentReader,
    hops: Annotated[int, Query(ge=1, le=3, description="links away at most")] = 1,
    limit: Annotated[int, Query(ge=1, le=500, description="parties to give at most, itself counted")] = 50,
) -> Response:
    """The parties closest to this one, and the links among them."""
    return answer(run.neighbourhood(party_id, hops, limit))
