"""What crosses the wall: a Job into the texts that children read, their result lines into a Report.

Everything read here was written by a solution's process. It is cut by lines, counted against the
number of inputs, and kept as text; only judge/verdicts compares it. The kernel's counters (Usage)
outrank whatever the lines claim.
"""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from operator import add
from signal import SIGKILL

from judge.sandbox.base import Ending, Job, Run, Usage
from judge.sandbox.inside.child import FULL
from judge.sandbox.inside.jobs import Mode, Text, compose
from judge.sandbox.inside.nodes import node_type
from problems.problem import Class, Entry, Examined, Function
from problems.values import Wire

MAX_KEPT = 4_096
"""Characters of what a solution printed that are kept as evidence."""


OWN_REFUSALS = ("syntax", "no_entry")
"""Why a solution's own process may say that it did not start; other reasons are the examiner's."""


def mode_of(entry: Entry) -> Mode:
    """Which mode a solution's child runs in."""
    if isinstance(entry, Function):
        return Mode.FUNCTION
    if isinstance(entry, Class):
        return Mode.CLASS
    if isinstance(entry, Examined):
        return Mode.SERVE
    return Mode.PROGRAM


def pack(job: Job, inputs: Sequence[Wire]) -> Text:
    """The text for the solution's child."""
    return compose(_call(job.entry, digests=job.digests), inputs, job.preamble, job.source)


def pack_check(entry: Examined) -> Text:
    """The text for the examiner's child; it never enters a box that runs solutions."""
    call = {"name": entry.name, "names": list(entry.names), "calls_check": entry.calls_check}
    header = json.dumps(call).encode()
    return compose(header, (), entry.prompt, f"{entry.setup}\n{entry.check}\n")


@lru_cache(maxsize=512)
def _call(entry: Entry, *, digests: bool) -> bytes:
    """What the child is to call, as JSON."""
    if not isinstance(entry, Function):
        names = list(getattr(entry, "names", ()))
        return json.dumps({"name": getattr(entry, "name", ""), "names": names}).encode()
    types = [parameter.type for parameter in entry.parameters]
    free_of_nodes = not any(map(node_type, (*types, entry.returns)))
    call = {
        "name": entry.name,
        "owner": entry.owner,
        "types": types,
        "returns": entry.returns,
        "in_place": entry.in_place,
        "digests": digests,
        "plain": not entry.owner and entry.in_place is None and free_of_nodes,
    }
    return json.dumps(call).encode()


def limit_reached(usage: Usage, sizes: Sequence[int], limit: int) -> Usage:
    """`usage`, told apart as an output limit when a file grew past it."""
    if usage.killed_by not in ("", "cancel") or max(sizes, default=0) <= limit:
        return usage
    return replace(usage, killed_by="stdout")


@dataclass(frozen=True, slots=True)
class Calls:
    """What one process of a function or class job came to. `settled` is how many of its examples
    need no other process; `loaded` whether another one would come further than this one did; `odd`
    whether it ended by itself before it had answered all, and not for want of room."""

    runs: tuple[Run, ...]
    settled: int
    loaded: bool = False
    odd: bool = False


REMEMBERED_BYTES = 1_024


def read_calls(count: int, lines: bytes, usage: Usage) -> Calls:
    """The runs of a function or class job: one for each of `count` inputs."""
    if usage.killed_by or usage.exit_code or usage.signal or len(lines) > REMEMBERED_BYTES:
        return _calls(count, lines, usage)
    return _ended_well(count, lines)


@lru_cache(maxsize=512)
def _ended_well(count: int, lines: bytes) -> Calls:
    """What the lines of a process that ended well come to: many solutions give the same answers."""
    return _calls(count, lines, Usage())


def _calls(count: int, lines: bytes, usage: Usage) -> Calls:
    first, *claims = _lines(lines) or [""]
    kind = first.partition(" ")[2]
    timed_out = usage.killed_by in ("cpu", "wall")
    if kind != "loaded":
        ended = _end(usage) if usage.killed_by or not kind else _run(first)
        return Calls((ended,) * max(count, 1), count, odd=not (kind or timed_out))
    if len(claims) > count:
        return Calls((Run(Ending.EXITED, detail="protocol"),) * count, count)
    runs = [_run(claim) for claim in claims]
    settled = len(runs)
    if settled < count:
        full = usage.exit_code == FULL and settled > 0  # a child ends so only behind an answer
        runs.append(_end(usage))
        runs += [Run(Ending.NOT_RUN)] * (count - len(runs))
        odd = not (full or timed_out)
        return Calls(tuple(runs), settled + (not full), loaded=True, odd=odd)
    if usage.killed_by or usage.exit_code or usage.signal:
        runs[-1:] = [_end(usage)]
    return Calls(tuple(runs), settled, loaded=True)


def size(runs: Sequence[Run]) -> int:
    """Characters of all answers."""
    return sum(len(run.value) for run in runs if run.value)


def stopped(usage: Usage, runs: Sequence[Run], limit: str) -> tuple[Usage, list[Run]]:
    """The end of a job that was not allowed another process."""
    usage = replace(usage, killed_by=limit, exit_code=0)
    return usage, [*runs, _end(usage)]


