"""Evidence bundles: one judgement in one file, with all that judging it again takes.

A bundle holds the whole problem, expected values and check included, and what the solution raised
and printed. It is for its owner: files are readable by nobody else, and none of it belongs on a
page. Its checksum finds damage and careless edits. It is no signature: who writes a whole bundle
can write a right checksum. What a bundle claims is therefore tried, not believed; see `replay`.
"""

import json
import os
from dataclasses import asdict, dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

from judge.errors import UsageError
from judge.sandbox.base import Sandbox
from judge.verdicts.conditions import Conditions
from judge.verdicts.evidence import Evidence
from judge.verdicts.judging import job_of, judge, solution_digest
from judge.verdicts.rows import built
from judge.verdicts.timing import Timing
from judge.verdicts.verdict import Judgement
from problems import problem as problems
from problems.errors import ProblemError
from problems.files import from_row
from problems.problem import Limits, Problem

FORMAT = "judge-evidence"
MAX_BYTES = 256 * 1024 * 1024
MOST = Limits(
    cpu_seconds=3600.0, example_cpu_seconds=3600.0, memory_mb=65_536, output_bytes=1 << 30
)
"""A bundle that asks for more than this is refused: it may come from anywhere."""

_UNFIT = (
    *(ValueError, TypeError, KeyError, AttributeError, SyntaxError),
    *(RecursionError, MemoryError, ProblemError),
)


@dataclass(frozen=True, slots=True)
class Bundle:
    """What was judged, how, and what came of it."""

    problem: Problem
    source: str
    conditions: Conditions
    judgement: Judgement


@dataclass(frozen=True, slots=True)
class Difference:
    """Something about the circumstances that is not as it was."""

    what: str
    then: str
    now: str


def write_bundle(bundle: Bundle, path: Path) -> None:
    """Write it, whole or not at all, for its owner alone. Raises OSError."""
    row = {
        "format": FORMAT,
        "problem": problems.to_row(bundle.problem),
        "source": bundle.source,
        "conditions": asdict(bundle.conditions),
        "judgement": asdict(bundle.judgement),
    }
    text = json.dumps({**row, "checksum": _checksum(row)}, indent=1) + "\n"
    partial = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        partial.unlink(missing_ok=True)
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW
        with os.fdopen(os.open(partial, flags, 0o600), "w", encoding="ascii") as file:
            file.write(text)
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)


def read_bundle(path: Path) -> Bundle:
    """What `write_bundle` wrote. Raises UsageError for a file that is none, or was changed."""
    try:
        with path.open("rb") as file:
            content = file.read(MAX_BYTES + 1)
    except OSError as error:
        raise UsageError(f"{path}: {error.strerror or error}") from None
    if len(content) > MAX_BYTES:
        raise UsageError(f"{path}: over {MAX_BYTES >> 20} MiB, which no evidence is")
    try:
        row = json.loads(content)
        if not isinstance(row, dict) or row.get("format") != FORMAT:
            raise UsageError(f"{path}: no evidence of judge (it lacks the format {FORMAT!r})")
        return _checked(row, str(path))
    except _UNFIT as error:
        reason = " ".join(str(error).split())[:200]
        raise UsageError(f"{path}: malformed evidence ({type(error).__name__}: {reason})") from None


def replay(bundle: Bundle, sandbox: Sandbox, speed: float = 0.0) -> Judgement:
    """Judge it again, under the recorded conditions and exactly the limits that held then."""
    evidence = bundle.judgement.evidence
    return judge(
        bundle.problem,
        bundle.source,
        sandbox,
        bundle.conditions,
        Timing(speed),
        limits=evidence.limits,
    )


def differences(then: Evidence, now: Evidence) -> tuple[Difference, ...]:
    """What about the circumstances is not as it was when the verdict was given."""
    pairs = [
        ("judge", then.judge_version, now.judge_version),
        *((name, value, asdict(now.host)[name]) for name, value in asdict(then.host).items()),
        ("host speed", then.host_speed, now.host_speed),
    ]
    return tuple(
        Difference(what, _shown(old), _shown(new)) for what, old, new in pairs if old != new
    )


def _shown(value: object) -> str:
    if isinstance(value, tuple | list):
        return ", ".join(map(str, value))
    return f"{value:.2g}" if isinstance(value, float) else str(value)


def _checksum(row: dict[str, Any]) -> str:
    text = json.dumps(row, sort_keys=True, separators=(",", ":"), ensure_ascii=True)
    return sha256(text.encode()).hexdigest()


def _checked(row: dict[str, Any], where: str) -> Bundle:
    """The bundle of this JSON object, whose parts must agree with each other."""
    claimed = row.pop("checksum")
    if claimed != _checksum(row):
        raise UsageError(f"{where}: the evidence was changed (its checksum does not match)")
    problem = from_row(row["problem"], f"{where}: problem")
    source = row["source"]
    if not isinstance(source, str):
        raise TypeError("the source is no text")
    conditions = built(Conditions, row["conditions"])
    judgement = built(Judgement, row["judgement"])
    evidence = judgement.evidence
    for what, recorded, found in (
        ("problem", evidence.problem, problem.digest),
        ("source", evidence.solution, solution_digest(source)),
        ("conditions", evidence.settings, conditions.fingerprint),
    ):
        if recorded != found:
            raise UsageError(
                f"{where}: the evidence is of another {what} ({recorded[:12]!r}, not {found[:12]!r})"
            )
    for name, most in asdict(MOST).items():
        given = getattr(evidence.limits, name)
        if not 0 <= given <= most or (given == 0 and name != "example_cpu_seconds"):
            raise ValueError(f"the limit {name} is {given}, and must be at most {most}")
    job_of(problem, source, conditions, evidence.limits)  # which parses the prompt, in some cases
    return Bundle(problem, source, conditions, judgement)
