"""`judge sandbox proxy`, from its words to a server."""

import signal
import threading
from pathlib import Path

from judge import telemetry
from judge.cli import console
from judge.errors import UsageError
from judge.sandbox import proxy
from judge.sandbox.image import default_tag
from judge.sandbox.leases import meeting_place
from judge.settings import Settings


def serve(settings: Settings, listen: Path, engine: Path, images: list[str]) -> None:
    """Serve until SIGTERM or SIGINT. Raises UsageError and SandboxUnavailable."""
    telemetry.set_up(as_json=settings.log == "json")
    behind = proxy.Engine(engine)
    tags = frozenset(images or [settings.sandbox_image or default_tag()])
    permits = proxy.permits_of(behind, tags, meeting_place(settings.sandbox_channels))
    try:
        server = proxy.Proxy(listen, behind, permits)
    except OSError as error:
        raise UsageError(f"cannot listen at {listen} ({error.strerror or error})") from None
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: threading.Thread(target=server.shutdown).start())
    console.note(f"the proxy is at {listen}, for {', '.join(sorted(tags))} and {permits.meeting}")
    with server:
        server.serve_forever()
    listen.unlink(missing_ok=True)
