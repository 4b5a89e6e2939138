"""The Docker engine's door: one connection, and its failures in our words."""

from collections.abc import Iterator
from contextlib import contextmanager

import docker
import requests

from judge.errors import SandboxUnavailable

TIMEOUT_SECONDS = 60


def connect() -> "docker.DockerClient":
    """A client of the engine that DOCKER_HOST names, or of the local one. Raises SandboxUnavailable."""
    with understood("cannot be reached"):
        return docker.DockerClient.from_env(timeout=TIMEOUT_SECONDS)


@contextmanager
def understood(what: str) -> Iterator[None]:
    """Turn whatever the engine or the way to it raises into SandboxUnavailable."""
    try:
        yield
    except (docker.errors.DockerException, requests.RequestException, OSError) as error:
        raise SandboxUnavailable(
            f"the Docker engine {what} ({_short(error)}); start it, name it with DOCKER_HOST, or use "
            "JUDGE_SANDBOX=namespaces"
        ) from None


def _short(error: Exception) -> str:
    return " ".join(str(error).split())[:300]
