"""HumanEval+ and MBPP+: inputs without answers; the audit adds what the canonical returns.

MBPP+ stores its inputs as JSON although some tasks take tuples, sets or complex numbers: `_SHAPES`
says which, task by task (facts of EvalPlus 0.3.1). Where its evaluator accepts more than the
canonical's answer, the example or the checker says so.
"""

import math
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from problems.errors import MalformedProblem
from problems.importers.base import field
from problems.importers.humaneval import runnable_prompt
from problems.problem import Checker, Entry, Examined, Example, Function, Limits, Problem, slug_of
from problems.values import encode, settled

DATE = "2023-05-02"
RELATIVE = 1e-7
_GIANT = 255
"""MBPP+/255: one of its answers has 128 million items, which takes a while to digest."""

LIMITS = Limits(cpu_seconds=60.0, example_cpu_seconds=6.0, memory_mb=2048, output_bytes=1 << 24)


class EvalPlus:
    """evalplus's rows, of either set."""

    name = "evalplus"

    def recognises(self, row: dict[str, Any]) -> bool:
        """Rows with base and plus inputs."""
        return {"task_id", "entry_point", "base_input", "plus_input"} <= row.keys()

    def problem(self, row: dict[str, Any], where: str) -> Problem:
        """A function problem; HumanEval/32, whose answers are many, is examined instead."""
        task_id = field(row, "task_id", str, where)
        name = field(row, "entry_point", str, where)
        prompt = field(row, "prompt", str, where)
        canonical = field(row, "canonical_solution", str, where)
        inputs = _inputs(row, "base_input", where) + _inputs(row, "plus_input", where)
        absolute = float(field(row, "atol", (int, float), where, 0.0))
        mbpp = task_id.lower().startswith("mbpp")
        number = int(task_id.rpartition("/")[2]) if mbpp else -1
        shape = _SHAPES.get(number, list)
        try:
            calls = [shape(arguments) for arguments in inputs]
        except (TypeError, ValueError, AttributeError, IndexError) as error:
            raise MalformedProblem(f"{where}: field 'plus_input': {error}") from None
        entry: Entry = Function(name)
        examples = tuple(
            _example(name, arguments) if mbpp else _open(arguments) for arguments in calls
        )
        if name == "find_zero" and not mbpp:
            entry, examples = _find_zero(name, prompt, calls, absolute), ()
        return Problem(
            slug=slug_of(task_id),
            title=name,
            statement=prompt,
            starter="" if mbpp else prompt,
            entry=entry,
            examples=examples,
            checker=_checker(name, absolute) if mbpp else Checker("evalplus", absolute, RELATIVE),
            limits=replace(LIMITS, cpu_seconds=300.0, example_cpu_seconds=100.0)
            if number == _GIANT
            else LIMITS,
            reference=(prompt if not mbpp else "") + canonical,
            date=DATE,
            original_id=task_id,
        )


def _inputs(row: dict[str, Any], name: str, where: str) -> list[Any]:
    """The argument lists; a task without any (793) has an empty object there."""
    return list(field(row, name, list, where)) if row.get(name) else []


def _open(arguments: list[Any], also: tuple[Any, ...] = ()) -> Example:
    accepted = tuple(settled(encode(answer)) for answer in also)
    return Example(settled(encode(list(arguments))), accepted, from_reference=True)


def _find_zero(name: str, prompt: str, calls: list[list[Any]], absolute: float) -> Examined:
    """Any root will do, so the check evaluates the polynomial (the prompt defines `poly`)."""
    check = (
        "def check(candidate):\n"
        f"    for xs in {[arguments[0] for arguments in calls]!r}:\n"
        f"        assert abs(poly(xs, candidate(list(xs)))) <= {absolute!r}\n"
    )
    return Examined(name, check, (name,), runnable_prompt(prompt), calls_check=True)


# --- what EvalPlus's evaluator accepts beyond the canonical's answer ------------------------------

_SETS = [
    "similar_elements",
    "find_char_long",
    "common_in_nested_lists",
    "extract_singly",
    "larg_nnum",
    "intersection_array",
    "find_dissimilar",
    "Diff",
]
_MATCHES = ["check_str", "text_match_three", "text_starta_endb"]


def _checker(name: str, absolute: float) -> Checker:
    if name in _SETS:
        return Checker("members")
    if name in _MATCHES:
        return Checker("presence")
    return Checker("evalplus", absolute, RELATIVE)


def _example(name: str, arguments: list[Any]) -> Example:
    match name:
        case "are_equivalent":
            return _open(arguments, (True, False))
        case "sum_div":
            return _open(arguments, (0,))
        case "surface_Area":
            base, height = arguments
            slant = math.sqrt((base / 2) ** 2 + height**2)
            return _open(arguments, (round(base**2 + 2 * base * slant),))
        case "digit_distance_nums":
            return _open(arguments, (_digit_distance(*arguments),))
        case _:
            return _open(arguments)


def _digit_distance(one: int, other: int) -> int:
    first, second = str(one), str(other)
    width = max(len(first), len(second))
    pairs = zip(first.zfill(width), second.zfill(width), strict=True)
    return sum(abs(int(a) - int(b)) for a, b in pairs)


# --- MBPP+ inputs that are not what JSON made of them ---------------------------------------------

Shape = Callable[[list[Any]], list[Any]]


def _tuples(arguments: list[Any]) -> list[Any]:
    return [tuple(value) for value in arguments]


def _lists_of_tuples(arguments: list[Any]) -> list[Any]:
    return [[tuple(item) for item in value] for value in arguments]


def _deep(value: Any) -> Any:
    return tuple(map(_deep, value)) if isinstance(value, list) else value


def _mixed(arguments: list[Any]) -> list[Any]:
    return [tuple(tuple(item) if isinstance(item, list) else item for item in arguments[0])]


_SHAPES: dict[int, Shape] = {
    **dict.fromkeys(
        (2, 116, 132, 143, 222, 261, 273, 394, 399, 421, 424, 429, 470, 560, 579, 596, 616), _tuples
    ),
    **dict.fromkeys((630, 726, 740, 744, 809), _tuples),
    **dict.fromkeys(
        (63, 64, 70, 94, 120, 237, 272, 299, 400, 409, 417, 438, 473, 614, 780), _lists_of_tuples
    ),
    **dict.fromkeys((75, 413, 444, 753), lambda a: [[tuple(item) for item in a[0]], a[1]]),
    **dict.fromkeys((106, 750), lambda a: [a[0], tuple(a[1])]),
    **dict.fromkeys((250, 405, 446, 617, 720, 763, 808), lambda a: [tuple(a[0]), a[1]]),
    **dict.fromkeys((259, 401, 445), lambda a: _tuples(_lists_of_tuples(a))),
    **dict.fromkeys((580, 615, 791), lambda a: [_deep(value) for value in a]),
    115: lambda a: [[set(item) if isinstance(item, list) and item else {} for item in a[0]]],
    124: lambda a: [float(a[0]), complex(a[1])],
    252: lambda a: [complex(a[0])],
    278: _mixed,
    307: lambda a: [tuple(a[0]), a[1], a[2]],
    722: lambda a: [{key: tuple(value) for key, value in a[0].items()}, *a[1:]],
}
