"""What a judgement keeps so that anyone can check it: digests, circumstances, limits, counters.

`to_row` and `evidence_from` are the one form in which evidence leaves memory: a column of the
store, a field of an evidence bundle. What was written elsewhere is read back strictly.
"""

import json
from dataclasses import asdict, dataclass
from hashlib import sha256
from typing import Any

from judge.sandbox.base import Host
from judge.verdicts.rows import built
from problems.problem import Limits


@dataclass(frozen=True, slots=True)
class Evidence:
    """What the verdict can be replayed from.

    `limits` are those that held: `base_cpu_seconds` is what the problem or the conditions ask for,
    and `limits.cpu_seconds` is more than that where the reference needed it. The reference's time
    is in seconds of a nominal host (see timing.py); 0 says that it or the speed was not measured.
    The counters, from `cpu_seconds` to `killed_by`, are the kernel's, of the run that counts.
    `runs` is 2 where a limit was near: the second run counts, and `first_run` is what the first one
    came to. `reused` is the id of the sample whose run this was, where the same code had been
    judged on the same problem under the same circumstances before.
    """

    problem: str
    solution: str
    sandbox: str
    judge_version: str
    host: Host
    settings: str = ""
    limits: Limits = Limits()
    wall_limit_seconds: float = 0.0
    base_cpu_seconds: float = 0.0
    reference_cpu_seconds: float = 0.0
    host_speed: float = 0.0
    cpu_seconds: float = 0.0
    wall_seconds: float = 0.0
    memory_mb: float = 0.0
    oom_kills: int = 0
    exit_code: int = 0
    signal: int = 0
    killed_by: str = ""
    runs: int = 1
    first_run: str = ""
    reused: str = ""

    @property
    def raised(self) -> bool:
        """Whether the reference's time gave more CPU time than the limit that was asked for."""
        return self.limits.cpu_seconds > self.base_cpu_seconds


def key_of(evidence: Evidence) -> str:
    """SHA-256 of everything that decides a verdict: two judgings of one key are one."""
    given: list[Any] = [evidence.solution, evidence.problem, evidence.settings, evidence.sandbox]
    given += [evidence.judge_version, asdict(evidence.limits)]
    return sha256(json.dumps(given, sort_keys=True).encode()).hexdigest()


NOWHERE = Host(backend="", tier="", image="", python="", kernel="", runner="", packages=())
"""The host of a judgement that was made before judgements kept one."""


def to_row(evidence: Evidence) -> dict[str, Any]:
    """The evidence as one JSON object."""
    return asdict(evidence)


def evidence_from(row: object) -> Evidence:
    """What `to_row` wrote. Raises ValueError naming the field that does not fit."""
    return built(Evidence, row)
