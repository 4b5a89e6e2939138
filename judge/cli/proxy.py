"""`judge sandbox proxy`: the door to a Docker engine, from its words to a server."""

import signal
import threading
from importlib import import_module
from pathlib import Path
from typing import Annotated

import typer

from judge import telemetry
from judge.cli import console
from judge.errors import UsageError
from judge.sandbox.leases import meeting_place
from judge.settings import read_settings


def proxy(
    *,
    listen: Annotated[Path, typer.Option(help="The unix socket to make, for workers.")],
    engine: Annotated[Path, typer.Option(help="The engine's own socket.")] = Path(
        "/var/run/docker.sock"
    ),
    image: Annotated[
        list[str] | None, typer.Option(help="A tag that may be run; judge's own by default.")
    ] = None,
) -> None:
    """Stand between workers and a Docker engine, and let nothing pass but boxes of judge's."""
    settings = read_settings()
    telemetry.set_up(as_json=settings.log == "json")
    try:
        images = import_module("judge.sandbox.image")  # only here: it needs the engine's driver
    except ModuleNotFoundError as error:
        raise UsageError(f"{error.name} is missing: pip install 'judge[docker]'") from None
    proxies = import_module("judge.sandbox.proxy")
    behind = proxies.Engine(engine)
    tags = frozenset(image or [settings.sandbox_image or images.default_tag()])
    permits = proxies.permits_of(behind, tags, meeting_place(settings.sandbox_channels))
    try:
        server = proxies.Proxy(listen, behind, permits)
    except OSError as error:
        raise UsageError(f"cannot listen at {listen} ({error.strerror or error})") from None
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: threading.Thread(target=server.shutdown).start())
    console.note(f"the proxy is at {listen}, for {', '.join(sorted(tags))} and {permits.meeting}")
    with server:
        server.serve_forever()
    listen.unlink(missing_ok=True)
