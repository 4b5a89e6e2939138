"""`judge run`: ask models, judge their answers, here or on a running service."""

from collections.abc import Callable
from contextlib import closing
from dataclasses import asdict
from typing import Annotated, Any
from urllib.parse import quote
from uuid import uuid4

import typer

from judge import batches
from judge.batches import BatchRequest, BatchStatus, Estimate
from judge.bootstrap import Judge, open_judge
from judge.cli import console, remote
from judge.errors import JudgeError
from judge.models.base import Sampling
from judge.store import problem_sets
from judge.store.batches import MAX_REPAIRS

WAIT_SECONDS = 10


def run(
    *,
    models: Annotated[str, typer.Option(help="Names of models, with commas between.")],
    problems: Annotated[str, typer.Option(help="The problem set.")],
    samples: Annotated[int, typer.Option("-n", help="Samples a problem.", min=1, max=1000)] = 1,
    limit: Annotated[
        int | None, typer.Option(help="Only the first so many problems.", min=1)
    ] = None,
    budget_usd: Annotated[
        float | None, typer.Option(help="Ask nothing more once this is spent.", min=0)
    ] = None,
    temperature: Annotated[float, typer.Option(min=0, max=2)] = Sampling().temperature,
    top_p: Annotated[float, typer.Option(min=0.01, max=1)] = Sampling().top_p,
    max_tokens: Annotated[
        int, typer.Option(help="Of one answer.", min=1, max=131_072)
    ] = Sampling().max_tokens,
    seed: Annotated[int | None, typer.Option(min=0)] = None,
    prompts: Annotated[
        str, typer.Option(help="Names of prompt templates, with commas between.")
    ] = "",
    deferred: Annotated[
        bool, typer.Option("--deferred", help="By the provider's Batch API: half price, a day.")
    ] = False,
    fresh: Annotated[
        bool, typer.Option("--fresh", help="Buy even replies that were bought before.")
    ] = False,
    repairs: Annotated[
        int,
        typer.Option(
            help="How often a model may mend an answer that fails a shown example.",
            min=0,
            max=MAX_REPAIRS,
        ),
    ] = 0,
    server: console.Server = "",
    wait: Annotated[bool, typer.Option("--wait", help="With --server: until it is done.")] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only say what would be asked, and its price.")
    ] = False,
    as_json: console.AsJson = False,
) -> None:
    """Draw samples from models and judge them. Without --server it is done here, to the end."""
    request = BatchRequest(
        models=console.names(models, "--models"),
        problem_set=problems,
        samples=samples,
        sampling=Sampling(temperature, top_p, max_tokens, seed),
        prompts=console.names(prompts, "--prompts") if prompts else (),
        budget_usd=budget_usd,
        deferred=deferred,
        fresh=fresh,
        repairs=repairs,
    )
    if server and dry_run:
        request = _limited(request, limit, lambda: _slugs_of(server, problems, limit or 0))
        _say_estimate(_estimate_of(server, request), as_json=as_json)
        return
    if server:
        _over_http(server, request, limit, wait=wait, as_json=as_json)
        return
    with closing(open_judge()) as judge:
        request = _limited(request, limit, lambda: _slugs(judge, problems))
        if dry_run:
            _say_estimate(batches.estimate(judge.database, request), as_json=as_json)
            return
        status = _here(judge, request)
    say_status(as_row(status), as_json=as_json)


def follow(server: str, batch: str) -> dict[str, Any]:
    """Show a batch's progress on a service until it is over; its last state."""
    path = f"/v1/batches/{quote(batch, safe='')}"
    status = remote.get(server, path)
    with console.progress(_title(status), status["wanted"]) as bar:
        while True:
            _show(bar, status)
            if status["state"] != "open":
                return dict(status)
            status = remote.get(server, f"{path}?wait=1", seconds=60.0)


def submit(server: str, request: BatchRequest, key: str = "") -> dict[str, Any]:
    """Open a batch on a service; the same key gives the same batch."""
    headers = {"Idempotency-Key": key or uuid4().hex}
    return dict(remote.send(server, "POST", "/v1/batches", _body(request), headers=headers))


def _body(request: BatchRequest) -> dict[str, Any]:
    """The request without what is as usual, so that an older service takes it too."""
    fields = BatchRequest.__dataclass_fields__.values()
    usual = {field.name for field in fields if getattr(request, field.name) == field.default}
    return {name: value for name, value in asdict(request).items() if name not in usual}


def _estimate_of(server: str, request: BatchRequest) -> Estimate:
    found = remote.send(server, "POST", "/v1/batches?dry_run=true", _body(request))
    return Estimate(**{name: found[name] for name in Estimate.__dataclass_fields__})


