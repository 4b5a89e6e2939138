"""Every folder here is a solution and the verdict it must get: `solution.py` and `expect.toml`.

All cases answer one of four problems, told by the table names in expect.toml: `function` and
`examined` ask for `double(x)`, `class` for a `Tally` with `add(x)` that returns the sum so far,
`program` reads a number and prints its double. A bug report becomes a folder.
"""

import tomllib
from pathlib import Path

import pytest

from judge.verdicts.judging import Conditions, judge
from problems.importers.humaneval import HumanEval
from problems.importers.mbpp import Mbpp
from problems.problem import (
    Checker,
    Class,
    Example,
    Function,
    Limits,
    Parameter,
    Problem,
    Program,
    Slug,
)
from problems.values import encode

HERE = Path(__file__).parent
LIMITS = Limits(cpu_seconds=1.0, memory_mb=256)
CHECK = """
def check(candidate):
    assert candidate(2) == 4
    for number in (3, 10, -7):
        assert candidate(number) == number * 2
"""


def problem(kind):
    if kind == "function":
        calls = tuple(Example(encode([n]), (encode(2 * n),)) for n in (2, 3, 10, -7))
        return Problem(
            Slug("f"), "", Function("double", (Parameter("x", "int"),)), calls, limits=LIMITS
        )
    if kind == "class":
        operations = [["Tally", []], ["add", [2]], ["add", [5]]]
        examples = (Example(encode(operations), (encode([None, 2, 7]),)),)
        return Problem(Slug("c"), "", Class("Tally"), examples, limits=LIMITS)
    if kind == "program":
        examples = tuple(Example(encode(f"{n}\n"), (encode(f"{2 * n}\n"),)) for n in (2, 3, -7))
        return Problem(Slug("p"), "", Program(), examples, Checker("lines"), LIMITS)
    if kind == "mbpp":
        row = {
            "task_id": 1,
            "text": "Double it.",
            "code": "def double(x):\n    return 2 * x\n",
            "test_list": [f"assert double({n}) == {2 * n}" for n in (2, 3, -7)],
        }
        return Mbpp().problem(row, "here")
    row = {
        "task_id": "T/1",
        "prompt": 'def double(x):\n    """Double it."""\n',
        "entry_point": "double",
        "canonical_solution": "    return 2 * x\n",
        "test": CHECK,
    }
    return HumanEval().problem(row, "here")


def cases():
    for folder in sorted(HERE.iterdir()):
        if (folder / "expect.toml").exists():
            expected = tomllib.loads((folder / "expect.toml").read_text())
            for kind in expected:
                yield pytest.param(folder, kind, expected[kind], id=f"{folder.name}-{kind}")


@pytest.mark.sandbox
@pytest.mark.parametrize(("folder", "kind", "expected"), list(cases()))
def test_the_verdict_is_the_expected_one(folder, kind, expected, sandbox):
    source = (folder / "solution.py").read_text()
    posed = problem(kind)
    ways = [Conditions(cpu_seconds=1.0)]
    if kind == "mbpp":  # the same check as data and in the examiner
        ways.append(Conditions(cpu_seconds=1.0, examiner=True))
    for conditions in ways:
        judgement = judge(posed, source, sandbox, conditions)
        found = f"{judgement.verdict} {judgement.reason} {judgement.message}"
        assert judgement.verdict in expected["verdict"].split(), found
        assert judgement.reason.startswith(expected.get("reason", "")), found
        honest = judge(posed, posed.reference or HONEST[kind], sandbox, conditions)
        assert honest.verdict == "AC", f"the next honest job: {honest}"


HONEST = {
    "function": "def double(x):\n    return 2 * x\n",
    "class": (
        "class Tally:\n    def __init__(self): self.sum = 0\n"
        "    def add(self, x):\n        self.sum += x\n        return self.sum\n"
    ),
    "program": "print(2 * int(input()))\n",
}
