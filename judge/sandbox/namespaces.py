"""The namespaces backend: boxes made by the kernel alone, without a daemon or an image.

Started by exec of inside/box.py, never forked from this process, which has threads. As root, each
box leases a pair of user ids of the host and gets control groups of its own; anyone else gets one
user namespace with one id, and whatever groups were delegated. selfcheck.py tells the two apart.
"""

import contextlib
import json
import os
import platform
import socket
import subprocess
import sys
import tempfile
from hashlib import sha256
from pathlib import Path

from judge.errors import SandboxUnavailable
from judge.sandbox import cgroups, packages
from judge.sandbox.base import Host
from judge.sandbox.boxes import Box
from judge.sandbox.leases import Lease, meeting_place

CODE = Path(__file__).parents[2]
INSIDE = ("judge/sandbox/inside", "problems/values")
REMEDY = (
    "run as root, or allow unprivileged user namespaces (sysctl kernel.unprivileged_userns_clone=1, "
    "and on Ubuntu kernel.apparmor_restrict_unprivileged_userns=0), or use JUDGE_SANDBOX=docker"
)


class NamespacesBackend:
    """Opens boxes in namespaces of their own; see pool.Backend."""

    def __init__(self, channels: Path | None = None, code: Path = CODE) -> None:
        if platform.system() != "Linux" or platform.machine() != "x86_64":
            raise SandboxUnavailable(
                f"the namespaces sandbox needs Linux on x86_64, not {platform.system()} on "
                f"{platform.machine()}; use Docker on this host"
            )
        self._python = Path(sys.executable).resolve()
        self._meeting = meeting_place(channels)
        self._code = code
        self._packages = packages.installed()
        self.host = Host(
            backend="namespaces",
            tier="",
            image="",
            python="",  # what the box says of itself
            kernel=f"linux{platform.release()}",
            runner=runner_digest(code),
            packages=tuple(f"{package.name} {package.version}" for package in self._packages),
        )

    def open_box(self, packages: tuple[str, ...]) -> Box:
        """Start a box and wait until it is ready."""
        self._refuse_missing(packages)
        with contextlib.ExitStack() as held:
            lease = Lease(self._meeting) if os.geteuid() == 0 else None
            if lease:
                held.callback(lease.close)
            name = f"judge-{lease.child}" if lease else f"judge-{os.getpid()}-{os.urandom(4).hex()}"
            group = cgroups.open_group(name)
            if group:
                held.callback(group.close)
            root = self._root(lease)
            held.callback(_remove, root)
            ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
            held.callback(ours.close)
            settings = {
                "root": str(root),
                "prefix": str(Path(sys.base_prefix).resolve()),
                "code": str(self._code),
                "python": str(self._python),
                "ids": lease.ids if lease else [],
                "socket": theirs.fileno(),
                "groups": [str(folder) for folder in group.folders] if group else [],
                "kills": str(group.kills) if group else "",
                "shown": [str(part) for package in self._packages for part in package.parts],
                "packages": packages,
            }
            process = self._launch(settings, theirs)
            held.callback(_end, process)
            box = Box(ours, held.pop_all().close, group.allow if group else None)
        if not box.wait_ready():
            complaint = _complaint(process)
            box.close()
            raise SandboxUnavailable(
                f"the namespaces sandbox cannot be set up on this host ({complaint}); {REMEDY}"
            )
        return box

    def _refuse_missing(self, wanted: tuple[str, ...]) -> None:
        missing = set(wanted) - {package.name for package in self._packages}
        if missing:
            names = " ".join(sorted(missing))
            raise SandboxUnavailable(
                f"problems of this set may use {names}, which is not installed beside judge; "
                f"pip install {names}"
            )

    def _root(self, lease: Lease | None) -> Path:
        """An empty folder to build the box's root on, seen by the box's mount namespace alone."""
        if lease is None:
            return Path(tempfile.mkdtemp(prefix="judge-box-"))
        root = self._meeting / f"box-{lease.child}"
        root.mkdir(exist_ok=True)
        return root

    def _launch(
        self, settings: dict[str, object], theirs: socket.socket
    ) -> "subprocess.Popen[bytes]":
        script = str(self._code / "judge/sandbox/inside/box.py")
        with theirs:
            return subprocess.Popen(  # noqa: S603 - our own script and interpreter
                [self._python, "-I", "-S", "-B", "-X", "utf8", script, json.dumps(settings)],
                pass_fds=(theirs.fileno(),),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.PIPE,
                env={},
                cwd="/",
            )

    def close(self) -> None:
        """Nothing is held between boxes."""


def runner_digest(code: Path = CODE) -> str:
    """The digest of what runs inside, cut."""
    content = b"".join(
        path.read_bytes() for part in INSIDE for path in sorted((code / part).glob("*.py"))
    )
    return sha256(content).hexdigest()[:12]


def _remove(root: Path) -> None:
    with contextlib.suppress(OSError):
        root.rmdir()


def _end(process: "subprocess.Popen[bytes]") -> None:
    process.kill()
    process.wait()
    if process.stderr:
        process.stderr.close()


def _complaint(process: "subprocess.Popen[bytes]") -> str:
    """The last line that a box which never got ready has said."""
    process.kill()
    said = process.stderr.read() if process.stderr else b""
    lines = said.decode("utf-8", "replace").strip().splitlines()
    return lines[-1] if lines else "no message"
