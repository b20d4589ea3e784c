"""Every error of the API: one table from domain errors to HTTP, one body (RFC 9457)."""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any, cast

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, ConfigDict, Field
from starlette.exceptions import HTTPException
from starlette.responses import Response

from graph.errors import (
    ArtifactMismatch,
    BadInput,
    EcoriskError,
    NoPublishedRun,
    Refused,
    StoreUnavailable,
    UnknownParty,
    UnknownRing,
)

MEDIA_TYPE = "application/problem+json"

#: Status, and the last part of the problem's type, by error; the most specific class of an error counts.
PROBLEMS: Mapping[type[Exception], tuple[int, str]] = {
    UnknownParty: (404, "unknown-party"),
    UnknownRing: (404, "unknown-ring"),
    NoPublishedRun: (503, "no-published-run"),
    StoreUnavailable: (503, "store-unavailable"),
    Refused: (409, "refused"),
    BadInput: (422, "bad-input"),
    ArtifactMismatch: (500, "artifact-mismatch"),
    EcoriskError: (500, "internal"),
    RequestValidationError: (422, "invalid-request"),
}

#: The same for errors of HTTP itself (the standard library's phrases change with Python's version).
HTTP_PROBLEMS: Mapping[int, str] = {
    400: "bad-request",
    404: "not-found",
    405: "method-not-allowed",
    413: "content-too-large",
}

#: What to do, where HTTP's own phrase is all that an error says.
_ADVICE: Mapping[int, str] = {
    404: "nothing is here; /openapi.json describes every address",
    405: "this address does not take that method; /openapi.json says which it takes",
}

_log = logging.getLogger("ecorisk.api")


class Problem(BaseModel):
    """What went wrong (RFC 9457)."""

    model_config = ConfigDict(extra="allow")

    type: str = Field(description="URN that identifies the kind of problem")
    title: str = Field(description="the HTTP status in words")
    status: int = Field(description="HTTP status code")
    detail: str = Field(description="what is wrong with this request and what to do")
    instance: str = Field(description="path of the request")
    errors: list[dict[str, Any]] | None = Field(
        None, description="for an invalid request: location, message and type of each fault"
    )


def responses(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """OpenAPI entries of a route's problems."""
    schema = Problem.model_json_schema()
    return {
        status: {"description": HTTPStatus(status).phrase, "content": {MEDIA_TYPE: {"schema": schema}}}
        for status in statuses
    }


def problem(
    path: str, status: int, kind: str, detail: str, extra: Mapping[str, Any] | None = None
) -> Response:
    """A problem as a response. Text that has no UTF-8 (half a surrogate pair) is replaced."""
    body = {
        **(extra or {}),
        "type": f"urn:ecorisk:problem:{kind}",
        "title": HTTPStatus(status).phrase,
        "status": status,
        "detail": detail,
        "instance": path,
    }
    content = json.dumps(body, ensure_ascii=False, default=str).encode("utf-8", "replace")
    return Response(content, status, media_type=MEDIA_TYPE)


def _known(request: Request, error: Exception) -> Response:
    status, kind = next(PROBLEMS[cls] for cls in type(error).__mro__ if cls in PROBLEMS)
    if status >= 500 and status != HTTPStatus.SERVICE_UNAVAILABLE:
        _log.error("%s", error, exc_info=error)
        return problem(
            request.url.path, status, kind, "the published run cannot be read; see the server's log"
        )
    details = error.details if isinstance(error, EcoriskError) else None
    return problem(request.url.path, status, kind, str(error), details)


def _invalid(request: Request, error: Exception) -> Response:
    found = cast(RequestValidationError, error).errors()
    # Locations, messages and types only: what was sent is not echoed.
    faults = [{"location": list(e["loc"]), "message": e["msg"], "type": e["type"]} for e in found]
    status, kind = PROBLEMS[RequestValidationError]
    return problem(request.url.path, status, kind, "the request is not valid; see errors", {"errors": faults})


def _http(request: Request, error: Exception) -> Response:
    refused = cast(HTTPException, error)
    kind = HTTP_PROBLEMS.get(refused.status_code, f"http-{refused.status_code}")
    said = str(refused.detail)
    advice = _ADVICE.get(refused.status_code, said)
    detail = advice if said == HTTPStatus(refused.status_code).phrase else said
    response = problem(request.url.path, refused.status_code, kind, detail)
    response.headers.update(refused.headers or {})
    return response


def _unexpected(request: Request, error: Exception) -> Response:
    _log.error("unexpected error", exc_info=error)
    return problem(request.url.path, 500, "internal", "unexpected error; see the server's log")


def answer_with_problems(app: FastAPI) -> None:
    """Have every error of ``app`` answered by this module."""
    app.add_exception_handler(EcoriskError, _known)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(HTTPException, _http)
    app.add_exception_handler(Exception, _unexpected)
