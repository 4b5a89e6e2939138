"""One question, start to end: prompt, backend, extraction, cost, in that order."""

from collections.abc import Callable, Sequence
from dataclasses import replace

from judge.models import costs, extraction, prompts
from judge.models.base import Completion, ModelBackend, ModelSpec, Sampling, Solution
from problems.problem import Problem


def ask(
    problem: Problem,
    spec: ModelSpec,
    backend: ModelBackend,
    sampling: Sampling,
    n: int,
    *,
    template: str = "",
    keep: Callable[[Solution], None] | None = None,
    first: int = 0,
) -> Sequence[Solution]:
    """Draw n solutions; `keep` is called with each as it arrives, in no set order.

    `first` is how many of this question were drawn before. Raises ModelUnavailable or
    ModelRefused, after `keep` has seen whatever did arrive, and UnknownName for the template.
    """
    prompt = prompts.render(problem, spec.style, template)
    solutions: list[Solution] = []

    def take(completion: Completion) -> None:
        heard = replace(completion, text=storable(completion.text))
        found = extraction.extract(heard.text, problem.entry, prompt.prefix)
        cost = costs.cost_of(spec, heard.usage)
        solution = Solution(found.source, found.rule, heard, cost)
        solutions.append(solution)
        if keep is not None:
            keep(solution)

    backend.complete(prompt, sampling, n, first=first, keep=take)
    return solutions


def storable(text: str) -> str:
    """The reply without what no database takes: NUL and lone surrogates become U+FFFD."""
    replaced = text.replace("\0", "\ufffd")
    return replaced.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
