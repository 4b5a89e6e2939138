"""Programs that a model asks to have run, and what is said of a run in words.

Only the model's own code and input go into the sandbox. What comes back is hostile: it is cut and
cleaned where it is shown (models/turns.py).
"""

import json
from collections.abc import Callable

from judge.errors import SandboxUnavailable
from judge.models.asking import Run, storable
from judge.sandbox import base
from judge.sandbox.base import Ending, Job, Sandbox
from problems.problem import Limits, Program
from problems.values import Undecodable, Wire, decode
from problems.values.form import Digest

GetSandbox = Callable[[], Sandbox]

LIMITS = Limits(cpu_seconds=5.0, memory_mb=256, output_bytes=64 * 1024)
MOST_ANSWER = 100_000  # characters of an answer that is read at all

_BY_LIMIT = {
    "cpu": "took more CPU time than it may",
    "wall": "took more time than it may",
    "stdout": "printed more than it may",
}


def no_sandbox() -> Sandbox:
    """For a process that has none."""
    raise SandboxUnavailable(
        "this worker has no sandbox, which the prompt `tool` wants; "
        "let a worker that judges ask as well: judge worker --queues ask,judge"
    )


def runner(sandbox: GetSandbox) -> Run:
    """What runs a program for a conversation; the sandbox is opened by the first run. Raises as
    `sandbox` and its `run`."""

    def run(source: str, stdin: str) -> str:
        job = Job(storable(source), Program(), (Wire(json.dumps(storable(stdin))),), LIMITS)
        report = sandbox().run(job)
        parts = [_printed(report.runs[0]), report.stderr[-2_000:], ending_of(report.runs[0])]
        return "\n".join(part.strip("\n") for part in parts if part.strip())

    return run


def ending_of(run: base.Run) -> str:
    """How a run ended that gave no answer, as one would say it; empty for one that did."""
    match run.ending:
        case Ending.RETURNED:
            return ""
        case Ending.RAISED:
            return f"raised {run.detail}: {run.message}".rstrip(": ")
        case Ending.BAD_TYPE:
            return f"answered with a value of a type that cannot be compared: {run.detail}"
        case Ending.REFUSED:
            return f"could not be started: {run.message or run.detail.replace('_', ' ')}"
        case _ if run.detail in _BY_LIMIT:
            return _BY_LIMIT[run.detail]
        case _:
            return f"ended before it answered ({run.detail})"


def answer_of(run: base.Run) -> object:
    """The value that a run gave. Raises Undecodable for what is too long to show or no value."""
    text = run.value or ""
    if len(text) > MOST_ANSWER:
        raise Undecodable("too long")
    value = decode(text)
    if isinstance(value, Digest):
        raise Undecodable("too long")
    return value


def _printed(run: base.Run) -> str:
    try:
        return str(answer_of(run)) if run.value else ""
    except Undecodable:
        return "(more output than can be shown)"
