"""One question, start to end: prompt, backend, extraction, cost, in that order.

A draw is one call, or a conversation of several where the template is a cascade or lets the model
have programs run. Either way it comes to one Solution: the last reply holds the answer, and the
Completion has the usage and the seconds of all calls.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace

from judge.errors import ModelUnavailable, UsageError
from judge.models import costs, extraction, prompts
from judge.models.base import (
    Completion,
    Message,
    ModelBackend,
    ModelSpec,
    Prompt,
    Sampling,
    Solution,
    Usage,
)
from judge.models.mending import Mend
from judge.models.prompts import Conversation
from judge.models.turns import quoted, ran, trial_in
from problems.problem import Problem

Run = Callable[[str, str], str]
"""Runs a program (source, stdin) where it can do no harm, and says what came of it."""


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
    run: Run | None = None,
    mend: Mend | None = None,
) -> Sequence[Solution]:
    """Draw n solutions; `keep` is called with each as it arrives, in no set order.

    `first` is how many of this question were drawn before; `run` is what a template with [ran]
    wants; `mend` asks for an earlier reply to be mended. Raises ModelUnavailable or ModelRefused,
    after `keep` has seen whatever did arrive; UnknownName or UsageError for the template; and what
    `run` raises.
    """
    said = prompts.conversation(problem, spec.style, template, mend)
    if said.runs and run is None:
        raise UsageError(f"prompt {said.first.template} wants a sandbox to run programs in")
    solutions: list[Solution] = []

    def take(heard: Sequence[Completion]) -> None:
        whole = _as_one(heard)
        prices = [
            costs.cost_of(spec, each.usage, each.machine_seconds or each.seconds) for each in heard
        ]
        known = [price for price in prices if price is not None]
        cost = sum(known) if len(known) == len(prices) else None
        solution = solution_of(problem, said.first, whole, cost)
        solutions.append(solution)
        if keep is not None:
            keep(solution)

    if said.calls == 1:
        backend.complete(said.first, sampling, n, first=first, keep=lambda one: take((one,)))
    else:
        for index in range(first, first + n):
            take(_talk(said, backend, sampling, index, run))
    return solutions


def solution_of(problem: Problem, asked: Prompt, heard: Completion, cost: float | None) -> Solution:
    """What a reply to this prompt holds."""
    found = extraction.extract(heard.text, problem.entry, asked.prefix)
    return Solution(found.source, found.rule, heard, cost)


def storable(text: str) -> str:
    """The reply without what no database takes: NUL and lone surrogates become U+FFFD."""
    replaced = text.replace("\0", "\ufffd")
    return replaced.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def _talk(
    said: Conversation, backend: ModelBackend, sampling: Sampling, index: int, run: Run | None
) -> list[Completion]:
    """One draw of several calls, all with its own seed; what each call was answered."""
    prompt, heard = said.first, list[Completion]()
    while True:
        drawn = backend.complete(prompt, sampling, 1, first=index)
        if not drawn:
            raise ModelUnavailable("the model gave no completion")
        heard.append(drawn[0])
        reply = storable(drawn[0].text)
        following = _following(said, len(heard), reply, run)
        if following is None:
            return heard
        turns = (Message("assistant", quoted(reply)), Message("user", following))
        prompt = replace(prompt, messages=(*prompt.messages, *turns))


def _following(said: Conversation, calls: int, reply: str, run: Run | None) -> str | None:
    """What is said after so many calls; None where the last reply is the answer."""
    if calls <= len(said.then):
        return said.then[calls - 1]
    left = said.runs - calls
    trial = trial_in(reply) if left >= 0 and run is not None else None
    if trial is None or run is None:
        return None
    words = said.ran if left else said.enough
    return ran(words, run(trial.source, trial.stdin), left)


def _as_one(heard: Sequence[Completion]) -> Completion:
    """The calls of one draw as one completion: the last text, the sums, and of the first reply the
    time to its first token. `finish` is `length` where any call was cut off."""
    last = heard[-1]
    finish = last.finish
    if finish == "stop" and any(each.finish == "length" for each in heard):
        finish = "length"
    return replace(
        last,
        text=storable(last.text),
        finish=finish,
        usage=Usage(
            input_tokens=sum(each.usage.input_tokens for each in heard),
            output_tokens=sum(each.usage.output_tokens for each in heard),
            estimated=any(each.usage.estimated for each in heard),
            cached_tokens=sum(each.usage.cached_tokens for each in heard),
        ),
        machine_seconds=None,
        seconds=sum(each.seconds for each in heard),
        first_token_seconds=heard[0].first_token_seconds,
        reused=all(each.reused for each in heard),
    )
