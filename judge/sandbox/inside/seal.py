"""What a process of the box may no longer do: ids, capabilities, resources, system calls, files.

Theory of operation. The fork server calls `seal_server` once. It becomes the box's own server user
(nobody of the host's), keeps the three capabilities it needs to start and stop children, and enters
the system call filter (filters.py) and the Landlock domain (landlock.py) that every child inherits.
`drop` turns a child into the slot's user: after it no capability is left, and no more processes can
be made (RLIMIT_NPROC counts the slot's uid; where there is no uid of our own, or where threads are
granted, a second small filter says the same).

Not covered: a bug of the kernel behind the calls that stay allowed.
"""

import ctypes
import os
import platform
import resource
import struct
import sys

from judge.sandbox.inside import landlock
from judge.sandbox.inside.filters import no_processes_filter, program_header, server_filter

_libc = ctypes.CDLL(None, use_errno=True)

PR_SET_DUMPABLE, PR_SET_KEEPCAPS, PR_CAPBSET_READ, PR_CAPBSET_DROP = 4, 8, 23, 24
PR_SET_SECCOMP, PR_SET_NO_NEW_PRIVS, SECCOMP_MODE_FILTER = 22, 38, 2
CAP_KILL, CAP_SETGID, CAP_SETUID = 5, 6, 7
_KEPT = (CAP_KILL, CAP_SETGID, CAP_SETUID)
_LAST_CAP = 63
MOST_THREADS = 64


class SealFailed(OSError):
    """The kernel refused a part of the seal; the box must not be used."""


def call(name: str, *arguments: object) -> int:
    """A libc function by name. Raises SealFailed with its errno."""
    result = int(getattr(_libc, name)(*arguments))
    if result < 0:
        number = ctypes.get_errno()
        raise SealFailed(number, f"{name}: {os.strerror(number)}")
    return result


def prctl(option: int, value: int = 0) -> int:
    """The system call of that name, with one argument."""
    return call("prctl", option, ctypes.c_ulong(value), 0, 0, 0)


def seal_server(uid: int) -> int:
    """Tighten this process for good; its children inherit everything here. `uid` is the server's
    own user, 0 to stay who it is. The Landlock ABI in force is returned, 0 for none."""
    if platform.machine() != "x86_64":
        raise SealFailed(0, f"no system call table for {platform.machine()}: x86_64 is needed")
    _bound_capabilities()
    if uid:
        prctl(PR_SET_KEEPCAPS, 1)
        os.setgroups([])
        os.setresgid(uid, uid, uid)
        os.setresuid(uid, uid, uid)
    call("capset", *_capabilities(_KEPT))
    prctl(PR_SET_NO_NEW_PRIVS, 1)
    prctl(PR_SET_DUMPABLE, 0)
    for kind, most in (
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_NOFILE, 256),
        (resource.RLIMIT_MEMLOCK, 0),
        (resource.RLIMIT_MSGQUEUE, 0),
    ):
        resource.setrlimit(kind, (most, most))
    found = landlock.restrict(sys.base_prefix)
    _load(server_filter())
    return found


def drop(uid: int, *, threads: bool) -> None:
    """Become the slot's user, for good. uid 0 means there is none (an unprivileged host): the
    child then lives by its user namespace alone, without any capability."""
    if uid:
        most = MOST_THREADS if threads else 1
        resource.setrlimit(resource.RLIMIT_NPROC, (most, most))
        os.setresuid(uid, uid, uid)
    call("capset", *_NO_CAPABILITIES)  # only a server that is root loses them by changing ids
    if threads or not uid:
        call("prctl", PR_SET_SECCOMP, SECCOMP_MODE_FILTER, _NO_PROCESSES[0], 0, 0)


def _bound_capabilities() -> None:
    """No capability but the kept ones can come back. A container has bounded them already, and
    may then refuse to be asked; what counts is what is left."""
    for capability in range(_LAST_CAP + 1):
        if capability in _KEPT:
            continue
        _libc.prctl(PR_CAPBSET_DROP, ctypes.c_ulong(capability), 0, 0, 0)
        if _libc.prctl(PR_CAPBSET_READ, ctypes.c_ulong(capability), 0, 0, 0) == 1:
            raise SealFailed(0, f"capability {capability} cannot be given up")


def _capabilities(kept: tuple[int, ...]) -> tuple[object, object]:
    """The arguments of capset(2) for exactly these."""
    mask = sum(1 << cap for cap in kept)
    low, high = mask & 0xFFFFFFFF, mask >> 32
    header = ctypes.create_string_buffer(struct.pack("Ii", 0x20080522, 0))
    return header, ctypes.create_string_buffer(struct.pack("6I", low, low, 0, high, high, 0))


def _load(program: bytes) -> None:
    header, _alive = program_header(program)
    call("prctl", PR_SET_SECCOMP, SECCOMP_MODE_FILTER, header, 0, 0)


_NO_CAPABILITIES = _capabilities(())
_NO_PROCESSES = program_header(no_processes_filter())
