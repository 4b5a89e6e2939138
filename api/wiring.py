"""What every endpoint is handed: the Judge of this process, cursors, pages."""

import base64
import binascii
import json
import re
from collections.abc import Callable, Coroutine, Sequence
from typing import Annotated, Any, TypeVar

from fastapi import Depends, Query, Request, Response
from fastapi.routing import APIRoute
from pydantic import BaseModel, ConfigDict, Field, model_validator

from api.failures import MALFORMED, Refused
from judge.bootstrap import Judge

T = TypeVar("T")

_SURROGATE = re.compile("[\ud800-\udfff]")


class Body(BaseModel):
    """A JSON body: unknown fields are refused, so that a misspelt one is not ignored, and so are
    texts that no database stores."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    @model_validator(mode="before")
    @classmethod
    def _storable(cls, given: object) -> object:
        texts = [given]
        while texts:
            one = texts.pop()
            if isinstance(one, dict):
                texts += [*one, *one.values()]
            elif isinstance(one, list):
                texts += one
            elif isinstance(one, str) and ("\0" in one or _SURROGATE.search(one)):
                raise ValueError("a text holds a NUL or half a surrogate pair")
        return given


class JsonRoute(APIRoute):
    """A route whose JSON bodies say every field once and hold JSON's numbers alone, so that two
    readers of the same bytes cannot see two requests in them."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """FastAPI's handler, on a request that reads so."""
        handle = super().get_route_handler()

        async def handler(request: Request) -> Response:
            return await handle(_Strict(request.scope, request.receive))

        return handler


class _Strict(Request):
    async def json(self) -> Any:
        """The body. Raises JSONDecodeError."""
        text = await self.body()
        return json.loads(text, object_pairs_hook=_once, parse_constant=_no_number)


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise json.JSONDecodeError("a field is there twice", "", 0)
    return found


def _no_number(name: str) -> None:
    raise json.JSONDecodeError(f"{name} is no number of JSON", "", 0)


class Shown(BaseModel):
    """A JSON answer, built from one of judge's values."""

    model_config = ConfigDict(from_attributes=True, frozen=True)


def _claim_of(request: Request) -> str:
    return str(request.scope["state"].get("claim", ""))


def _judge_of(request: Request) -> Judge:
    judge = request.app.state.judge
    assert isinstance(judge, Judge)  # noqa: S101 - the lifespan put it there
    return judge


House = Annotated[Judge, Depends(_judge_of)]
Claim = Annotated[str, Depends(_claim_of)]
"""The name that every try of this request has, see api/replays.py; empty without a key."""
Name = Annotated[str, Field(min_length=1, max_length=200)]
Limit = Annotated[int, Query(ge=1, le=200, description="Items a page.")]
Cursor = Annotated[
    str, Query(max_length=600, description="`next_cursor` of the page before; opaque.")
]


def opaque(key: str) -> str:
    """A cursor that continues after `key`."""
    return base64.urlsafe_b64encode(key.encode()).decode().rstrip("=")


def opened(cursor: str) -> str:
    """The key in a cursor. Raises Refused for what `opaque` did not write."""
    try:
        padded = cursor.encode("ascii") + b"=" * (-len(cursor) % 4)
        key = base64.b64decode(padded, altchars=b"-_", validate=True).decode()
    except (ValueError, binascii.Error):
        key = "\0"
    if "\0" in key:
        raise Refused(MALFORMED, "cursor: take `next_cursor` of the page before as it is")
    return key


def page(
    items: Sequence[T], limit: int, key: Callable[[T], str], request: Request, response: Response
) -> tuple[list[T], str | None]:
    """The first `limit` of up to limit + 1 items, and the cursor of the next page, if there is
    more; that page is also named in the `Link` header."""
    shown = list(items[:limit])
    if len(items) <= limit:
        return shown, None
    cursor = opaque(key(shown[-1]))
    following = request.url.include_query_params(cursor=cursor, limit=limit)
    response.headers["Link"] = f'<{following.path}?{following.query}>; rel="next"'
    return shown, cursor


def problem_answers(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """The failures an endpoint documents, each as problem details."""
    reference = {"$ref": "#/components/schemas/ProblemDetails"}
    content = {"application/problem+json": {"schema": reference}}
    return {
        status: {"description": "Problem details (RFC 9457)", "content": content}
        for status in statuses
    }
