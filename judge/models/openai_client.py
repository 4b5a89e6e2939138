"""What both OpenAI dialects share: the connection, concurrent drawing, and errors without secrets.

An endpoint is somebody else's program: its replies are bounded in size and time, redirects are not
followed (they would carry the key away), and its error texts are shortened and stripped of keys
before anybody sees them. Replies are asked for as streams, which tells when the first token came
and finds a dead endpoint sooner; one that cannot stream is asked for whole ones. How much it is
asked at once, and when again after a rate limit, is pacing's.
"""

import ipaddress
import os
import random
import re
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import replace
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import urlsplit

import httpx2
import openai

from judge.errors import JudgeError, ModelError, ModelRefused, ModelUnavailable
from judge.models import openai_body, openai_replies, pacing
from judge.models.base import Completion, ModelSpec, Prompt, Sampling
from judge.models.openai_replies import MAX_REPLY, BadReply, Reply

KEY = "OPENAI_API_KEY"
PARALLEL = 64  # threads a model at most; how many ask at once is the pace's to say
RETRIES = 1  # of a passing fault in place; a batch tries again later
SECONDS = 600.0  # for one whole reply; reasoning models take minutes
SILENCE = 300.0  # without a byte
PASSING = frozenset({408, 409, 425, 429})
LIMITING = frozenset({429, 503, 529})
SPENT = re.compile(
    r"insufficient_quota|credit_balance|billing|hard_limit_reached|spend(ing)?_limit"
    r"|exceeded your current quota|credit balance|payment required",
    re.IGNORECASE,
)


