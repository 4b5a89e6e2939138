"""Looks at the host before and after a hostile solution ran, and says what was left of it.

Theory of operation. A snapshot holds what a solution could change outside its box: entries of the
folders that everyone may write to, mounts, control groups, processes, and the descriptors and the
memory of this process. `left_behind` takes another look and names every difference that stays.

Other programs live on the host, too, and other judges with boxes of their own. So an entry of a
shared folder counts only if a solution made it (its owner is a leased user id, or its name is one
that the cases use), a process only below a fork server of ours, under a user id leased by us or under
one that nobody leases, and everything has a moment to go away.
"""

import fcntl
import os
import re
import socket
import stat
import struct
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

SANDBOX_UIDS = range(60_600, 62_001)
MARKER = "judge-corpus-"
"""How the cases name what they try to leave."""
GRACE_SECONDS = 3.0
MOST_GROWTH = 64 << 20
SPARE_DESCRIPTORS = 32
"""Those of a box opened when first needed, and the connections that an engine's client keeps."""

_FOLDERS = ("/tmp", "/var/tmp", "/dev/shm", "/run/judge", "/")  # noqa: S108 - where leftovers would be
_LOCK = re.compile(r"uid-(\d+)\.lock$")
_STATUS = re.compile(
    r"^Name:\t(.*)\n(?:.*\n)*?State:\t(.).*\n(?:.*\n)*?PPid:\t(\d+)\n(?:.*\n)*?Uid:\t(\d+)",
    re.MULTILINE,
)
_SERVER, _LAUNCHER = "judge.sandbox.inside.server", "judge/sandbox/inside/box.py"
_CGROUPS = Path("/sys/fs/cgroup")
_OTHERS = re.compile(r"docker|containerd|overlay|netns| /tmp/(?!judge-)\S+ ")
"""Mounts that come and go by themselves: those of engines of containers, some with folders of their
own in /tmp."""


@dataclass(frozen=True, slots=True)
class Snapshot:
    """What the host looked like."""

    entries: frozenset[str]
    mounts: frozenset[str]
    cgroups: frozenset[str]
    leases: frozenset[int]
    descriptors: int
    peak: int


def snapshot() -> Snapshot:
    """The host as it is now; the mark of this process's peak memory is set back."""
    _forget_peak()
    return Snapshot(
        frozenset(_entries()),
        frozenset(_mounts()),
        frozenset(_empty_cgroups(frozenset())),
        frozenset(_leased_here()),
        len(_names("/proc/self/fd")),
        _status_bytes("VmHWM"),
    )


def left_behind(before: Snapshot, *, allowance: int = 0) -> tuple[str, ...]:
    """What is on the host now and was not `before`; `allowance` is memory that the job itself
    takes up on this side of the wall."""
    growth = _status_bytes("VmHWM") - before.peak
    faults = [
        *_staying("left on the host", _entries, before.entries),
        *_staying("a new mount", _mounts, before.mounts),
        *_staying("an empty cgroup", lambda: _empty_cgroups(before.leases), before.cgroups),
        *_staying("still running", _strays, frozenset()),
    ]
    if growth > MOST_GROWTH + allowance:
        faults.append(f"the supervisor grew by {growth >> 20} MiB")
    opened = len(_names("/proc/self/fd")) - before.descriptors
    if opened > SPARE_DESCRIPTORS:
        faults.append(f"the supervisor has {opened} more descriptors open")
    return tuple(faults)


def _staying(word: str, look: Callable[[], Iterable[str]], before: frozenset[str]) -> list[str]:
    """What `look` finds that is new and does not go away by itself."""
    deadline = time.monotonic() + GRACE_SECONDS
    found = set(look()) - before
    while found and time.monotonic() < deadline:
        time.sleep(0.05)
        found &= set(look())
    return [f"{word}: {each}" for each in sorted(found)]


# --- files, mounts, control groups -----------------------------------------------------------------


def _entries() -> Iterable[str]:
    for folder in (*_FOLDERS, os.getcwd()):  # noqa: PTH109 - what a careless box would share
        try:
            entries = list(os.scandir(folder))
        except OSError:
            continue
        for entry in entries:
            try:
                owner = entry.stat(follow_symlinks=False).st_uid
            except OSError:
                continue
            if owner in SANDBOX_UIDS or entry.name.startswith(MARKER):
                yield entry.path


def _mounts() -> Iterable[str]:
    for line in Path("/proc/self/mounts").read_text(errors="replace").splitlines():
        if not _OTHERS.search(line):
            yield line


