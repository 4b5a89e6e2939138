"""`judge up`: the whole service in one process."""

import logging
import os
import socket
from typing import Annotated

import typer
import uvicorn

from judge import telemetry
from judge.bootstrap import open_judge
from judge.cli import console
from judge.errors import JudgeError, UsageError
from judge.settings import Settings, read_settings
from judge.store import keys

APP = "api.app:app"
BACKLOG = 128
EVERYWHERE = "0.0.0.0"  # noqa: S104 - only by --public, and never without keys
QUIET = {"alembic": logging.WARNING, "celery": logging.WARNING, "kombu": logging.ERROR}
"""What these say at their usual level is no news to whoever starts a service."""


def up(
    *,
    host: Annotated[str, typer.Option(help="Address to listen on; JUDGE_HOST if not given.")] = "",
    port: Annotated[
        int | None,
        typer.Option(help="Port; JUDGE_PORT if not given, 0 for a free one.", min=0, max=65535),
    ] = None,
    public: Annotated[
        bool,
        typer.Option("--public", help="Listen on every address; callers then need keys."),
    ] = False,
    as_json: console.AsJson = False,
) -> None:
    """Serve the pages and the HTTP interface, ask and judge, until interrupted."""
    if host or public:
        os.environ["JUDGE_HOST"] = host or EVERYWHERE  # the app, built by uvicorn, reads it too
    settings = read_settings()
    host, port = settings.host, settings.port if port is None else port
    listener = _listen(host, port)
    with listener:
        shut = _check(settings)
        shown = f"[{host}]" if ":" in host else host
        address = f"http://{shown}:{listener.getsockname()[1]}"
        telemetry.set_up(as_json=as_json or settings.log == "json")
        for name, level in QUIET.items():
            logging.getLogger(name).setLevel(level)
        if as_json:
            console.result_json({"address": address, "home": str(settings.home)})
        else:
            console.result(f"judge is at {address} (home {settings.home})")
            if settings.embedded:
                console.note(
                    "one process, one host; Ctrl-C ends it, what is open goes on next time"
                )
        if shut:
            console.note(
                "requests need a key and there is none yet; `judge keys add NAME --scopes admin`"
            )
        _serve(listener, as_json=as_json)


def _serve(listener: socket.socket, *, as_json: bool) -> None:
    server = uvicorn.Server(
        uvicorn.Config(
            APP,
            log_config=None,
            log_level="warning",
            access_log=False,
            server_header=False,
            ws="none",
            timeout_graceful_shutdown=10,
        )
    )
    try:
        server.run(sockets=[listener])
    except KeyboardInterrupt:
        if not as_json:
            console.note("judge has stopped")
    if not server.started:
        raise JudgeError("the service did not start; the lines above say why")


def _check(settings: Settings) -> bool:
    """Whatever cannot be had is told in one line, before anything serves. Returns whether keys are
    needed and nobody has one."""
    judge = open_judge(settings)
    try:
        if settings.embedded:
            _ = judge.sandbox
        with judge.database.reading() as tx:
            return settings.needs_keys and not keys.any_live(tx)
    finally:
        judge.close()


def _listen(host: str, port: int) -> socket.socket:
    """A listening socket. Raises UsageError naming the port and what to do."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    # Its connections inherit it. Heads and bodies are written one after the other: without it a
    # client on the same connection waits 40 ms for each body, until it has acknowledged the head.
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    try:
        listener.bind((host, port))
        listener.listen(BACKLOG)
    except OSError as error:
        listener.close()
        reason = error.strerror or error
        raise UsageError(
            f"cannot listen on {host}, port {port} ({reason}); "
            "name another with --port, or 0 for a free one"
        ) from None
    return listener
