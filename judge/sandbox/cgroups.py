"""One control group a box: the kernel's own sum of its memory and processes, as a backstop.

The limits that decide verdicts are rlimits of each process, exact and cheap. A group catches what
they do not count (page tables, pipes, files in memory), at a limit a good deal above; its counter of
kills says afterwards that memory was the cause. A group is named by the box's user id and made once,
before the box; a process of the box never moves. Both versions of the kernel's interface are known.
Where no group can be made, `open_group` returns None, and the host is a tier lower.
"""

import contextlib
import os
import time
from dataclasses import dataclass
from pathlib import Path

SLACK_MB = 384
"""What a box may use beyond its job's limit: server, stacks, files in memory, what the kernel holds."""
MOST_PROCESSES = 96
PATIENCE_SECONDS = 5.0


@dataclass(frozen=True, slots=True)
class Group:
    """A box's control group: the folders to join, and where memory is limited and kills counted."""

    folders: tuple[Path, ...]
    limit: Path
    kills: Path

    def allow(self, memory_mb: int) -> None:
        """Set the sum for all of the box. Raises OSError."""
        room = str((memory_mb + SLACK_MB) << 20)
        swap = self.limit.with_name("memory.memsw.limit_in_bytes")
        if swap.exists():  # never below the other one, in either direction
            with contextlib.suppress(OSError):
                swap.write_text("-1")
        self.limit.write_text(room)
        if swap.exists():
            swap.write_text(room)

    def close(self) -> None:
        """Remove the group, once its last process is gone; what stays is used again."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        for folder in self.folders:
            while folder.exists():
                try:
                    folder.rmdir()
                except OSError:
                    if time.monotonic() > deadline:
                        return
                    time.sleep(0.002)


def open_group(name: str) -> Group | None:
    """A group of that name under our own one, or None where this host lets us make none."""
    try:
        parents = _parents_v1() or _parents_v2()
    except OSError:
        return None
    if not parents:
        return None
    folders = tuple(parent / name for parent in parents)
    try:
        for folder in folders:
            folder.mkdir(exist_ok=True)
        memory, pids = folders[0], folders[-1]
        (pids / "pids.max").write_text(str(MOST_PROCESSES))
        if len(folders) == 1:
            with contextlib.suppress(OSError):
                (memory / "memory.swap.max").write_text("0")
            return Group(folders, memory / "memory.max", memory / "memory.events")
        return Group(folders, memory / "memory.limit_in_bytes", memory / "memory.oom_control")
    except OSError:
        for folder in folders:
            with contextlib.suppress(OSError):
                folder.rmdir()
        return None


def _own() -> dict[str, str]:
    """Controller to path of our own group; '' for version 2."""
    lines = Path("/proc/self/cgroup").read_text().splitlines()
    parts = (line.split(":", 2) for line in lines)
    return {controller: path for _, names, path in parts for controller in names.split(",")}


def _mounts(kind: str) -> list[tuple[Path, str, list[str]]]:
    """Mount point, its root within the hierarchy, and options of every mount of that kind."""
    found = []
    for line in Path("/proc/self/mountinfo").read_text().splitlines():
        words, rest = line.split(" - ", 1)
        if rest.split()[0] == kind:
            fields = words.split()
            found.append((Path(fields[4]), fields[3], rest.split()[2].split(",")))
    return found


def _folder(mount: Path, root: str, path: str) -> Path:
    """Where a group's path is below a mount that may show a part of the hierarchy only."""
    inside = path.removeprefix(root) if root != "/" and path.startswith(root) else path
    return mount / inside.lstrip("/")


def _parents_v1() -> list[Path]:
    own, mounts = _own(), _mounts("cgroup")
    parents = []
    for controller in ("memory", "pids"):
        for mount, root, options in mounts:
            folder = _folder(mount, root, own.get(controller, ""))
            if controller in options and controller in own and os.access(folder, os.W_OK):
                parents.append(folder)
                break
    return parents if len(parents) == 2 else []


def _parents_v2() -> list[Path]:
    """Our own group if it may have children with limits; else, for root, one at the top, as a group
    with processes of its own cannot."""
    for mount, root, _ in _mounts("cgroup2"):
        for parent in (_folder(mount, root, _own().get("", "/")), mount / "judge"):
            with contextlib.suppress(OSError):
                parent.mkdir(exist_ok=True)
                wanted = "+memory +pids"
                if parent.parent == mount:
                    (mount / "cgroup.subtree_control").write_text(wanted)
                (parent / "cgroup.subtree_control").write_text(wanted)
                return [parent]
    return []
