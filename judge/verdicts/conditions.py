"""Settings of a judging that decide verdicts, and the limits that follow from them."""

from dataclasses import dataclass, replace
from hashlib import sha256
from typing import Literal

from judge.sandbox.base import Stop
from problems.problem import Limits, Problem

REFERENCE_FACTOR = 4.0
"""How many times the reference's CPU time a solution gets, where that is more than the limit."""


@dataclass(frozen=True, slots=True)
class Conditions:
    """Settings that decide verdicts and so are part of a judging's fingerprint: code that runs
    before the solution, limits other than the problem's, and how far a solution is run.

    `helpers` says whose helpers an examined check calls where the prompt defines some (HumanEval/32,
    38, 50): the `problem`'s, or, as harnesses with one shared namespace have it, the `solution`'s,
    which is then believed in what it says of itself.
    `examiner` sends every examined problem to the examiner, also where its check is plain data.
    `process_per_example` gives every example a process of its own; `stop` says when the rest of the
    examples is left out. `reference_factor` times the reference's CPU time is the least CPU limit,
    whatever the problem says; 0 leaves it at what the problem says.
    """

    preamble: str = ""
    prefix_prompt: bool = False
    examiner: bool = False
    helpers: Literal["problem", "solution"] = "problem"
    cpu_seconds: float | None = None
    memory_mb: int | None = None
    process_per_example: bool = False
    stop: Stop = Stop.LIMIT
    reference_factor: float = REFERENCE_FACTOR

    @property
    def fingerprint(self) -> str:
        """One line that names every setting off its default; the preamble by its digest."""
        factor = self.reference_factor
        parts = [
            f"preamble={sha256(self.preamble.encode()).hexdigest()[:12]}" if self.preamble else "",
            "prefix=prompt" if self.prefix_prompt else "",
            "examiner=always" if self.examiner else "",
            "helpers=solution" if self.helpers == "solution" else "",
            f"cpu={self.cpu_seconds:g}s" if self.cpu_seconds else "",
            f"memory={self.memory_mb}MB" if self.memory_mb else "",
            "process=example" if self.process_per_example else "",
            f"stop={self.stop}" if self.stop is not Stop.LIMIT else "",
            f"factor={factor:g}" if factor != REFERENCE_FACTOR else "",
        ]
        return " ".join(filter(None, parts))

    def limits(self, problem: Problem) -> Limits:
        """The problem's limits with those of these conditions in their place."""
        return replace(
            problem.limits,
            cpu_seconds=self.cpu_seconds or problem.limits.cpu_seconds,
            memory_mb=self.memory_mb or problem.limits.memory_mb,
        )
