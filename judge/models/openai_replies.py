"""What an OpenAI-compatible endpoint answers, whole or as a stream, taken apart without trust.

Either dialect is read the same way: a chat's `message` or `delta`, a completion's `text`. Sizes are
bounded before anything is parsed. A stream that ends without saying why was cut off.
"""

import json
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from judge.models import tokens
from judge.models.base import Completion, Prompt, Usage

MAX_REPLY = 16 * 1024 * 1024
FINISHES = {"content_filter": "filter", "max_tokens": "length", None: "stop"}


class BadReply(Exception):
    """What came is no completion; the text says what it is."""


@dataclass(frozen=True, slots=True)
class Reply:
    """The first choice of a reply: its text, why it ended, what it says to have used, and when
    the first event and the first token came, in seconds after the request."""

    text: str
    finish: str
    usage: Any
    began: float | None = None
    first_token: float | None = None


def read_whole(body: bytes) -> Reply:
    """A reply in one piece. Raises BadReply."""
    return _read(_json(body))


def taken(body: dict[str, Any]) -> Completion:
    """A reply that was fetched from a file. Usage that it does not tell is zero and `estimated`.
    Raises BadReply."""
    reply = _read(body)
    usage = _usage(reply, most=MAX_REPLY) or Usage(estimated=True)
    return Completion(reply.text, reply.finish, usage)


def _read(reply: dict[str, Any]) -> Reply:
    choice = _choice(reply)
    if choice is None:
        raise BadReply(_shown(json.dumps(reply).encode()))
    return Reply(_text(choice), _finish(choice), reply.get("usage"))


def read_stream(chunks: Iterable[bytes], since: float) -> Reply:
    """Server-sent events as they come; `since` is when the request was sent, on the monotonic clock.
    Raises BadReply for a stream that was cut off or carries an error."""
    parts: list[str] = []
    finish = began = first = usage = None
    done = False
    for data in _events(chunks):
        now = time.monotonic() - since
        began = now if began is None else began
        if data == b"[DONE]":
            done = True
            break
        event = _json(data)
        if event.get("error"):
            raise BadReply(_shown(data))
        usage = event.get("usage") or usage
        choice = _choice(event)
        if choice is None:
            continue  # the last event carries the usage alone
        if choice.get("finish_reason") is not None:
            finish = _finish(choice)
        if text := _text(choice):
            first = now if first is None else first
            parts.append(text)
    if finish is None and not (done and parts):
        raise BadReply("the stream was cut off" if began is not None else "an empty stream")
    return Reply("".join(parts), finish or "stop", usage, began, first)


def completion_of(
    reply: Reply, asked: Prompt, model: str, most: int, seconds: float, beside: float = 1.0
) -> Completion:
    """A reply as ours. `most` is what was allowed, in tokens: a usage that cannot be is counted anew;
    `beside` is how many requests shared the machine meanwhile. Some servers stop behind a stop
    string, or not at all: the text ends before the first one anyway."""
    ends = [at for stop in asked.stop if (at := reply.text.find(stop)) >= 0]
    return Completion(
        reply.text[: min(ends, default=None)],
        "stop" if ends else reply.finish,
        _usage(reply, most) or _counted(model, asked, reply.text),
        seconds,
        first_token_seconds=reply.first_token,
        machine_seconds=seconds / max(1.0, beside),
    )


def bounded(chunks: Iterable[bytes], check: Callable[[int], None]) -> Iterator[bytes]:
    """The chunks, `check` being told after each how many bytes came so far."""
    seen = 0
    for chunk in chunks:
        seen += len(chunk)
        check(seen)
        yield chunk


def _events(chunks: Iterable[bytes]) -> Iterator[bytes]:
    """The data of each event. One line holds a whole one in this dialect."""
    held: list[bytes] = []
    for chunk in chunks:
        head, *lines = chunk.split(b"\n")
        held.append(head)
        for line in lines:
            yield from _data(held)
            held = [line]
    yield from _data(held)


def _data(parts: list[bytes]) -> Iterator[bytes]:
    line = b"".join(parts)
    if line.startswith(b"data:"):
        yield line[5:].strip()


def _json(body: bytes) -> dict[str, Any]:
    try:
        found = json.loads(body)
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, dict):
        raise BadReply(_shown(body))
    return found


def _choice(reply: dict[str, Any]) -> dict[str, Any] | None:
    choices = reply.get("choices")
    first = choices[0] if isinstance(choices, list) and choices else None
    return first if isinstance(first, dict) else None


def _finish(choice: dict[str, Any]) -> str:
    finish = choice.get("finish_reason")
    known = FINISHES.get(finish, finish) if isinstance(finish, str | None) else "stop"
    return str(known)


def _text(choice: dict[str, Any]) -> str:
    said = next((choice[name] for name in ("message", "delta") if name in choice), None)
    text = said.get("content") if isinstance(said, dict) else choice.get("text")
    return text if isinstance(text, str) else ""


def _usage(reply: Reply, most: int) -> Usage | None:
    usage = reply.usage
    if not isinstance(usage, dict):
        return None
    asked, heard = usage.get("prompt_tokens"), usage.get("completion_tokens")
    if type(asked) is not int or type(heard) is not int or asked < 0:
        return None
    if heard < bool(reply.text) or heard > max(most, len(reply.text)) + 16:
        return None
    return Usage(asked, heard, cached_tokens=_cached(usage, asked))


def _cached(usage: dict[str, Any], asked: int) -> int:
    details = usage.get("prompt_tokens_details")
    cached = details.get("cached_tokens") if isinstance(details, dict) else None
    return cached if type(cached) is int and 0 <= cached <= asked else 0


def _counted(model: str, prompt: Prompt, text: str) -> Usage:
    said = "\n".join(message.content for message in prompt.messages)
    asked, heard = tokens.count_tokens(said, model), tokens.count_tokens(text, model)
    return Usage(asked.tokens, heard.tokens, estimated=True)


def _shown(body: bytes) -> str:
    return body[:200].decode("utf-8", "replace")
