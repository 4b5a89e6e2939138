"""Runs code, knows no answers."""

from judge.errors import UsageError
from judge.sandbox.base import Sandbox


def open_sandbox(name: str, workers: int) -> Sandbox:
    """The door: a sandbox of the named kind. Raises UsageError or SandboxUnavailable."""
    match name:
        case "namespaces":
            from judge.sandbox.namespaces import NamespacesSandbox

            return NamespacesSandbox(workers)
        case _:
            raise UsageError(f"no sandbox is called {name!r}; there is: namespaces")
