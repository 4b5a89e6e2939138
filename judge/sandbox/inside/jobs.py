"""The text of a job, as the host writes it and a child reads it.

One line of JSON (entry, number of inputs, length of the preamble), one line an input, then the
preamble and the source. Inputs are Wire text, which holds no line break, and pass through unparsed.
"""

import json
import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import Any


class Mode(IntEnum):
    """What a child does with its job."""

    FUNCTION = 1
    CLASS = 2
    PROGRAM = 3
    SERVE = 4  # load the solution and answer the examiner's calls
    EXAMINE = 5  # run a check against a solution in another box


@dataclass(frozen=True, slots=True)
class JobText:
    """A job as a child holds it: header fields, inputs still as text, preamble and source."""

    entry: dict[str, Any]
    inputs: list[bytes]
    preamble: bytes
    source: bytes

    @classmethod
    def parse(cls, text: bytes) -> "JobText":
        """Take apart what `compose` put together."""
        head, rest = text.split(b"\n", 1)
        header = json.loads(head)
        *inputs, rest = rest.split(b"\n", header["inputs"])
        cut = header["preamble"]
        return cls(header["entry"], inputs, rest[:cut], rest[cut:])


def compose(entry: dict[str, Any], inputs: Sequence[str], preamble: str, source: str) -> bytes:
    """The job's text; a lone surrogate in the source survives, to fail as the solution's own."""
    before = preamble.encode("utf-8", "surrogatepass")
    header = {"entry": entry, "inputs": len(inputs), "preamble": len(before)}
    lines: Iterable[str] = (json.dumps(header), *inputs, "")
    return "\n".join(lines).encode("ascii") + before + source.encode("utf-8", "surrogatepass")


def read_all(fd: int) -> bytes:
    """Everything in a file from its start, whatever its offset."""
    size = os.fstat(fd).st_size
    parts, at = [], 0
    while at < size:
        part = os.pread(fd, size - at, at)
        if not part:
            break
        parts.append(part)
        at += len(part)
    return b"".join(parts)
