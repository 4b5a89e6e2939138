"""What a job is given to read and write: descriptors made for it alone, so that none carries state."""

import os
from types import TracebackType
from typing import Self


class Descriptors:
    """Makes them, and closes all of them at the end of its `with`."""

    def __init__(self) -> None:
        self._open: list[int] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for fd in self._open:
            os.close(fd)

    def memory(self, content: bytes = b"") -> int:
        """A file in memory."""
        fd = os.memfd_create("job", os.MFD_CLOEXEC)
        self._open.append(fd)
        at = 0
        while at < len(content):
            at += os.pwrite(fd, content[at:] if at else content, at)
        return fd

    def pipe(self) -> tuple[int, int]:
        """A pipe: the end to read, the end to write."""
        ends = os.pipe2(os.O_CLOEXEC)
        self._open += ends
        return ends

    def close(self, *fds: int) -> None:
        """Let go of some early."""
        for fd in fds:
            self._open.remove(fd)
            os.close(fd)


def size(fd: int) -> int:
    """Bytes in a file whose offset nobody needs any more."""
    return os.lseek(fd, 0, os.SEEK_END)


def read(fd: int, most: int) -> bytes:
    """A file's first `most` bytes, wherever its offset is."""
    content = os.pread(fd, most, 0) if most else b""
    while len(content) < most and (more := os.pread(fd, most - len(content), len(content))):
        content += more
    return content