def _empty_cgroups(leases: frozenset[int]) -> Iterable[str]:
    """Control groups without a process that are named by an id leased by us, then or now, or by
    this process; those of other judges are theirs."""
    own = {line.split(":", 2)[2] for line in Path("/proc/self/cgroup").read_text().splitlines()}
    parents = {
        os.path.normpath(f"{_CGROUPS}/{hierarchy}/{inner}")
        for hierarchy in (*_names(_CGROUPS), ".")
        for inner in (*own, "", "judge")
    }
    ids = {str(uid + child) for uid in leases | _leased_here() for child in (0, 1)}
    for parent in parents:
        for name in _names(parent):
            word, _, named = name.partition("-")
            ours = word == "judge" and (named in ids or named.startswith(f"{os.getpid()}-"))
            if ours and _content(f"{parent}/{name}/cgroup.procs") == "":
                yield f"{parent}/{name}"


# --- processes -------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Process:
    pid: int
    parent: int
    uid: int
    words: str
    dead: bool
    """Ended, and not yet asked for by its parent."""


def _strays() -> Iterable[str]:
    """Processes of solutions: below a fork server of ours, or under a leased id with no server
    above. What runs below the server of another judge is that one's to watch."""
    found = {process.pid: process for process in _processes()}
    held, roots = _leased_here(), {os.getpid(), *_callers()}
    for process in found.values():
        above = _ancestors(process, found)
        if any(_SERVER in each.words for each in above):
            ours = any(each.pid in roots for each in above)
        else:
            builds = _SERVER in process.words or _LAUNCHER in process.words
            alive = not process.dead  # what a box that ended leaves to the host's init to bury
            leased = process.uid in SANDBOX_UIDS and not builds and alive
            ours = leased and (process.uid & ~1 in held or _free(process.uid))
        if ours:
            yield f"process {process.pid} of user {process.uid}"


def _callers() -> Iterable[int]:
    """Who is at the other end of this process's sockets: the fork servers of containers, which
    descend from an engine and not from here."""
    for fd in map(int, _names("/proc/self/fd")):
        try:
            if not stat.S_ISSOCK(os.fstat(fd).st_mode):
                continue
            with socket.socket(fileno=os.dup(fd)) as talk:
                credentials = talk.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12)
        except OSError:
            continue  # closed meanwhile, or a socket of another kind
        caller = struct.unpack("3i", credentials)[0]
        if caller > 1:
            yield caller


def _leased_here() -> set[int]:
    """The first ids of the pairs whose locks this process holds."""
    held = set()
    for name in _names("/proc/self/fd"):
        try:
            found = _LOCK.search(str(Path("/proc/self/fd", name).readlink()))
        except OSError:
            continue
        if found:
            held.add(int(found[1]))
    return held


def _free(uid: int) -> bool:
    """Whether no judge of this host holds the id, so that whoever runs under it has got away."""
    even = uid - uid % 2
    try:
        with Path(f"/run/judge/uid-{even}.lock").open() as lock:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except FileNotFoundError:
        return True
    except OSError:
        return False
    return True


def _ancestors(process: _Process, found: dict[int, _Process]) -> list[_Process]:
    above: list[_Process] = []
    while (parent := found.get(process.parent)) and len(above) < 100:
        above.append(parent)
        process = parent
    return above


def _processes() -> Iterable[_Process]:
    for name in _names("/proc"):
        if name.isdecimal():
            fields = _STATUS.search(_content(f"/proc/{name}/status"))
            if fields:
                parent, uid = int(fields[3]), int(fields[4])
                asked = fields[1].startswith("python") or uid in SANDBOX_UIDS
                words = _content(f"/proc/{name}/cmdline") if asked else ""
                yield _Process(int(name), parent, uid, words, dead=fields[2] == "Z")


def _names(folder: str | Path) -> list[str]:
    """What is in a folder; nothing, where it has just gone."""
    try:
        return os.listdir(folder)  # noqa: PTH208 - names are what is asked for
    except OSError:
        return []


def _content(path: str) -> str:
    """A small file of the kernel's; empty when what it is about has just gone."""
    try:
        with open(path, "rb") as file:  # noqa: PTH123 - a thousand times a case
            return file.read().decode("latin-1").replace("\0", " ")
    except OSError:
        return ""


# --- this process ----------------------------------------------------------------------------------


def _forget_peak() -> None:
    try:
        Path("/proc/self/clear_refs").write_text("5")
    except OSError:
        return  # then the peak is that of the whole life, and only growth beyond it is seen


def _status_bytes(name: str) -> int:
    found = re.search(rf"^{name}:\s+(\d+) kB", _content("/proc/self/status"), re.MULTILINE)
    return int(found[1]) << 10 if found else 0
