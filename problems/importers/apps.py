"""APPS, in two shapes: the set's own rows (`question`, `input_output` as JSON text) and MapCoder's
selection (`description`, `test_list`, where `output` lists the accepted outputs).

Without `fn_name` a problem is a program: its input is stdin, its answer stdout compared by lines.
"""

import json
from typing import Any

from problems.errors import MalformedProblem
from problems.importers.base import field
from problems.problem import (
    Checker,
    Difficulty,
    Example,
    Function,
    Limits,
    Problem,
    Program,
    slug_of,
)
from problems.values import encode

DATE = "2021-05-20"
_DIFFICULTIES: dict[str, Difficulty] = {
    "introductory": "easy",
    "interview": "medium",
    "competition": "hard",
}


class Apps:
    """hendrycks/apps rows."""

    name = "apps"

    def recognises(self, row: dict[str, Any]) -> bool:
        """Rows of either shape."""
        return {"question", "input_output"} <= row.keys() or {
            "description",
            "test_list",
        } <= row.keys()

    def problem(self, row: dict[str, Any], where: str) -> Problem:
        """A program, or a function where the row names one."""
        if "test_list" in row:
            return self._selected(row, where)
        tests = _json(row, "input_output", where)
        inputs, outputs = tests.get("inputs", []), tests.get("outputs", [])
        if len(inputs) != len(outputs):
            raise MalformedProblem(
                f"{where}: field 'input_output': {len(inputs)} inputs, {len(outputs)} outputs"
            )
        number = str(row.get("problem_id", row.get("id", "")))
        name = tests.get("fn_name")
        solutions = _json(row, "solutions", where) if row.get("solutions") else []
        return Problem(
            slug=slug_of(f"apps-{number}"),
            statement=field(row, "question", str, where),
            starter=field(row, "starter_code", str, where, ""),
            entry=Function(name) if name else Program(),
            examples=tuple(
                Example(encode(given), (encode(_unwrapped(answer)),))
                if name
                else Example(encode(_text(given)), (encode(_text(answer)),))
                for given, answer in zip(inputs, outputs, strict=True)
            ),
            checker=Checker("exact" if name else "lines"),
            limits=Limits(cpu_seconds=4.0),
            reference=solutions[0] if solutions else "",
            difficulty=_DIFFICULTIES.get(str(row.get("difficulty")), ""),
            date=DATE,
            original_id=number,
        )

    def _selected(self, row: dict[str, Any], where: str) -> Problem:
        number = str(row.get("id", row.get("name", "")))
        tests = field(row, "test_list", list, where)
        shown = [item.get("input") for item in field(row, "sample_io", list, where, [])]
        return Problem(
            slug=slug_of(f"apps-{number}"),
            statement=field(row, "description", str, where),
            starter=field(row, "starter_code", str, where, "").strip(),
            entry=Program(),
            examples=tuple(
                Example(
                    encode(field(test, "input", str, where)),
                    tuple(encode(str(answer)) for answer in field(test, "output", list, where)),
                    shown=test["input"] in shown,
                )
                for test in tests
            ),
            checker=Checker("lines"),
            limits=Limits(cpu_seconds=4.0),
            difficulty=_DIFFICULTIES.get(str(row.get("difficulty")), ""),
            date=DATE,
            original_id=number,
        )


def _json(row: dict[str, Any], name: str, where: str) -> Any:
    try:
        return json.loads(field(row, name, str, where))
    except (ValueError, RecursionError) as error:
        raise MalformedProblem(f"{where}: field {name!r}: not JSON ({error})") from None


def _text(value: Any) -> str:
    """Some rows hold lists of lines, some hold numbers; both were printed once."""
    if isinstance(value, list):
        return "\n".join(map(str, value))
    return value if isinstance(value, str) else str(value)


def _unwrapped(answer: Any) -> Any:
    """Function answers come wrapped in a list of one."""
    return answer[0] if isinstance(answer, list) and len(answer) == 1 else answer
