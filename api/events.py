"""A batch as it comes along: server-sent events, read out of the rows.

There is no log of events: an event's id is a digest of what it says, so that `Last-Event-ID` holds
across restarts and between processes, and says whether anything is new. Between two looks no
transaction is open. A stream ends with the batch, after ten minutes, or when its reader takes
nothing for a while; only so many are open at a time.
"""

import asyncio
import time
from collections.abc import AsyncIterator
from hashlib import sha256
from typing import Annotated

from fastapi import APIRouter, Header, Response
from fastapi.sse import KEEPALIVE_COMMENT, EventSourceResponse, format_sse_event
from starlette.concurrency import run_in_threadpool
from starlette.responses import StreamingResponse
from starlette.types import Message, Receive, Scope, Send

from api import failures
from api.progress import shown
from api.wiring import House, problem_answers
from judge import batches
from judge.batches import BatchStatus
from judge.bootstrap import Judge
from judge.errors import JudgeError

MAX_STREAMS = 64
LOOK_SECONDS = 0.5
PING_SECONDS = 15.0
STREAM_SECONDS = 600.0
SLOW_SECONDS = 20.0
"""A reader that takes nothing for so long is let go."""
RETRY_MS = 2000
ENDED = "-ended"

EVENT = {
    "type": "object",
    "description": "One event; `data` is a batch as JSON, or an empty object.",
    "properties": {
        "event": {"type": "string", "enum": ["progress", "end", "reconnect"]},
        "data": {"type": "string"},
        "id": {"type": "string"},
        "retry": {"type": "integer"},
    },
}

router = APIRouter(prefix="/v1", tags=["batches"])

LastId = Annotated[
    str,
    Header(
        alias="Last-Event-ID", max_length=100, description="Go on after this event; 204 at the end."
    ),
]


class Stream(EventSourceResponse):
    """One stream, and the count of all."""

    open = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send it, or 503 where too many are open."""
        if Stream.open >= MAX_STREAMS:
            refusal = failures.answer(
                scope["state"]["request_id"],
                scope["path"],
                failures.BUSY,
                "too many follow batches; ask for the batch with ?wait= instead",
            )
            await refusal(scope, receive, send)
            return

        async def send_soon(message: Message) -> None:
            async with asyncio.timeout(SLOW_SECONDS):
                await send(message)

        Stream.open += 1
        try:
            await super().__call__(scope, receive, send_soon)
        except* TimeoutError:
            pass  # the reader is gone or asleep; it comes back with its last id
        finally:
            Stream.open -= 1


@router.get(
    "/batches/{batch}/events",
    operation_id="follow_batch",
    response_class=StreamingResponse,  # FastAPI's own way with streams begins before it can refuse
    responses={
        200: {
            "description": "Events `progress` (the batch), `end` (the batch, which is closed) and "
            "`reconnect` (come back with `Last-Event-ID`)",
            "content": {"text/event-stream": {"schema": EVENT}},
        },
        204: {"description": "The end was seen; there is nothing more to come"},
        **problem_answers(404),
    },
)
async def follow_batch(house: House, batch: str, last: LastId = "") -> Response:
    """Follow a batch: what changed, at most twice a second, until it is closed."""
    status = await run_in_threadpool(batches.read_batch, house.database, batch)
    if _is_closed(status) and last == _id_of(_content(status)) + ENDED:
        return Response(status_code=204)
    return Stream(
        _events(house, status, last),
        headers={"Cache-Control": "no-cache", "X-Accel-Buffering": "no"},
    )


async def _events(house: Judge, status: BatchStatus, last: str) -> AsyncIterator[bytes]:
    begun = pinged = time.monotonic()
    while True:
        content = _content(status)
        tag = _id_of(content)
        closed = _is_closed(status)
        if tag != last.removesuffix(ENDED):
            yield format_sse_event(event="progress", data_str=content, id=tag, retry=RETRY_MS)
            last, pinged = tag, time.monotonic()
        if closed:
            yield format_sse_event(event="end", data_str=content, id=tag + ENDED)
            return
        if time.monotonic() - begun > STREAM_SECONDS:
            yield format_sse_event(event="reconnect", data_str="{}", id=last)
            return
        if time.monotonic() - pinged > PING_SECONDS:
            yield KEEPALIVE_COMMENT
            pinged = time.monotonic()
        looked = time.monotonic()
        try:
            status = await run_in_threadpool(batches.read_batch, house.database, status.id)
        except JudgeError:
            return  # the database is away; the reader comes back with its last id
        took = time.monotonic() - looked
        await asyncio.sleep(max(LOOK_SECONDS, 10 * took))  # a large batch is looked at less often


def _content(status: BatchStatus) -> str:
    return shown(status).model_dump_json()


def _id_of(content: str) -> str:
    return sha256(content.encode()).hexdigest()[:24]


def _is_closed(status: BatchStatus) -> bool:
    return status.finished_at is not None