class Connection:
    """One endpoint, reached through the SDK; thread-safe."""

    def __init__(self, spec: ModelSpec, seconds: float = SECONDS) -> None:
        """Raises ModelRefused when the endpoint wants a key and there is none."""
        self._spec = spec
        self._seconds = seconds
        self._key = _key_for(spec)
        self._streams = True
        self._pool = ThreadPoolExecutor(PARALLEL, thread_name_prefix="asking")
        try:
            self.client = openai.OpenAI(
                api_key=self._key,
                base_url=spec.base_url or None,
                max_retries=0,
                timeout=httpx2.Timeout(min(seconds, SILENCE), connect=min(seconds, 10.0)),
                http_client=openai.DefaultHttpxClient(follow_redirects=False),
            )
        except (httpx2.InvalidURL, openai.OpenAIError, ValueError) as error:
            raise ModelRefused(f"{self._where}: {self._said(error)}") from None
        self.pace = pacing.pace_of(str(self.client.base_url), self._key, self._where)

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

    def post(self, send: Callable[..., Any], asked: Prompt, sampling: Sampling) -> Completion:
        """One request by the SDK's streaming-response method `send`, and again where a short wait
        is all it needs. Raises ModelUnavailable, RateLimited or ModelRefused."""
        fields = openai_body.body_of(self._spec, asked, sampling, official=self.official)
        left = RETRIES
        while True:
            with self.pace.turn():
                begun, flight = time.monotonic(), self.pace.in_flight
                try:
                    reply = self._once(send, fields, begun)
                    self.pace.answered(reply.began)
                    seconds = time.monotonic() - begun
                    model, most = self._spec.id, sampling.max_tokens
                    beside = (flight + self.pace.in_flight) / 2
                    return openai_replies.completion_of(reply, asked, model, most, seconds, beside)
                except openai.APIStatusError as error:
                    if self._stops_streaming(error):
                        continue
                    fault, named = self.fault(error), _named_wait(error)
                    limited = isinstance(fault, ModelUnavailable) and (
                        error.status_code == 429
                        or (error.status_code in LIMITING and named is not None)
                    )
                    if limited:
                        self.pace.refused(begun, named)
                        continue
                except (
                    openai.OpenAIError,
                    httpx2.HTTPError,
                    httpx2.StreamError,
                    BadReply,
                ) as error:
                    fault = ModelUnavailable(f"{self._where}: {self._said(error)}")
                    if isinstance(error, openai.APITimeoutError | httpx2.TimeoutException):
                        raise fault from None
            if isinstance(fault, ModelRefused) or not left:
                raise fault from None
            left -= 1
            time.sleep(random.uniform(0.3, 0.8))  # noqa: S311 - no secret hangs on it

    def _once(self, send: Callable[..., Any], fields: dict[str, Any], begun: float) -> Reply:
        streaming = {"stream": True, "stream_options": {"include_usage": True}}
        with send(**fields, **(streaming if self._streams else {})) as response:
            chunks = self.bounded(response, begun)
            if response.headers.get("content-type", "").startswith("text/event-stream"):
                return openai_replies.read_stream(chunks, begun)
            return openai_replies.read_whole(b"".join(chunks))

    def bounded(self, response: Any, begun: float) -> Iterator[bytes]:
        """The body as it comes. Raises ModelRefused where it is too large, ModelUnavailable where it
        takes too long."""
        # Without a chunk size, which would wait for more.
        return openai_replies.bounded(response.iter_bytes(), lambda n: self._check(n, begun))

    def _check(self, seen: int, begun: float) -> None:
        if seen > MAX_REPLY:
            raise ModelRefused(f"{self._where}: a reply over {MAX_REPLY >> 20} MiB")
        if time.monotonic() - begun > self._seconds:
            raise ModelUnavailable(f"{self._where}: no whole reply in {self._seconds:.0f} s")

    def _stops_streaming(self, error: openai.APIStatusError) -> bool:
        """Whether this endpoint refused only to stream, and is asked for whole replies from now on."""
        refused = error.status_code in (400, 422) and "stream" in self._said(error).lower()
        stops, self._streams = refused and self._streams, self._streams and not refused
        return stops

    def close(self) -> None:
        """Call off what waits and close the connections."""
        self._pool.shutdown(wait=False, cancel_futures=True)
        self.client.close()

    def fault(self, error: openai.APIStatusError) -> ModelError:
        """What a refusal means. What holds for every request under this key stops them all."""
        status, said = error.status_code, self._said(error)
        text = f"{self._where}: HTTP {status}, {said}"
        code = f"{getattr(error, 'code', '')} {getattr(error, 'type', '')} {said}"
        if status == 402 or (status in (403, 429) and SPENT.search(code)):
            fault = ModelRefused(
                f"{text}; the money or quota there is spent: add some, then retry the errors"
            )
            self.pace.bury(fault)
            return fault
        if status in PASSING or (status >= 500 and status != 501):
            return ModelUnavailable(text)
        if status == 401:
            fault = ModelRefused(f"{text}; check {self._spec.key_env or KEY}")
            self.pace.bury(fault)
            return fault
        if status == 403:
            return ModelRefused(f"{text}; check {self._spec.key_env or KEY}")
        if "content_filter" in code:
            return ModelRefused(f"{text}; the provider's content filter takes no such prompt")
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


def _key_for(spec: ModelSpec) -> str:
    name = spec.key_env or KEY
    key = os.environ.get(name, "").strip()
    if not key and not _is_near(spec.base_url):
        raise ModelRefused(f"model {spec.name!r}: no key; set {name}")
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


def _named_wait(error: openai.APIStatusError) -> float | None:
    """Seconds that the endpoint asks to be left alone, if it names them: a number or a date."""
    headers = error.response.headers
    try:
        if "retry-after-ms" in headers:
            return max(0.0, float(headers["retry-after-ms"]) / 1000)
        given = headers["retry-after"]
    except (KeyError, ValueError):
        return None
    try:
        wait = float(given)
    except ValueError:
        try:
            wait = (parsedate_to_datetime(given) - datetime.now(UTC)).total_seconds()
        except (ValueError, TypeError):
            return None
    return max(0.0, wait) if wait == wait else None  # noqa: PLR0124 - not for NaN


def _call_off(futures: Sequence[Any]) -> None:
    for future in futures:
        future.cancel()
