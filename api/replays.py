"""Idempotency-Key, on every POST: a retry gets the first answer and does nothing.

The key is claimed in the database before the request runs, and the answer is kept before it is
sent, so that a crash leaves one of two things behind: an answer, or a claim that nobody renews. The
next try takes such a claim over under the same name (`scope["state"]["claim"]`); what an endpoint
makes under that name, a batch for one, is found again and not made twice.

A request is the same if caller, method, address, kind and body are. The body is read first, into
memory up to SPOOL bytes and into a file beyond. The boundary between the parts of an upload is left
out: clients make up another one for every try.
"""

import asyncio
import re
import threading
from email.message import Message as Header
from hashlib import sha256
from tempfile import SpooledTemporaryFile
from typing import IO

from starlette.concurrency import run_in_threadpool
from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.failures import KEY_REUSED, MALFORMED, STILL_RUNNING, Refused
from judge.bootstrap import Judge
from judge.errors import JudgeError
from judge.store import requests
from judge.store.requests import Answered, Claim, Mismatch, Running
from judge.telemetry import logger

HEADER = "Idempotency-Key"
MAX_KEY = 200
SPOOL = 256 * 1024
PIECE = 64 * 1024
MAX_ANSWER = 8 * 1024 * 1024
LEASE_SECONDS = 30.0

_KEY = re.compile(rf"[!-~]{{1,{MAX_KEY}}}")

log = logger(__name__)


class Replays:
    """The middleware; raises Refused."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request."""
        if scope["type"] != "http" or scope["method"] != "POST":
            await self.app(scope, receive, send)
            return
        key = _key(Headers(scope=scope))
        if not key:
            await self.app(scope, receive, send)
            return
        with SpooledTemporaryFile(max_size=SPOOL) as body:
            digest = await _read(scope, receive, body)
            if digest:
                await self._once(scope, receive, send, key=key, digest=digest, body=body)

    async def _once(
        self, scope: Scope, receive: Receive, send: Send, *, key: str, digest: str, body: IO[bytes]
    ) -> None:
        judge: Judge = scope["app"].state.judge
        state = scope["state"]
        lease = min(LEASE_SECONDS, judge.settings.lease_seconds)
        found = await run_in_threadpool(_claim, judge, state.get("caller", ""), key, digest, lease)
        if isinstance(found, Answered):
            await _replay(found, send)
            return
        if isinstance(found, Running):
            raise Refused(STILL_RUNNING, "ask again in a moment", {"Retry-After": "1"})
        if not isinstance(found, Claim):
            detail = f"{HEADER} {key!r} belongs to another request; take a new one"
            raise Refused(KEY_REUSED, detail)
        state["claim"] = found.name
        answer, held = _Answer(), _Held(judge, found)
        renewing = asyncio.create_task(held.renewing(lease / 3))
        try:
            await self.app(scope, _from(body, receive), answer.take)
            await run_in_threadpool(held.end, answer.whole(state.get("kept_body")))
        except Exception:
            await run_in_threadpool(held.end, None)
            raise
        finally:  # cut off, the endpoint may still be at work in its thread: the claim just lapses
            renewing.cancel()
        for message in answer.messages:
            await send(message)


def _claim(
    judge: Judge, caller: str, key: str, digest: str, lease: float
) -> Claim | Answered | Running | Mismatch:
    with judge.database.transaction() as tx:
        return requests.claim(tx, caller, key, digest, lease)


class _Held:
    """A claim of ours, renewed in one thread and ended in another."""

    def __init__(self, judge: Judge, claim: Claim) -> None:
        self._judge = judge
        self._claim: Claim | None = claim
        self._lock = threading.Lock()

    async def renewing(self, seconds: float) -> None:
        """Renew it every so many seconds, until cancelled."""
        while True:
            await asyncio.sleep(seconds)
            try:
                await run_in_threadpool(self._renew)
            except JudgeError as error:
                log.warning("a claim was not renewed", reason=str(error))

    def _renew(self) -> None:
        with self._lock, self._judge.database.transaction() as tx:
            if self._claim is not None:
                self._claim = requests.renew(tx, self._claim)

    def end(self, answered: Answered | None) -> None:
        """Keep the answer; without one, let the next try run."""
        with self._lock, self._judge.database.transaction() as tx:
            claim, self._claim = self._claim, None
            if claim is not None and answered is not None:
                requests.answer(tx, claim, answered)
            elif claim is not None:
                requests.lapse(tx, claim)


class _Answer:
    """What the application sends, held back until it is kept."""

    def __init__(self) -> None:
        self.messages: list[Message] = []

    async def take(self, message: Message) -> None:
        self.messages.append(message)

    def whole(self, kept_body: str | None) -> Answered | None:
        """The answer as it is kept, with `kept_body` for its body where that must not be: None for
        a fault of ours, what is no text and what is too long."""
        if not self.messages or self.messages[0]["status"] >= 500:
            return None
        body = b"".join(message.get("body", b"") for message in self.messages[1:])
        try:
            text = body.decode() if kept_body is None else kept_body
        except UnicodeDecodeError:
            return None
        headers = tuple(
            (name.decode("latin-1"), value.decode("latin-1"))
            for name, value in self.messages[0]["headers"]
            if name.lower() != b"content-length"
        )
        status = self.messages[0]["status"]
        return Answered(status, headers, text) if len(text) <= MAX_ANSWER else None


async def _replay(found: Answered, send: Send) -> None:
    body = found.body.encode()
    headers = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in found.headers]
    headers += [(b"content-length", b"%d" % len(body)), (b"idempotency-replayed", b"true")]
    await send({"type": "http.response.start", "status": found.status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


def _key(headers: Headers) -> str:
    given = headers.getlist(HEADER)
    if not given:
        return ""
    if len(given) > 1 or not _KEY.fullmatch(given[0]):
        raise Refused(
            MALFORMED, f"{HEADER}: one of 1 to {MAX_KEY} visible ASCII characters is taken"
        )
    return given[0]


async def _read(scope: Scope, receive: Receive, body: IO[bytes]) -> str:
    """Read the body to `body`; the request's digest, or nothing when the caller has left."""
    kind, boundary = _kind(Headers(scope=scope).get("content-type", ""))
    target = f"{scope['method']} {scope['path']}?".encode() + scope["query_string"]
    digest = sha256(b"\0".join((target, kind.encode())) + b"\0")
    held, keep = b"", max(len(boundary) - 1, 0)
    more = True
    while more:
        message = await receive()
        if message["type"] != "http.request":
            return ""
        piece = message.get("body", b"")
        more = message.get("more_body", False)
        body.write(piece)
        held += piece
        if boundary:
            held = held.replace(boundary, b"")
        cut = len(held) - keep if more else len(held)
        digest.update(held[: max(cut, 0)])
        held = held[max(cut, 0) :]
    body.seek(0)
    return digest.hexdigest()


def _kind(content_type: str) -> tuple[str, bytes]:
    header = Header()
    header["content-type"] = content_type
    boundary = header.get_boundary("")
    return header.get_content_type(), str(boundary).encode("latin-1", "replace")


def _from(body: IO[bytes], receive: Receive) -> Receive:
    """What was read, again; then whatever the caller does next."""
    done = False

    async def again() -> Message:
        nonlocal done
        if done:
            return await receive()
        piece = body.read(PIECE)
        done = len(piece) < PIECE
        return {"type": "http.request", "body": piece, "more_body": not done}

    return again
