"""Deferred questions as lines of a file, and the lines that come back as samples.

One way out and one way in, whether a provider's Batch API or `vllm run-batch` stands between. What
came back is kept first and its questions are let go last, so that a crash anywhere between repeats
the reading and buys nothing: a draw that is stored is asked for by nobody.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import islice
from typing import BinaryIO, TypeVar

from judge.batches.drawing import MAX_UNAVAILABLE
from judge.models import costs, extraction, prompts, tokens
from judge.models.asking import storable
from judge.models.base import Completion, ModelSpec, Prompt, Solution, Usage
from judge.models.deferred import Draw, Fault, Odd, Reply, read_replies, request_line
from judge.store import batches, budgets, deferrals, problem_sets, questions
from judge.store.database import Database
from judge.store.deferrals import Deferral, Ended
from judge.store.questions import Question
from problems.problem import Problem

CHUNK = 256  # questions or replies at a time: bounds memory, and how long a transaction takes
AGAIN_SECONDS, AGAIN_MOST = 60.0, 3600.0
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Written:
    """A file of requests: how many, and the questions that went in no more. `over_budget` where
    the budget was what kept them out."""

    requests: int
    left_out: tuple[str, ...]
    over_budget: bool


@dataclass(frozen=True, slots=True)
class Taken:
    """What a file of replies held, in lines: completions `kept`, those of draws that were not
    missing (`before`), `faulty` ones, and the lines that are `unknown` here or `garbage`."""

    kept: int = 0
    before: int = 0
    faulty: int = 0
    unknown: int = 0
    garbage: int = 0


def write_requests(
    database: Database,
    deferral: Deferral,
    spec: ModelSpec,
    file: BinaryIO,
    *,
    official: bool = False,
    most_bytes: float = float("inf"),
) -> Written:
    """Write a line for every missing draw of a deferral's questions, oldest first, until the next
    question would make the file too large, or could cost more than is left of the batch's budget."""
    requests = written = 0
    with database.reading() as tx:
        ids = deferrals.question_ids(tx, deferral.id)
        spent = 0.0 if deferral.budget_usd is None else budgets.spent_on(tx, deferral.batch)
    for question, problem in _posed(database, ids):
        prompt = prompts.render(problem, spec.style, question.template)
        lines = [
            request_line(
                Draw(question.id, index, _hash(prompt)),
                *(spec, prompt, question.sampling),
                official=official,
            )
            for index in question.missing
        ]
        if deferral.budget_usd is not None:
            spent += _most(spec, prompt, question)
        written += sum(map(len, lines))
        over_budget = deferral.budget_usd is not None and spent > deferral.budget_usd
        if over_budget or written > most_bytes:
            return Written(requests, tuple(ids[ids.index(question.id) :]), over_budget)
        file.writelines(lines)
        requests += len(lines)
    return Written(requests, (), over_budget=False)


def take_in(
    database: Database,
    spec: ModelSpec,
    deferral: Deferral,
    file: BinaryIO,
) -> tuple[Taken, dict[str, Fault]]:
    """Keep every completion of a file, and the faults by question. Raises LeaseLost."""
    with database.reading() as tx:
        known = frozenset(deferrals.question_ids(tx, deferral.id))
    tally = _Tally()
    for replies in _chunks(read_replies(file, known)):
        found = tally.sort(replies)
        posed = {each.id: (each, of) for each, of in _posed(database, _questions_of(found))}
        drawn = [each for reply in found if (each := _drawn(spec, posed, reply, tally))]
        with database.transaction() as tx:
            fresh = deferrals.keep(tx, deferral, drawn)
        tally.kept += fresh
        tally.before += len(drawn) - fresh
    return tally.taken(), tally.faults


def settle(
    database: Database,
    deferral: Deferral,
    faults: Mapping[str, Fault],
    missing: Fault | None,
    said: str,
    *,
    again_in: float = 0.0,
) -> None:
    """Let every question of a deferral go, and end it: those that have all their draws are asked,
    the others open again or failed. `missing` is the fault of a draw of which nothing came; None
    where that is no fault, and it is asked for again after `again_in` seconds."""
    with database.reading() as tx:
        ids = deferrals.question_ids(tx, deferral.id)
    for some in _chunks(ids):
        with database.transaction() as tx:
            ended = [
                _ended(each, faults.get(each.id, missing), again_in, said)
                for each in questions.read(tx, some)
            ]
            deferrals.leave(tx, deferral, ended)
    with database.transaction() as tx:
        deferrals.end(tx, deferral, said)
        batches.close_finished(tx, deferral.batch)


