"""The third wall around files: Landlock, where the kernel has it.

Theory of operation. The fork server enters one domain for good, and every child is born in it. Of
the whole file system of the box (itself a read-only root with almost nothing in it) a process may
then read and execute the interpreter, the libraries and the runner, read devices and its own
`/proc`, and change things under `/tmp` and `/dev/shm` only. Newer kernels add TCP and, as scopes,
abstract sockets and signals to what is shut. A kernel without it costs the host a tier
(selfcheck.py), nothing else: the walls before it do not lean on this one.
"""

import ctypes
import os
import struct

_libc = ctypes.CDLL(None, use_errno=True)
_CREATE, _ADD_RULE, _RESTRICT = 444, 445, 446
_VERSION, _BENEATH = 1, 1
_EXECUTE, _WRITE_FILE, _READ_FILE, _READ_DIR = 1, 2, 4, 8
_REMOVE_DIR, _REMOVE_FILE = 1 << 4, 1 << 5
_MAKE_DIR, _MAKE_REG, _MAKE_FIFO, _MAKE_SYM = 1 << 7, 1 << 8, 1 << 10, 1 << 12
_REFER, _TRUNCATE = 1 << 13, 1 << 14
_ALL_BY_ABI = {1: (1 << 13) - 1, 2: (1 << 14) - 1, 3: (1 << 15) - 1, 5: (1 << 16) - 1}

_READ = _EXECUTE | _READ_FILE | _READ_DIR
_CHANGE = (
    _WRITE_FILE
    | _READ_FILE
    | _READ_DIR
    | _REMOVE_DIR
    | _REMOVE_FILE
    | _MAKE_DIR
    | _MAKE_REG
    | _MAKE_FIFO
    | _MAKE_SYM
    | _REFER
    | _TRUNCATE
)
_ON_A_FILE = _EXECUTE | _WRITE_FILE | _READ_FILE | _TRUNCATE
READABLE = ("/usr", "/lib", "/lib64", "/box", "/proc", "/etc/ld.so.cache", "/etc/localtime")
DEVICES = ("/dev/null", "/dev/zero", "/dev/urandom")
CHANGEABLE = ("/tmp", "/dev/shm")  # noqa: S108 - the box's own


def abi() -> int:
    """The kernel's version of Landlock; 0 where there is none."""
    found = int(_libc.syscall(_CREATE, None, ctypes.c_size_t(0), ctypes.c_uint32(_VERSION)))
    return max(found, 0)


def restrict(prefix: str) -> int:
    """Enter the domain for good; the ABI used, 0 where the kernel has none. Raises OSError.
    `prefix` is the interpreter's own folder."""
    version = abi()
    if not version:
        return 0
    handled = max(rights for since, rights in _ALL_BY_ABI.items() if since <= version)
    network, scopes = (3 if version >= 4 else 0), (3 if version >= 6 else 0)
    attributes = struct.pack("QQQ", handled, network, scopes)
    size = 24 if version >= 6 else 16 if version >= 4 else 8
    ruleset = _checked(
        _libc.syscall(_CREATE, attributes, ctypes.c_size_t(size), ctypes.c_uint32(0))
    )
    try:
        for path in (*READABLE, prefix):
            _allow(ruleset, path, _READ & handled)
        for path in DEVICES:
            _allow(ruleset, path, (_READ_FILE | _WRITE_FILE) & handled)
        for path in CHANGEABLE:
            _allow(ruleset, path, _CHANGE & handled)
        _checked(_libc.syscall(_RESTRICT, ruleset, ctypes.c_uint32(0)))
    finally:
        os.close(ruleset)
    return version


def _allow(ruleset: int, path: str, rights: int) -> None:
    try:
        beneath = os.open(path, os.O_PATH | os.O_CLOEXEC)
    except OSError:
        return  # nothing to allow
    try:
        if not os.path.isdir(path):  # noqa: PTH112 - pathlib is not needed in the box
            rights &= _ON_A_FILE
        rule = struct.pack("=Qi", rights, beneath)
        _checked(_libc.syscall(_ADD_RULE, ruleset, _BENEATH, rule, ctypes.c_uint32(0)))
    finally:
        os.close(beneath)


def _checked(result: int) -> int:
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, f"landlock: {os.strerror(number)}")
    return int(result)
