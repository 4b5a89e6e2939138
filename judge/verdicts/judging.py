"""Right or wrong: one solution, one problem, one sandbox, one Judgement.

The sandbox returns how each run ended and what was claimed; the claims are compared here, on the
host, N claims for N examples (deciding.py). A verdict near a limit is given only after the job ran
a second time, with every other slot of the sandbox idle; that second run counts.
"""

import ast
from dataclasses import replace
from functools import partial
from hashlib import sha256
from importlib.metadata import version

from judge.errors import SandboxBusy, SandboxError, SandboxUnavailable
from judge.sandbox.base import Job, Report, Sandbox
from judge.verdicts import evidence
from judge.verdicts.conditions import Conditions
from judge.verdicts.deciding import accepts, near_a_limit, outcomes_of
from judge.verdicts.evidence import Evidence
from judge.verdicts.timing import UNTIMED, Timing
from judge.verdicts.verdict import Judgement, Outcome, Verdict, worst
from problems.names import defined_names, parse, used_names
from problems.problem import Examined, Function, Limits, Problem

__all__ = ["JUDGE_VERSION", "Conditions", "job_of", "judge", "key_of", "solution_digest"]

JUDGE_VERSION = version("judge")


def judge(
    problem: Problem,
    source: str,
    sandbox: Sandbox,
    conditions: Conditions | None = None,
    timing: Timing = UNTIMED,
    *,
    limits: Limits | None = None,
) -> Judgement:
    """The judgement on `source`. `timing` is what may raise the CPU limit; `limits` holds exactly,
    for a replay. Raises SandboxError when the sandbox failed twice in a row."""
    conditions = conditions or Conditions()
    base = conditions.limits(problem)
    limits = limits or timing.limits(problem, base, conditions.reference_factor)
    job = job_of(problem, source, conditions, limits)
    if source.strip():
        report, outcomes, runs, first_run = _run(problem, job, sandbox)
    else:
        report, runs, first_run = Report(()), 0, ""
        outcomes = (Outcome(Verdict.CE, "no_code"),) * max(len(problem.examples), 1)
    verdict = worst(outcome.verdict for outcome in outcomes)
    usage = report.usage
    found = replace(
        _given(problem, source, sandbox, conditions, timing, limits),
        cpu_seconds=usage.cpu_seconds,
        wall_seconds=usage.wall_seconds,
        memory_mb=usage.memory_mb,
        oom_kills=usage.oom_kills,
        exit_code=usage.exit_code,
        signal=usage.signal,
        killed_by=usage.killed_by,
        runs=runs,
        first_run=first_run,
    )
    return Judgement(
        verdict=verdict,
        reason=next((o.reason for o in outcomes if o.verdict is verdict), "no_tests"),
        outcomes=outcomes,
        evidence=found,
        message=next((run.message for run in report.runs if run.message), ""),
        stdout=report.stdout,
    )


def key_of(problem: Problem, source: str, sandbox: Sandbox, timing: Timing) -> str:
    """The key that the evidence will have when `judge` is called with these and nothing else."""
    conditions = Conditions()
    limits = timing.limits(problem, conditions.limits(problem), conditions.reference_factor)
    return evidence.key_of(_given(problem, source, sandbox, conditions, timing, limits))


def _given(
    problem: Problem,
    source: str,
    sandbox: Sandbox,
    conditions: Conditions,
    timing: Timing,
    limits: Limits,
) -> Evidence:
    """The evidence without what a run counts."""
    known = timing.references.get(problem.digest)
    return Evidence(
        problem=problem.digest,
        solution=solution_digest(source),
        sandbox=sandbox.fingerprint,
        judge_version=JUDGE_VERSION,
        host=sandbox.host,
        settings=conditions.fingerprint,
        limits=limits,
        wall_limit_seconds=limits.wall_seconds,
        base_cpu_seconds=conditions.limits(problem).cpu_seconds,
        reference_cpu_seconds=known.cpu_seconds if known else 0.0,
        host_speed=timing.speed,
    )


def solution_digest(source: str) -> str:
    """What evidence calls this source."""
    return sha256(source.encode("utf-8", "surrogatepass")).hexdigest()


def job_of(problem: Problem, source: str, conditions: Conditions, limits: Limits) -> Job:
    """What goes to the sandbox: the entry as these conditions have it, and no expected answer."""
    if conditions.prefix_prompt and isinstance(problem.entry, Examined):
        source = f"{problem.entry.prompt}\n{source}"
    job = replace(
        Job.of(problem, source, conditions.preamble),
        limits=limits,
        isolated=conditions.process_per_example,
        stop=conditions.stop,
    )
    if not isinstance(problem.entry, Examined):
        return job
    if problem.examples and not conditions.examiner:  # the check is plain data
        return replace(job, entry=Function(problem.entry.name))
    if conditions.helpers == "solution":
        return replace(job, entry=_with_helpers_of_the_solution(problem.entry))
    return job


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


def _run(
    problem: Problem, job: Job, sandbox: Sandbox
) -> tuple[Report, tuple[Outcome, ...], int, str]:
    """The report that counts and its outcomes, how many runs it took, and the first one's verdict
    where there was a second."""
    report = _persistently(problem, job, sandbox, alone=False)
    outcomes = outcomes_of(problem, report, job)
    verdict = worst(outcome.verdict for outcome in outcomes)
    if not near_a_limit(report, job, verdict):
        return report, outcomes, 1, ""
    report = _persistently(problem, job, sandbox, alone=True)
    return report, outcomes_of(problem, report, job), 2, verdict.value


def _persistently(problem: Problem, job: Job, sandbox: Sandbox, *, alone: bool) -> Report:
    accept = partial(accepts, problem, job)
    try:
        return sandbox.run(job, alone=alone, accept=accept)
    except (SandboxUnavailable, SandboxBusy):
        raise
    except SandboxError:
        return sandbox.run(job, alone=True, accept=accept)
