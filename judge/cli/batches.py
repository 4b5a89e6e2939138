"""`judge batches`: look at batches, stop them, go on with them, here or on a running service."""

from collections.abc import Callable
from contextlib import closing
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import quote
from uuid import uuid4

import typer

from judge import batches
from judge.batches import BatchStatus
from judge.bootstrap import open_judge
from judge.cli import console, remote
from judge.cli.run import as_row, say_status
from judge.errors import UsageError
from judge.store.database import Database

group = typer.Typer(
    help="Batches: list, show, cancel, pause, resume, budget, retry; requests and replies by file.",
    no_args_is_help=True,
)
Id = Annotated[str, typer.Argument(metavar="BATCH", help="A batch's id.")]


@group.command("list")
def list_batches(
    *,
    limit: Annotated[int, typer.Option(help="The newest so many.", min=1, max=200)] = 20,
    server: console.Server = "",
    as_json: console.AsJson = False,
) -> None:
    """The newest batches."""
    if server:
        rows = remote.get(server, f"/v1/batches?limit={limit}")["items"]
    else:
        with closing(open_judge()) as judge:
            rows = [as_row(each) for each in batches.list_batches(judge.database, limit=limit)]
    if as_json:
        console.result_json(rows)
    elif rows:
        console.table(
            ("batch", "state", "set", "models", "judged", "wanted", "accepted", "errors", "spent"),
            [
                (
                    *(row["id"], row["state"], row["problem_set"], ", ".join(row["models"])),
                    *map(str, (row["judged"], row["wanted"], row["accepted"])),
                    str(sum(each["count"] for each in row["errors"])),
                    console.money(row["spend_usd"]),
                )
                for row in rows
            ],
            right=("judged", "wanted", "accepted", "errors", "spent"),
        )
    else:
        console.note("no batches yet; `judge run --help` shows how to open one")


@group.command()
def show(batch: Id, *, server: console.Server = "", as_json: console.AsJson = False) -> None:
    """How far a batch is, and how long its models took to answer."""
    _do(batch, batches.read_batch, "GET", "", None, server=server, as_json=as_json)
    if as_json:
        return
    if server:
        rows = remote.get(server, f"/v1/batches/{quote(batch, safe='')}/latencies")
    else:
        with closing(open_judge()) as judge:
            rows = [asdict(each) for each in batches.read_latencies(judge.database, batch)]
    for row in rows:
        first = row["first_token_p50"]
        soon = "" if first is None else f", the first token after {first:.2f} s (p50)"
        console.note(f"  {row['model']}: {row['p50']:.2f} s (p50), {row['p95']:.2f} s (p95){soon}")


@group.command()
def cancel(batch: Id, *, server: console.Server = "", as_json: console.AsJson = False) -> None:
    """Ask and judge nothing more; what is stored stays."""
    _change(batch, batches.cancel_batch, "cancelled", server=server, as_json=as_json)


@group.command()
def pause(batch: Id, *, server: console.Server = "", as_json: console.AsJson = False) -> None:
    """Begin nothing more for now."""
    _change(batch, batches.pause_batch, "paused", server=server, as_json=as_json)


@group.command()
def resume(batch: Id, *, server: console.Server = "", as_json: console.AsJson = False) -> None:
    """Go on with a paused batch."""
    _change(batch, batches.resume_batch, "open", server=server, as_json=as_json)


@group.command()
def budget(
    batch: Id,
    usd: Annotated[str, typer.Argument(metavar="USD", help="US dollars, or `none`.")],
    *,
    server: console.Server = "",
    as_json: console.AsJson = False,
) -> None:
    """Change the budget; what the old one left unasked is asked if the new one has room."""
    try:
        given = None if usd == "none" else float(usd)
    except ValueError:
        raise UsageError(f"{usd!r} is no sum of US dollars; give a number, or none") from None

    def here(database: Database, batch: str) -> BatchStatus:
        return batches.change_budget(database, batch, given)

    _do(batch, here, "PATCH", "", {"budget_usd": given}, server=server, as_json=as_json)


@group.command()
def retry(batch: Id, *, server: console.Server = "", as_json: console.AsJson = False) -> None:
    """Ask and judge again what failed by a fault that is not the solution's."""
    _do(batch, batches.retry_errors, "POST", "/retry-errors", None, server=server, as_json=as_json)


@group.command()
def requests(
    batch: Id,
    *,
    model: Annotated[str, typer.Option(help="The model that is to be asked.")],
    out: Annotated[Path, typer.Option("-o", "--out", help="The file to write.")],
) -> None:
    """Write what is still missing as a file for `vllm run-batch`; `replies` reads the answers.

    Until then nobody else asks these questions.
    """
    with closing(open_judge()) as judge:
        number = batches.write_requests(judge.database, batch, model, out)
    console.result(f"{number} requests written to {out}")
    if number:
        console.note(f"`judge batches replies {batch} FILE` reads the answers")


@group.command()
def replies(
    batch: Id,
    file: Annotated[Path, typer.Argument(help="What the provider or `vllm run-batch` wrote.")],
    *,
    as_json: console.AsJson = False,
) -> None:
    """Read replies to the requests of a batch; every good one is kept, once.

    What a file lacks is open again; an empty file gives everything back.
    """
    with closing(open_judge()) as judge, file.open("rb") as lines:
        taken = batches.read_replies(judge.database, batch, lines)
    if as_json:
        console.result_json(taken)
    else:
        console.result(
            f"{taken.kept} completions kept, {taken.before} were not missing, "
            f"{taken.faulty} faults, {taken.unknown} of other questions, {taken.garbage} unreadable"
        )
    if taken.kept:
        console.note("`judge up` judges them")


def _change(
    batch: str,
    here: Callable[[Database, str], BatchStatus],
    state: str,
    *,
    server: str,
    as_json: bool,
) -> None:
    _do(batch, here, "PATCH", "", {"state": state}, server=server, as_json=as_json)


def _do(
    batch: str,
    here: Callable[[Database, str], BatchStatus],
    method: str,
    part: str,
    body: dict[str, Any] | None,
    *,
    server: str,
    as_json: bool,
) -> None:
    """Do it here, or have the service do it; then say how the batch is."""
    if server:
        path = f"/v1/batches/{quote(batch, safe='')}{part}"
        key = {"Idempotency-Key": uuid4().hex} if method == "POST" else {}
        row = remote.send(server, method, path, body, headers=key)
    else:
        with closing(open_judge()) as judge:
            row = as_row(here(judge.database, batch))
    say_status(row, as_json=as_json)
