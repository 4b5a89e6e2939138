"""What a batch would ask for and cost, before anything is asked."""

import math
from dataclasses import dataclass
from itertools import product

from judge.batches.opening import check_prompts
from judge.models import costs, prompts, tokens
from judge.models.base import Usage
from judge.store import batches, models, problem_sets
from judge.store.batches import BatchRequest
from judge.store.database import Database

DIFFERING = 0.25
"""The share of problems on which two models are taken to differ, for `detectable`."""

AFTER_TOKENS = 2_000
"""What may be said after a reply, in a cascade or of a mistake."""

ASSUMPTIONS = (
    "most_usd: every answer is as long as max_tokens allows, and as many turns are taken as may be",
    "detectable: paired over problems, 5 % level, 80 % power, a quarter of the problems differing",
)


@dataclass(frozen=True, slots=True)
class Estimate:
    """What a batch would ask for. `most_usd` is the price if every answer were as long as allowed;
    None when some model's price is unknown. `detectable` is the smallest difference between the
    rates of two models that a comparison on these problems would find; None for fewer than two."""

    questions: int
    samples: int
    prompt_tokens: int
    most_usd: float | None
    detectable: float | None
    assumptions: tuple[str, ...] = ASSUMPTIONS


def estimate(database: Database, request: BatchRequest) -> Estimate:
    """What a batch would ask for; nothing is stored or asked. Raises as `open_batch`."""
    with database.reading() as tx:
        check_prompts(tx, request)
        _, chosen = batches.chosen(tx, request)
        specs = [models.read(tx, name) for name in request.models]
        found = problem_sets.problems_by_digest(tx, set(chosen.values()))
    said, most = 0, 0.0
    asked = list(product(specs, request.prompts or ("",)))
    for spec, template in asked:
        for digest in chosen.values():
            asking = prompts.conversation(found[digest], spec.style, template)
            text = "\n".join(message.content for message in asking.first.messages)
            count = tokens.count_tokens(text, spec.id).tokens
            said += count * request.samples
            for number in range(asking.calls + request.repairs * (1 + asking.runs)):
                before = number * (request.sampling.max_tokens + AFTER_TOKENS)
                usage = Usage(count + before, request.sampling.max_tokens)
                cost = costs.cost_of(spec, usage)
                most += request.samples * (math.nan if cost is None else cost)
    questions = len(asked) * len(chosen)
    return Estimate(
        questions=questions,
        samples=questions * request.samples,
        prompt_tokens=said,
        most_usd=None if math.isnan(most) else most,
        detectable=_detectable(len(chosen)),
    )


def _detectable(problems: int) -> float | None:
    """2.8 standard errors of the mean of differences in {-1, 0, 1}."""
    if problems < 2:
        return None
    return min(1.0, (1.96 + 0.84) * math.sqrt(DIFFERING / problems))
