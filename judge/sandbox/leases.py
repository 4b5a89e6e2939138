"""User ids that no other box of this host has: one lock file for each pair of them.

A lock ends with its holder, however that ends; so a judge that was killed leaves no id taken, and
what its boxes might have left behind (a control group, an empty folder) is named by the id and
taken over by the next holder.
"""

import fcntl
import os
import tempfile
from pathlib import Path
from typing import IO

from judge.errors import SandboxUnavailable

FIRST_UID, LAST_UID = 60_600, 61_183
"""Between the ranges that systemd gives to users and to services."""


class Lease:
    """Two user ids, for the server and the children of one box; `close` gives them back."""

    def __init__(self, folder: Path) -> None:
        for uid in range(FIRST_UID, LAST_UID, 2):
            lock = open_lock(folder / f"uid-{uid}.lock")
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                lock.close()
                continue
            self._lock: IO[str] = lock
            self.server, self.child = uid, uid + 1
            return
        raise SandboxUnavailable(
            f"all {(LAST_UID - FIRST_UID + 1) // 2} pairs of sandbox user ids of this host are "
            "taken; end another judge, or give this one fewer workers"
        )

    @property
    def ids(self) -> list[int]:
        """Both, the server's first."""
        return [self.server, self.child]

    def close(self) -> None:
        """Let somebody else have them."""
        self._lock.close()


def open_lock(path: Path) -> IO[str]:
    """A file to lock. Raises SandboxUnavailable."""
    try:
        return path.open("a")
    except OSError as error:
        raise SandboxUnavailable(
            f"cannot take a lock at {path} ({error.strerror}); make room there, or name another folder "
            "with JUDGE_SANDBOX_CHANNELS"
        ) from None


def meeting_place(given: Path | None = None) -> Path:
    """The folder, private to this user, where the judges of a host meet: locks and channels."""
    if given is None and os.geteuid() == 0:
        given = Path("/run/judge")
    elif given is None:
        given = Path(os.environ.get("XDG_RUNTIME_DIR") or tempfile.gettempdir())
        given /= f"judge-{os.geteuid()}"
    try:
        given.mkdir(mode=0o700, parents=True, exist_ok=True)
        owner = given.stat().st_uid
    except OSError as error:
        raise SandboxUnavailable(
            f"no folder for the sandbox's locks at {given} ({error.strerror}); name another one with "
            "JUDGE_SANDBOX_CHANNELS"
        ) from None
    if owner not in (os.geteuid(), 0):
        raise SandboxUnavailable(
            f"{given} belongs to somebody else; name a folder of yours with JUDGE_SANDBOX_CHANNELS"
        )
    return given
