"""What a problem set must prove before anyone is judged by it, and what it lacks until then.

`complete` runs every reference solution in the sandbox once. Where a set ships inputs without
answers (HumanEval+, MBPP+), the reference's answers become the accepted ones; where it ships
answers or a check, the reference must pass them. What does not pass is listed as a Fault by slug;
nothing is ever judged unsealed or against answers nobody verified.
"""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path

from judge.sandbox.base import Ending, Job, Sandbox
from judge.verdicts.judging import judge
from judge.verdicts.verdict import Verdict
from problems.files import read_set, write_set
from problems.problem import Example, Problem, ProblemSet


@dataclass(frozen=True, slots=True)
class Fault:
    """A problem whose own reference does not hold, and why."""

    slug: str
    verdict: str
    reason: str


@dataclass(frozen=True, slots=True)
class AuditedSet:
    """The completed set (problems without a usable check left out) and what was found wrong."""

    problem_set: ProblemSet
    faults: tuple[Fault, ...]


def complete(
    problem_set: ProblemSet,
    sandbox: Sandbox,
    progress: Callable[[int, int], None] | None = None,
) -> AuditedSet:
    """Fill in missing answers and check every reference; `progress(done, all)` is called along.
    Problems without a reference are taken as they are, if they have answers."""
    found: list[tuple[Problem | None, Fault | None]] = []
    with ThreadPoolExecutor(sandbox.workers) as pool:
        for result in pool.map(lambda problem: _audit(problem, sandbox), problem_set.problems):
            found.append(result)
            if progress:
                progress(len(found), len(problem_set.problems))
    problems = tuple(problem for problem, _ in found if problem)
    faults = tuple(fault for _, fault in found if fault)
    return AuditedSet(problem_set.with_problems(problems), faults)


def complete_once(
    problem_set: ProblemSet,
    sandbox: Sandbox,
    folder: Path,
    progress: Callable[[int, int], None] | None = None,
) -> AuditedSet:
    """`complete` for a set that lacks answers, remembered in `folder` under its digest."""
    kept = folder / f"{problem_set.digest}.jsonl"
    if kept.exists():
        known = read_set(kept)
        left_out = {p.slug for p in problem_set.problems} - {p.slug for p in known.problems}
        faults = tuple(
            Fault(slug, Verdict.SE, "its reference did not hold") for slug in sorted(left_out)
        )
        return AuditedSet(ProblemSet(problem_set.name, known.problems), faults)
    audited = complete(problem_set, sandbox, progress)
    write_set(audited.problem_set, kept)
    return audited


def lacks_answers(problem: Problem) -> bool:
    """Whether some example still waits for the reference's answer."""
    return any(example.from_reference for example in problem.examples)


def _audit(problem: Problem, sandbox: Sandbox) -> tuple[Problem | None, Fault | None]:
    if lacks_answers(problem):
        answered = _answered(problem, sandbox)
        if isinstance(answered, Fault):
            return None, answered
        problem = answered
    if not problem.reference:
        return problem, None
    judgement = judge(problem, problem.reference, sandbox)
    if judgement.verdict is Verdict.AC:
        return problem, None
    fault = Fault(
        problem.slug, judgement.verdict, f"{judgement.reason} {judgement.message}".strip()
    )
    return (None if judgement.verdict is Verdict.SE else problem), fault


def _answered(problem: Problem, sandbox: Sandbox) -> Problem | Fault:
    """The problem with its reference's answers as accepted ones, beside those it has."""
    if not problem.reference:
        return Fault(problem.slug, Verdict.SE, "neither answers nor a reference to compute them")
    report = sandbox.run(Job.of(problem, problem.reference))
    examples: list[Example] = []
    for example, run in zip(problem.examples, report.runs, strict=True):
        if run.ending is not Ending.RETURNED or run.value is None:
            return Fault(
                problem.slug, Verdict.SE, f"the reference {run.ending} {run.detail} {run.message}"
            )
        answer = (run.value,) if example.from_reference else ()
        examples.append(replace(example, accepted=answer + example.accepted, from_reference=False))
    return replace(problem, examples=tuple(examples))
