"""Batches over HTTP: what is asked, and how far it is."""

import threading
import time
from typing import Annotated, Literal, Self

from fastapi import APIRouter, Query, Request, Response
from pydantic import Field, model_validator

from api.progress import BatchShown, EstimateShown, LatencyShown, shown
from api.tags import NOT_MODIFIED, Known, tagged
from api.wiring import (
    Body,
    Claim,
    Cursor,
    House,
    JsonRoute,
    Limit,
    Name,
    Shown,
    opened,
    page,
    problem_answers,
)
from judge import batches
from judge.batches import BatchRequest, BatchStatus
from judge.models.base import Sampling
from judge.store.batches import MAX_REPAIRS
from workers import dispatch

MAX_WAIT = 30
RETRY_AFTER = "2"

router = APIRouter(prefix="/v1", tags=["batches"], route_class=JsonRoute)
_waiting = threading.BoundedSemaphore(16)  # each holds one of the server's 40 threads

DryRun = Annotated[bool, Query(description="Only say what would be asked, and its price.")]
Wait = Annotated[
    int,
    Query(
        ge=0, le=MAX_WAIT, description="Seconds to wait for the batch to finish; it may be less."
    ),
]


class SamplingBody(Body):
    """How completions are drawn."""

    temperature: Annotated[float, Field(ge=0, le=2)] = 0.2
    top_p: Annotated[float, Field(gt=0, le=1)] = 0.95
    max_tokens: Annotated[int, Field(ge=1, le=131_072)] = 1024
    seed: Annotated[int | None, Field(ge=0, lt=2**31)] = None


class NewBatch(Body):
    """Models x problem set x samples, with a budget in US dollars; `deferred` asks through the
    provider's Batch API, at half the price and within a day; `fresh` buys replies that are known
    already once more."""

    models: Annotated[tuple[Name, ...], Field(min_length=1, max_length=100)]
    problem_set: Name
    samples: Annotated[int, Field(ge=1, le=1000)] = 1
    sampling: SamplingBody = SamplingBody()
    prompts: Annotated[tuple[Name, ...], Field(max_length=20)] = ()
    budget_usd: Annotated[float | None, Field(ge=0, le=1e9)] = None
    problems: Annotated[tuple[Name, ...], Field(max_length=100_000)] = ()
    digest: Annotated[str, Field(max_length=64)] = ""
    deferred: bool = False
    fresh: bool = False
    repairs: Annotated[int, Field(ge=0, le=MAX_REPAIRS)] = 0


class BatchChange(Body):
    """What can be done to a batch: ended for good, halted for now, gone on with; and given another
    budget in US dollars, null for none, with which what the old one left unasked is asked."""

    state: Literal["cancelled", "paused", "open"] | None = None
    budget_usd: Annotated[float | None, Field(ge=0, le=1e9)] = None

    @model_validator(mode="after")
    def _says_something(self) -> Self:
        if self.state is None and "budget_usd" not in self.model_fields_set:
            raise ValueError("neither state nor budget_usd is given")
        return self


class BatchPage(Shown):
    """Some batches, the newest first."""

    items: list[BatchShown]
    next_cursor: str | None


@router.post(
    "/batches",
    operation_id="open_batch",
    status_code=202,
    response_model=BatchShown,
    responses={
        200: {"model": EstimateShown, "description": "The estimate of a dry run"},
        **problem_answers(404),
    },
)
def open_batch(
    house: House,
    response: Response,
    body: NewBatch,
    claim: Claim,
    dry_run: DryRun = False,  # noqa: FBT002 - a parameter of the address
) -> BatchShown | Response:
    """Open a batch; it is asked and judged from now on. Follow it at `Location`."""
    request = BatchRequest(
        models=body.models,
        problem_set=body.problem_set,
        samples=body.samples,
        sampling=Sampling(**body.sampling.model_dump()),
        prompts=body.prompts,
        budget_usd=body.budget_usd,
        problems=body.problems,
        digest=body.digest,
        deferred=body.deferred,
        fresh=body.fresh,
        repairs=body.repairs,
    )
    if dry_run:
        found = EstimateShown.model_validate(batches.estimate(house.database, request))
        return Response(found.model_dump_json(), media_type="application/json")
    # Should a crash come between this commit and the keeping of the answer, the next try has the
    # same claim and finds this batch.
    status = batches.open_batch(house.database, request, claim)
    _ring(status)
    response.headers["Location"] = f"/v1/batches/{status.id}"
    response.headers["Retry-After"] = RETRY_AFTER
    return shown(status)


@router.get("/batches", operation_id="list_batches")
def list_batches(
    house: House, request: Request, response: Response, limit: Limit = 50, cursor: Cursor = ""
) -> BatchPage:
    """Every batch, the newest first."""
    found = batches.list_batches(house.database, opened(cursor), limit + 1)
    some, following = page(found, limit, lambda status: status.id, request, response)
    return BatchPage(items=[shown(status) for status in some], next_cursor=following)


@router.get(
    "/batches/{batch}",
    operation_id="read_batch",
    response_model=BatchShown,
    responses={**NOT_MODIFIED, **problem_answers(404)},
)
def read_batch(house: House, batch: str, wait: Wait = 0, known: Known = "") -> Response:
    """How far a batch is; with `wait`, once it is finished or that many seconds have passed."""
    status = batches.read_batch(house.database, batch)
    if wait and status.open and _waiting.acquire(blocking=False):
        try:
            until = time.monotonic() + wait
            while status.open and time.monotonic() < until:
                time.sleep(0.25)
                status = batches.read_batch(house.database, batch)
        finally:
            _waiting.release()
    response = tagged(shown(status), known)
    if status.open:
        response.headers["Retry-After"] = RETRY_AFTER
    return response


@router.get(
    "/batches/{batch}/latencies", operation_id="read_latencies", responses=problem_answers(404)
)
def read_latencies(house: House, batch: str) -> list[LatencyShown]:
    """How long each model took to answer; replies that were bought before are left out."""
    found = batches.read_latencies(house.database, batch)
    return [LatencyShown.model_validate(each) for each in found]


@router.patch("/batches/{batch}", operation_id="change_batch", responses=problem_answers(404, 409))
def change_batch(house: House, batch: str, body: BatchChange) -> BatchShown:
    """Cancel, pause or go on with a batch, or change its budget. One that has ended stays as it is,
    but for a budget that allows more; what runs meanwhile is still stored."""
    if "budget_usd" in body.model_fields_set:
        batches.change_budget(house.database, batch, body.budget_usd)
    if body.state is not None:
        _CHANGES[body.state](house.database, batch)
    status = batches.read_batch(house.database, batch)
    if status.open:
        _ring(status)
    return shown(status)


@router.post(
    "/batches/{batch}/retry-errors",
    operation_id="retry_errors",
    responses=problem_answers(404, 409),
)
def retry_errors(house: House, batch: str) -> BatchShown:
    """Ask and judge again what failed by no fault of a solution; what succeeded is neither bought
    nor judged again. A batch that had ended goes on, one that was cancelled does not."""
    status = batches.retry_errors(house.database, batch)
    _ring(status)
    return shown(status)


def _ring(status: BatchStatus) -> None:
    if status.open:
        dispatch.ring_ask(status.id)
        dispatch.ring_local(status.id)
        dispatch.ring_judge(status.id)
        if status.request.deferred:
            dispatch.ring_defer(status.id)


_CHANGES = {
    "cancelled": batches.cancel_batch,
    "paused": batches.pause_batch,
    "open": batches.resume_batch,
}
