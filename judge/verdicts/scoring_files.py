"""Scoring a file of answers: each answer a judged Sample, missing tasks counted as failures.

Works without a server or a database. The order of answers is kept; results are as many as answers.
"""

import json
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from judge.errors import UsageError
from judge.models.answers import Answer, Form
from judge.models.extraction import extract
from judge.sandbox.base import Sandbox
from judge.verdicts.conditions import Conditions
from judge.verdicts.judging import judge
from judge.verdicts.timing import UNTIMED, Timing
from judge.verdicts.verdict import Judgement, Verdict
from problems.errors import UnknownProblem
from problems.problem import Problem, ProblemSet


@dataclass(frozen=True, slots=True)
class ScoredAnswer:
    """An answer with its problem, the source that was run, how it was found, and the judgement."""

    answer: Answer
    problem: Problem
    source: str
    rule: str
    judgement: Judgement


@dataclass(frozen=True, slots=True)
class Tally:
    """One problem: n answers judged, c accepted (system errors left out of both)."""

    slug: str
    n: int
    c: int


def score_answers(
    answers: Sequence[Answer],
    problem_set: ProblemSet,
    sandbox: Sandbox,
    conditions: Conditions,
    progress: Callable[[ScoredAnswer], None] | None = None,
    timing: Timing = UNTIMED,
) -> list[ScoredAnswer]:
    """Judge every answer, as many at once as the sandbox has workers.

    Raises UsageError for an answer to a task that the set does not have, before anything is run.
    """
    posed = [(answer, _problem_of(answer, problem_set)) for answer in answers]

    def one(pair: tuple[Answer, Problem]) -> ScoredAnswer:
        answer, problem = pair
        source, rule = _source_of(answer, problem)
        scored = ScoredAnswer(
            answer, problem, source, rule, judge(problem, source, sandbox, conditions, timing)
        )
        if progress:
            progress(scored)
        return scored

    pool = ThreadPoolExecutor(sandbox.callers)
    try:
        return list(pool.map(one, posed))
    finally:
        pool.shutdown(cancel_futures=True)  # after a failure nobody waits for the rest


def tallies(scored: Sequence[ScoredAnswer], problem_set: ProblemSet) -> list[Tally]:
    """One for each problem of the set; a task nobody answered is one failure. What judge could not
    decide (SE, UNDECIDED) counts nowhere, and a problem with nothing else is left out."""
    unknown = (Verdict.SE, Verdict.UNDECIDED)
    told = [one for one in scored if one.judgement.verdict not in unknown]
    drawn = Counter(one.problem.slug for one in told)
    accepted = Counter(one.problem.slug for one in told if one.judgement.verdict is Verdict.AC)
    answered = {one.problem.slug for one in scored}
    return [
        Tally(problem.slug, max(drawn[problem.slug], 1), accepted[problem.slug])
        for problem in problem_set.problems
        if drawn[problem.slug] or problem.slug not in answered
    ]


def _problem_of(answer: Answer, problem_set: ProblemSet) -> Problem:
    try:
        return problem_set.problem(answer.task)
    except UnknownProblem:
        one = problem_set.problems[0]
        raise UsageError(
            f"{answer.where}: task {answer.task!r} is not in the set {problem_set.name!r}, which has "
            f"{one.original_id or one.slug!r} and {len(problem_set.problems) - 1} more"
        ) from None


def refuse_doubles(answers: Sequence[Answer]) -> None:
    """A row twice in a file whose tasks have unequal numbers of answers was glued in by mistake;
    where every task has as many, equal answers are honest samples. Raises UsageError."""
    if len(set(Counter(answer.task for answer in answers).values())) == 1:
        return
    seen: dict[str, str] = {}
    for answer in answers:
        content = json.dumps([answer.task, answer.text, answer.row], sort_keys=True)
        if content in seen:
            raise UsageError(
                f"{answer.where}: the same row as {seen[content]}, while other tasks have fewer; "
                "remove one of them, or pass --duplicates keep"
            )
        seen[content] = answer.where


def _source_of(answer: Answer, problem: Problem) -> tuple[str, str]:
    match answer.form:
        case Form.COMPLETION:
            return problem.starter + answer.text, "prompt+completion"
        case Form.SOLUTION:
            return answer.text, "solution"
        case Form.REPLY:
            extracted = extract(answer.text, problem.entry)
            return extracted.source, extracted.rule
