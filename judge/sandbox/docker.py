"""The Docker backend: boxes that are hardened containers, made by an engine.

Theory of operation. A box is one container that holds the fork server and nothing else: no network,
a read-only root without a shell, no capability but the three the server needs, no new privileges,
the allow-list of seccomp.json, memory and process limits, two small tmpfs, and one mount: a folder
of its own, read-only, with the socket over which the server calls the host. The host listens there
for one caller, hears that it is ready, and takes the socket away. From then on a container is a box
like any other: jobs and their descriptors go over that connection (descriptors cross the border of
a container as they cross that of a namespace), and no call to the engine is made for a job.

The server starts as the container's root and becomes a user of its own before it is ready; solutions
are another one. Both ids are leased host-wide, as those of the other backend are.

A container ends by itself when its judge is gone (the connection breaks) and is removed by the engine.
Whatever a crash leaves all the same carries the name of a lock that its judge held; the next judge
that meets in the same folder removes what nobody holds any more.
"""

import contextlib
import fcntl
import os
import platform
import socket
import threading
from pathlib import Path
from typing import IO, Any

from judge.errors import SandboxUnavailable
from judge.sandbox import container
from judge.sandbox.base import Host
from judge.sandbox.boxes import START_SECONDS, Box
from judge.sandbox.container import MEETING_LABEL, OWNER_LABEL
from judge.sandbox.engine import connect, understood
from judge.sandbox.image import find
from judge.sandbox.leases import Lease, meeting_place, open_lock
from judge.sandbox.namespaces import runner_digest


class DockerBackend:
    """Opens boxes in containers; see pool.Backend."""

    def __init__(self, image: str = "", channels: Path | None = None) -> None:
        if platform.machine() != "x86_64":
            raise SandboxUnavailable(
                f"there is no system call table for {platform.machine()}: x86_64 is needed"
            )
        self._image = find(image)
        self._meeting = meeting_place(channels)
        self._lock = threading.Lock()  # the client is one connection, used by many slots
        self._client = connect()
        self._owner = self._take_owner_lock()
        self.host = Host(
            backend="docker",
            tier="",
            image=self._image.digest,
            python="",  # what the box says of itself
            kernel=f"linux{platform.release()}",
            runner=runner_digest(),
            packages=self._image.packages,
        )
        self._sweep()

    def open_box(self, packages: tuple[str, ...]) -> Box:
        """Start a container and wait until it is ready."""
        missing = set(packages) - {package.split()[0] for package in self._image.packages}
        if missing:
            raise SandboxUnavailable(
                f"problems of this set may use {' '.join(sorted(missing))}, which the image "
                f"{self._image.tag!r} does not hold; install it beside judge and run "
                "`judge sandbox build`"
            )
        with contextlib.ExitStack() as held:
            lease = Lease(self._meeting)
            held.callback(lease.close)
            channel = self._meeting / f"box-{lease.child}"
            listener = _listen(channel)
            held.callback(_take_away, channel)
            with listener:
                made = self._start(lease, packages)
                held.callback(self._remove, made)
                connection = self._accept(listener, made)
                held.callback(connection.close)
            box = Box(connection, held.pop_all().close, lambda mb: self._allow(made, mb))
        if not box.wait_ready():
            box.close()
            raise SandboxUnavailable("a sandbox container ended before it was ready")
        _take_away(channel)
        return box

    def _start(self, lease: Lease, packages: tuple[str, ...]) -> Any:
        wanted = container.Wanted(
            self._image.id,
            self._image.executable,
            self._meeting,
            Path(self._owner.name).name,
            lease.server,
            lease.child,
            packages,
        )
        name = f"judge-{lease.child}-{os.urandom(4).hex()}"
        with self._lock, understood("did not start a sandbox container"):
            made = self._client.api.create_container_from_config(container.body(wanted), name)
            started = self._client.containers.get(made["Id"])
            started.start()
        return started

    def _accept(self, listener: socket.socket, made: Any) -> socket.socket:
        listener.settimeout(START_SECONDS)
        try:
            return listener.accept()[0]
        except OSError:
            with self._lock, understood("lost a sandbox container"):
                made.reload()
            raise SandboxUnavailable(
                f"a sandbox container did not call back within {START_SECONDS:.0f} s "
                f"({made.status}); the engine must share the folder {self._meeting} with judge"
            ) from None

    def _allow(self, made: Any, memory_mb: int) -> None:
        if memory_mb <= container.FIRST_MEMORY_MB:
            return
        room = container.memory(memory_mb)
        with self._lock, understood("did not raise a container's memory limit"):
            made.update(mem_limit=room["Memory"], memswap_limit=room["MemorySwap"])

    def _remove(self, made: Any) -> None:
        """An engine that is away removes it when it comes back: its connection is closed."""
        with self._lock, contextlib.suppress(SandboxUnavailable), understood("is away"):
            made.remove(force=True)

    # --- what a crash left -----------------------------------------------------------------------

    def _take_owner_lock(self) -> IO[str]:
        path = self._meeting / f"owner-{os.getpid()}-{os.urandom(4).hex()}.lock"
        lock = open_lock(path)
        fcntl.flock(lock, fcntl.LOCK_EX)
        return lock

    def _sweep(self) -> None:
        """Remove containers of judges that are gone, and their locks."""
        gone = {path.name for path in self._meeting.glob("owner-*.lock") if _is_free(path)}
        with self._lock, understood("did not list its containers"):
            left = self._client.containers.list(
                all=True, filters={"label": f"{MEETING_LABEL}={self._meeting}"}
            )
        for each in left:
            owner = each.labels.get(OWNER_LABEL, "")
            if owner in gone or not (self._meeting / owner).exists():
                self._remove(each)
        for name in gone:
            (self._meeting / name).unlink(missing_ok=True)

    def close(self) -> None:
        """Let go of the engine and of the owner's lock."""
        Path(self._owner.name).unlink(missing_ok=True)
        self._owner.close()
        with self._lock:
            self._client.close()


def _listen(channel: Path) -> socket.socket:
    """A socket in a fresh folder that only its container is shown."""
    _take_away(channel)
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    try:
        channel.mkdir(exist_ok=True)
        channel.chmod(0o755)
        listener.bind(str(channel / "socket"))
        (channel / "socket").chmod(0o666)  # the folder above it is private
        listener.listen(1)
    except OSError as error:
        listener.close()
        raise SandboxUnavailable(
            f"cannot listen in {channel} ({error.strerror}); make room there, or name another folder "
            "with JUDGE_SANDBOX_CHANNELS"
        ) from None
    return listener


def _take_away(channel: Path) -> None:
    (channel / "socket").unlink(missing_ok=True)
    with contextlib.suppress(OSError):
        channel.rmdir()


def _is_free(path: Path) -> bool:
    """Whether nobody holds that lock any more."""
    try:
        with path.open("r+") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True
