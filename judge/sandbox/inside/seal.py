"""What a process of the box may no longer do: system calls, capabilities, resources.

Theory of operation. The fork server (root of the box) calls `seal_server` once: it keeps the three
capabilities it needs to start and stop children, and loads a deny-list of system calls that every
child inherits. Refusals are errnos, not kills, so an honest library that probes a call survives.
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

_libc = ctypes.CDLL(None, use_errno=True)

PR_SET_PDEATHSIG, PR_SET_DUMPABLE, PR_CAPBSET_DROP, PR_SET_NO_NEW_PRIVS = 1, 4, 24, 38
PR_SET_SECCOMP, SECCOMP_MODE_FILTER = 22, 2
CAP_KILL, CAP_SETGID, CAP_SETUID = 5, 6, 7
_KEPT = (CAP_KILL, CAP_SETGID, CAP_SETUID)
_LAST_CAP = 63

ARCH_X86_64, X32_BIT = 0xC000003E, 0x40000000
_ALLOW, _KILL, _EPERM, _ENOSYS = 0x7FFF0000, 0x80000000, 0x00050001, 0x00050026
_CLONE, _FORK, _VFORK, _CLONE3, _MMAP, _PRCTL = 56, 57, 58, 435, 9, 157
_PRLIMIT, _AFFINITY = 302, 203
_CLONE_THREAD, _CLONE_NEW = 0x00010000, 0x7E020000
_MAP_SHARED, _MAP_GROWSDOWN = 0x0001, 0x0100  # neither counts towards RLIMIT_DATA
_PRCTL_HARMLESS = (2, 3, 15, 16, 21, 22, 23, 38, 39)  # getters, names, tighter seals

# x86-64 numbers of what a solution never needs and an escape might.
_DENIED: dict[str, tuple[int, ...]] = {
    "network": (41, 42, 43, 49, 50, 288),  # socket connect accept bind listen accept4
    "new programs": (59, 322),  # execve execveat
    "other processes": (
        141,
        142,
        144,
        251,
        314,
        101,
        310,
        311,
        312,
        424,
        438,
        440,
        448,
    ),  # ptrace process_vm_* kcmp pidfd_*
    "shared memory": (29, 30, 31, 67, 64, 65, 66, 220, 68, 69, 70, 71, *range(240, 246), 319, 447),
    "mounts and roots": (155, 161, 165, 166, 272, 308, *range(428, 434), 442, 457, 458, 467),
    "kernel": (
        134,
        139,
        153,
        154,
        156,
        163,
        167,
        168,
        169,
        172,
        173,
        175,
        176,
        179,
        180,
        212,
        246,
        313,
        320,
    ),
    "attack surface": (103, 135, 250, 248, 249, 298, 300, 303, 304, 321, 323, 425, 426, 427, 443),
    "memory policy": (237, 238, 256, 278, 279),
    "names and clocks": (159, 164, 170, 171, 227, 305),
    "marks on files": (73, 188, 189, 190, 197, 198, 199, 463, 466),
}


class SealFailed(OSError):
    """The kernel refused a part of the seal; the slot must not be used."""


def call(name: str, *arguments: object) -> int:
    """A libc function by name. Raises SealFailed with its errno."""
    result = int(getattr(_libc, name)(*arguments))
    if result < 0:
        number = ctypes.get_errno()
        raise SealFailed(number, f"{name}: {os.strerror(number)}")
    return result


def prctl(option: int, value: int = 0) -> None:
    """The system call of that name, with one argument."""
    call("prctl", option, ctypes.c_ulong(value), 0, 0, 0)


# --- system calls --------------------------------------------------------------------------------


def _statement(code: int, value: int) -> bytes:
    return struct.pack("HBBI", code, 0, 0, value)


def _jump(code: int, value: int, yes: int, no: int) -> bytes:
    return struct.pack("HBBI", code, yes, no, value)


_LOAD, _EQUAL, _AT_LEAST, _ANY_BIT, _RETURN = 0x20, 0x15, 0x35, 0x45, 0x06
_NUMBER, _ARCH = 0, 4


def _argument(index: int) -> int:
    return 16 + 8 * index  # the low half, little endian


def _head() -> list[bytes]:
    """Another ABI would carry other numbers past the filter: it kills."""
    return [
        _statement(_LOAD, _ARCH),
        _jump(_EQUAL, ARCH_X86_64, 1, 0),
        _statement(_RETURN, _KILL),
        _statement(_LOAD, _NUMBER),
        _jump(_AT_LEAST, X32_BIT, 0, 1),
        _statement(_RETURN, _KILL),
    ]


def _when(number: int, body: list[bytes]) -> list[bytes]:
    """`body` runs for this call only; it may end in a return or fall through."""
    body = [*body, _statement(_LOAD, _NUMBER)]
    return [_jump(_EQUAL, number, 0, len(body)), *body]


def _refuse_bits(argument: int, bits: int) -> list[bytes]:
    return [
        _statement(_LOAD, _argument(argument)),
        _jump(_ANY_BIT, bits, 0, 1),
        _statement(_RETURN, _EPERM),
    ]


def _server_filter() -> list[bytes]:
    only_self = [  # what is another process's, the server's above all, is not a solution's to set
        _statement(_LOAD, _argument(0)),
        _jump(_EQUAL, 0, 1, 0),
        _statement(_RETURN, _EPERM),
    ]
    allowed = [
        _jump(_EQUAL, option, len(_PRCTL_HARMLESS) - i, 0)
        for i, option in enumerate(_PRCTL_HARMLESS)
    ]
    return [
        *_head(),
        *_when(_MMAP, _refuse_bits(3, _MAP_SHARED | _MAP_GROWSDOWN)),
        *_when(_CLONE, _refuse_bits(0, _CLONE_NEW)),
        *_when(_PRCTL, [_statement(_LOAD, _argument(0)), *allowed, _statement(_RETURN, _EPERM)]),
        *_when(_PRLIMIT, only_self),
        *_when(_AFFINITY, only_self),
        *_when(_CLONE3, [_statement(_RETURN, _ENOSYS)]),  # glibc falls back to clone
        *(
            part
            for numbers in _DENIED.values()
            for number in numbers
            for part in (_jump(_EQUAL, number, 0, 1), _statement(_RETURN, _EPERM))
        ),
        _statement(_RETURN, _ALLOW),
    ]


def _no_processes_filter() -> list[bytes]:
    refuse = _statement(_RETURN, _EPERM)
    return [
        *_head(),
        *_when(_FORK, [refuse]),
        *_when(_VFORK, [refuse]),
        *_when(
            _CLONE,
            [_statement(_LOAD, _argument(0)), _jump(_ANY_BIT, _CLONE_THREAD, 1, 0), refuse],
        ),
        _statement(_RETURN, _ALLOW),
    ]


def _load(program: list[bytes]) -> None:
    code = b"".join(program)
    buffer = ctypes.create_string_buffer(code, len(code))
    header = struct.pack("HxxxxxxQ", len(program), ctypes.addressof(buffer))
    program_header = ctypes.create_string_buffer(header, len(header))
    call("prctl", PR_SET_SECCOMP, SECCOMP_MODE_FILTER, program_header, 0, 0)


_NO_PROCESSES = _no_processes_filter()


# --- privileges ----------------------------------------------------------------------------------


def _keep_capabilities(kept: tuple[int, ...]) -> None:
    mask = sum(1 << cap for cap in kept)
    low, high = mask & 0xFFFFFFFF, mask >> 32
    header = ctypes.create_string_buffer(struct.pack("Ii", 0x20080522, 0))
    data = ctypes.create_string_buffer(struct.pack("6I", low, low, 0, high, high, 0))
    call("capset", header, data)


def seal_server() -> None:
    """Tighten this process for good; its children inherit everything here."""
    if platform.machine() != "x86_64":
        raise SealFailed(0, f"no system call table for {platform.machine()}: x86_64 is needed")
    for capability in range(_LAST_CAP + 1):
        if capability not in _KEPT:
            _libc.prctl(
                PR_CAPBSET_DROP, ctypes.c_ulong(capability), 0, 0, 0
            )  # above the last: EINVAL
    _keep_capabilities(_KEPT)
    prctl(PR_SET_NO_NEW_PRIVS, 1)
    prctl(PR_SET_DUMPABLE, 0)
    for kind, most in (
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_NOFILE, 256),
        (resource.RLIMIT_MEMLOCK, 0),
        (resource.RLIMIT_MSGQUEUE, 0),
    ):
        resource.setrlimit(kind, (most, most))
    _load(_server_filter())


def drop(uid: int, *, threads: bool) -> None:
    """Become the slot's user, for good. uid 0 means there is none (an unprivileged host): the
    child then lives by its user namespace alone, without any capability."""
    if uid:
        most = 64 if threads else 1
        resource.setrlimit(resource.RLIMIT_NPROC, (most, most))
        os.setresuid(uid, uid, uid)
    else:
        _keep_capabilities(())
    if threads or not uid:
        _load(_NO_PROCESSES)
