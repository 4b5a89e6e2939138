"""Samples over HTTP: what a model wrote, and what came of it."""

from datetime import datetime

from fastapi import APIRouter, Request, Response

from api.wiring import Cursor, House, Limit, Shown, opened, page, problem_answers
from judge import batches
from judge.store.samples import SampleDetail

router = APIRouter(prefix="/v1", tags=["samples"])


class SampleBrief(Shown):
    """One sample in a list."""

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
) -> SamplePage:
    """The samples of a batch, the oldest first."""
    found = batches.list_samples(house.database, batch, opened(cursor), limit + 1)
    shown, following = page(found, limit, lambda row: row.id, request, response)
    items = [SampleBrief.model_validate(row) for row in shown]
    return SamplePage(items=items, next_cursor=following)


@router.get("/samples/{sample}", operation_id="read_sample", responses=problem_answers(404))
def read_sample(house: House, sample: str) -> SampleShown:
    """One sample, whole: reply, source, verdict, outcomes and evidence. Expected values and what
    the solution printed are not shown."""
    return _sample(batches.read_sample(house.database, sample))


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
