"""The Docker engine's door: one connection, and its failures in our words."""

import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager

import docker
import requests

from judge.errors import SandboxUnavailable

TIMEOUT_SECONDS = 60


def connect() -> "docker.DockerClient":
    """A client of the engine that DOCKER_HOST names, or of the local one. Raises SandboxUnavailable."""
    with understood("cannot be reached"):
        client = docker.DockerClient.from_env(timeout=TIMEOUT_SECONDS)
    # The driver would keep one open for each address that it asked: for each of the last containers.
    client.api.headers["Connection"] = "close"
    client.close()  # the one that asked for the version; the next question opens its own
    return client


@contextmanager
def understood(what: str) -> Iterator[None]:
    """Turn whatever the engine or the way to it raises into SandboxUnavailable."""
    try:
        _knock()
        yield
    except (docker.errors.DockerException, requests.RequestException, OSError) as error:
        raise SandboxUnavailable(
            f"the Docker engine {what} ({_short(error)}); start it, name it with DOCKER_HOST, or use "
            "JUDGE_SANDBOX=namespaces"
        ) from None


def _knock() -> None:
    """Raise OSError where a local engine does not listen: the driver would leave a socket open."""
    address = os.environ.get("DOCKER_HOST") or "unix:///var/run/docker.sock"
    if address.startswith("unix://"):
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as knocking:
            knocking.connect(address.removeprefix("unix://"))


def _short(error: Exception) -> str:
    return " ".join(str(error).split())[:300]
