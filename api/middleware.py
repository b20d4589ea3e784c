"""What is refused before a route sees it: names this server does not go by, bodies that are too large."""

from __future__ import annotations

from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.problems import problem

#: A thousand ids of a thousand characters fit.
MAX_BODY_BYTES = 2 * 1024 * 1024

LOOPBACK_HOSTS = ("localhost", "127.0.0.1", "[::1]")


def host_name(header: str) -> str:
    """Host of a Host header without its port, in lower case; IPv6 addresses keep their brackets."""
    if header.startswith("["):
        return header[: header.find("]") + 1].lower()
    return header.partition(":")[0].lower()


class HostGuard:
    """Answers only to ``allowed`` names (None: any).

    A web page that has its own name resolve to 127.0.0.1 thus cannot read scores from a browser.
    """

    def __init__(self, app: ASGIApp, allowed: tuple[str, ...] | None) -> None:
        self._app, self._allowed = app, allowed

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and self._allowed is not None:
            header = dict(scope["headers"]).get(b"host", b"").decode("latin-1")
            if host_name(header) not in self._allowed:
                detail = "this server answers to " + ", ".join(self._allowed) + " only"
                response = problem(scope["path"], 421, "misdirected-request", detail)
                await response(scope, receive, send)
                return
        await self._app(scope, receive, send)


class BodyLimit:
    """Refuses bodies over ``MAX_BODY_BYTES``, whatever length they claim."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        received = 0

        async def counted() -> Message:
            nonlocal received
            message = await receive()
            received += len(message.get("body", b""))
            if received > MAX_BODY_BYTES:
                raise HTTPException(413, f"a body may have {MAX_BODY_BYTES} bytes")
            return message

        await self._app(scope, counted if scope["type"] == "http" else receive, send)
