"""What a problem set must prove before anyone is judged by it, and what it lacks until then.

`complete` runs every reference solution in the sandbox once. Where a set ships inputs without
answers (HumanEval+, MBPP+), the reference's answers become the accepted ones; where it ships
answers or a check, the reference must pass them. What does not pass is listed as a Fault by slug;
nothing is ever judged unsealed or against answers nobody verified.

The same run says how long a reference takes, which may raise the limit of the solutions
(timing.py). One that does not end within its problem's limit is given four times that before it is
a fault: the limit may be too short for this host, or was never tried.
"""

from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from pathlib import Path

from judge.sandbox.base import Ending, Job, Sandbox
from judge.verdicts.conditions import REFERENCE_FACTOR, Conditions
from judge.verdicts.judging import job_of, judge
from judge.verdicts.timing import MOST_CPU_SECONDS, Reference
from judge.verdicts.verdict import Judgement, Verdict
from problems.files import read_set, write_set
from problems.problem import Example, Limits, Problem, ProblemSet

PLAIN = Conditions()


@dataclass(frozen=True, slots=True)
class Fault:
    """A problem whose own reference does not hold, and why."""

    slug: str
    verdict: str
    reason: str


@dataclass(frozen=True, slots=True)
class AuditedSet:
    """The completed set (problems without a usable check left out), what was found wrong, and how
    long the references that hold take, by problem digest."""

    problem_set: ProblemSet
    faults: tuple[Fault, ...]
    references: Mapping[str, Reference] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class _Audited:
    """One problem: completed unless it cannot be judged, its fault, its reference's time."""

    problem: Problem | None
    fault: Fault | None = None
    reference: Reference | None = None


def complete(
    problem_set: ProblemSet,
    sandbox: Sandbox,
    progress: Callable[[int, int], None] | None = None,
    *,
    speed: float = 0.0,
) -> AuditedSet:
    """Fill in missing answers and check every reference; `progress(done, all)` is called along.
    Problems without a reference are taken as they are, if they have answers. Without the host's
    `speed` no reference is timed."""
    found: list[_Audited] = []
    with ThreadPoolExecutor(sandbox.callers) as pool:
        for result in pool.map(lambda each: _audit(each, sandbox, speed), problem_set.problems):
            found.append(result)
            if progress:
                progress(len(found), len(problem_set.problems))
    return AuditedSet(
        problem_set.with_problems(tuple(one.problem for one in found if one.problem)),
        tuple(one.fault for one in found if one.fault),
        {one.problem.digest: one.reference for one in found if one.problem and one.reference},
    )


def complete_once(
    problem_set: ProblemSet,
    sandbox: Sandbox,
    folder: Path,
    progress: Callable[[int, int], None] | None = None,
    *,
    speed: float = 0.0,
) -> AuditedSet:
    """`complete` for a set that lacks answers, remembered in `folder` under its digest; the times
    of its references are found only the first time."""
    kept = folder / f"{problem_set.digest}.jsonl"
    if kept.exists():
        known = read_set(kept)
        left_out = {p.slug for p in problem_set.problems} - {p.slug for p in known.problems}
        faults = tuple(
            Fault(slug, Verdict.SE, "its reference did not hold") for slug in sorted(left_out)
        )
        return AuditedSet(ProblemSet(problem_set.name, known.problems), faults)
    audited = complete(problem_set, sandbox, progress, speed=speed)
    write_set(audited.problem_set, kept)
    return audited


def lacks_answers(problem: Problem) -> bool:
    """Whether some example still waits for the reference's answer."""
    return any(example.from_reference for example in problem.examples)


def _audit(problem: Problem, sandbox: Sandbox, speed: float) -> _Audited:
    if lacks_answers(problem):
        answered = _answered(problem, sandbox)
        if isinstance(answered, Fault):
            return _Audited(None, answered)
        problem = answered
    if not problem.reference:
        return _Audited(problem)
    judgement = judge(problem, problem.reference, sandbox)
    if judgement.verdict is Verdict.TLE and (patient := _patient(problem.limits)):
        judgement = judge(problem, problem.reference, sandbox, limits=patient)
    if judgement.verdict is Verdict.AC:
        return _Audited(problem, None, _timed(problem, judgement, sandbox, speed))
    fault = Fault(
        problem.slug, judgement.verdict, f"{judgement.reason} {judgement.message}".strip()
    )
    return _Audited(None if judgement.verdict is Verdict.SE else problem, fault)


def _patient(limits: Limits) -> Limits | None:
    """Limits for a second try; none where the first were generous."""
    seconds = min(REFERENCE_FACTOR * limits.cpu_seconds, MOST_CPU_SECONDS)
    if seconds <= limits.cpu_seconds:
        return None
    each = REFERENCE_FACTOR * limits.example_cpu_seconds
    return replace(limits, cpu_seconds=seconds, example_cpu_seconds=each)


def _timed(
    problem: Problem, judgement: Judgement, sandbox: Sandbox, speed: float
) -> Reference | None:
    """The reference's time. Where it is long enough to raise a limit it is measured once more, with
    nothing running beside it; elsewhere noise changes nothing."""
    if not speed:
        return None
    evidence, limits = judgement.evidence, problem.limits
    whole = evidence.cpu_seconds
    slowest = max((outcome.cpu_seconds for outcome in judgement.outcomes), default=0.0)
    raises = REFERENCE_FACTOR * whole > limits.cpu_seconds or (
        0 < limits.example_cpu_seconds < REFERENCE_FACTOR * slowest
    )
    if raises and evidence.runs == 1:
        job = job_of(problem, problem.reference, PLAIN, evidence.limits)
        report = sandbox.run(job, alone=True)
        whole = min(whole, report.usage.cpu_seconds)
        slowest = min(slowest, max((run.cpu_seconds for run in report.runs), default=0.0))
    return Reference(round(whole * speed, 4), round(slowest * speed, 4))


def _answered(problem: Problem, sandbox: Sandbox) -> Problem | Fault:
    """The problem with its reference's answers as accepted ones, beside those it has."""
    if not problem.reference:
        return Fault(problem.slug, Verdict.SE, "neither answers nor a reference to compute them")
    report = sandbox.run(Job.of(problem, problem.reference))
    patient = _patient(problem.limits)
    if report.usage.killed_by in ("cpu", "wall") and patient:
        job = replace(Job.of(problem, problem.reference), limits=patient)
        report = sandbox.run(job, alone=True)
    examples: list[Example] = []
    for example, run in zip(problem.examples, report.runs, strict=True):
        if run.ending is not Ending.RETURNED or run.value is None:
            return Fault(
                problem.slug, Verdict.SE, f"the reference {run.ending} {run.detail} {run.message}"
            )
        answer = (run.value,) if example.from_reference else ()
        examples.append(replace(example, accepted=answer + example.accepted, from_reference=False))
    return replace(problem, examples=tuple(examples))
