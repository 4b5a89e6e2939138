"""What a problem is: frozen values, hashed by content, no I/O.

Values that a solution receives or must return are carried as `Wire` text (problems/values.py), so
a problem can be hashed, stored and sent to a sandbox without rebuilding live objects.
"""

import json
from dataclasses import dataclass, field, fields, replace
from functools import cached_property
from hashlib import sha256
from typing import Any, Literal, NewType

from problems.errors import MalformedProblem, UnknownProblem
from problems.values import Wire

Slug = NewType("Slug", str)
"""A problem's name in URLs, tables and pages: lower case letters, digits, `-`, `_`, `.`."""

Digest = NewType("Digest", str)
"""Hex SHA-256 of a content; equal digests mean equal content."""

Difficulty = Literal["easy", "medium", "hard", ""]


PACKAGES = ("numpy", "sortedcontainers")
"""The distributions a problem may promise its solutions; a sandbox imports no other name."""


@dataclass(frozen=True, slots=True)
class Parameter:
    """One argument: its name and its Python type as text, such as `list[int]` or `TreeNode`."""

    name: str
    type: str = ""


@dataclass(frozen=True, slots=True)
class Function:
    """A function to call, or a method of `owner` (LeetCode's `Solution`) on a fresh instance.

    `in_place` is the index of the argument that holds the answer after the call, if one does.
    Arguments and answers typed `ListNode` and `TreeNode` travel as LeetCode's lists.
    """

    name: str
    parameters: tuple[Parameter, ...] = ()
    returns: str = ""
    owner: str = ""
    in_place: int | None = None


@dataclass(frozen=True, slots=True)
class Class:
    """A class to build and call: arguments are `[["Name", [..]], ["method", [..]], ..]`, the
    answer is the list of what each returned (None for the construction)."""

    name: str
    methods: tuple[Function, ...] = ()
    parameters: tuple[Parameter, ...] = ()


@dataclass(frozen=True, slots=True)
class Program:
    """A script run as `__main__`: the argument is its stdin, the answer its stdout, both text."""


@dataclass(frozen=True, slots=True)
class Examined:
    """A problem whose check is code (HumanEval, MBPP), run by the sealed examiner.

    Where the check is provably `f(literals) == literal`, the problem's examples say the same as data,
    and a judging may use those instead. `prompt` and `setup` run before `check`; `names` is the static list of what the check may
    reach in the solution. `check` must never reach a solution, a model or a page.
    """

    name: str
    check: str
    names: tuple[str, ...]
    prompt: str = ""
    setup: str = ""
    calls_check: bool = False
    """HumanEval's form: `check` defines `check(candidate)`, to be called with the entry."""


Entry = Function | Class | Program | Examined
ENTRIES: dict[str, type[Function] | type[Class] | type[Program] | type[Examined]] = {
    "function": Function,
    "class": Class,
    "program": Program,
    "examined": Examined,
}


@dataclass(frozen=True, slots=True)
class Example:
    """One test: the arguments (a list; for a program its stdin) and every accepted answer.

    `from_reference` marks an example whose set ships no answer: judge/verdicts/audit.py adds what
    the reference returns and clears the mark.
    """

    arguments: Wire
    accepted: tuple[Wire, ...] = ()
    shown: bool = False
    from_reference: bool = False


CHECKER_NAMES = [
    "exact",
    "floats",
    "unordered",
    "tokens",
    "lines",
    "members",
    "presence",
    "evalplus",
    "undecided",
]


@dataclass(frozen=True, slots=True)
class Checker:
    """How an answer is compared; judge/verdicts/checkers.py has the table of names.

    `absolute` and `relative` are float tolerances; `depth` is how many levels are order-free.
    """

    name: str = "exact"
    absolute: float = 0.0
    relative: float = 0.0
    depth: int = 0


@dataclass(frozen=True, slots=True)
class Limits:
    """What one process of a solution may use: all examples of a function or class, one of a
    program. `example_cpu_seconds` bounds a single example of many, if it is not 0."""

    cpu_seconds: float = 6.0
    example_cpu_seconds: float = 0.0
    memory_mb: int = 512
    output_bytes: int = 4 * 1024 * 1024

    @property
    def wall_seconds(self) -> float:
        """The backstop for a process that waits instead of computing."""
        return max(3 * self.cpu_seconds, self.cpu_seconds + 2)


