"""`judge worker`: one more worker on the queue of a larger installation."""

import os
from importlib import import_module
from typing import Annotated

import typer

from judge import heartbeats, telemetry
from judge.cli import console
from judge.errors import UsageError
from judge.settings import Settings, read_settings

APP = "workers.app"
QUEUES = ("ask", "local", "judge")
THREADS = 4
"""Tasks at once on threads; each asks JUDGE_ASK_THREADS questions at a time."""

NOT_ALIVE = 1


def worker(
    *,
    queues: Annotated[
        str, typer.Option(help="Queues to work on, with commas.")
    ] = "ask,local,judge",
    concurrency: Annotated[
        int | None,
        typer.Option(
            help="Processes, one a core by default; threads for `ask` and `local` alone.", min=1
        ),
    ] = None,
    alive: Annotated[
        bool,
        typer.Option(
            "--alive", help="Start nothing; exit 0 if the workers of this host polled lately."
        ),
    ] = False,
    as_json: console.AsJson = False,
) -> None:
    """Work on questions and samples until interrupted."""
    settings = read_settings()
    if alive:
        _check(settings, as_json=as_json)
        return
    if settings.embedded:
        raise UsageError(
            "the queue memory:// lives inside `judge up`, no other process can reach it; "
            "set JUDGE_BROKER_URL=redis://HOST (and JUDGE_DATABASE_URL to a shared database)"
        )
    wanted = console.names(queues, "--queues")
    if unknown := sorted({*wanted} - {*QUEUES}):
        raise UsageError(f"there is no queue {unknown[0]!r}; there are: {', '.join(QUEUES)}")
    telemetry.set_up(as_json=as_json or settings.log == "json")
    import_module(APP).app.worker_main(arguments(settings, wanted, concurrency))


def arguments(settings: Settings, queues: tuple[str, ...], concurrency: int | None) -> list[str]:
    """What Celery is told. Asking waits for others, so it gets threads, in one process that holds a
    model's weights once; judging computes, so it gets processes, and each opens its share of the
    slots where JUDGE_SANDBOX_WORKERS says nothing."""
    pool = "prefork" if "judge" in queues else "threads"
    cores = os.cpu_count() or 1
    count = concurrency or (THREADS if pool == "threads" else cores)
    if pool == "prefork" and "sandbox_workers" not in settings.model_fields_set:
        os.environ["JUDGE_SANDBOX_WORKERS"] = str(max(1, cores // count))
    told = ["worker", "--loglevel=INFO", f"--queues={','.join(queues)}", f"--pool={pool}"]
    quiet = ["--without-gossip", "--without-mingle"]  # workers need not know of each other
    return [*told, f"--concurrency={count}", *quiet]


def _check(settings: Settings, *, as_json: bool) -> None:
    ages, limit = heartbeats.ages(settings), heartbeats.fresh_seconds(settings)
    silent = {owner for owner, age in ages.items() if age > limit}
    if as_json:
        console.result_json({"workers": ages, "silent": sorted(silent)})
    elif not ages:
        console.result(f"no worker of this host has polled yet (home {settings.home})")
    for owner, age in ages.items() if not as_json else ():
        console.result(f"{owner}: polled {age:.0f} s ago{' (silent)' * (owner in silent)}")
    if silent or not ages:
        raise typer.Exit(NOT_ALIVE)
