"""MBPP: `task_id, text|prompt, code, test_list, test_setup_code|test_imports`.

What the asserts may reach in a solution is a static list: the names they use that the reference
defines, so that neither helpers nor builtins can be replaced by the solution.
"""

from typing import Any

from problems.errors import MalformedProblem
from problems.importers.base import field, parsed
from problems.importers.literal_checks import as_examples
from problems.names import called_names, defined_names, imports_for, used_names
from problems.problem import Examined, Limits, Problem, slug_of

DATE = "2021-08-16"


class Mbpp:
    """google-research's rows, full or sanitized."""

    name = "mbpp"

    def recognises(self, row: dict[str, Any]) -> bool:
        """Rows with a list of asserts and code."""
        return {"task_id", "test_list", "code"} <= row.keys()

    def problem(self, row: dict[str, Any], where: str) -> Problem:
        """An examined problem whose check is the asserts."""
        number = field(row, "task_id", int, where)
        text = field(row, "text" if "text" in row else "prompt", str, where)
        code = field(row, "code", str, where).replace("\r\n", "\n")
        tests = field(row, "test_list", list, where)
        tests = tests + field(row, "challenge_test_list", list, where, [])
        setup = field(row, "test_setup_code", str, where, "").replace("\r\n", "\n")
        setup = "\n".join([*field(row, "test_imports", list, where, []), setup])
        check = "\n".join(map(str, tests)) + "\n"
        trees = [parsed(setup, where, "test_setup_code"), parsed(check, where, "test_list")]
        names = sorted(used_names(trees) & defined_names(parsed(code, where, "code")))
        if not names:
            raise MalformedProblem(f"{where}: field 'test_list': no name of 'code' is ever called")
        entry = next(filter(names.__contains__, called_names(trees[1])), names[0])
        return Problem(
            slug=slug_of(f"mbpp-{number}"),
            title=entry,
            statement=f"{text}\n\n{tests[0]}" if tests else text,
            entry=Examined(
                name=entry,
                check=check,
                names=tuple(names),
                prompt=imports_for(trees),
                setup=setup,
            ),
            examples=as_examples(check, entry, calls_check=False) if not setup.strip() else (),
            limits=Limits(cpu_seconds=3.0),
            reference=code,
            date=DATE,
            original_id=str(number),
        )
