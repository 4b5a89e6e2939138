"""The OpenAPI document: what FastAPI finds out, and what holds for every operation.

The middlewares answer before an operation does, so their failures are documented here and not with
each: 401, 403 and 429 where a key is needed, 409 and Idempotency-Key on every POST, 413, 415 and
408 with every body, 503 everywhere.
"""

from typing import Any

from fastapi import FastAPI

from api import failures, replays
from api.access import OPEN, scope_of
from api.wiring import problem_answers

KEY = {
    "name": replays.HEADER,
    "in": "header",
    "required": False,
    "description": "Up to 24 hours, a retry with the same key does nothing and gets the first "
    "answer, with `Idempotency-Replayed: true`.",
    "schema": {
        "type": "string",
        "minLength": 1,
        "maxLength": replays.MAX_KEY,
        "pattern": r"^[!-~]+$",
    },
}
SECURITY = {
    "key": {"type": "http", "scheme": "bearer", "description": "`judge keys add` makes one"}
}


def install(app: FastAPI) -> None:
    """Let the document say it all."""
    plain = app.openapi

    def openapi() -> dict[str, Any]:
        known = app.openapi_schema is not None
        document = plain()
        if not known:
            _complete(document)
        return document

    app.openapi = openapi  # type: ignore[method-assign]  # FastAPI's documented way to extend it


def _complete(document: dict[str, Any]) -> None:
    components = document.setdefault("components", {})
    schemas = components.setdefault("schemas", {})
    schemas.setdefault("ProblemDetails", failures.SCHEMA)
    for name in ("HTTPValidationError", "ValidationError"):
        schemas.pop(name, None)
    components["securitySchemes"] = SECURITY
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            _complete_operation(method.upper(), path, operation)


def _complete_operation(method: str, path: str, operation: dict[str, Any]) -> None:
    scope = scope_of(method, path)
    statuses = {400, 422, 503}
    if scope != OPEN:
        operation["security"] = [{"key": []}]
        operation["x-scope"] = scope
        statuses |= {401, 403, 429}
    if method == "POST":
        operation.setdefault("parameters", []).append(KEY)
        statuses.add(409)
    if "requestBody" in operation:
        statuses |= {408, 413, 415}
    answers = {str(status): said for status, said in problem_answers(*sorted(statuses)).items()}
    # what FastAPI says of 422 is not what is sent
    responses = {**operation["responses"], **answers}
    operation["responses"] = dict(sorted(responses.items()))
