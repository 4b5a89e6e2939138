"""The problems that the cases of the corpus answer: seven small tasks, each in up to five kinds.

A *kind* is how a solution is called: `function`, `class`, `program`, `examined` (HumanEval's
`check`, with a loop, so that only the examiner can run it) and `mbpp` (asserts, which are judged
as data and in the examiner). One source serves all kinds of its task, as `HONEST` does for the
first one. The tasks are chosen for what an attack needs: `double` for most, `halve` a tolerance,
`order` an argument that can be changed and an answer of several lines, `repeat` much output,
`swallow` much input, `echo` text that is no UTF-8.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from judge.errors import UsageError
from problems.importers.humaneval import HumanEval
from problems.importers.mbpp import Mbpp
from problems.problem import (
    Checker,
    Class,
    Entry,
    Example,
    Function,
    Limits,
    Parameter,
    Problem,
    Program,
    slug_of,
)
from problems.values import Wire, encode

KINDS = ("function", "class", "program", "examined", "mbpp")

HONEST = """\
class Tally:
    def __init__(self):
        self.sum = 0

    def add(self, x):
        self.sum += x
        return self.sum


def double(x):
    return 2 * x


if __name__ == "__main__":
    print(double(int(input())))
"""
"""The next honest job of every kind: what must still be AC after each case."""

MANY = 10_000_000
"""Characters of the long answer of `repeat`; a frame of the examiner carries a tenth."""
STDIN_BYTES = 50_000_000


@dataclass(frozen=True, slots=True)
class Task:
    """One task: a signature, the code that solves it, and what each kind feeds and expects."""

    parameters: tuple[str, ...]
    solution: str
    calls: tuple[tuple[list[Any], Any], ...] = ()
    programs: tuple[tuple[str, str], ...] = ()
    operations: tuple[list[Any], list[Any]] | None = None
    check: str = ""
    asserts: tuple[str, ...] = ()
    checker: Checker = Checker()
    program_checker: Checker = Checker("lines")


def _tasks() -> dict[str, Callable[[], Task]]:
    return {
        "double": _double,
        "halve": _halve,
        "order": _order,
        "repeat": _repeat,
        "swallow": _swallow,
        "echo": _echo,
    }


def _double() -> Task:
    return Task(
        parameters=("x",),
        solution="    return 2 * x\n",
        calls=tuple(([n], 2 * n) for n in (2, 3, 10, -7)),
        programs=tuple((f"{n}\n", f"{2 * n}\n") for n in (2, 3, -7)),
        operations=([["Tally", []], ["add", [2]], ["add", [5]]], [None, 2, 7]),
        check=(
            "    assert candidate(2) == 4\n"
            "    for number in (3, 10, -7):\n"
            "        assert candidate(number) == number * 2\n"
        ),
        asserts=tuple(f"assert double({n}) == {2 * n}" for n in (2, 3, -7)),
    )


def _halve() -> Task:
    close = Checker("floats", absolute=1e-6, relative=1e-6)
    return Task(
        parameters=("x",),
        solution="    return x / 2\n",
        calls=tuple(([n], n / 2) for n in (3, 1, 7)),
        programs=tuple((f"{n}\n", f"{n / 2}\n") for n in (3, 1, 7)),
        check="    for number in (3, 1, 7):\n        assert abs(candidate(number) - number / 2) < 1e-6\n",
        asserts=tuple(f"assert abs(halve({n}) - {n / 2}) < 1e-6" for n in (3, 1, 7)),
        checker=close,
        program_checker=close,
    )


def _order() -> Task:
    rows: tuple[list[int], ...] = ([3, 1, 2], [3, 1, 2], [5, 4])
    return Task(
        parameters=("numbers",),
        solution="    return sorted(numbers)\n",
        calls=tuple(([row], sorted(row)) for row in rows),
        programs=tuple(
            (f"{len(row)}\n{_joined(row, ' ')}", _joined(sorted(row), "\n")) for row in rows
        ),
        check="    for row in ([3, 1, 2], [5, 4]):\n        assert candidate(row) == sorted(row)\n",
        asserts=tuple(f"assert order({row}) == {sorted(row)}" for row in rows),
    )


def _joined(numbers: list[int], separator: str) -> str:
    return separator.join(map(str, numbers)) + "\n"


def _repeat() -> Task:
    return Task(
        parameters=("text", "count"),
        solution="    return text * count\n",
        calls=tuple(([text, count], text * count) for text, count in (("ab", 3), ("x", MANY))),
        programs=(("ab 3\n", "ababab\n"), (f"x {MANY}\n", "x" * MANY + "\n")),
        check=(
            f"    for text, count in (('ab', 3), ('x', {MANY // 10})):\n"
            "        assert candidate(text, count) == text * count\n"
        ),
        asserts=("assert repeat('ab', 3) == 'ababab'",),
    )


def _swallow() -> Task:
    line = "a line of a large input that nobody needs\n"
    return Task((), "", programs=((line * (STDIN_BYTES // len(line)), "done\n"),))


def _echo() -> Task:
    texts = ("abc", "\x00", "\ud800", "\udcff\udc80", "\N{SNOWMAN}\r\n", "\x1b[31m</script>")
    inputs = ("abc\n", "\udcff\udc80\n", "a\x00b\n", "one\r\ntwo\r\n", "\ufeffbom\n")
    return Task(
        parameters=("text",),
        solution="    return text\n",
        calls=tuple(([text], text) for text in texts),
        programs=tuple((text, text) for text in inputs),
        check=f"    for text in {texts!a}:\n        assert candidate(text) == text\n",
        asserts=tuple(f"assert echo({text!a}) == {text!a}" for text in texts),
        program_checker=Checker("exact"),
    )


TASKS = tuple(_tasks())


def pose(name: str, kind: str, limits: Limits | None = None) -> Problem:
    """The task of that name as a problem of that kind. Raises UsageError where there is none."""
    if name not in TASKS:
        raise UsageError(f"no task is called {name!r}; there are: {', '.join(TASKS)}")
    task = _tasks()[name]()
    header = f"def {name}({', '.join(task.parameters)}):\n"
    examples: tuple[Example, ...] = ()
    entry: Entry | None = None
    checker = task.checker
    row: dict[str, Any]
    match kind:
        case "function" if task.calls:
            entry = Function(name, tuple(Parameter(each) for each in task.parameters))
            examples = tuple(Example(encode(a), (encode(answer),)) for a, answer in task.calls)
        case "class" if task.operations:
            operations, answers = task.operations
            entry = Class(str(operations[0][0]))
            examples = (Example(encode(operations), (encode(answers),)),)
        case "program" if task.programs:
            entry, checker = Program(), task.program_checker
            examples = tuple(Example(_text(a), (_text(b),)) for a, b in task.programs)
        case "examined" if task.check:
            row = {
                "task_id": f"Corpus/{name}",
                "prompt": f'{header}    """{name.title()} it."""\n',
                "entry_point": name,
                "canonical_solution": task.solution,
                "test": f"def check(candidate):\n{task.check}",
            }
            return _limited(HumanEval().problem(row, "the corpus"), limits)
        case "mbpp" if task.asserts:
            row = {
                "task_id": 1,
                "text": f"{name.title()} it.",
                "code": header + task.solution,
                "test_list": list(task.asserts),
            }
            return _limited(Mbpp().problem(row, "the corpus"), limits)
    if entry is None:
        raise UsageError(f"the task {name!r} cannot be posed as {kind!r}")
    problem = Problem(slug_of(f"{name}-{kind}"), "", entry, examples, checker)
    return _limited(problem, limits)


def _text(stream: str) -> Wire:
    """A program's stream as Wire; longer than `encode` lets an answer be."""
    return Wire(json.dumps(stream))


def _limited(problem: Problem, limits: Limits | None) -> Problem:
    return replace(problem, limits=limits) if limits else problem
