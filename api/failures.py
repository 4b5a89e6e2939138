"""Every answer that is not a 2xx: RFC 9457 problem details, whoever raised it.

An exception of judge/errors.py or problems/errors.py becomes the status it deserves; everything
unforeseen becomes a 500 that says nothing but its request id, by which the log has the rest.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse

from judge.errors import (
    Conflict,
    JudgeError,
    ModelError,
    SandboxError,
    UnknownName,
    UsageError,
)
from problems.errors import ProblemError, UnknownProblem

MEDIA_TYPE = "application/problem+json"
SCHEMA: dict[str, Any] = {
    "title": "ProblemDetails",
    "description": "RFC 9457; `code` names the kind, `request_id` finds it in the log.",
    "type": "object",
    "required": ["type", "title", "status", "detail", "instance", "code", "request_id"],
    "properties": {
        **{name: {"type": "string"} for name in ("type", "title", "detail", "instance", "code")},
        "status": {"type": "integer"},
        "request_id": {"type": "string"},
        "errors": {
            "type": "array",
            "items": {
                "type": "object",
                "properties": {"pointer": {"type": "string"}, "detail": {"type": "string"}},
            },
        },
    },
}


@dataclass(frozen=True, slots=True)
class Failure:
    """One kind of failure: its status, its name in `type` and `code`, its title."""

    status: int
    code: str
    title: str


INTERNAL = Failure(500, "internal-error", "Something broke on our side")
UNUSABLE = Failure(422, "unusable-request", "The request cannot be carried out")
MALFORMED = Failure(422, "malformed-request", "The request has fields that are wrong")
UNKNOWN = Failure(404, "unknown-name", "Nothing of that name is known here")
CONFLICT = Failure(409, "conflict", "It exists already with another content")
KEY_REUSED = Failure(422, "idempotency-key-reused", "The key was used for another request")
PROBLEMS = Failure(422, "malformed-problem-set", "The problem set cannot be read")
SANDBOX = Failure(503, "sandbox-unavailable", "The sandbox cannot run anything now")
MODEL = Failure(503, "model-unavailable", "The model cannot be reached now")
BUSY = Failure(503, "busy", "Too much of this is going on already")
NOT_OVER_HTTP = Failure(403, "not-over-http", "This needs the command line on the host")
FOREIGN = Failure(403, "cross-site", "Requests from other sites are refused")
HEADERS_TOO_LARGE = Failure(431, "headers-too-large", "The headers are larger than allowed")
NO_KEY = Failure(401, "no-key", "This needs an API key")
NO_SCOPE = Failure(403, "no-scope", "The API key does not hold the scope for this")
NOT_LOOPBACK = Failure(403, "keys-are-off", "This service takes requests of its own host alone")
TOO_MANY = Failure(429, "too-many-requests", "There were too many requests")
TOO_SLOW = Failure(408, "too-slow", "The request did not arrive in time")
STILL_RUNNING = Failure(409, "still-running", "The first request with this key still runs")
STALE = Failure(412, "stale", "It was changed by somebody else meanwhile")
UNCONDITIONAL = Failure(428, "precondition-required", "Say which state you mean to change")
MISDIRECTED = Failure(421, "misdirected", "This service does not answer to that host name")
TOO_LARGE = Failure(413, "too-large", "The request is larger than allowed")

NOWHERE = Failure(404, "not-found", "There is nothing at this address")

_BY_STATUS = {
    400: Failure(400, "bad-request", "The request could not be understood"),
    404: NOWHERE,
    405: Failure(405, "method-not-allowed", "This address does not take that method"),
    408: TOO_SLOW,
    413: TOO_LARGE,
    415: Failure(415, "unsupported-media-type", "The body is of a kind that is not taken here"),
}
_KINDS: tuple[tuple[type[Exception], Failure], ...] = (
    (UnknownName, UNKNOWN),
    (UnknownProblem, UNKNOWN),
    (Conflict, CONFLICT),
    (UsageError, UNUSABLE),
    (SandboxError, SANDBOX),
    (ModelError, MODEL),
    (ProblemError, PROBLEMS),
    (JudgeError, Failure(503, "unavailable", "The service cannot do this now")),
)


class Refused(JudgeError):
    """A failure of a named kind, raised by an endpoint; the text is one line with the remedy."""

    def __init__(
        self, failure: Failure, detail: str, headers: Mapping[str, str] | None = None
    ) -> None:
        super().__init__(detail)
        self.failure = failure
        self.headers = headers


class BodyRefused(HTTPException):
    """A body that is cut off while it is read: the one kind of exception that the framework, which
    reads it, lets through."""

    def __init__(
        self, failure: Failure, detail: str, headers: Mapping[str, str] | None = None
    ) -> None:
        super().__init__(failure.status, detail, headers)
        self.failure = failure


def answer(
    request_id: str,
    path: str,
    failure: Failure,
    detail: str = "",
    *,
    errors: list[dict[str, str]] | None = None,
    headers: Mapping[str, str] | None = None,
) -> JSONResponse:
    """The response: a problem document, with `Retry-After` where trying again makes sense."""
    body: dict[str, Any] = {
        "type": f"urn:judge:error:{failure.code}",
        "title": failure.title,
        "status": failure.status,
        "detail": detail or failure.title,
        "instance": path,
        "code": failure.code,
        "request_id": request_id,
    }
    if errors:
        body["errors"] = errors
    extra = dict(headers or {})
    if failure.status == 503:
        extra.setdefault("Retry-After", "5")
    return JSONResponse(body, failure.status, headers=extra, media_type=MEDIA_TYPE)


def foreseen(error: Exception) -> tuple[Failure, str] | None:
    """What an exception means to the caller, with its text; None for a fault of ours."""
    if isinstance(error, Refused):
        return error.failure, str(error)
    if isinstance(error, BodyRefused):
        return error.failure, error.detail
    if isinstance(error, HTTPException):
        status = error.status_code
        fallback = Failure(status, f"http-{status}", "The request was refused")
        return _BY_STATUS.get(status, fallback), ""
    failure = next((known for kind, known in _KINDS if isinstance(error, kind)), None)
    return (failure, str(error)) if failure else None


def install(app: FastAPI) -> None:
    """Hand every exception that can reach the framework to one of the two below."""
    app.add_exception_handler(RequestValidationError, _from_validation)
    for kind in (HTTPException, Refused, JudgeError, ProblemError):
        app.add_exception_handler(kind, _from_house)


def _respond(
    request: Request,
    failure: Failure,
    detail: str = "",
    *,
    errors: list[dict[str, str]] | None = None,
    headers: dict[str, str] | None = None,
) -> JSONResponse:
    request_id = getattr(request.state, "request_id", "")
    return answer(request_id, request.url.path, failure, detail, errors=errors, headers=headers)


def _from_house(request: Request, error: Exception) -> JSONResponse:
    headers = getattr(error, "headers", None)
    return _respond(request, *(foreseen(error) or (INTERNAL, "")), headers=dict(headers or {}))


def _from_validation(request: Request, error: Exception) -> JSONResponse:
    found = error.errors() if isinstance(error, RequestValidationError) else []
    errors = [
        {"pointer": "/" + "/".join(map(str, each["loc"])), "detail": str(each["msg"])}
        for each in found[:20]
    ]
    first = errors[0] if errors else {"pointer": "/", "detail": "not understood"}
    return _respond(request, MALFORMED, f"{first['pointer']}: {first['detail']}", errors=errors)
