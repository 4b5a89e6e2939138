"""A box on the host's side: start it, hand it jobs, hear how they ended, end it.

A box is started by exec of inside/box.py (never forked from this process, which has threads) and
talked to over one unix socket (inside/server.py). One that answers late, short or not at all is a
SandboxError: the caller closes it and starts another.
"""

import contextlib
import fcntl
import json
import os
import socket
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import IO

from judge.errors import SandboxError, SandboxUnavailable
from judge.sandbox.base import Usage
from judge.sandbox.inside.jobs import Mode
from judge.sandbox.inside.server import ANSWER, HEADER, KILLED_BY, READY
from problems.problem import Limits

CODE = Path(__file__).parents[2]
FIRST_UID, LAST_UID = 60_600, 61_183
START_SECONDS = 30.0
GRACE_SECONDS = 15.0


class Box:
    """One fork server behind its wall."""

    def __init__(self, python: Path) -> None:
        self._uid, self._lease = lease_uid()
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        root = Path(tempfile.mkdtemp(prefix="judge-box-"))
        settings = {
            "root": str(root),
            "prefix": str(Path(sys.base_prefix).resolve()),
            "code": str(CODE),
            "python": str(python),
            "uid": self._uid,
            "socket": theirs.fileno(),
        }
        script = str(CODE / "judge/sandbox/inside/box.py")
        self._process = subprocess.Popen(  # noqa: S603 - our own script and interpreter
            [python, "-I", "-S", "-B", "-X", "utf8", script, json.dumps(settings)],
            pass_fds=(theirs.fileno(),),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            env={},
            cwd="/",
        )
        theirs.close()
        self._socket = ours
        ours.settimeout(START_SECONDS)
        try:
            ready = ours.recv(16) == READY
        except OSError:
            ready = False
        with contextlib.suppress(OSError):
            root.rmdir()  # the box is in its own mount namespace; here the folder is empty
        if not ready:
            raise SandboxUnavailable(self._why_not())

    def _why_not(self) -> str:
        self._process.kill()
        _, complaint = self._process.communicate()
        self.close()
        said = complaint.decode("utf-8", "replace")
        last = said.strip().splitlines()[-1:] or ["no message"]
        return (
            f"the namespaces sandbox cannot be set up on this host ({last[0]}); run as root, or allow "
            "unprivileged user namespaces (sysctl kernel.unprivileged_userns_clone=1)"
        )

    def start(
        self, mode: Mode, limits: Limits, wall_seconds: float, fds: Sequence[int], *, threads: bool
    ) -> None:
        """Hand a job over; `finish` must follow."""
        frame = HEADER.pack(
            mode,
            threads,
            limits.memory_mb,
            limits.output_bytes + 1,
            int(limits.cpu_seconds * 1e6),
            int(limits.example_cpu_seconds * 1e6),
            wall_seconds,
        )
        self._socket.settimeout(wall_seconds + GRACE_SECONDS)
        try:
            socket.send_fds(self._socket, [frame], fds)
        except OSError as error:
            raise SandboxError(f"a sandbox process went away ({error})") from None

    def cancel(self) -> None:
        """End the running job now."""
        with contextlib.suppress(OSError):
            self._socket.send(b"x")

    def finish(self) -> Usage:
        """Wait for the job's end."""
        try:
            frame = self._socket.recv(ANSWER.size)
        except OSError as error:
            raise SandboxError(f"a sandbox process does not answer ({error})") from None
        if len(frame) != ANSWER.size:
            raise SandboxError("a sandbox process ended in the middle of a job")
        signalled, code, killed_by, _, cpu_us, wall_us, kib = ANSWER.unpack(frame)
        return Usage(
            exit_code=0 if signalled else code,
            signal=code if signalled else 0,
            killed_by=KILLED_BY[killed_by],
            cpu_seconds=cpu_us / 1e6,
            wall_seconds=wall_us / 1e6,
            memory_mb=kib / 1024,
        )

    def close(self) -> None:
        """End the box and everything in it."""
        self._socket.close()
        self._process.kill()
        self._process.wait()
        self._lease.close()
        if self._process.stderr:
            self._process.stderr.close()


def lease_uid() -> tuple[int, IO[str]]:
    """A user id that no other box of this host has, with the lock that says so."""
    if os.geteuid() != 0:
        return 0, open(os.devnull)  # noqa: PTH123 - one id is all there is
    folder = Path("/run/judge")
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    for uid in range(FIRST_UID, LAST_UID + 1):
        lock = (folder / f"uid-{uid}.lock").open("w")
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            lock.close()
            continue
        return uid, lock
    raise SandboxUnavailable(
        f"all {LAST_UID - FIRST_UID + 1} sandbox user ids of this host are taken"
    )
