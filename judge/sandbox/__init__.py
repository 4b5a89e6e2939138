"""Runs code, knows no answers."""

from pathlib import Path

from judge.errors import UsageError
from judge.sandbox.base import Sandbox
from judge.sandbox.pool import Backend, Pool

NAMES = ("namespaces", "docker")


def open_sandbox(
    name: str,
    workers: int,
    *,
    image: str = "",
    recycle: int = 5_000,
    waiting: int = 4_096,
    channels: Path | None = None,
    probed: bool = True,
) -> Sandbox:
    """The door: a sandbox of the named kind, probed. Raises UsageError or SandboxUnavailable.

    `image` is the tag of a Docker image, empty for the one that `judge sandbox build` makes;
    `recycle` the jobs a box serves before it is replaced; `waiting` the callers that may wait for a
    slot; `channels` the folder, private to this user, of locks and sockets. Not `probed`, it has no
    tier, and nobody knows what it stops: for showing what the probes find.
    """
    from judge.sandbox import selfcheck

    match name:
        case "namespaces":
            from judge.sandbox.namespaces import NamespacesBackend

            backend: Backend = NamespacesBackend(channels)
        case "docker":
            from judge.sandbox.docker import DockerBackend

            backend = DockerBackend(image, channels)
        case _:
            raise UsageError(f"no sandbox is called {name!r}; there are: {', '.join(NAMES)}")
    pool = Pool(backend, workers, recycle=recycle, waiting=waiting)
    if not probed:
        return pool
    try:
        pool.found(selfcheck.reached(selfcheck.probe(pool)))
    except BaseException:
        pool.close()
        raise
    return pool
