"""The analysts' kit: files that Neo4j Browser fetches from a page of another origin, hence the CORS answers.

They hold texts only, nothing of anybody; nothing else of this server is shown to other origins.
"""

from __future__ import annotations

from dataclasses import replace
from mimetypes import guess_type

from fastapi import APIRouter, HTTPException, Request
from starlette.responses import RedirectResponse, Response

from graph.kit.addresses import Addresses

CORS = {
    "access-control-allow-origin": "*",
    "access-control-allow-headers": "*",
    "access-control-allow-methods": "GET, HEAD, OPTIONS",
}
INDEX = "index.html"
LOOPBACK = ("127.0.0.1", "::1")

router = APIRouter(prefix="/kit", include_in_schema=False)


@router.options("/{path:path}")
async def preflight() -> Response:
    """Any page may ask, with any header."""
    return Response(status_code=204, headers=CORS)


@router.api_route("", methods=["GET", "HEAD"])
async def kit() -> Response:
    """The page of the kit."""
    return RedirectResponse("/kit/")


@router.api_route("/{path:path}", methods=["GET", "HEAD"])
def kit_file(path: str, request: Request) -> Response:
    """A file of the kit, with this server's address in it as the asking browser knows it."""
    # Only here: with the typologies come their detectors, which nothing else of this server needs.
    from graph.kit.files import kit_files

    name = path or INDEX
    content = kit_files(_addresses(request)).get(name)
    if content is None:
        raise HTTPException(404, f"the kit has no file {name!r}")
    kind = "text/plain" if name.endswith((".grass", ".conf")) else guess_type(name)[0]
    return Response(content, media_type=kind, headers={**CORS, "cache-control": "no-cache"})


def _addresses(request: Request) -> Addresses:
    """Browser opens guides in its drawer from ``localhost`` only, so loopback goes by that name."""
    base = request.base_url
    base = base.replace(hostname="localhost") if base.hostname in LOOPBACK else base
    known: Addresses = request.app.state.kit_addresses
    return replace(known, kit=f"{base}kit")