def _ended(question: Question, fault: Fault | None, again_in: float, said: str) -> Ended:
    if not question.missing:
        return Ended(question.id, "asked")
    if fault is None:
        return Ended(question.id, "open", said if again_in else "", again_in=again_in)
    if fault.lasting or question.failures + 1 >= MAX_UNAVAILABLE:
        return Ended(question.id, "failed", fault.reason)
    again = min(AGAIN_MOST, AGAIN_SECONDS * 2.0**question.failures)
    return Ended(question.id, "open", fault.reason, failed_once=True, again_in=again)


def _posed(database: Database, ids: Sequence[str]) -> Iterator[tuple[Question, Problem]]:
    """Questions with their problems, in the order of the ids."""
    for some in _chunks(ids):
        with database.reading() as tx:
            found = {each.id: each for each in questions.read(tx, some)}
            digests = {each.problem_digest for each in found.values()}
            problems = problem_sets.problems_by_digest(tx, digests)
        for id_ in some:
            yield found[id_], problems[found[id_].problem_digest]


def _most(spec: ModelSpec, prompt: Prompt, question: Question) -> float:
    """US dollars of a question whose answers are all as long as allowed."""
    said = tokens.count_tokens(_text(prompt), spec.id).tokens
    each = cost(spec, Usage(said, question.sampling.max_tokens)) or 0.0
    return each * len(question.missing)


def cost(spec: ModelSpec, usage: Usage) -> float | None:
    """US dollars of one deferred request, None where no price is known."""
    return costs.cost_of(spec, usage, deferred=True)


@dataclass(slots=True)
class _Tally:
    """Counts of a file while it is read."""

    kept: int = 0
    before: int = 0
    faulty: int = 0
    odd: dict[Odd, int] = field(default_factory=dict)
    faults: dict[str, Fault] = field(default_factory=dict)

    def sort(self, replies: Sequence[Reply | Odd]) -> list[Reply]:
        """The completions among them; everything else is counted."""
        found = []
        for reply in replies:
            if not isinstance(reply, Reply):
                self.odd[reply] = self.odd.get(reply, 0) + 1
            elif isinstance(reply.came, Fault):
                self.fault(reply.draw, reply.came)
            else:
                found.append(reply)
        return found

    def fault(self, draw: Draw, fault: Fault) -> None:
        """Count a fault; of those of one question a lasting one speaks."""
        self.faulty += 1
        known = self.faults.get(draw.question)
        if known is None or (fault.lasting and not known.lasting):
            self.faults[draw.question] = fault

    def taken(self) -> Taken:
        """The counts."""
        unknown, garbage = self.odd.get("unknown", 0), self.odd.get("garbage", 0)
        return Taken(self.kept, self.before, self.faulty, unknown, garbage)


def _questions_of(replies: Sequence[Reply]) -> list[str]:
    return list(dict.fromkeys(reply.draw.question for reply in replies))


def _drawn(
    spec: ModelSpec,
    posed: Mapping[str, tuple[Question, Problem]],
    reply: Reply,
    tally: _Tally,
) -> tuple[Question, str, Solution] | None:
    """A reply as what is kept of it, with the version of the template that it was asked with."""
    draw, completion = reply.draw, reply.came
    question, problem = posed[draw.question]
    if not isinstance(completion, Completion):
        return None
    if draw.index not in question.missing:
        tally.before += 1
        return None
    prompt = prompts.render(problem, spec.style, question.template)
    now = _hash(prompt)
    if prompt.prefix and draw.template not in ("", now):
        changed = f"asked with the template's version {draw.template}, which is {now} here"
        tally.fault(draw, Fault(f"{changed}, so the code that it continues is lost", lasting=True))
        return None
    name = prompt.template.partition("@")[0]
    text = storable(completion.text)
    usage = completion.usage
    if usage.estimated:
        said, heard = (tokens.count_tokens(each, spec.id) for each in (_text(prompt), text))
        usage = Usage(said.tokens, heard.tokens, estimated=True)
    heard_ = replace(completion, text=text, usage=usage, index=draw.index)
    found = extraction.extract(text, problem.entry, prompt.prefix)
    solution = Solution(found.source, found.rule, heard_, cost(spec, usage))
    return question, f"{name}@{draw.template or now}", solution


def _chunks(items: Iterable[T]) -> Iterator[tuple[T, ...]]:
    left = iter(items)
    while some := tuple(islice(left, CHUNK)):
        yield some


def _hash(prompt: Prompt) -> str:
    return prompt.template.partition("@")[2]


def _text(prompt: Prompt) -> str:
    return "\n".join(message.content for message in prompt.messages)