@dataclass(frozen=True, slots=True)
class WrongSolution:
    """A plausible mistake and the verdict it must get (`WA`, `TLE`, ..)."""

    source: str
    verdict: str
    note: str = ""


@dataclass(frozen=True)
class Problem:
    """One task: what is asked, how it is called, how it is checked.

    `starter` is the code a model continues or fills in; `original_id` the id in its source, such
    as `HumanEval/0`; `date` an ISO date of first publication, or empty; `packages` the
    distributions beyond the standard library that solutions may count on (`numpy`).
    """

    slug: Slug
    statement: str
    entry: Entry
    examples: tuple[Example, ...] = ()
    checker: Checker = Checker()
    limits: Limits = Limits()
    title: str = ""
    starter: str = ""
    reference: str = ""
    wrong: tuple[WrongSolution, ...] = ()
    difficulty: Difficulty = ""
    tags: tuple[str, ...] = ()
    date: str = ""
    original_id: str = ""
    packages: tuple[str, ...] = ()

    @cached_property
    def digest(self) -> Digest:
        """SHA-256 of everything above."""
        return _digest(to_row(self))


@dataclass(frozen=True)
class ProblemSet:
    """A named, immutable version of some problems; its digest is its version."""

    name: str
    problems: tuple[Problem, ...]
    _by_name: dict[str, Problem] = field(init=False, repr=False, compare=False, hash=False)

    def __post_init__(self) -> None:
        by_slug: dict[str, Problem] = {}
        for problem in self.problems:
            if by_slug.setdefault(problem.slug, problem) is not problem:
                raise MalformedProblem(f"set {self.name!r} has two problems named {problem.slug!r}")
        by_original = {problem.original_id: problem for problem in self.problems}
        object.__setattr__(self, "_by_name", by_original | by_slug)

    @cached_property
    def digest(self) -> Digest:
        """SHA-256 over the slugs and digests of the problems, in any order."""
        return _digest(sorted([problem.slug, problem.digest] for problem in self.problems))

    def problem(self, name: str) -> Problem:
        """The problem with this slug or original id. Raises UnknownProblem."""
        found = self._by_name.get(name) or self._by_name.get(slug_of(name))
        if found is None:
            raise UnknownProblem(f"the set {self.name!r} has no problem {name!r}")
        return found

    def with_problems(self, problems: tuple[Problem, ...]) -> "ProblemSet":
        """The same set under a new content."""
        return replace(self, problems=problems)


def slug_of(original_id: str) -> Slug:
    """`HumanEval/0` to `humaneval-0`: lower case, every other character a dash."""
    kept = (char if char.isalnum() or char in "-_." else "-" for char in original_id.lower())
    return Slug("".join(kept).strip("-"))


def _digest(content: Any) -> Digest:
    text = json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=True)
    return Digest(sha256(text.encode()).hexdigest())


def to_row(problem: Problem) -> dict[str, Any]:
    """The problem as one JSON object; defaults are left out, so adding a field keeps digests."""
    row = _without_defaults(problem)
    kind = next(name for name, type_ in ENTRIES.items() if type(problem.entry) is type_)
    row["entry"] = {"kind": kind, **_without_defaults(problem.entry)}
    row["examples"] = [
        {
            "arguments": json.loads(example.arguments),
            "accepted": [json.loads(text) for text in example.accepted],
            **({"shown": True} if example.shown else {}),
            **({"from_reference": True} if example.from_reference else {}),
        }
        for example in problem.examples
    ]
    return row


def _without_defaults(value: Any) -> dict[str, Any]:
    kept = {}
    for item in fields(value):
        content = getattr(value, item.name)
        if content != item.default or item.name == "slug":
            kept[item.name] = _plain(content)
    return kept


def _plain(content: Any) -> Any:
    if isinstance(content, tuple):
        return [_plain(item) for item in content]
    if hasattr(content, "__dataclass_fields__"):
        return _without_defaults(content)
    return content
