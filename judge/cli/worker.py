"""`judge worker`: one more worker on the queue of a larger installation."""

from importlib import import_module
from typing import Annotated

import typer

from judge.errors import UsageError
from judge.settings import read_settings

APP = "workers.app"


def worker(
    *,
    queues: Annotated[str, typer.Option(help="Queues to work on, with commas.")] = "ask,judge",
    concurrency: Annotated[
        int | None, typer.Option(help="Tasks at once; one a core by default.", min=1)
    ] = None,
) -> None:
    """Work on questions and samples until interrupted."""
    settings = read_settings()
    if settings.embedded:
        raise UsageError(
            "the queue memory:// lives inside `judge up`, no other process can reach it; "
            "set JUDGE_BROKER_URL=redis://HOST (and JUDGE_DATABASE_URL to a shared database)"
        )
    arguments = ["worker", "--loglevel=INFO", f"--queues={queues}"]
    if concurrency is not None:
        arguments.append(f"--concurrency={concurrency}")
    import_module(APP).app.worker_main(arguments)
