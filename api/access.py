"""Who may do what: every operation's scope in one table, and the middleware that keeps it.

Actors: whoever can reach the port. With keys on, only who holds a key gets further than this file:
a key is looked up on every request, so that a revoked one is shut out at once, and before any body
is read. Where nothing is said of an address a key is needed all the same, so that a stranger does
not learn what exists. Browsers show a key as the password of HTTP Basic; as they send it along with
whatever another site makes them ask for, it reads and never writes.

With keys off the service answers on loopback alone: a request that came in by another address is
refused, whatever the process was told to listen on.
"""

import binascii
import re
from base64 import b64decode
from collections.abc import Mapping
from contextlib import suppress

from starlette.concurrency import run_in_threadpool
from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from api.failures import NO_KEY, NO_SCOPE, NOT_LOOPBACK, TOO_MANY, Refused
from api.rates import Rates
from judge.bootstrap import Judge
from judge.errors import JudgeError
from judge.settings import is_loopback
from judge.store import keys
from judge.store.keys import KeyRow

OPEN = ""
"""The scope of what needs no key."""

SCOPES: Mapping[str, str] = {
    "GET /healthz": OPEN,
    "GET /readyz": OPEN,
    "GET /metrics": "read",
    "GET /": "read",
    "GET /docs": "read",
    "GET /batches/{batch}": "read",
    "GET /leaderboards/{name}": "read",
    "GET /compare": "read",
    "GET /v1/openapi.json": "read",
    "GET /v1/problem-sets": "read",
    "POST /v1/problem-sets": "submit",
    "GET /v1/problem-sets/{name}": "read",
    "GET /v1/problem-sets/{name}/versions/{digest}": "read",
    "GET /v1/problem-sets/{name}/problems": "read",
    "GET /v1/problem-sets/{name}/problems/{slug}": "read",
    "GET /v1/models": "read",
    "POST /v1/models": "admin",
    "GET /v1/models/{name}": "read",
    "PUT /v1/models/{name}": "admin",
    "GET /v1/prompts": "read",
    "GET /v1/batches": "read",
    "POST /v1/batches": "submit",
    "GET /v1/batches/{batch}": "read",
    "PATCH /v1/batches/{batch}": "submit",
    "GET /v1/batches/{batch}/events": "read",
    "POST /v1/batches/{batch}/retry-errors": "submit",
    "GET /v1/batches/{batch}/latencies": "read",
    "GET /v1/batches/{batch}/samples": "read",
    "GET /v1/samples/{sample}": "read",
    "GET /v1/samples/{sample}/source": "read",
    "GET /v1/samples/{sample}/text": "read",
    "GET /v1/leaderboards/{name}": "read",
    "GET /v1/comparisons": "read",
    "GET /v1/keys": "admin",
    "POST /v1/keys": "admin",
    "DELETE /v1/keys/{key}": "admin",
}
OPEN_FOLDER = "/static/"
ELSEWHERE = "read"
"""The scope of what is not in the table: there is nothing, and only who has a key is told."""

_READS = ("GET", "HEAD")
_PARAMETER = re.compile(r"\\\{\w+\\\}")
_TEMPLATES = [
    (re.compile(_PARAMETER.sub("[^/]+", re.escape(operation))), scope)
    for operation, scope in SCOPES.items()
    if "{" in operation
]


def scope_of(method: str, path: str) -> str:
    """The scope that a request needs; OPEN for none."""
    method = "GET" if method == "HEAD" else method
    if method == "GET" and path.startswith(OPEN_FOLDER):
        return OPEN
    operation = f"{method} {path}"
    if operation in SCOPES:
        return SCOPES[operation]
    found = (scope for template, scope in _TEMPLATES if template.fullmatch(operation))
    return next(found, ELSEWHERE)


class Access:
    """The middleware; raises Refused. What it lets through has `caller` in its state: the id of
    the key, empty where none is needed. `rates` counts requests by key, or by address."""

    def __init__(self, app: ASGIApp, rates: Rates, *, needs_keys: bool) -> None:
        self.app = app
        self.rates = rates
        self.needs_keys = needs_keys

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request."""
        if scope["type"] == "http":
            scope["state"]["caller"] = await self._caller(scope)
        await self.app(scope, receive, send)

    async def _caller(self, scope: Scope) -> str:
        needed = scope_of(scope["method"], scope["path"])
        if not self.needs_keys and not _came_by_loopback(scope):
            raise Refused(NOT_LOOPBACK, "start it with JUDGE_AUTH=on to be used from elsewhere")
        if needed == OPEN:
            return ""
        holder = await self._holder(scope) if self.needs_keys else None
        caller = holder.id if holder else ""
        wait = await self.rates.wait_of(caller or _address(scope))
        if wait:
            raise Refused(TOO_MANY, f"try again in {wait} s", {"Retry-After": str(wait)})
        if not self.needs_keys:
            return ""
        challenge = _challenge(scope["path"])
        if holder is None:
            detail = "send `Authorization: Bearer jdg_..`; `judge keys add` makes a key"
            raise Refused(NO_KEY, detail, {"WWW-Authenticate": challenge})
        if not holder.may(needed):
            raise Refused(
                NO_SCOPE,
                f"this needs the scope {needed!r}; the key {holder.id} has "
                f"{', '.join(holder.scopes)}",
                {"WWW-Authenticate": f'{challenge}, error="insufficient_scope", scope="{needed}"'},
            )
        return caller

    async def _holder(self, scope: Scope) -> KeyRow | None:
        key = _key_in(Headers(scope=scope), writes=scope["method"] not in _READS)
        return await run_in_threadpool(_look_up, scope["app"].state.judge, key) if key else None


def _look_up(judge: Judge, key: str) -> KeyRow | None:
    with judge.database.reading() as tx:
        holder = keys.holder(tx, key)
    if holder and keys.is_stale(holder):
        with suppress(JudgeError), judge.database.transaction() as tx:
            keys.touch(tx, holder.id)
    return holder


def _key_in(headers: Headers, *, writes: bool) -> str:
    """The key that is shown; empty for none, for two, and for a password where something is to be
    written."""
    shown = headers.getlist("authorization")
    scheme, _, credentials = shown[0].strip().partition(" ") if len(shown) == 1 else ("", "", "")
    if scheme.lower() == "bearer":
        return credentials.strip()
    if scheme.lower() == "basic" and not writes:
        with suppress(ValueError, binascii.Error):
            return b64decode(credentials.strip(), validate=True).decode().partition(":")[2]
    return ""


def _challenge(path: str) -> str:
    """What to show: a key, and to a browser's page a password."""
    basic = "" if path.startswith("/v1/") else 'Basic realm="judge", charset="UTF-8", '
    return f'{basic}Bearer realm="judge"'


def _came_by_loopback(scope: Scope) -> bool:
    host, port = scope.get("server") or ("", None)
    return port is None or is_loopback(host)  # without one, a socket of this host's file system


def _address(scope: Scope) -> str:
    client = scope.get("client")
    return f"at {client[0]}" if client else "at nowhere"
