"""From a report to outcomes: what is said of each example, decided after the end, from counters.

The order when several hold is SE > CE > MLE > TLE > OLE > RE > WA > AC. What the kernel counted
outranks which limit happened to fire first, and both outrank what the solution claims: a process
that was killed for its CPU time while its memory was full ran out of memory, and one that answered
rightly beyond a limit has met that limit.
"""

from dataclasses import replace

from judge.sandbox.base import Ending, Job, Report, Run, Stop
from judge.verdicts.checkers import UNDECIDED, matches
from judge.verdicts.verdict import Outcome, Verdict, worst
from problems.problem import Checker, Example, Problem
from problems.values import Undecodable, Wire

NEAR = 0.2
"""A run that came this near to a limit, from below or above, is run again, alone, before its
verdict counts."""
ODD_DEATH = 0.9
"""From this share of the memory limit on, an odd death is put down to memory: a doubling list fails
at well under its limit, and what the interpreter then does is chance."""
FULL = 0.98
"""From this share on memory was full: the last block did not fit, and blocks are large."""

_LIMITS = {
    "cpu": (Verdict.TLE, "cpu"),
    "wall": (Verdict.TLE, "wall"),
    "stdout": (Verdict.OLE, "stdout"),
    "signal:24": (Verdict.TLE, "cpu"),  # SIGXCPU, the kernel's own stop a little above ours
    "signal:25": (Verdict.OLE, "stdout"),  # SIGXFSZ
}
_ACCEPTED = Outcome(Verdict.AC)
_OUT_OF_MEMORY = (Verdict.MLE, "oom")
_NO_MEMORY = ("MemoryError", "_ArrayMemoryError")  # the second is numpy's own
_WITHOUT_MEANS = ("exit:70", "exit:120")
_NO_ROOM = "[Errno 12]"  # how an OSError says ENOMEM, of a mapping that did not fit


def outcomes_of(problem: Problem, report: Report, job: Job) -> tuple[Outcome, ...]:
    """One outcome an example, or the one of an examined job."""
    examples: tuple[Example | None, ...] = (None,) if job.examined else problem.examples
    if len(report.runs) != len(examples):
        return (Outcome(Verdict.SE, "no_tests"),)
    share = _memory_share(report, job)
    found = tuple(
        _outcome(run, problem.checker, example, share)
        for run, example in zip(report.runs, examples, strict=True)
    )
    if job.stop is Stop.FAILURE:
        first = next((at for at, one in enumerate(found) if not _passes(one)), len(found))
        found = found[: first + 1] + (Outcome(Verdict.SKIP),) * (len(found) - first - 1)
        if first < len(found) and report.runs[first].ending not in (Ending.KILLED, Ending.EXITED):
            return found  # what its process used after the failure is none of the verdict's
    return _with_counters(found, report, job)


def accepts(problem: Problem, job: Job, index: int, run: Run) -> bool:
    """Whether that example's run is no reason to stop at the first failure."""
    if job.examined:
        return run.ending is Ending.RETURNED
    if not 0 <= index < len(problem.examples):
        return False
    return _passes(_outcome(run, problem.checker, problem.examples[index], 0.0))


def near_a_limit(report: Report, job: Job, verdict: Verdict) -> bool:
    """Whether another run, alone, might come to another verdict: every time-out, and whatever
    ended within a fifth of a limit on CPU time, wall time or memory; and a process that says it
    lacked the means to begin or to end well, as the host's may have been short."""
    if verdict is Verdict.TLE or report.usage.oom_kills:
        return True
    if any(run.ending is Ending.EXITED and run.detail in _WITHOUT_MEANS for run in report.runs):
        return True
    shares = [_memory_share(report, job), *_time_shares(report, job)]
    if each := job.limits.example_cpu_seconds:
        shares.append(max((run.cpu_seconds for run in report.runs), default=0.0) / each)
    return any(1 - NEAR <= share <= 1 + NEAR for share in shares)


def _passes(outcome: Outcome) -> bool:
    return outcome.verdict in (Verdict.AC, Verdict.UNDECIDED)


