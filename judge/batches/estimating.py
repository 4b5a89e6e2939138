"""What a batch would ask for and cost, before anything is asked."""

import math
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date as date_of
from itertools import product

from judge.batches.opening import check_prompts
from judge.models import costs, prompts
from judge.models.base import ModelSpec, Usage
from judge.store import batches, figures, models, problem_sets
from judge.store.batches import BatchRequest
from judge.store.database import Database, now

DIFFERING = 0.25
"""The share of problems on which two models are taken to differ, for `detectable`."""

AT_A_TIME = 8
"""Answers on their way at once, for `seconds`."""

WARN_DAYS = 60
"""How long before a model's last day it is worth a warning."""

ASSUMPTIONS = (
    "most_usd: every answer is as long as max_tokens allows, and as many turns are taken as may be",
    "likely_usd, seconds: answers are as long and as slow as this model's were, eight at a time",
    "detectable: paired over problems, 5 % level, 80 % power, a quarter of the problems differing",
)


@dataclass(frozen=True, slots=True)
class Estimate:
    """What a batch would ask for. `most_usd` is the price if every answer were as long as allowed;
    None when some model's price is unknown. `likely_usd` and `seconds` go by what the models did
    before, None when one was never asked. `detectable` is the smallest difference between the rates
    of two models that a comparison on these problems would find; None for fewer than two.
    `warnings` are worth reading before anything is spent."""

    questions: int
    samples: int
    prompt_tokens: int
    most_usd: float | None
    likely_usd: float | None
    seconds: float | None
    detectable: float | None
    warnings: tuple[str, ...] = ()
    assumptions: tuple[str, ...] = ASSUMPTIONS


def estimate(database: Database, request: BatchRequest) -> Estimate:
    """What a batch would ask for; nothing is stored or asked. Raises as `open_batch`."""
    with database.reading() as tx:
        check_prompts(tx, request)
        _, chosen = batches.chosen(tx, request)
        specs = [models.read(tx, name) for name in request.models]
        found = problem_sets.problems_by_digest(tx, set(chosen.values()))
        before = {spec.name: figures.typical(tx, spec.name) for spec in specs}
    each, sampling, deferred = request.samples, request.sampling, request.deferred
    said, most, likely, seconds = 0, 0.0, 0.0, 0.0
    asked = list(product(specs, request.prompts or ("",)))
    for spec, template in asked:
        usual = before[spec.name]
        for digest in chosen.values():
            asking = prompts.conversation(found[digest], spec.style, template)
            count = costs.prompt_tokens(spec, asking.first)
            said += count * each
            calls = asking.calls + request.repairs * (1 + asking.runs)
            most += each * _or_nan(
                costs.most_of(spec, asking.first, sampling, calls, deferred=deferred)
            )
            usage = Usage(count, round(usual.output_tokens)) if usual else Usage()
            cost = costs.cost_of(spec, usage, usual.seconds if usual else 0.0, deferred=deferred)
            likely += each * _or_nan(cost if usual else None)
            seconds += each * _or_nan(usual.seconds if usual else None) / AT_A_TIME
    questions = len(asked) * len(chosen)
    return Estimate(
        questions=questions,
        samples=questions * each,
        prompt_tokens=said,
        most_usd=_or_none(most),
        likely_usd=_or_none(likely),
        seconds=None if deferred else _or_none(seconds),
        detectable=_detectable(len(chosen)),
        warnings=_warnings(specs),
    )


def warnings(database: Database, request: BatchRequest) -> tuple[str, ...]:
    """What is worth reading before anything is spent on these models."""
    with database.reading() as tx:
        return _warnings([models.read(tx, name) for name in request.models])


def _warnings(specs: Iterable[ModelSpec]) -> tuple[str, ...]:
    return tuple(filter(None, map(_shutting_down, specs)))


def _or_nan(number: float | None) -> float:
    return math.nan if number is None else number


def _or_none(number: float) -> float | None:
    return None if math.isnan(number) else number


def _shutting_down(spec: ModelSpec) -> str:
    date = costs.shutdown_of(spec)
    if not date:
        return ""
    left = (date_of.fromisoformat(date) - now().date()).days
    if left > WARN_DAYS:
        return ""
    when = f"in {left} days" if left >= 0 else f"{-left} days ago"
    return f"the provider shuts model {spec.name!r} ({spec.id}) down on {date}, {when}"


def _detectable(problems: int) -> float | None:
    """2.8 standard errors of the mean of differences in {-1, 0, 1}."""
    if problems < 2:
        return None
    return min(1.0, (1.96 + 0.84) * math.sqrt(DIFFERING / problems))
