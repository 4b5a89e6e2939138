"""What both OpenAI dialects share: the connection, concurrent drawing, and errors without secrets.

An endpoint is somebody else's program: its replies are bounded in size and time, redirects are not
followed (they would carry the key away), and its error texts are shortened and stripped of keys
before anybody sees them.
"""

import ipaddress
import json
import os
import re
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import replace
from typing import Any
from urllib.parse import urlsplit

import httpx2
import openai

from judge.errors import JudgeError, ModelError, ModelRefused, ModelUnavailable
from judge.models import tokens
from judge.models.base import Completion, ModelSpec, Prompt, Sampling, Usage

KEY = "OPENAI_API_KEY"
PARALLEL = 8  # requests in flight a model, over all its questions
RETRIES = 2  # the SDK's own, within one request; a batch retries later
SECONDS = 600.0  # for one whole reply; reasoning models take minutes
MAX_REPLY = 16 * 1024 * 1024
PASSING = frozenset({408, 409, 425, 429})
FINISHES = {"content_filter": "filter", "max_tokens": "length", None: "stop"}


class Connection:
    """One endpoint, reached through the SDK; thread-safe."""

    def __init__(self, spec: ModelSpec, seconds: float = SECONDS) -> None:
        """Raises ModelRefused when the endpoint wants a key and there is none."""
        self._spec = spec
        self._seconds = seconds
        self._key = _key_for(spec)
        self._pool = ThreadPoolExecutor(PARALLEL, thread_name_prefix="asking")
        try:
            self.client = openai.OpenAI(
                api_key=self._key,
                base_url=spec.base_url or None,
                max_retries=RETRIES,
                timeout=httpx2.Timeout(seconds, connect=min(seconds, 10.0)),
                http_client=openai.DefaultHttpxClient(follow_redirects=False),
            )
        except (httpx2.InvalidURL, openai.OpenAIError, ValueError) as error:
            raise ModelRefused(f"{self._where}: {self._said(error)}") from None

    @property
    def official(self) -> bool:
        """Whether this is OpenAI's own endpoint, which renamed `max_tokens`."""
        return (self.client.base_url.host or "").endswith("openai.com")

    def draw(
        self,
        one: Callable[[Sampling], Completion],
        sampling: Sampling,
        n: int,
        first: int,
        keep: Callable[[Completion], None] | None,
    ) -> Sequence[Completion]:
        """Ask n times at once, each its own request, so that each is billed, kept and lost alone.

        A seed is raised by one a sample. On a fault, of a request or of `keep`, the requests not
        yet begun are called off, the others are kept as they arrive, for they are paid for, and the
        first fault is raised.
        """

        def draw_one(index: int) -> Completion:
            seed = None if sampling.seed is None else sampling.seed + index
            return replace(one(replace(sampling, seed=seed)), index=index)

        futures = [self._pool.submit(draw_one, index) for index in range(first, first + n)]
        drawn: list[Completion] = []
        fault: JudgeError | None = None
        try:
            for future in as_completed(futures):
                if future.cancelled():
                    continue
                try:
                    drawn.append(future.result())
                    if keep is not None:
                        keep(drawn[-1])
                except JudgeError as error:
                    fault = fault or error
                    _call_off(futures)
        finally:
            _call_off(futures)
        if fault is not None:
            raise fault
        return drawn

    def post(
        self, send: Callable[..., Any], asked: Prompt, sampling: Sampling, **fields: Any
    ) -> tuple[dict[str, Any], Usage, float]:
        """One request by the SDK's streaming-response method `send`: the first choice, what it
        used and the seconds it took. Raises ModelUnavailable or ModelRefused."""
        begun = time.monotonic()
        fields |= _sampling_fields(sampling)
        if asked.stop:
            fields["stop"] = list(asked.stop[:4])  # the dialect takes four
        try:
            with send(model=self._spec.id, **fields) as response:
                body = self._read(response, begun + self._seconds)
        except openai.APIStatusError as error:
            raise self._refusal(error) from None
        except (openai.OpenAIError, httpx2.HTTPError, httpx2.StreamError) as error:
            raise ModelUnavailable(f"{self._where}: {self._said(error)}") from None
        reply = self._parse(body)
        text = _text_of(reply[0])
        usage = _usage_of(reply[1]) or _counted(self._spec.id, asked, text)
        return reply[0], usage, time.monotonic() - begun

    def close(self) -> None:
        """Call off what waits and close the connections."""
        self._pool.shutdown(wait=False, cancel_futures=True)
        self.client.close()

    def _read(self, response: Any, deadline: float) -> bytes:
        body = bytearray()
        for chunk in response.iter_bytes():  # as they come; a chunk size would wait for more
            body += chunk
            if len(body) > MAX_REPLY:
                raise ModelRefused(f"{self._where}: a reply over {MAX_REPLY >> 20} MiB")
            if time.monotonic() > deadline:
                raise ModelUnavailable(f"{self._where}: no whole reply in {self._seconds:.0f} s")
        return bytes(body)

    def _parse(self, body: bytes) -> tuple[dict[str, Any], Any]:
        try:
            reply = json.loads(body)
            choice = reply["choices"][0]
            if isinstance(choice, dict):
                return choice, reply.get("usage")
        except (ValueError, RecursionError, LookupError, TypeError, AttributeError):
            pass
        raise ModelUnavailable(
            f"{self._where}: not a completion ({self._clean(body[:200].decode('utf-8', 'replace'))})"
        )

    def _refusal(self, error: openai.APIStatusError) -> ModelError:
        status = error.status_code
        text = f"{self._where}: HTTP {status}, {self._said(error)}"
        # a spent quota comes as 429 and stays
        if status in PASSING and getattr(error, "code", None) != "insufficient_quota":
            return ModelUnavailable(text)
        if status >= 500 and status != 501:
            return ModelUnavailable(text)
        if status in (401, 403):
            return ModelRefused(f"{text}; check {KEY}")
        if 300 <= status < 400:
            return ModelRefused(f"{text}; the endpoint moved, check base_url")
        return ModelRefused(text)

    def _said(self, error: Exception) -> str:
        body = getattr(error, "body", None)
        said = body.get("message") if isinstance(body, dict) else None
        cause = f" ({type(error.__cause__).__name__})" if error.__cause__ else ""
        return self._clean(str(said or error) + cause)

    def _clean(self, text: str) -> str:
        line = " ".join(text.replace(self._key, "***").split())
        return re.sub(r"\b(sk-|Bearer )[\w.*-]{4,}", r"\1***", line)[:300]

    @property
    def _where(self) -> str:
        host = (
            urlsplit(self._spec.base_url).netloc.rpartition("@")[2] if self._spec.base_url else ""
        )
        return f"model {self._spec.name!r}{' at ' + host if host else ''}"


