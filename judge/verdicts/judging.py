"""Right or wrong: one solution, one problem, one sandbox, one Judgement.

The sandbox returns how each run ended and what was claimed; the claims are compared here, on the
host, N claims for N examples. A verdict that hangs on time is given only after the job ran a second
time, with every other slot of the sandbox idle; that second run counts.
"""

import ast
from dataclasses import dataclass, replace
from hashlib import sha256
from importlib.metadata import version
from typing import Literal

from judge.errors import SandboxError, SandboxUnavailable
from judge.sandbox.base import Ending, Job, Report, Run, Sandbox
from judge.verdicts.checkers import UNDECIDED, matches
from judge.verdicts.verdict import Evidence, Judgement, Outcome, Verdict, worst
from problems.names import defined_names, parse, used_names
from problems.problem import Checker, Examined, Example, Function, Problem
from problems.values import Undecodable, Wire

JUDGE_VERSION = version("judge")
NEAR_LIMIT = 0.8
"""A run that used this much of its CPU limit is run again, alone, before its verdict counts."""

_LIMITS = {
    "cpu": (Verdict.TLE, "cpu"),
    "wall": (Verdict.TLE, "wall"),
    "stdout": (Verdict.OLE, "stdout"),
    "signal:24": (Verdict.TLE, "cpu"),  # SIGXCPU, the kernel's own stop a little above ours
    "signal:25": (Verdict.OLE, "stdout"),  # SIGXFSZ
}


@dataclass(frozen=True, slots=True)
class Conditions:
    """Settings of a judging that decide verdicts and so are part of its fingerprint: code that runs
    before the solution, and limits other than the problem's.

    `helpers` says whose helpers an examined check calls where the prompt defines some (HumanEval/32,
    38, 50): the `problem`'s, or, as harnesses with one shared namespace have it, the `solution`'s,
    which is then believed in what it says of itself.
    `examiner` sends every examined problem to the examiner, also where its check is plain data.
    """

    preamble: str = ""
    prefix_prompt: bool = False
    examiner: bool = False
    helpers: Literal["problem", "solution"] = "problem"
    cpu_seconds: float | None = None
    memory_mb: int | None = None

    @property
    def fingerprint(self) -> str:
        """One line that names every setting off its default; the preamble by its digest."""
        parts = [
            f"preamble={sha256(self.preamble.encode()).hexdigest()[:12]}" if self.preamble else "",
            "prefix=prompt" if self.prefix_prompt else "",
            "examiner=always" if self.examiner else "",
            "helpers=solution" if self.helpers == "solution" else "",
            f"cpu={self.cpu_seconds:g}s" if self.cpu_seconds else "",
            f"memory={self.memory_mb}MB" if self.memory_mb else "",
        ]
        return " ".join(filter(None, parts))


def judge(
    problem: Problem, source: str, sandbox: Sandbox, conditions: Conditions | None = None
) -> Judgement:
    """The judgement on `source`. Raises SandboxError when the sandbox failed twice in a row."""
    conditions = conditions or Conditions()
    job = _job(problem, source, conditions)
    if source.strip():
        report = _run(sandbox, job)
        outcomes = _outcomes(problem, report, job, as_data=_as_data(problem, conditions))
    else:
        report = Report(())
        outcomes = (Outcome(Verdict.CE, "no_code"),) * max(len(problem.examples), 1)
    verdict = worst(outcome.verdict for outcome in outcomes)
    evidence = Evidence(
        problem=problem.digest,
        solution=sha256(source.encode("utf-8", "surrogatepass")).hexdigest(),
        sandbox=sandbox.fingerprint,
        judge_version=JUDGE_VERSION,
        settings=conditions.fingerprint,
        cpu_seconds=report.usage.cpu_seconds,
        wall_seconds=report.usage.wall_seconds,
        memory_mb=report.usage.memory_mb,
    )
    return Judgement(
        verdict=verdict,
        reason=next((o.reason for o in outcomes if o.verdict is verdict), "no_tests"),
        outcomes=outcomes,
        evidence=evidence,
        message=next((run.message for run in report.runs if run.message), ""),
        stdout=report.stdout,
    )


def _job(problem: Problem, source: str, conditions: Conditions) -> Job:
    if conditions.prefix_prompt and isinstance(problem.entry, Examined):
        source = f"{problem.entry.prompt}\n{source}"
    limits = replace(
        problem.limits,
        cpu_seconds=conditions.cpu_seconds or problem.limits.cpu_seconds,
        memory_mb=conditions.memory_mb or problem.limits.memory_mb,
    )
    job = replace(Job.of(problem, source, conditions.preamble), limits=limits)
    if _as_data(problem, conditions) and isinstance(problem.entry, Examined):
        return replace(job, entry=Function(problem.entry.name))
    if conditions.helpers == "solution" and isinstance(problem.entry, Examined):
        return replace(job, entry=_with_helpers_of_the_solution(problem.entry))
    return job


