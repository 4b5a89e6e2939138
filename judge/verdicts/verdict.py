"""Verdicts, worst first, and what a judgement holds."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import StrEnum

from judge.verdicts.evidence import Evidence


class Verdict(StrEnum):
    """What is said of a solution. Order matters: the first one present speaks for the whole."""

    SE = "SE"  # system error: ours, never counted
    CE = "CE"  # does not compile, or has no entry
    MLE = "MLE"
    TLE = "TLE"
    OLE = "OLE"
    RE = "RE"
    WA = "WA"
    UNDECIDED = "UNDECIDED"  # several answers may be right and no checker can tell
    AC = "AC"
    SKIP = "SKIP"  # not run, because an earlier example settled it

    @property
    def ours(self) -> bool:
        """Whether the fault is judge's, so that the sample is retried and left out of scores."""
        return self is Verdict.SE


_SEVERITY = {verdict: rank for rank, verdict in enumerate(Verdict)}


def worst(verdicts: Iterable[Verdict]) -> Verdict:
    """The one that speaks for all; an empty list is SE (a problem without tests proves nothing)."""
    return min(verdicts, key=_SEVERITY.__getitem__, default=Verdict.SE)


@dataclass(frozen=True, slots=True)
class Outcome:
    """One example: the verdict, why (`cpu`, `exception:KeyError`, ..) and the CPU seconds it took
    (self-reported by the solution's process; a picture, not evidence)."""

    verdict: Verdict
    reason: str = ""
    cpu_seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class Judgement:
    """The verdict on one solution, with one Outcome an example and the evidence."""

    verdict: Verdict
    reason: str
    outcomes: tuple[Outcome, ...]
    evidence: Evidence
    message: str = ""
    """Private: may hold expected values. Never into a prompt or a public page."""
    stdout: str = field(default="", repr=False)

    @property
    def passed(self) -> int:
        """How many examples were accepted."""
        return sum(outcome.verdict is Verdict.AC for outcome in self.outcomes)

    @property
    def unstable(self) -> bool:
        """Whether two runs of the same came to different verdicts: a limit is too near."""
        return self.evidence.first_run not in ("", self.verdict)