def completion_of(choice: dict[str, Any], usage: Usage, seconds: float) -> Completion:
    """A choice of a reply as ours."""
    finish = choice.get("finish_reason")
    known = FINISHES.get(finish, finish) if isinstance(finish, str | None) else "stop"
    return Completion(_text_of(choice), str(known), usage, seconds)


def _key_for(spec: ModelSpec) -> str:
    key = os.environ.get(KEY, "").strip()
    if not key and not _is_near(spec.base_url):
        raise ModelRefused(f"model {spec.name!r}: no key; set {KEY}")
    return key or "unused"


def _is_near(base_url: str) -> bool:
    """Whether the address is this machine or a private network, where servers ask for no key."""
    try:
        host = urlsplit(base_url).hostname or ""
    except ValueError:
        return False
    try:
        return ipaddress.ip_address(host).is_private
    except ValueError:
        return bool(host) and ("." not in host or host.endswith((".localhost", ".local")))


def _sampling_fields(sampling: Sampling) -> dict[str, Any]:
    """What is the dialect's default is left unsaid: reasoning models refuse to be told."""
    fields: dict[str, Any] = {}
    if sampling.temperature != 1.0:
        fields["temperature"] = sampling.temperature
    if sampling.top_p != 1.0:
        fields["top_p"] = sampling.top_p
    if sampling.seed is not None:
        fields["seed"] = sampling.seed
    return fields


def _text_of(choice: dict[str, Any]) -> str:
    message = choice.get("message")
    text = message.get("content") if isinstance(message, dict) else choice.get("text")
    return text if isinstance(text, str) else ""


def _usage_of(usage: Any) -> Usage | None:
    if not isinstance(usage, dict):
        return None
    asked, heard = usage.get("prompt_tokens"), usage.get("completion_tokens")
    if type(asked) is int and type(heard) is int and asked >= 0 and heard >= 0:
        return Usage(asked, heard)
    return None


def _counted(model: str, prompt: Prompt, text: str) -> Usage:
    said = "\n".join(message.content for message in prompt.messages)
    asked, heard = tokens.count_tokens(said, model), tokens.count_tokens(text, model)
    return Usage(asked.tokens, heard.tokens, estimated=True)


def _call_off(futures: Sequence[Any]) -> None:
    for future in futures:
        future.cancel()
