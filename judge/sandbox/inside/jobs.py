"""How a job crosses the wall: a header that the server reads, and a text that only the child reads.

The header (HEADER, then the entry as JSON) holds limits, what to call and how long the parts of the
text are; the fork server reads it, as it holds nothing of a solution. The text is in a memory file
that the server never reads: the inputs, one a line (or all of them as one JSON list, where they are
short and plain), then the preamble and the source. Inputs are Wire text, which holds no line break.
"""

import json
import os
import struct
from collections.abc import Sequence
from enum import IntEnum
from typing import Any, NamedTuple


class Mode(IntEnum):
    """What a child does with its job."""

    FUNCTION = 1
    CLASS = 2
    PROGRAM = 3
    SERVE = 4  # load the solution and answer the examiner's calls
    EXAMINE = 5  # run a check against a solution in another box


HEADER = struct.Struct("<IBBBBIQQQdIQQ")
MOST_HEADER = 65_536
"""Bytes of a header with its entry."""
JOINED_BYTES = 65_536
"""Up to there, inputs are read at once: all of them are in the child's memory, then."""
_scan = json.scanner.make_scanner(json.JSONDecoder())  # type: ignore[attr-defined]


class Order(NamedTuple):
    """A job's header: a number that its answer repeats, limits (µs, bytes, MiB, seconds) and the
    measures of its text."""

    number: int
    mode: int
    threads: bool
    joined: bool
    exact: bool
    memory_mb: int
    output_bytes: int
    cpu_us: int
    example_cpu_us: int
    wall_seconds: float
    inputs: int
    preamble_bytes: int
    text_bytes: int


class Text(NamedTuple):
    """A job's text as the host composes it."""

    entry: bytes
    inputs: int
    joined: bool
    preamble_bytes: int
    content: bytes


def compose(entry: bytes, inputs: Sequence[str], preamble: str, source: str) -> Text:
    """The text of a job, its entry as JSON; a lone surrogate in the source survives, to fail as the
    solution's own."""
    before = preamble.encode("utf-8", "surrogatepass")
    given = ",".join(inputs)
    joined = len(given) <= JOINED_BYTES and "{" not in given
    lines = f"[{given}]\n" if joined else "\n".join((*inputs, ""))
    content = lines.encode("ascii") + before + source.encode("utf-8", "surrogatepass")
    return Text(entry, len(inputs), joined, len(before), content)


class JobText(NamedTuple):
    """A job as a child holds it. `inputs` are values where they were joined, else still text."""

    entry: dict[str, Any]
    inputs: list[Any]
    joined: bool
    preamble: bytes
    source: bytes

    @classmethod
    def parse(
        cls, entry: dict[str, Any], text: bytes, inputs: int, preamble_bytes: int, *, joined: bool
    ) -> "JobText":
        """Take apart what `compose` put together."""
        *lines, rest = text.split(b"\n", 1 if joined else inputs)
        given: list[Any] = _scan(lines[0].decode("ascii"), 0)[0] if joined else lines
        return cls(entry, given, joined, rest[:preamble_bytes], rest[preamble_bytes:])


def read_all(fd: int, size: int) -> bytes:
    """The first `size` bytes of a file, whatever its offset."""
    text = os.pread(fd, size, 0)
    while len(text) < size and (more := os.pread(fd, size - len(text), len(text))):
        text += more
    return text
