"""Files of requests and of replies, a JSON line each, as the Batch API and `vllm run-batch` take them.

A line is found again by its `custom_id`: question, draw and the template's hash, since a reply may
come a day later, when this program has another template of that name. A file of replies is
somebody else's: lines come in any order, twice, cut off or not at all, and no bad line costs a good one.
"""

import json
import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass, replace
from typing import Any, BinaryIO, Literal

from judge.models import openai_body
from judge.models.base import Completion, ModelSpec, Prompt, Sampling
from judge.models.openai_client import PASSING
from judge.models.openai_replies import BadReply, taken

MAX_LINE = 16 * 1024 * 1024
PASSING_CODES = frozenset({"batch_expired", "rate_limit_exceeded", "server_error"})
QUOTA = "insufficient_quota"  # comes as 429 and stays

_CUSTOM_ID = re.compile(r"([0-9a-f-]{1,36}):([0-9]{1,6})(?::([0-9a-f]{8}))?")

Odd = Literal["garbage", "unknown"]


@dataclass(frozen=True, slots=True)
class Draw:
    """Which completion a line is about: the `index`-th of a question, asked with the template whose
    version has the hash `template`, empty where that is not told."""

    question: str
    index: int
    template: str

    @property
    def custom_id(self) -> str:
        """As it is written into a line; under 64 characters, which every provider takes."""
        return f"{self.question}:{self.index}:{self.template}"


@dataclass(frozen=True, slots=True)
class Fault:
    """Why there is no completion; a `lasting` one would only come again."""

    reason: str
    lasting: bool


@dataclass(frozen=True, slots=True)
class Reply:
    """What came for one draw. Usage that the line does not tell is zero and `estimated`."""

    draw: Draw
    came: Completion | Fault


def request_line(
    draw: Draw, spec: ModelSpec, prompt: Prompt, sampling: Sampling, *, official: bool = False
) -> bytes:
    """One line of a file of requests. A seed is raised by one a draw."""
    seed = None if sampling.seed is None else sampling.seed + draw.index
    body = openai_body.body_of(spec, prompt, replace(sampling, seed=seed), official=official)
    line = {
        "custom_id": draw.custom_id,
        "method": "POST",
        "url": openai_body.url_of(spec),
        "body": body,
    }
    return json.dumps(line, ensure_ascii=True).encode("ascii") + b"\n"


def read_replies(file: BinaryIO, known: Collection[str]) -> Iterator[Reply | Odd]:
    """What each line that is not blank says: a reply to one of the `known` questions, or what is odd
    about it."""
    for line in _lines(file):
        yield _read(line, known)


def _lines(file: BinaryIO) -> Iterator[bytes]:
    """Lines of at most MAX_LINE; of a longer one only that much, which cannot be read."""
    while line := file.readline(MAX_LINE):
        rest = line
        while not rest.endswith(b"\n") and (rest := file.readline(MAX_LINE)):
            line = b"{"
        if line.strip():
            yield line


def _read(line: bytes, known: Collection[str]) -> Reply | Odd:
    try:
        said = json.loads(line)
    except (ValueError, RecursionError):
        return "garbage"
    if not isinstance(said, dict):
        return "garbage"
    draw = _draw_of(said.get("custom_id"))
    if draw is None or draw.question not in known:
        return "unknown"
    return Reply(draw, _came(said))


def _draw_of(custom_id: object) -> Draw | None:
    if not isinstance(custom_id, str):
        return None
    found = _CUSTOM_ID.fullmatch(custom_id)
    return Draw(found[1], int(found[2]), found[3] or "") if found else None


def _came(said: dict[str, Any]) -> Completion | Fault:
    response, error = said.get("response"), said.get("error")
    status = response.get("status_code") if isinstance(response, dict) else None
    body = response.get("body") if isinstance(response, dict) else None
    if error or status not in (None, 200):
        return _fault(status, error or body)
    try:
        return taken(body if isinstance(body, dict) else {})
    except BadReply:
        return Fault("the reply held no completion", lasting=False)


def _fault(status: object, error: object) -> Fault:
    inner = error.get("error") if isinstance(error, dict) else None
    told = inner if isinstance(inner, dict) else error if isinstance(error, dict) else {}
    code, message = told.get("code"), told.get("message")
    number = status if type(status) is int else code if type(code) is int else 0
    passing = code in PASSING_CODES if isinstance(code, str) else False
    if number in PASSING or (number >= 500 and number != 501):
        passing = True
    if code == QUOTA:
        passing = False
    parts = [f"HTTP {number}" if number else "", str(code) if isinstance(code, str) else ""]
    parts.append(message if isinstance(message, str) else "")
    reason = ", ".join(filter(None, parts)) or "an error without a word"
    return Fault(" ".join(reason.split())[:300], lasting=not passing)
