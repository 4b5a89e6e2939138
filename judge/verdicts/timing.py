"""How long references take and how fast this host is: what raises a CPU limit, and by how much.

A reference's time is measured where a set is audited and kept beside the problem, never in its
digest: it is a fact about a run. It is kept in seconds of a nominal host, so that a set audited on
one machine raises the limit of another by as much work. A host's speed is measured once, as the CPU
time of a fixed workload in the sandbox, and kept in judge's home; speed 2 does in one second what
takes the nominal host two.

A speed is rounded to steps of a tenth: what is finer is noise, and would move limits about.
"""

import fcntl
import json
import math
import os
import platform
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from judge.errors import SandboxError
from judge.sandbox.base import Ending, Job, Sandbox
from problems.problem import Function, Limits, Problem
from problems.values import Wire

NOMINAL_SECONDS = 0.05
"""What the workload takes on the nominal host, by definition."""
MOST_CPU_SECONDS = 60.0
"""A reference raises no limit beyond this: a set of strangers must not occupy a host for hours."""
_RUNS = 5
_STEP = 1.1
_MOST_HOSTS = 64
_WORKLOAD = """
def work(rounds):
    total, seen, words = 0, {}, []
    for number in range(rounds):
        total = (total * 31 + number * number) % 1000003
        seen[total % 997] = seen.get(total % 997, 0) + 1
        if number % 7 == 0:
            words.append(str(total))
    words.sort(key=lambda word: (len(word), word))
    kept = sum(1 for one, two in zip(words, words[1:]) if one <= two)
    return total + kept + max(seen.values())
"""
_ROUNDS = 100_000


@dataclass(frozen=True, slots=True)
class Reference:
    """CPU seconds of a problem's reference on the nominal host: of the whole, as the kernel counted
    them, and of its slowest example."""

    cpu_seconds: float
    example_cpu_seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class Timing:
    """The speed of this host, 0 where it was not measured, and what is known of references by the
    digests of their problems."""

    speed: float = 0.0
    references: Mapping[str, Reference] = field(default_factory=dict)

    def limits(self, problem: Problem, base: Limits, factor: float) -> Limits:
        """The limits that hold here: `base`, or more CPU time where the reference needs it."""
        known = self.references.get(problem.digest)
        if known is None or not self.speed:
            return base
        times = factor / self.speed
        each = base.example_cpu_seconds
        return replace(
            base,
            cpu_seconds=_raised(base.cpu_seconds, times * known.cpu_seconds),
            example_cpu_seconds=each and _raised(each, times * known.example_cpu_seconds),
        )


UNTIMED = Timing()


def _raised(base: float, wanted: float) -> float:
    return max(base, min(round(wanted, 2), MOST_CPU_SECONDS))


# --- references ----------------------------------------------------------------------------------

_REFERENCES = "reference-times.jsonl"


def read_references(home: Path) -> dict[str, Reference]:
    """What was measured on this host, or copied to it. A line that cannot be read says nothing:
    without it, the problem's own limit holds."""
    found: dict[str, Reference] = {}
    with suppress(OSError), (home / _REFERENCES).open(encoding="utf-8", errors="replace") as lines:
        for line in lines:
            with suppress(ValueError, TypeError, KeyError, RecursionError):
                row = json.loads(line)
                times = Reference(float(row["cpu_seconds"]), float(row["example_cpu_seconds"]))
                if _is_time(times.cpu_seconds) and _is_time(times.example_cpu_seconds):
                    found[str(row["problem"])] = times
    return found


def keep_references(home: Path, measured: Mapping[str, Reference]) -> None:
    """Note the times down for `read_references`; a later one of a problem counts."""
    known = read_references(home)
    rows = [
        {
            "problem": digest,
            "cpu_seconds": each.cpu_seconds,
            "example_cpu_seconds": each.example_cpu_seconds,
        }
        for digest, each in measured.items()
        if known.get(digest) != each
    ]
    if rows:
        text = "".join(json.dumps(row) + "\n" for row in rows)
        fd = os.open(home / _REFERENCES, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        with open(fd, "w", encoding="utf-8") as file:  # noqa: PTH123 - a descriptor
            file.write(text)


def _is_time(value: object) -> bool:
    return isinstance(value, float) and math.isfinite(value) and value >= 0


# --- speed ---------------------------------------------------------------------------------------


def host_speed(sandbox: Sandbox, home: Path | None) -> float:
    """The speed of this host in this sandbox, measured the first time and then read from `home`.
    Where nothing can be kept it is measured every time. Raises SandboxError."""
    if home is None:
        return measured_speed(sandbox)
    key, file = _key(sandbox), home / "host.json"
    if known := _known(file).get(key):
        return known
    with _alone(home):
        if known := _known(file).get(key):  # another process has measured meanwhile
            return known
        speed = measured_speed(sandbox)
        with suppress(OSError):
            _write(file, {**_known(file), key: speed})
    return speed


def measured_speed(sandbox: Sandbox) -> float:
    """Run the workload a few times, with nothing beside it, and compare with the nominal host."""
    job = Job(_WORKLOAD, Function("work"), (Wire(f"[{_ROUNDS}]"),), Limits(cpu_seconds=30.0))
    times = []
    for _ in range(_RUNS):
        report = sandbox.run(job, alone=True)
        if not report.runs or report.runs[0].ending is not Ending.RETURNED:
            raise SandboxError("the sandbox could not run the workload that tells a host's speed")
        times.append(max(report.usage.cpu_seconds, 1e-4))
    median = sorted(times)[_RUNS // 2]
    return float(_STEP ** round(math.log(NOMINAL_SECONDS / median, _STEP)))


def _key(sandbox: Sandbox) -> str:
    host = sandbox.host
    parts = (host.backend, host.tier, host.image, host.python, host.kernel)
    return " ".join(filter(None, (platform.node(), _processor(), *parts)))


def _processor() -> str:
    with suppress(OSError):
        for line in Path("/proc/cpuinfo").read_text("utf-8", "replace").splitlines():
            name, _, value = line.partition(":")
            if name.strip() == "model name":
                return value.strip()
    return platform.machine()


def _known(file: Path) -> dict[str, float]:
    try:
        rows: Any = json.loads(file.read_text("utf-8"))
    except (OSError, ValueError, RecursionError):
        return {}
    if not isinstance(rows, dict):
        return {}
    return {key: value for key, value in rows.items() if _is_time(value) and value > 0}


def _write(file: Path, speeds: dict[str, float]) -> None:
    latest = dict(list(speeds.items())[-_MOST_HOSTS:])
    partial = file.with_name(f".{file.name}.{os.getpid()}")
    try:
        partial.write_text(json.dumps(latest, indent=2) + "\n", encoding="utf-8")
        partial.replace(file)
    finally:
        partial.unlink(missing_ok=True)


@contextmanager
def _alone(home: Path) -> Iterator[None]:
    """One process of the host measures at a time; without a place for a lock, all do."""
    try:
        lock = (home / "host.lock").open("w")
    except OSError:
        yield
        return
    with lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