def summed(one: Usage, other: Usage) -> Usage:
    """Two processes that share their limits, as one: what both used, and how they ended."""
    joined = _joined(one, other, add)
    return replace(joined, exit_code=0) if joined.exit_code == FULL else joined


def worse(one: Usage, other: Usage) -> Usage:
    """Two processes with limits of their own: the most that either used, and how they ended."""
    return _joined(one, other, max)


def _joined(one: Usage, other: Usage, times: Callable[[float, float], float]) -> Usage:
    """Two usages as one: the end of the first that was killed, else of the later one."""
    return replace(
        one if one.killed_by else other,
        cpu_seconds=times(one.cpu_seconds, other.cpu_seconds),
        wall_seconds=times(one.wall_seconds, other.wall_seconds),
        memory_mb=max(one.memory_mb, other.memory_mb),
        oom_kills=one.oom_kills + other.oom_kills,
    )


def read_program(lines: bytes, stdout: bytes, usage: Usage) -> Run:
    """The run of a program on one input; its value is what it printed."""
    claims = _lines(lines)
    if usage.killed_by:
        return _end(usage)
    if claims:  # the runner's note on why it exits with 1
        return _run(claims[0])
    if usage.signal or usage.exit_code:
        return _end(usage)
    text = stdout.decode("utf-8", "surrogateescape")
    return Run(Ending.RETURNED, Wire(json.dumps(text)), cpu_seconds=usage.cpu_seconds)


def read_examination(lines: bytes, examiner: Usage, solution: Usage) -> Run:
    """The one run of an examined job, from the examiner's line and both processes' ends."""
    if solution.killed_by in ("cpu", "wall", "stdout"):
        return _end(solution)
    claims = _lines(lines)
    if len(claims) != 1 or examiner.exit_code or examiner.signal:
        # an examiner outlasts its limits only on what a solution fed it: the canonical passed
        reason = f"examiner_{examiner.killed_by or examiner.signal or examiner.exit_code}"
        return Run(Ending.KILLED, detail=reason, cpu_seconds=solution.cpu_seconds)
    _, verdict, detail = (*claims[0].split(" ", 2), "", "")[:3]
    if verdict == "passed":
        return Run(Ending.RETURNED, cpu_seconds=solution.cpu_seconds)
    reason, _, message = detail.partition(" ")
    if reason == "too_big":
        return Run(Ending.KILLED, detail="stdout", cpu_seconds=solution.cpu_seconds)
    if verdict == "refused":
        return Run(Ending.REFUSED, detail="check", message=detail)
    if verdict == "raised":
        return Run(Ending.RAISED, detail=reason, message=message)
    if reason == "died":  # its own end says how, unless it only hung up and was ended by us
        if solution.killed_by == "cancel" and solution.signal == SIGKILL:
            return Run(Ending.EXITED, detail="hung_up", message=message)
        return replace(_end(replace(solution, killed_by="")), message=message)
    endings = {"refused": Ending.REFUSED, "raised": Ending.RAISED, "bad_type": Ending.BAD_TYPE}
    if reason in endings:
        inner, _, message = message.partition(" ")
        if reason == "refused" and inner not in OWN_REFUSALS:
            return Run(Ending.EXITED, detail="protocol")
        return Run(endings[reason], detail=inner, message=message)
    return Run(Ending.FAILED, detail=reason, message=message)


def kept(output: bytes) -> str:
    """The start of what was printed, as inert text."""
    return output[:MAX_KEPT].decode("utf-8", "replace")


def _lines(raw: bytes) -> list[str]:
    """Whole lines only: a last one without its end was cut off."""
    return raw[: raw.rfind(b"\n") + 1].decode("ascii", "replace").split("\n")[:-1]


def _run(claim: str) -> Run:
    """A result line as a run; a line in no known form is a claim about nothing."""
    micros, kind, detail = (*claim.split(" ", 2), "", "")[:3]
    seconds = int(micros) / 1e6 if micros.isdecimal() and len(micros) < 12 else 0.0
    if kind == "value":
        return Run(Ending.RETURNED, Wire(detail), "", "", seconds)
    name, _, message = detail.partition(" ")
    if kind == "raised":
        return Run(Ending.RAISED, detail=name, message=message, cpu_seconds=seconds)
    if kind == "too_much":
        return Run(Ending.KILLED, detail="stdout", cpu_seconds=seconds)
    if kind == "bad_type":
        return Run(Ending.BAD_TYPE, detail=name, message=detail, cpu_seconds=seconds)
    if kind == "refused" and name in OWN_REFUSALS:
        return Run(Ending.REFUSED, detail=name, message=message)
    return Run(Ending.EXITED, detail="protocol")


def _end(usage: Usage) -> Run:
    """How a process that did not answer ended, by the kernel's word."""
    if usage.killed_by:
        return Run(Ending.KILLED, detail=usage.killed_by, cpu_seconds=usage.cpu_seconds)
    if usage.signal:
        return Run(Ending.KILLED, detail=f"signal:{usage.signal}", cpu_seconds=usage.cpu_seconds)
    return Run(Ending.EXITED, detail=f"exit:{usage.exit_code}", cpu_seconds=usage.cpu_seconds)
