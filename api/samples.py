"""Samples over HTTP: what a model wrote, and what came of it."""

from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request, Response
from starlette.responses import PlainTextResponse

from api.wiring import Cursor, House, Limit, Shown, opened, page, problem_answers
from judge import batches
from judge.store.samples import SampleDetail
from judge.verdicts.verdict import Verdict

OfModel = Annotated[str, Query(max_length=200, description="Only this model's.")]
OfVerdict = Annotated[Verdict | None, Query(description="Only those with this verdict.")]
PLAIN: dict[int | str, dict[str, Any]] = {
    200: {"content": {"text/plain": {"schema": {"type": "string"}}}}
}

router = APIRouter(prefix="/v1", tags=["samples"])


class SampleBrief(Shown):
    """One sample in a list. `turn` counts from 0; `repairs` is the sample of the turn before, which the
    model was shown the fault of, or empty."""

    id: str
    batch: str
    model: str
    slug: str
    index: int
    state: str
    verdict: str | None
    reason: str | None
    rule: str
    template: str
    finish: str
    input_tokens: int
    output_tokens: int
    cost: float | None
    seconds: float
    error: str | None
    created_at: datetime
    judged_at: datetime | None
    turn: int
    repairs: str
    first_token_seconds: float | None
    reused: bool


class SamplePage(Shown):
    """Some samples, the oldest first."""

    items: list[SampleBrief]
    next_cursor: str | None


class OutcomeShown(Shown):
    """One test: the verdict and why; never the values."""

    verdict: str
    reason: str
    cpu_seconds: float


class HostShown(Shown):
    """Where a solution ran; `image` is the digest of a container image, if it was one."""

    backend: str
    tier: str
    image: str
    python: str
    kernel: str
    runner: str
    packages: list[str]


class LimitsShown(Shown):
    """What one process of the solution was allowed."""

    cpu_seconds: float
    example_cpu_seconds: float
    memory_mb: int
    output_bytes: int


class EvidenceShown(Shown):
    """What the verdict can be replayed from: digests, circumstances, the limits that held, and the
    kernel's counters of the run that counts. `base_cpu_seconds` is the problem's own limit, below
    `limits.cpu_seconds` where its reference needed more; `first_run` is the verdict of the first
    run where a limit was near and a second one was made."""

    problem: str
    solution: str
    sandbox: str
    judge_version: str
    settings: str
    host: HostShown
    limits: LimitsShown
    wall_limit_seconds: float
    base_cpu_seconds: float
    reference_cpu_seconds: float
    host_speed: float
    cpu_seconds: float
    wall_seconds: float
    memory_mb: float
    oom_kills: int
    exit_code: int
    signal: int
    killed_by: str
    runs: int
    first_run: str


class SampleShown(SampleBrief):
    """A sample with what the model wrote and what was taken from it."""

    problem_digest: str
    source: str
    text: str
    outcomes: list[OutcomeShown]
    evidence: EvidenceShown | None


@router.get("/batches/{batch}/samples", operation_id="list_samples", responses=problem_answers(404))
def list_samples(
    house: House,
    request: Request,
    response: Response,
    batch: str,
    limit: Limit = 50,
    cursor: Cursor = "",
    model: OfModel = "",
    verdict: OfVerdict = None,
) -> SamplePage:
    """The samples of a batch, the oldest first."""
    wanted = {"model": model, "verdict": verdict.value if verdict else ""}
    found = batches.list_samples(house.database, batch, opened(cursor), limit + 1, **wanted)
    shown, following = page(found, limit, lambda row: row.id, request, response)
    items = [SampleBrief.model_validate(row) for row in shown]
    return SamplePage(items=items, next_cursor=following)


@router.get("/samples/{sample}", operation_id="read_sample", responses=problem_answers(404))
def read_sample(house: House, sample: str) -> SampleShown:
    """One sample, whole: reply, source, verdict, outcomes and evidence. Expected values and what
    the solution printed are not shown."""
    return _sample(batches.read_sample(house.database, sample))


@router.get(
    "/samples/{sample}/source",
    operation_id="read_source",
    response_class=PlainTextResponse,
    responses={**PLAIN, **problem_answers(404)},
)
def read_source(house: House, sample: str) -> Response:
    """The source that was taken from the reply, as a file."""
    detail = batches.read_sample(house.database, sample)
    return _file(detail.source, f"{detail.sample.id}.py")


@router.get(
    "/samples/{sample}/text",
    operation_id="read_text",
    response_class=PlainTextResponse,
    responses={**PLAIN, **problem_answers(404)},
)
def read_text(house: House, sample: str) -> Response:
    """The reply as it came, as a file."""
    detail = batches.read_sample(house.database, sample)
    return _file(detail.text, f"{detail.sample.id}.txt")


def _file(text: str, name: str) -> Response:
    """A text of others, to be kept and never to be rendered; the name is ours."""
    headers = {"Content-Disposition": f'attachment; filename="{name}"'}
    return PlainTextResponse(text, headers=headers)


def _sample(detail: SampleDetail) -> SampleShown:
    judgement = detail.judgement
    brief = {name: getattr(detail.sample, name) for name in SampleBrief.model_fields}
    return SampleShown(
        **brief,
        problem_digest=detail.problem_digest,
        source=detail.source,
        text=detail.text,
        outcomes=[
            OutcomeShown.model_validate(outcome)
            for outcome in (judgement.outcomes if judgement else ())
        ],
        evidence=EvidenceShown.model_validate(judgement.evidence) if judgement else None,
    )