def _memory_share(report: Report, job: Job) -> float:
    """How much of the memory limit was used; a kill by the kernel is all of it."""
    share = report.usage.memory_mb / job.limits.memory_mb
    return max(share, 1.0) if report.usage.oom_kills else share


def _time_shares(report: Report, job: Job) -> tuple[float, float]:
    usage, limits = report.usage, job.limits
    return usage.cpu_seconds / limits.cpu_seconds, usage.wall_seconds / limits.wall_seconds


def _with_counters(found: tuple[Outcome, ...], report: Report, job: Job) -> tuple[Outcome, ...]:
    """`found` with a limit that was met and that no run speaks of. It is written to the last
    example that ran: the counters are those of the whole process."""
    (cpu, wall), killed_by = _time_shares(report, job), report.usage.killed_by
    if _memory_share(report, job) >= 1:
        met = _OUT_OF_MEMORY
    elif cpu >= 1 or killed_by == "cpu":
        met = _LIMITS["cpu"]
    elif wall >= 1 or killed_by == "wall":
        met = _LIMITS["wall"]
    elif killed_by == "stdout":
        met = _LIMITS["stdout"]
    else:
        return found
    said = worst(one.verdict for one in found)
    if said is met[0] or worst((said, met[0])) is said:
        return found
    ran = [at for at, one in enumerate(found) if one.verdict is not Verdict.SKIP]
    last = ran[-1] if ran else 0
    return tuple(
        replace(one, verdict=met[0], reason=met[1]) if at == last else one
        for at, one in enumerate(found)
    )


def _outcome(run: Run, checker: Checker, example: Example | None, memory: float) -> Outcome:
    """One run as an outcome; without an example the examiner has compared already."""
    if run.ending is not Ending.RETURNED:
        verdict, reason = _fault(run, memory)
    elif example is None:
        verdict, reason = Verdict.AC, ""
    else:
        verdict, reason = _comparison(run, checker, example)
    if verdict is Verdict.AC and not run.cpu_seconds:
        return _ACCEPTED  # the usual one, made once
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


def _fault(run: Run, memory: float) -> tuple[Verdict, str]:
    """The verdict on a run that returned nothing, and why. `memory` is the share of its limit."""
    detail = run.detail
    match run.ending:
        case Ending.NOT_RUN:
            return Verdict.SKIP, ""
        case Ending.REFUSED:
            ours = detail == "check"  # the problem's own check is broken
            return (Verdict.SE if ours else Verdict.CE), detail
        case Ending.RAISED:
            return _exception(run, memory)
        case Ending.BAD_TYPE:
            return Verdict.WA, f"bad_type:{detail}"
        case Ending.FAILED:
            return (Verdict.SE if detail == "unsealable" else Verdict.WA), detail
        case _:
            return _death(detail, memory)


def _exception(run: Run, memory: float) -> tuple[Verdict, str]:
    """What left the solution as an exception. A RecursionError is its own fault, however much it
    held: that limit counts frames and no memory."""
    name = run.detail
    if name in _NO_MEMORY or (name == "OSError" and run.message.startswith(_NO_ROOM)):
        return _OUT_OF_MEMORY
    if name == "SystemError" and memory >= ODD_DEATH:  # "error return without exception set"
        return Verdict.MLE, f"exception:{name}"
    if name in ("SystemExit", "KeyboardInterrupt", "GeneratorExit"):
        return Verdict.RE, "early_exit"
    return Verdict.RE, f"exception:{name}"


def _death(detail: str, memory: float) -> tuple[Verdict, str]:
    """How a process ended that did not answer."""
    by_examiner = detail.startswith("examiner_")  # it ran out on what the solution fed it
    if detail in _LIMITS or by_examiner:
        if memory >= FULL:
            return _OUT_OF_MEMORY
        return (Verdict.TLE, detail) if by_examiner else _LIMITS[detail]
    if detail == "exit:0":
        return Verdict.RE, "early_exit"  # on purpose, however much it held
    if memory >= ODD_DEATH and detail != "protocol":
        return Verdict.MLE, detail
    return Verdict.RE, detail
