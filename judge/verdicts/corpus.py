"""The corpus of hostile solutions and their honest twins: read it, run it, show what held.

Theory of operation. A *case* is a folder: `expect.toml` and the solution, either `solution.py` or,
where no text file can hold it, a trusted `make.py` with a function `source()`. expect.toml says

    group = "time"            which row of the matrix; GROUPS below
    lines = [1]               lines of the list of hostile solutions that the case stands for
    hacks = ["H2"]            grader hacks that it stands for
    examiner = ["echo"]       attacks on the examiner that it stands for
    twin = "another_case"     the honest solution that looks like it; absent where all kinds are AC
    task = "double"           what it answers; posed.py
    [limits]                  of the case, instead of LIMITS
    [function]                one table for each kind the case is run as
    verdict = "RE"            one or several, separated by spaces
    reason = "exception:"     how the reason begins

`run_case` judges one case as one kind, then the next honest solution on the same sandbox, then
looks at the host (watching.py), and returns a Finding. `run_all` does so for a whole corpus and
`matrix` shows findings of any number of backends as a table. Open the sandbox with one worker, so
that the honest solution meets the box that was attacked.

    with closing(open_sandbox("namespaces", 1)) as sandbox:
        findings = list(run_all(sandbox, read_corpus(find_corpus())))
    print(matrix(findings))
"""

import runpy
import time
import tomllib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from judge.errors import SandboxError, UsageError
from judge.sandbox.base import Sandbox
from judge.verdicts.judging import Conditions, judge
from judge.verdicts.posed import HONEST, KINDS, TASKS, pose
from judge.verdicts.verdict import Judgement, Verdict
from judge.verdicts.watching import left_behind, snapshot
from problems.problem import Limits, Problem

LIMITS = Limits(cpu_seconds=1.0, memory_mb=256, output_bytes=1 << 20)
"""What a case may use that names nothing else: little, so that attacks end soon."""

GROUPS = (
    "time",
    "memory",
    "output",
    "processes",
    "files",
    "network",
    "kernel",
    "forging",
    "answers",
    "state",
    "source",
    "honest twins",
)


@dataclass(frozen=True, slots=True)
class Expected:
    """What one kind must come to: accepted verdicts, and how the reason begins."""

    verdicts: tuple[str, ...]
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Case:
    """One folder of the corpus; see above for the fields."""

    name: str
    source: str = field(repr=False)
    group: str
    kinds: Mapping[str, Expected]
    lines: tuple[int, ...] = ()
    hacks: tuple[str, ...] = ()
    examiner: tuple[str, ...] = ()
    twin: str = ""
    task: str = "double"
    limits: Limits = LIMITS

    @property
    def honest(self) -> bool:
        """Whether the case is right in every kind, so that it needs no twin."""
        return all(expected.verdicts == ("AC",) for expected in self.kinds.values())


@dataclass(frozen=True, slots=True)
class Finding:
    """What one case came to as one kind on one backend. It held if `why_not` is empty."""

    case: str
    kind: str
    group: str
    backend: str
    wanted: str
    got: str
    why_not: tuple[str, ...]
    seconds: float

    @property
    def held(self) -> bool:
        """Whether everything was as it must be."""
        return not self.why_not


def find_corpus() -> Path:
    """The cases of this checkout, or the ones packed beside this file. Raises UsageError."""
    here = Path(__file__)
    for folder in (here.parents[2] / "tests/verdicts", here.parent / "cases"):
        if (folder / "endless_loop/expect.toml").exists():
            return folder
    raise UsageError("the corpus of hostile solutions is not installed with this judge")


def read_corpus(folder: Path) -> tuple[Case, ...]:
    """Every case of the folder, by name. Raises UsageError for one that cannot be understood."""
    return tuple(read_case(path.parent) for path in sorted(folder.glob("*/expect.toml")))


def read_case(folder: Path) -> Case:
    """One case. Raises UsageError."""
    where = folder.name
    try:
        words = tomllib.loads((folder / "expect.toml").read_text("utf-8"))
        fields: dict[str, Any] = {
            "kinds": {kind: _expected(words.pop(kind)) for kind in KINDS if kind in words},
            "limits": replace(LIMITS, **words.pop("limits", {})),
            **{key: tuple(words.pop(key, ())) for key in ("lines", "hacks", "examiner")},
        }
        case = Case(name=where, source=_source(folder), **fields, **words)
    except (OSError, KeyError, TypeError, ValueError) as error:
        raise UsageError(f"the case {where}: {type(error).__name__}: {error}") from None
    if case.group not in GROUPS or case.task not in TASKS or not case.kinds:
        raise UsageError(f"the case {where}: no such group or task, or no kind")
    return case


