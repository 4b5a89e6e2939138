"""Talking to a running service: JSON over HTTP, every fault one line.

Where the service wants a key it is taken from JUDGE_API_KEY. Redirects are not followed: they would
carry the key elsewhere.
"""

import http.client
import json
import urllib.error
import urllib.request
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from judge.cli import console
from judge.errors import JudgeError, UnknownName, UsageError
from judge.settings import read_settings

MAX_ANSWER = 256 * 1024 * 1024


class _Still(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_: object) -> None:
        """Nowhere; the redirect is an error like any other."""


_OPENER = urllib.request.build_opener(_Still)


def get(server: str, path: str, *, seconds: float = 60.0) -> Any:
    """The JSON at a path of the service. Raises as `send`."""
    return send(server, "GET", path, seconds=seconds)


def send(
    server: str,
    method: str,
    path: str,
    body: object = None,
    *,
    headers: Mapping[str, str] | None = None,
    seconds: float = 60.0,
) -> Any:
    """The service's JSON answer to a request.

    Raises UnknownName (404), UsageError (other 4xx) with the service's own words, JudgeError when
    it is out of reach, breaks off or answers what no judge would.
    """
    if urlsplit(server).scheme not in ("http", "https") or not urlsplit(server).netloc:
        raise UsageError(f"{server!r} is no address of a service; such as http://127.0.0.1:8710")
    key = read_settings().api_key.get_secret_value().strip()
    if not (key.isascii() and key.isprintable()):
        raise UsageError("JUDGE_API_KEY is no key; it looks like jdg_<id>_<secret>")
    shown = {"Authorization": f"Bearer {key}"} if key else {}
    request = urllib.request.Request(  # noqa: S310 - the scheme was checked above
        server.rstrip("/") + path,
        data=None if body is None else json.dumps(body).encode(),
        method=method,
        headers={"Content-Type": "application/json", **shown, **(headers or {})},
    )
    try:
        with _OPENER.open(request, timeout=seconds) as response:
            return _json(server, response.read(MAX_ANSWER))
    except urllib.error.HTTPError as error:
        raise _refused(server, error) from None
    except (OSError, http.client.HTTPException) as error:
        reason = getattr(error, "reason", None) or error
        raise JudgeError(
            f"no service answers at {server} ({reason}); is `judge up` running there?"
        ) from None


def _refused(server: str, error: urllib.error.HTTPError) -> JudgeError:
    with error:
        try:
            problem = json.loads(error.read(1024 * 1024))
            detail = console.clean(problem["detail"])
        except (OSError, ValueError, KeyError, TypeError):
            return JudgeError(f"{server} answered {error.code} without saying why; is it a judge?")
    if error.code == http.HTTPStatus.UNAUTHORIZED:
        return UsageError(f"{detail}; set JUDGE_API_KEY to a key of that service")
    if error.code == http.HTTPStatus.NOT_FOUND:
        return UnknownName(detail)
    return UsageError(detail) if error.code < 500 else JudgeError(f"{server}: {detail}")


def _json(server: str, text: bytes) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        raise JudgeError(f"{server} did not answer in JSON; is it a judge?") from None
