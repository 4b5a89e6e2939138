"""The frames between an examiner and the solution it examines: two pipes, one call outstanding.

A frame is `<u32 length><u8 kind><u32 sequence>` and an ASCII body. The examiner asks (CALL, SET),
the solution answers with the same sequence number (VALUE, RAISED, BAD_TYPE), after one frame with
number 0 that says it LOADED or failed to. Anything else, anything left over, is `Broken`: the
solution's process is the attacker's, and the examiner believes the form of a frame only after it
has checked it.
"""

import os
import struct
from enum import IntEnum

from problems.values.form import REPLY_BYTES as MAX_FRAME

HEAD = struct.Struct("<IBI")
CALL_IN, CALL_OUT = 5, 6  # descriptors of either side: what it reads, what it writes


class Kind(IntEnum):
    """What a frame is."""

    LOADED = 0
    VALUE = 1
    RAISED = 2
    BAD_TYPE = 3
    REFUSED = 4
    CALL = 5
    SET = 6


class Broken(Exception):
    """The other side broke the form: `died`, `protocol`, `too_big`."""


def send(fd: int, kind: Kind, sequence: int, body: str) -> None:
    """Write one frame. Raises Broken when nobody reads any more."""
    data = body.encode("ascii")
    frame = HEAD.pack(len(data), kind, sequence) + data
    try:
        while frame:
            frame = frame[os.write(fd, frame) :]
    except BrokenPipeError:
        raise Broken("died") from None


class Reader:
    """Reads frames from a pipe, one at a time."""

    def __init__(self, fd: int) -> None:
        self._fd = fd

    def next(self) -> tuple[int, int, str]:
        """Kind, sequence and body of the next frame. Raises Broken."""
        data = self._more()
        while len(data) < HEAD.size:
            data += self._more()
        length, kind, sequence = HEAD.unpack_from(data)
        if length > MAX_FRAME:
            raise Broken("too_big")
        parts, missing = [data[HEAD.size :]], HEAD.size + length - len(data)
        while missing > 0:
            parts.append(self._more())
            missing -= len(parts[-1])
        if missing < 0:  # one call is outstanding, so nothing may follow its answer
            raise Broken("protocol")
        try:
            return kind, sequence, b"".join(parts).decode("ascii")
        except UnicodeDecodeError:
            raise Broken("protocol") from None

    def _more(self) -> bytes:
        data = os.read(self._fd, 65536)
        if not data:
            raise Broken("died")
        return data