def _expected(table: dict[str, str]) -> Expected:
    verdicts = tuple(str(Verdict(word)) for word in table["verdict"].split())
    if unknown := table.keys() - {"verdict", "reason"}:
        raise ValueError(f"unknown keys {sorted(unknown)}")
    return Expected(verdicts, table.get("reason", ""))


def _source(folder: Path) -> str:
    maker = folder / "make.py"
    if maker.exists():
        return str(runpy.run_path(str(maker))["source"]())
    return (folder / "solution.py").read_bytes().decode("utf-8")  # line ends as they are


def run_all(
    sandbox: Sandbox, cases: Sequence[Case], kinds: Sequence[str] = KINDS
) -> Iterator[Finding]:
    """Findings one after the other, of every case as every kind it has."""
    warm(sandbox)
    for case in cases:
        for kind in case.kinds:
            if kind in kinds:
                yield run_case(case, kind, sandbox)


def warm(sandbox: Sandbox) -> None:
    """Have every box started before anything is measured."""
    for kind in KINDS:
        judge(pose("double", kind), HONEST, sandbox)


def run_case(case: Case, kind: str, sandbox: Sandbox) -> Finding:
    """Judge the case as that kind, then an honest solution, and look at the host."""
    problem, expected = pose(case.task, kind, case.limits), case.kinds[kind]
    before, started = snapshot(), time.monotonic()
    got, why_not = "", list[str]()
    for conditions in _ways(kind):
        try:
            judgement = judge(problem, case.source, sandbox, conditions)
        except SandboxError as error:
            got = "SE"
            why_not.append(f"the sandbox failed: {error}")
        else:
            got = f"{judgement.verdict} {judgement.reason}".strip()
            why_not += _differences(judgement, expected)
        why_not += _next_honest(kind, sandbox, conditions=conditions)
    why_not += left_behind(before, allowance=_weight(problem))
    return Finding(
        case=case.name,
        kind=kind,
        group=case.group,
        backend=sandbox.name,
        wanted=f"{' or '.join(expected.verdicts)} {expected.reason}".strip(),
        got=got,
        why_not=tuple(why_not),
        seconds=time.monotonic() - started,
    )


def _ways(kind: str) -> tuple[Conditions, ...]:
    """MBPP's asserts are judged as data and by the examiner, to the same end."""
    return (Conditions(), Conditions(examiner=True)) if kind == "mbpp" else (Conditions(),)


def _differences(judgement: Judgement, expected: Expected) -> Iterable[str]:
    said = f"{judgement.verdict} {judgement.reason}: {judgement.message}"
    if judgement.verdict not in expected.verdicts:
        yield f"the verdict is {said}"
    elif not judgement.reason.startswith(expected.reason):
        yield f"the reason is {said}"
    if not (judgement.reason + judgement.message).isprintable():
        yield f"the reason or the message is not one line of text: {said!a}"


def _next_honest(kind: str, sandbox: Sandbox, *, conditions: Conditions) -> Iterable[str]:
    try:
        judgement = judge(pose("double", kind), HONEST, sandbox, conditions)
    except SandboxError as error:
        yield f"the next honest solution met a broken sandbox: {error}"
    else:
        if judgement.verdict is not Verdict.AC:
            yield f"the next honest solution is {judgement.verdict} {judgement.reason}"


def _weight(problem: Problem) -> int:
    """Bytes that a problem's own data and its copies take up in this process."""
    data = sum(len(e.arguments) + sum(map(len, e.accepted)) for e in problem.examples)
    return 8 * data


def matrix(findings: Iterable[Finding]) -> str:
    """A Markdown table: a row a group of attacks, a column a backend, `held/all` in the cells."""
    cells: dict[tuple[str, str], list[bool]] = {}
    for finding in findings:
        cells.setdefault((finding.group, finding.backend), []).append(finding.held)
    backends = sorted({backend for _, backend in cells})
    rows = [["", *backends], ["---", *("---:" for _ in backends)]]
    for group in GROUPS:
        row: list[Any] = [cells.get((group, backend), []) for backend in backends]
        if any(row):
            rows.append([group, *(f"{sum(held)}/{len(held)}" if held else "" for held in row)])
    return "\n".join(f"| {' | '.join(row)} |" for row in rows) + "\n"
