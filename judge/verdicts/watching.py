"""Looks at the host before and after a hostile solution ran, and says what was left of it.

Theory of operation. A snapshot holds what a solution could change outside its box: entries of the
folders that everyone may write to, mounts, control groups, processes, and the descriptors and the
memory of this process. `left_behind` takes another look and names every difference that stays.

Other programs live on the host, too, and other judges with boxes of their own. So an entry of a
shared folder counts only if a solution made it (its owner is a leased user id, or its name is one
that the cases use; of a temporary folder of this process alone, every entry counts), a process only
below a fork server of ours or under a leased user id, and everything has a moment to go away.
"""

import os
import re
import tempfile
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

SANDBOX_UIDS = range(60_600, 62_001)
MARKER = "judge-corpus-"
"""How the cases name what they try to leave."""
GRACE_SECONDS = 3.0
MOST_GROWTH = 64 << 20
SPARE_DESCRIPTORS = 8
"""Descriptors of a box that is opened when the first job needs it."""

_FOLDERS = ("/tmp", "/var/tmp", "/dev/shm", "/run/judge", "/")  # noqa: S108 - where leftovers would be
_SERVER, _LAUNCHER = "judge.sandbox.inside.server", "judge/sandbox/inside/box.py"
_CGROUPS = Path("/sys/fs/cgroup")
_ENGINES = ("docker", "containerd", "overlay", "netns")


@dataclass(frozen=True, slots=True)
class Snapshot:
    """What the host looked like."""

    entries: frozenset[str]
    mounts: frozenset[str]
    cgroups: frozenset[str]
    strays: frozenset[str]
    descriptors: int
    peak: int


def snapshot() -> Snapshot:
    """The host as it is now; the mark of this process's peak memory is set back."""
    _forget_peak()
    return Snapshot(
        frozenset(_entries()),
        frozenset(_mounts()),
        frozenset(_empty_cgroups()),
        frozenset(_strays()),
        len(os.listdir("/proc/self/fd")),
        _status_bytes("VmHWM"),
    )


def left_behind(before: Snapshot, *, allowance: int = 0) -> tuple[str, ...]:
    """What is on the host now and was not `before`; `allowance` is memory that the job itself
    takes up on this side of the wall."""
    growth = _status_bytes("VmHWM") - before.peak
    faults = [
        *_staying("left on the host", _entries, before.entries),
        *_staying("a new mount", _mounts, before.mounts),
        *_staying("an empty cgroup", _empty_cgroups, before.cgroups),
        *_staying("still running", _strays, before.strays),
    ]
    if growth > MOST_GROWTH + allowance:
        faults.append(f"the supervisor grew by {growth >> 20} MiB")
    opened = len(os.listdir("/proc/self/fd")) - before.descriptors
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
    own = tempfile.gettempdir()
    for folder in {*_FOLDERS, own, os.getcwd()}:  # noqa: PTH109 - what a careless box would share
        try:
            entries = list(os.scandir(folder))
        except OSError:
            continue
        everything = folder == own and own not in _FOLDERS
        for entry in entries:
            try:
                owner = entry.stat(follow_symlinks=False).st_uid
            except OSError:
                continue
            ours = everything or owner in SANDBOX_UIDS or entry.name.startswith(MARKER)
            if ours:
                yield entry.path


def _mounts() -> Iterable[str]:
    for line in Path("/proc/self/mounts").read_text(errors="replace").splitlines():
        if not any(engine in line for engine in _ENGINES):
            yield line


def _empty_cgroups() -> Iterable[str]:
    """Control groups of a judge that hold no process."""
    for folder, inner, _ in os.walk(_CGROUPS):
        if "judge" in folder:
            try:
                empty = not Path(folder, "cgroup.procs").read_text().strip()
            except OSError:
                continue
            if empty and not inner:
                yield folder


# --- processes -------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Process:
    pid: int
    parent: int
    uid: int
    words: str


def _strays() -> Iterable[str]:
    """Processes of solutions: below a fork server of ours, or under a leased user id without any
    server above. What runs below the launcher of another judge is that one's to watch."""
    found = {process.pid: process for process in _processes()}
    for process in found.values():
        above = _ancestors(process, found)
        if any(_SERVER in each.words for each in above):
            foreign = any(_LAUNCHER in each.words for each in above) and not any(
                each.pid == os.getpid() for each in above
            )
        else:
            builds = _SERVER in process.words or _LAUNCHER in process.words
            foreign = builds or process.uid not in SANDBOX_UIDS
        if not foreign:
            yield f"process {process.pid} of user {process.uid}"


def _ancestors(process: _Process, found: dict[int, _Process]) -> list[_Process]:
    above: list[_Process] = []
    while (parent := found.get(process.parent)) and len(above) < 100:
        above.append(parent)
        process = parent
    return above


def _processes() -> Iterable[_Process]:
    for name in os.listdir("/proc"):
        if name.isdecimal():
            folder = Path("/proc", name)
            try:
                after_name = (folder / "stat").read_text(errors="replace").rpartition(")")[2]
                words = (folder / "cmdline").read_bytes().replace(b"\0", b" ")
                owner = (folder / "status").read_text(errors="replace")
            except OSError:
                continue  # it has just ended
            uid = re.search(r"^Uid:\s+(\d+)", owner, re.MULTILINE)
            parent = int(after_name.split()[1])
            yield _Process(int(name), parent, int(uid[1]) if uid else -1, words.decode("latin-1"))


# --- this process ----------------------------------------------------------------------------------


def _forget_peak() -> None:
    try:
        Path("/proc/self/clear_refs").write_text("5")
    except OSError:
        return  # then the peak is that of the whole life, and only growth beyond it is seen


def _status_bytes(name: str) -> int:
    status = Path("/proc/self/status").read_text()
    found = re.search(rf"^{name}:\s+(\d+) kB", status, re.MULTILINE)
    return int(found[1]) << 10 if found else 0
