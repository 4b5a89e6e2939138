"""What a batch looks like over HTTP: how far it is, what it cost, and what it would cost."""

from dataclasses import asdict
from datetime import datetime
from typing import Any

from api.wiring import Shown
from judge.batches import BatchStatus


class EstimateShown(Shown):
    """What a batch would ask for, in questions, samples and tokens of prompts. `most_usd` is the
    price if every answer were as long as allowed, null where a model's price is unknown;
    `likely_usd` and `seconds` go by what the models did before, null for one that was never asked;
    `detectable` the smallest difference between two models' rates that a paired comparison on these
    problems would find, null for fewer than two problems. `assumptions` says what they rest on."""

    questions: int
    samples: int
    prompt_tokens: int
    most_usd: float | None
    likely_usd: float | None
    seconds: float | None
    detectable: float | None
    warnings: list[str]
    assumptions: list[str]


class Counted(Shown):
    """A fault of ours or a model's, and how many questions or samples it stopped."""

    text: str
    count: int


class ModelProgress(Shown):
    """How far one model is."""

    model: str
    questions: int
    asked: int
    failed: int
    skipped: int
    samples: int
    judged: int
    accepted: int
    errors: int
    spend_usd: float
    unpriced: int
    tokens_in: int
    tokens_out: int
    repaired: int
    mended: int


class LatencyShown(Shown):
    """How long a model's answers took, in seconds: to the end, and to the first token, which only
    replies that were streamed tell."""

    model: str
    answers: int
    p50: float
    p95: float
    first_token_p50: float | None
    first_token_p95: float | None


class BatchShown(Shown):
    """A batch and how far it is; `wanted` is how many samples it is to have. These and the counts
    are of first turns; of answers that failed a shown example and were asked for again, up to
    `repairs` times, `repaired` came and `mended` were accepted. Money and tokens are of all turns."""

    id: str
    state: str
    models: list[str]
    problem_set: str
    digest: str
    samples_each: int
    sampling: dict[str, Any]
    prompts: list[str]
    budget_usd: float | None
    deferred: bool
    repairs: int
    questions: int
    asked: int
    failed: int
    skipped: int
    wanted: int
    samples: int
    judged: int
    accepted: int
    errors: list[Counted]
    waiting: list[Counted]
    spend_usd: float
    unpriced: int
    tokens_in: int
    tokens_out: int
    repaired: int
    mended: int
    created_at: datetime
    finished_at: datetime | None
    by_model: list[ModelProgress]


def shown(status: BatchStatus) -> BatchShown:
    """A batch as it is sent."""
    request = status.request
    return BatchShown(
        **{name: getattr(status, name) for name in _SAME},
        models=list(request.models),
        problem_set=request.problem_set,
        digest=request.digest,
        samples_each=request.samples,
        sampling=asdict(request.sampling),
        prompts=list(request.prompts),
        budget_usd=request.budget_usd,
        deferred=request.deferred,
        repairs=request.repairs,
        errors=[Counted(text=text, count=count) for text, count in status.errors],
        waiting=[Counted(text=text, count=count) for text, count in status.waiting],
        by_model=[ModelProgress.model_validate(each) for each in status.by_model],
    )


_SAME = (
    *("id", "state", "questions", "asked", "failed", "skipped", "wanted", "samples", "judged"),
    *("accepted", "spend_usd", "unpriced", "tokens_in", "tokens_out", "created_at", "finished_at"),
    *("repaired", "mended"),
)
