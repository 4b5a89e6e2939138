"""A fork server's first moments: its socket to the host, and no descriptor that it was not given."""

import contextlib
import fcntl
import os
import socket

FIRST_FREE = 10
"""Below are the descriptors of children, kept taken in the server so that dup2 never collides."""


def connection(given: int | str) -> int:
    """The socket to the host: inherited, or to be found at a path."""
    if isinstance(given, int):
        return given
    connected = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    connected.connect(given)
    return connected.detach()


def settle_descriptors(number: int, kills: int | None) -> tuple[socket.socket, int | None]:
    """Only the null device below FIRST_FREE, only ours above; complaints still go to 2."""
    null = os.open("/dev/null", os.O_RDWR)
    kept = [
        fcntl.fcntl(fd, fcntl.F_DUPFD_CLOEXEC, FIRST_FREE)
        for fd in (number, _kills_file() if kills is None else kills)
        if fd is not None
    ]
    for low in range(FIRST_FREE):
        if low != 2:
            os.dup2(null, low)
    for high in range(FIRST_FREE, 1024):
        if high not in kept:
            with contextlib.suppress(OSError):
                os.close(high)
    return socket.socket(fileno=kept[0]), kept[1] if len(kept) > 1 else None


def _kills_file() -> int | None:
    """A container's own group, as the engine shows it."""
    for name in ("memory/memory.oom_control", "memory.events"):
        with contextlib.suppress(OSError):
            return os.open(f"/sys/fs/cgroup/{name}", os.O_RDONLY)
    return None
