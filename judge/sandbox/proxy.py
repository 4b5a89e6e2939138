"""A door to a Docker engine that only boxes of judge's pass; permits.py says what may.

One request a connection, read strictly: a head of bounded size with CRLF line ends, no transfer
coding, one length, a body of exactly that length and nothing behind it. Anything else is a 400 and
the end. What the engine is sent is written here, from the call that permits.py made; so the two can
never disagree about where a request ends.
"""

import http.client
import json
import os
import re
import socket
import socketserver
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from judge.errors import SandboxUnavailable
from judge.sandbox.container import EXECUTABLE_LABEL, RUNNER_LABEL
from judge.sandbox.namespaces import runner_digest
from judge.sandbox.permits import Call, Permits, Refused
from judge.telemetry import logger

SECONDS = 30.0
ENGINE_SECONDS = 120.0
MOST_HEAD, MOST_BODY, MOST_ANSWER = 16 << 10, 256 << 10, 16 << 20
AT_ONCE = 64

_START = re.compile(rb"(GET|POST|DELETE) (/[A-Za-z0-9._:/-]*)(?:\?([!-~]*))? HTTP/1\.1")
_HEADER = re.compile(rb"([A-Za-z0-9-]+): ?([ -~]*)")

log = logger(__name__)


class Malformed(Exception):
    """Not a request as one may be written here."""


class _Wire(http.client.HTTPConnection):
    """HTTP over a unix socket."""

    def __init__(self, path: str) -> None:
        super().__init__("docker", timeout=ENGINE_SECONDS)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(ENGINE_SECONDS)
        self.sock.connect(self._path)


class Engine:
    """The engine behind the door."""

    def __init__(self, path: Path) -> None:
        self.path = str(path)

    def make(self, call: Call) -> tuple[int, bytes]:
        """Make a call; status and body. Raises OSError and http.client.HTTPException."""
        wire = _Wire(self.path)
        try:
            body = None if call.body is None else json.dumps(call.body).encode()
            headers = {"Content-Type": "application/json", "Connection": "close"}
            wire.request(call.method, call.target, body, headers)
            answer = wire.getresponse()
            return answer.status, answer.read(MOST_ANSWER)
        finally:
            wire.close()

    def ask(self, call: Call) -> Any:
        """The JSON of a call that must succeed. Raises Refused."""
        status, said = self.make(call)
        if status != http.client.OK:
            raise Refused(f"the engine does not know it ({status})")
        return json.loads(said)


class Proxy(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
    """Listens on a unix socket, readable by its group; `serve_forever` runs it."""

    daemon_threads = True
    request_queue_size = 128

    def __init__(self, listen: Path, engine: Engine, permits: Permits) -> None:
        self.engine, self.permits = engine, permits
        self.places = threading.BoundedSemaphore(AT_ONCE)
        listen.unlink(missing_ok=True)
        before = os.umask(0o117)
        try:
            super().__init__(str(listen), _Door)
        finally:
            os.umask(before)


class _Door(socketserver.BaseRequestHandler):
    """One connection."""

    server: Proxy

    def handle(self) -> None:
        with self.server.places:
            self.request.settimeout(SECONDS)
            try:
                call = read_call(self.request)
                if call is not None:
                    self._answer(*self._made(call))
            except Malformed as error:
                log.warning("refused", reason=str(error))
                self._refuse(400, str(error))
            except OSError:
                return

    def _made(self, call: Call) -> tuple[int, bytes]:
        engine = self.server.engine
        try:
            return engine.make(self.server.permits.checked(call, engine.ask))
        except Refused as error:
            log.warning("refused", method=call.method, path=call.path[:200], reason=str(error))
            return 403, _message(f"judge's proxy refuses: {error}")
        except (OSError, http.client.HTTPException, ValueError) as error:
            log.warning("no engine", reason=str(error)[:200])
            return 502, _message("the engine cannot be reached")

    def _refuse(self, status: int, why: str) -> None:
        try:
            self._answer(status, _message(f"judge's proxy refuses: {why}"))
        except OSError:
            return

    def _answer(self, status: int, body: bytes) -> None:
        reason = http.client.responses.get(status, "")
        head = (
            f"HTTP/1.1 {status} {reason}\r\nContent-Type: application/json\r\nConnection: close\r\n"
        )
        length = "" if status == http.client.NO_CONTENT else f"Content-Length: {len(body)}\r\n"
        self.request.sendall(f"{head}{length}\r\n".encode() + body)


def _message(text: str) -> bytes:
    return json.dumps({"message": text}).encode()


def read_call(connection: socket.socket) -> Call | None:
    """The one request of a connection; None where the caller only knocked. Raises Malformed."""
    data = b""
    while b"\r\n\r\n" not in data:
        if len(data) > MOST_HEAD:
            raise Malformed("the head is too long")
        more = connection.recv(MOST_HEAD)
        if not more:
            if not data:
                return None
            raise Malformed("the head is cut off")
        data += more
    head, _, body = data.partition(b"\r\n\r\n")
    first, *lines = head.split(b"\r\n")
    start = _START.fullmatch(first)
    if start is None:
        raise Malformed("no request line that may be written here")
    length = _length(lines)
    while len(body) < length:
        more = connection.recv(length - len(body) + 1)
        if not more:
            raise Malformed("the body is cut off")
        body += more
    if len(body) > length:
        raise Malformed("something follows the request")
    method, path, query = (part.decode("ascii") if part else "" for part in start.groups())
    try:
        content = json.loads(body) if body else None
    except (ValueError, RecursionError):
        raise Malformed("the body is not JSON") from None
    return Call(method, path, query, content)


def _length(lines: list[bytes]) -> int:
    """The body's length by the headers; each may stand there once."""
    headers: dict[bytes, bytes] = {}
    for line in lines:
        header = _HEADER.fullmatch(line)
        if header is None:
            raise Malformed("no header that may be written here")
        name = header[1].lower()
        if name in headers:
            raise Malformed("a header stands there twice")
        headers[name] = header[2].strip()
    if {b"transfer-encoding", b"upgrade", b"expect", b"trailer"} & headers.keys():
        raise Malformed("no transfer coding, no upgrade")
    given = headers.get(b"content-length", b"0")
    if not re.fullmatch(rb"[0-9]{1,7}", given) or int(given) > MOST_BODY:
        raise Malformed("no length that may be written here")
    return int(given)


def permits_of(engine: Engine, tags: frozenset[str], meeting: Path) -> Permits:
    """What may pass, with the images looked up now. Raises SandboxUnavailable."""
    images: dict[str, str] = {}
    for tag in tags:
        try:
            said = engine.ask(Call("GET", f"/v1.41/images/{tag}/json"))
        except Refused:
            raise SandboxUnavailable(
                f"there is no image {tag!r}; `judge sandbox build` makes it, without the proxy"
            ) from None
        except (OSError, http.client.HTTPException) as error:
            raise SandboxUnavailable(f"no engine at {engine.path} ({error}); start it") from None
        labels: Mapping[str, str] = (said.get("Config") or {}).get("Labels") or {}
        if labels.get(RUNNER_LABEL) != runner_digest():
            raise SandboxUnavailable(f"the image {tag!r} holds another runner; build it again")
        images[said["Id"]] = labels[EXECUTABLE_LABEL]
    return Permits(images, tags, meeting)