def _as_data(problem: Problem, conditions: Conditions) -> bool:
    """Whether the check is judged by examples on the host rather than in the examiner."""
    return bool(problem.examples) and not (
        conditions.examiner and isinstance(problem.entry, Examined)
    )


def _with_helpers_of_the_solution(entry: Examined) -> Examined:
    """The entry as a harness sees it that never runs the prompt: what the check calls and the
    prompt would define has to come from the solution."""
    prompt = parse(entry.prompt)
    helpers = defined_names(prompt) & used_names([parse(entry.check)])
    imports: list[ast.stmt] = [
        node for node in prompt.body if isinstance(node, ast.Import | ast.ImportFrom)
    ]
    return replace(
        entry,
        prompt=ast.unparse(ast.Module(imports, [])),
        names=tuple(sorted({*entry.names, *helpers})),
    )


def _run(sandbox: Sandbox, job: Job) -> Report:
    report = _persistently(sandbox, job, alone=False)
    if not _hangs_on_time(report, job):
        return report
    return _persistently(sandbox, job, alone=True)


def _persistently(sandbox: Sandbox, job: Job, *, alone: bool) -> Report:
    try:
        return sandbox.run(job, alone=alone)
    except SandboxUnavailable:
        raise
    except SandboxError:
        return sandbox.run(job, alone=True)


def _hangs_on_time(report: Report, job: Job) -> bool:
    killed = report.usage.killed_by in ("cpu", "wall")
    return killed or report.usage.cpu_seconds >= NEAR_LIMIT * job.limits.cpu_seconds


def _outcomes(problem: Problem, report: Report, job: Job, *, as_data: bool) -> tuple[Outcome, ...]:
    near = report.usage.memory_mb >= 0.9 * job.limits.memory_mb
    if isinstance(problem.entry, Examined) and not as_data:
        return (_outcome(report.runs[0], problem.checker, None, out_of_memory=near),)
    if len(report.runs) != len(problem.examples):
        return (Outcome(Verdict.SE, "no_tests"),)
    return tuple(
        _outcome(run, problem.checker, example, out_of_memory=near)
        for run, example in zip(report.runs, problem.examples, strict=True)
    )


def _outcome(
    run: Run, checker: Checker, example: Example | None, *, out_of_memory: bool
) -> Outcome:
    """One run as an outcome; without an example the examiner has compared already."""
    if run.ending is not Ending.RETURNED:
        verdict, reason = _fault(run, out_of_memory=out_of_memory)
    elif example is None:
        verdict, reason = Verdict.AC, ""
    else:
        verdict, reason = _comparison(run, checker, example)
    return Outcome(verdict, reason, run.cpu_seconds)


def _comparison(run: Run, checker: Checker, example: Example) -> tuple[Verdict, str]:
    if checker.name == UNDECIDED:
        return Verdict.UNDECIDED, "no_checker"
    if not example.accepted:
        return Verdict.SE, "no_expected"
    try:
        right = matches(checker, run.value or Wire(""), example.accepted)
    except Undecodable:
        return Verdict.WA, "bad_type:forged"
    return (Verdict.AC, "") if right else (Verdict.WA, "answer")


def _fault(run: Run, *, out_of_memory: bool) -> tuple[Verdict, str]:
    """The verdict on a run that returned nothing, and why."""
    detail = run.detail
    match run.ending:
        case Ending.NOT_RUN:
            return Verdict.SKIP, ""
        case Ending.REFUSED:
            ours = detail == "check"  # the problem's own check is broken
            return (Verdict.SE if ours else Verdict.CE), detail
        case Ending.RAISED if detail == "MemoryError":
            return Verdict.MLE, "oom"
        case Ending.RAISED if detail in ("SystemExit", "KeyboardInterrupt", "GeneratorExit"):
            return Verdict.RE, "early_exit"
        case Ending.RAISED:
            return Verdict.RE, f"exception:{detail}"
        case Ending.BAD_TYPE:
            return Verdict.WA, f"bad_type:{detail}"
        case Ending.FAILED:
            return (Verdict.SE if detail == "unsealable" else Verdict.WA), detail
        case Ending.KILLED if detail in _LIMITS:
            return _LIMITS[detail]
        case Ending.KILLED if detail.startswith("examiner_"):
            return Verdict.TLE, detail  # it ran out on what the solution fed it
        case _ if out_of_memory:
            return Verdict.MLE, detail
        case Ending.EXITED if detail == "exit:0":
            return Verdict.RE, "early_exit"
        case _:
            return Verdict.RE, detail
