"""What every importer is: it knows its rows when it sees one, and turns each into a Problem.

Importers yield references and inputs; what a set lacks (answers nobody shipped) is computed by
judge/verdicts/audit.py in the sandbox, never by running anything here.
"""

import ast
from typing import Any, Protocol

from problems.errors import MalformedProblem
from problems.names import parse
from problems.problem import Problem


class Importer(Protocol):
    """One file format."""

    name: str

    def recognises(self, row: dict[str, Any]) -> bool:
        """Whether a file that starts with this row is of this format."""

    def problem(self, row: dict[str, Any], where: str) -> Problem:
        """The row as a problem. Raises MalformedProblem naming `where` and the field."""


def field(
    row: dict[str, Any], name: str, kind: type | tuple[type, ...], where: str, default: Any = ...
) -> Any:
    """A field of that type, or MalformedProblem."""
    value = row.get(name, default)
    if value is ...:
        raise MalformedProblem(f"{where}: field {name!r} is missing")
    if not isinstance(value, kind):
        wanted = " or ".join(
            each.__name__ for each in (kind if isinstance(kind, tuple) else (kind,))
        )
        raise MalformedProblem(
            f"{where}: field {name!r}: {wanted} wanted, not {type(value).__name__}"
        )
    return value


def parsed(source: str, where: str, name: str) -> ast.Module:
    """The syntax tree of trusted code, or MalformedProblem."""
    try:
        return parse(source)
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        raise MalformedProblem(f"{where}: field {name!r}: not Python ({error})") from None
