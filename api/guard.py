"""The wall in front of every request, as one ASGI middleware.

On loopback no key is needed, so whoever can make a browser on this host send a request could use
the service. Three things stand against that: the Host header must be a loopback name (a rebound DNS
name is not), a request that writes must not come from another site, and JSON must be declared as
JSON (FastAPI's part). Beside that every body is bounded in size and time, no text holds what a
database cannot store, every answer carries the security headers, and what nobody caught becomes a
500 without a trace in it.
"""

import asyncio
import re
from collections.abc import Mapping
from urllib.parse import urlsplit
from uuid import uuid4

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api import failures
from judge import telemetry

LOOPBACK = ("127.0.0.1", "localhost", "[::1]")
MAX_HEADERS = 32 * 1024
MAX_BODY = 1024 * 1024
BODY_SECONDS = 60.0
"""For a whole body; a larger one has more, in proportion, up to ten times as long."""
HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; "
        "connect-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), microphone=(), geolocation=()",
}
_PORT = re.compile(r":[0-9]*\Z")
_WRITES = ("POST", "PUT", "PATCH", "DELETE")

log = telemetry.logger(__name__)


class Guard:
    """The middleware. `hosts` are the names answered to (empty: any); `body_limits` the bytes
    allowed by path where it is not MAX_BODY."""

    def __init__(
        self,
        app: ASGIApp,
        hosts: tuple[str, ...] = (),
        body_limits: Mapping[str, int] | None = None,
    ) -> None:
        self.app = app
        self.hosts = hosts
        self.body_limits = dict(body_limits or {})

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        request_id = uuid4().hex
        scope.setdefault("state", {})["request_id"] = request_id
        headers = Headers(scope=scope)
        path = scope["path"]
        limit = self.body_limits.get(path, MAX_BODY)
        started = False

        async def guarded_send(message: Message) -> None:
            nonlocal started
            if message["type"] == "http.response.start":
                started = True
                out = MutableHeaders(scope=message)
                for name, value in {**HEADERS, "X-Request-Id": request_id}.items():
                    out.setdefault(name, value)
            await send(message)

        async def refuse(
            failure: failures.Failure, detail: str = "", extra: Mapping[str, str] | None = None
        ) -> None:
            response = failures.answer(request_id, path, failure, detail, headers=extra)
            await response(scope, receive, guarded_send)

        refusal = _unstorable(scope) or self._refusal(scope["method"], headers, limit)
        if refusal:
            await refuse(*refusal)
            return
        try:
            await self.app(scope, _bounded(receive, limit), guarded_send)
        except Exception as error:
            known = failures.foreseen(error)
            if known is None or started:
                log.exception("request failed", request_id=request_id, path=path)
                known = known or (failures.INTERNAL, f"look for {request_id} in the service's log")
            if not started:
                await refuse(*known, extra=getattr(error, "headers", None))

    def _refusal(
        self, method: str, headers: Headers, limit: int
    ) -> tuple[failures.Failure, str] | None:
        if sum(len(name) + len(value) + 4 for name, value in headers.raw) > MAX_HEADERS:
            return failures.HEADERS_TOO_LARGE, f"at most {MAX_HEADERS} bytes are taken"
        host = headers.get("host", "")
        if self.hosts and _name(host) not in self.hosts:
            return failures.MISDIRECTED, f"use {' or '.join(self.hosts)} as the host name"
        if method in _WRITES and _foreign(headers, host):
            return (
                failures.FOREIGN,
                "send it from the service's own pages or from outside a browser",
            )
        length = headers.get("content-length", "0")
        if length.isdecimal() and len(length) < 20 and int(length) <= limit:
            return None
        return failures.TOO_LARGE, f"at most {limit} bytes are taken here"


def _unstorable(scope: Scope) -> tuple[failures.Failure, str] | None:
    """PostgreSQL takes no NUL in a text, and no name here has one."""
    if "\0" in scope["path"]:
        return failures.NOWHERE, ""
    if b"%00" in scope["query_string"] or b"\0" in scope["query_string"]:
        return failures.MALFORMED, "/query: a NUL is in it"
    return None


def _name(host: str) -> str:
    """The host name without its port, lower case; `[::1]:80` to `[::1]`."""
    return _PORT.sub("", host.lower())


def _foreign(headers: Headers, host: str) -> bool:
    """Whether a browser says that another site made it send this."""
    if headers.get("sec-fetch-site", "none") not in ("none", "same-origin"):
        return True
    origin = headers.get("origin")
    return origin is not None and urlsplit(origin).netloc.lower() != host.lower()


def _bounded(receive: Receive, limit: int) -> Receive:
    """`receive`, until more than `limit` bytes came, or the body takes too long."""
    total, whole = 0, False
    seconds = BODY_SECONDS * min(10.0, max(1.0, limit / MAX_BODY))
    until = asyncio.get_running_loop().time() + seconds

    async def bounded() -> Message:
        nonlocal total, whole
        if whole:
            return await receive()
        try:
            async with asyncio.timeout_at(until):
                message = await receive()
        except TimeoutError:
            detail = f"the body must be here within {seconds:.0f} s"
            raise failures.BodyRefused(failures.TOO_SLOW, detail, {"Connection": "close"}) from None
        total += len(message.get("body", b""))
        whole = not message.get("more_body", False)
        if total > limit:
            raise failures.BodyRefused(failures.TOO_LARGE, f"at most {limit} bytes are taken here")
        return message

    return bounded
