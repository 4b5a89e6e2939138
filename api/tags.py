"""Entity tags: what is unchanged is not sent again, what was changed meanwhile is not overwritten."""

from hashlib import sha256
from typing import Annotated, Any

from fastapi import Header, Response
from pydantic import BaseModel

from api.failures import STALE, UNCONDITIONAL, Refused

Known = Annotated[
    str, Header(alias="If-None-Match", max_length=1000, description="Tags that are at hand.")
]
Meant = Annotated[
    str, Header(alias="If-Match", max_length=1000, description="The `ETag` of what is changed.")
]
NOT_MODIFIED: dict[int | str, dict[str, Any]] = {304: {"description": "Nothing changed"}}


def tag_of(content: str) -> str:
    """The tag of a body."""
    return f'"{sha256(content.encode()).hexdigest()[:32]}"'


def tagged(shown: BaseModel, known: str = "") -> Response:
    """The answer with its tag; 304 without a body where the caller has it already."""
    content = shown.model_dump_json()
    tag = tag_of(content)
    headers = {"ETag": tag, "Cache-Control": "no-cache"}
    if named(tag, known):
        return Response(status_code=304, headers=headers)
    return Response(content, headers=headers, media_type="application/json")


def check_meant(shown: BaseModel, meant: str) -> None:
    """Raise Refused unless the caller means the thing as it stands."""
    if not meant:
        raise Refused(UNCONDITIONAL, "send `If-Match` with the `ETag` of what you have read")
    if not named(tag_of(shown.model_dump_json()), meant):
        raise Refused(STALE, "read it again, and send `If-Match` with its new `ETag`")


def named(tag: str, tags: str) -> bool:
    """Whether a list of tags names this one, weak or strong."""
    return tags.strip() == "*" or tag.removeprefix("W/") in [
        each.strip().removeprefix("W/") for each in tags.split(",")
    ]
