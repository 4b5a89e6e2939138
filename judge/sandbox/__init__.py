"""Runs code, knows no answers."""

from pathlib import Path

from judge.errors import UsageError
from judge.sandbox.base import Sandbox


def open_sandbox(
    name: str,
    workers: int,
    *,
    image: str = "",  # noqa: ARG001 - of the backend to come
    recycle: int = 5000,  # noqa: ARG001
    waiting: int = 4096,  # noqa: ARG001
    channels: Path | None = None,  # noqa: ARG001
    probed: bool = True,  # noqa: ARG001
) -> Sandbox:
    """The door: a sandbox of the named kind. Raises UsageError or SandboxUnavailable."""
    match name:
        case "namespaces":
            from judge.sandbox.namespaces import NamespacesSandbox

            return NamespacesSandbox(workers)
        case _:
            raise UsageError(f"no sandbox is called {name!r}; there is: namespaces")
