"""API keys over HTTP: made, listed and revoked by who holds the scope `admin`."""

from datetime import datetime
from typing import Annotated, Literal

from fastapi import APIRouter, Request, Response
from pydantic import Field

from api.wiring import (
    Body,
    Cursor,
    House,
    JsonRoute,
    Limit,
    Name,
    Shown,
    opened,
    page,
    problem_answers,
)
from judge.store import keys

router = APIRouter(prefix="/v1/keys", tags=["keys"], route_class=JsonRoute)

ScopeName = Literal["read", "submit", "gate", "promote", "admin"]


class NewKey(Body):
    """A key to make. `expires_days` null: it holds until it is revoked."""

    name: Name
    scopes: Annotated[tuple[ScopeName, ...], Field(min_length=1, max_length=5)] = ("read",)
    expires_days: Annotated[int | None, Field(ge=1, le=keys.MAX_DAYS)] = None


class KeyShown(Shown):
    """A key without its secret. `used_at` is up to a minute old."""

    id: str
    name: str
    scopes: list[ScopeName]
    live: bool
    created_at: datetime
    expires_at: datetime | None
    revoked_at: datetime | None
    used_at: datetime | None


class KeyMade(KeyShown):
    """A new key. `key` is the whole of it, shown this once: a replay of the request has null."""

    key: str | None


class KeyPage(Shown):
    """Some keys, by id."""

    items: list[KeyShown]
    next_cursor: str | None


@router.post("", operation_id="add_key", status_code=201)
def add_key(house: House, request: Request, response: Response, body: NewKey) -> KeyMade:
    """Make a key. Only a digest of its secret is stored."""
    with house.database.transaction() as tx:
        row, key = keys.add(tx, body.name, body.scopes, body.expires_days)
    shown = KeyShown.model_validate(row)
    bare = KeyMade(**shown.model_dump(), key=None)
    request.scope["state"]["kept_body"] = bare.model_dump_json()  # no secret rests in a database
    response.headers["Cache-Control"] = "no-store"
    return bare.model_copy(update={"key": key})


@router.get("", operation_id="list_keys")
def list_keys(
    house: House, request: Request, response: Response, limit: Limit = 50, cursor: Cursor = ""
) -> KeyPage:
    """Every key, by id, those that open nothing any more included."""
    with house.database.reading() as tx:
        found = keys.listed(tx, opened(cursor), limit + 1)
    some, following = page(found, limit, lambda row: row.id, request, response)
    return KeyPage(items=[KeyShown.model_validate(row) for row in some], next_cursor=following)


@router.delete("/{key}", operation_id="revoke_key", responses=problem_answers(404))
def revoke_key(house: House, key: str) -> KeyShown:
    """Let a key open nothing from now on; again changes nothing."""
    with house.database.transaction() as tx:
        return KeyShown.model_validate(keys.revoke(tx, key))
