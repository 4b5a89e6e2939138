"""What a judgement keeps so that anyone can check it: digests, circumstances, limits, counters.

`to_row` and `evidence_from` are the one form in which evidence leaves memory: a column of the
store, a field of an evidence bundle. What was written elsewhere is read back strictly.
"""

import math
from collections.abc import Mapping
from dataclasses import MISSING, asdict, dataclass, fields
from typing import Any, TypeVar

from judge.sandbox.base import Host
from problems.problem import Limits

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Evidence:
    """What the verdict can be replayed from.

    `limits` are those that held: `base_cpu_seconds` is what the problem or the conditions ask for,
    and `limits.cpu_seconds` is more than that where the reference needed it. The reference's time
    is in seconds of a nominal host (see timing.py); 0 says that it or the speed was not measured.
    The counters, from `cpu_seconds` to `killed_by`, are the kernel's, of the run that counts.
    `runs` is 2 where a limit was near: the second run counts, and `first_run` is what the first one
    came to.
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


NOWHERE = Host(backend="", tier="", image="", python="", kernel="", runner="", packages=())
"""The host of a judgement that was made before judgements kept one."""


def to_row(evidence: Evidence) -> dict[str, Any]:
    """The evidence as one JSON object."""
    return asdict(evidence)


def evidence_from(row: object) -> Evidence:
    """What `to_row` wrote. Raises ValueError naming the field that does not fit."""
    return built(Evidence, row)


def built(kind: type[T], row: object) -> T:
    """A dataclass of plain fields from a JSON object: every name known, every type exact."""
    if not isinstance(row, Mapping):
        raise ValueError(f"{kind.__name__} is no object")  # noqa: TRY004 - one kind of error to catch
    named = {each.name: each for each in fields(kind)}  # type: ignore[arg-type] # a dataclass by contract
    if unknown := sorted(map(str, row.keys() - named.keys())):
        raise ValueError(f"{kind.__name__} has no field {unknown[0][:60]!r}")
    for name, each in named.items():
        if each.default is MISSING and name not in row:
            raise ValueError(f"{kind.__name__} lacks the field {name!r}")
    return kind(**{name: _value(named[name].type, name, value) for name, value in row.items()})


def _value(type_: Any, name: str, value: object) -> Any:
    if type_ in (Host, Limits):
        return built(type_, value)
    if type_ is float and isinstance(value, int) and not isinstance(value, bool):
        value = float(value)
    if type_ == tuple[str, ...]:
        if isinstance(value, list | tuple) and all(isinstance(item, str) for item in value):
            return tuple(value)
        raise ValueError(f"the field {name!r} is no list of texts")
    if type(value) is not type_:
        raise ValueError(f"the field {name!r} is no {type_.__name__}")
    if isinstance(value, float) and not math.isfinite(value):
        raise ValueError(f"the field {name!r} is no finite number")
    return value