def _here(judge: Judge, request: BatchRequest) -> BatchStatus:
    sandbox = judge.sandbox
    for warning in batches.warnings(judge.database, request):
        console.note(f"warning: {warning}")
    opened = batches.open_batch(judge.database, request)
    console.note(f"batch {opened.id}")
    with console.progress(_title(as_row(opened)), opened.wanted) as bar:
        try:
            return batches.run_batch(
                judge.database,
                judge.model,
                sandbox,
                opened.id,
                threads=judge.settings.ask_threads,
                speed=judge.speed,
                reuse=judge.settings.cache == "on",
                on_progress=lambda status: _show(bar, as_row(status)),
            )
        except KeyboardInterrupt:
            console.note(f"batch {opened.id} is kept; `judge up` goes on with it")
            raise


def _over_http(
    server: str, request: BatchRequest, limit: int | None, *, wait: bool, as_json: bool
) -> None:
    request = _limited(request, limit, lambda: _slugs_of(server, request.problem_set, limit or 0))
    status = submit(server, request)
    console.note(f"batch {status['id']}: {server.rstrip('/')}/batches/{status['id']}")
    say_status(follow(server, status["id"]) if wait else status, as_json=as_json)


def _limited(
    request: BatchRequest, limit: int | None, slugs: Callable[[], list[str]]
) -> BatchRequest:
    if limit is None:
        return request
    fields = {name: getattr(request, name) for name in BatchRequest.__dataclass_fields__}
    return BatchRequest(**{**fields, "problems": tuple(slugs()[:limit])})


def _slugs(judge: Judge, name: str) -> list[str]:
    with judge.database.reading() as tx:
        return list(problem_sets.slugs(tx, problem_sets.digest_of(tx, name)))


def _slugs_of(server: str, name: str, limit: int) -> list[str]:
    found: list[str] = []
    cursor = ""
    while len(found) < limit:
        path = f"/v1/problem-sets/{quote(name, safe='')}/problems?limit=200&cursor={cursor}"
        page = remote.get(server, path)
        found += [item["slug"] for item in page["items"]]
        cursor = page["next_cursor"] or ""
        if not cursor:
            break
    return found


def _title(status: dict[str, Any]) -> str:
    return f"{', '.join(status['models'])} on {status['problem_set']}"


def _show(bar: console.Bar, status: dict[str, Any]) -> None:
    """A sample counts once it is judged; those that never will come count as errors."""
    missing = sum(each["count"] for each in status["errors"])
    bar.at(status["judged"], status["wanted"])
    waiting = status["waiting"][0]["text"] if status["waiting"] else ""
    bar.figures(errors=missing, spend_usd=status["spend_usd"], waiting=waiting)


def as_row(status: BatchStatus) -> dict[str, Any]:
    """The status as the service would send it."""
    row = asdict(status)
    request = row.pop("request")
    return {
        **row,
        "models": list(request["models"]),
        "problem_set": request["problem_set"],
        "wanted": status.wanted,
        "repairs": request["repairs"],
        "errors": [{"text": text, "count": count} for text, count in status.errors],
        "waiting": [{"text": text, "count": count} for text, count in status.waiting],
    }


def _say_estimate(found: Estimate, *, as_json: bool) -> None:
    if as_json:
        console.result_json(found)
        return
    price = (
        "of unknown price" if found.most_usd is None else f"at most {console.money(found.most_usd)}"
    )
    if found.likely_usd is not None:
        price += f", likely {console.money(found.likely_usd)}"
    if found.seconds is not None:
        price += f", in about {console.lasting(found.seconds)}"
    console.result(
        f"{found.questions} questions, {found.samples} samples, "
        f"{found.prompt_tokens} tokens of prompts, {price}; nothing was asked"
    )
    for warning in found.warnings:
        console.note(f"warning: {warning}")


def say_status(status: dict[str, Any], *, as_json: bool) -> None:
    """Say how a batch is. Raises JudgeError for one that has ended without any answer."""
    if as_json:
        console.result_json(status)
    else:
        console.result(
            f"batch {status['id']}: {status['state'].replace('_', ' ')}, "
            f"{status['judged']} of {status['wanted']} samples judged, "
            f"{status['accepted']} accepted, {console.money(status['spend_usd'])} spent"
        )
        if status["repairs"]:
            console.note(f"  {status['mended']} of {status['repaired']} repairs accepted")
        for each in status["errors"]:
            console.note(f"  {each['count']} x {each['text']}")
    if status["state"] != "open" and status["errors"] and not status["judged"]:
        raise JudgeError("no answer could be had; the batch's errors say why")
