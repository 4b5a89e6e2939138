"""The nouns of the sandbox: what goes in (Job), what comes out (Report). It knows no right or wrong."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Protocol

from problems.problem import Entry, Examined, Limits, Problem
from problems.values import Wire


class Stop(StrEnum):
    """When a job with examples left ends early."""

    LIMIT = "limit"  # after a crash the next example goes on; a limit that was met ends the job
    FAILURE = "failure"  # the first example without an accepted answer ends it
    NEVER = "never"  # every example is run while CPU and wall time of the whole job last


@dataclass(frozen=True, slots=True)
class Job:
    """A solution and what to feed it. There is no field an expected answer could sit in; only an
    Examined entry carries its check, which goes to the examiner and never to the solution."""

    source: str
    entry: Entry
    inputs: tuple[Wire, ...]
    limits: Limits = field(default_factory=Limits)
    preamble: str = ""
    digests: bool = False
    """Whether an answer too large to send may come as its digest: only where equality decides."""
    isolated: bool = False
    """Whether every example gets a process of its own; programs always do."""
    stop: Stop = Stop.LIMIT
    packages: tuple[str, ...] = ()
    """Distributions that are imported before the solution is (`numpy`), warm in the fork server."""

    @classmethod
    def of(cls, problem: Problem, source: str, preamble: str = "") -> "Job":
        """The job that a problem poses; its expected answers stay behind."""
        inputs = tuple(example.arguments for example in problem.examples)
        by_equality = problem.checker.name in ("exact", "evalplus")
        return cls(
            source,
            problem.entry,
            inputs,
            problem.limits,
            preamble,
            by_equality,
            packages=problem.packages,
        )

    @property
    def examined(self) -> bool:
        """Whether the check is code, to be run by the examiner."""
        return isinstance(self.entry, Examined)


class Ending(StrEnum):
    """How one run ended, as claimed from inside (the first five) or seen from outside."""

    RETURNED = "returned"
    RAISED = "raised"
    BAD_TYPE = "bad_type"
    REFUSED = "refused"  # never started: syntax error, entry missing
    FAILED = "failed"  # an examiner's check did not hold
    EXITED = "exited"  # the process ended on its own before it answered
    KILLED = "killed"  # by a limit or a signal
    NOT_RUN = "not_run"


@dataclass(frozen=True, slots=True)
class Run:
    """One example's run. `value` is the claimed answer (Wire; a program's stdout as Wire text);
    `detail` names the exception, type or limit; `message` is private evidence."""

    ending: Ending
    value: Wire | None = None
    detail: str = ""
    message: str = ""
    cpu_seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class Usage:
    """What the kernel counted for a process, read after its end. `killed_by` is the limit that
    ended it (`cpu wall stdout`) or empty; `oom_kills` are those of the slot's cgroup meanwhile."""

    exit_code: int = 0
    signal: int = 0
    killed_by: str = ""
    cpu_seconds: float = 0.0
    wall_seconds: float = 0.0
    memory_mb: float = 0.0
    oom_kills: int = 0


@dataclass(frozen=True, slots=True)
class Report:
    """What a Job came to: one Run an input (one in all for an examined job), the worst Usage, and
    the start of what was printed."""

    runs: tuple[Run, ...]
    usage: Usage = field(default_factory=Usage)
    stdout: str = ""
    stderr: str = ""


@dataclass(frozen=True, slots=True)
class Counts:
    """What a sandbox did since it was opened: jobs run, the seconds they took (waiting for a slot
    left out), jobs that failed by its fault, boxes opened."""

    runs: int = 0
    seconds: float = 0.0
    faults: int = 0
    boxes: int = 0


@dataclass(frozen=True, slots=True)
class Host:
    """What besides job and judge can sway a report: backend, how much of the seal the host gives
    (selfcheck.py), digest of the image (Docker), Python and kernel, the digest of the code inside,
    and the packages that solutions can import, as `name version`."""

    backend: str
    tier: str
    image: str
    python: str
    kernel: str
    runner: str
    packages: tuple[str, ...] = ()

    @property
    def fingerprint(self) -> str:
        """All of it in one line."""
        image = f"image-{self.image}" if self.image else ""
        packages = ",".join(self.packages).replace(" ", "-")
        parts = (
            f"{self.backend}-{self.tier}",
            image,
            self.python,
            self.kernel,
            self.runner,
            packages,
        )
        return " ".join(filter(None, parts))


Accept = Callable[[int, Run], bool]
"""Whether the run of the example with that index counts as a success, for Stop.FAILURE."""

TIERS = ("full", "strong", "basic")
"""How much of the seal a host gives, best first; below the last one it is refused."""


class Sandbox(Protocol):
    """Runs jobs where they can do no harm. Raises SandboxError for faults of its own."""

    name: str

    @property
    def host(self) -> Host:
        """Where jobs run."""

    @property
    def workers(self) -> int:
        """How many jobs may run at once."""

    @property
    def callers(self) -> int:
        """How many threads that call `run` keep the sandbox busy: one more, as one prepares."""

    @property
    def fingerprint(self) -> str:
        """The host in one line."""

    @property
    def tier(self) -> str:
        """One of TIERS."""

    def facts(self) -> Mapping[str, object]:
        """What a box says of what holds it: `landlock` (ABI, 0 for none), `kills` (whether a control
        group counts them), `python`."""

    def counts(self) -> Counts:
        """What it did so far."""

    def run(self, job: Job, *, alone: bool = False, accept: Accept | None = None) -> Report:
        """Run one job to its end; thread-safe, blocks for a free slot. `alone` keeps every other
        slot idle meanwhile, for verdicts that hang on time. Without `accept` every answer is a
        success. Raises SandboxBusy when too many callers wait already."""

    def close(self) -> None:
        """End every process of the sandbox."""
