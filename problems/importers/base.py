"""What every importer is: it knows its rows when it sees one, and turns each into a Problem.

Importers yield references and inputs; what a set lacks (answers nobody shipped) is computed by
judge/verdicts/audit.py in the sandbox, never by running anything here.
"""

import ast
import builtins
import sys
from collections.abc import Iterable
from typing import Any, Protocol

from problems.errors import MalformedProblem
from problems.problem import Problem


class Importer(Protocol):
    """One file format."""

    name: str

    def recognises(self, row: dict[str, Any]) -> bool:
        """Whether a file that starts with this row is of this format."""

    def problem(self, row: dict[str, Any], where: str) -> Problem:
        """The row as a problem. Raises MalformedProblem naming `where` and the field."""


def field(row: dict[str, Any], name: str, kind: type, where: str, default: Any = ...) -> Any:
    """A field of that type, or MalformedProblem."""
    value = row.get(name, default)
    if value is ...:
        raise MalformedProblem(f"{where}: field {name!r} is missing")
    if not isinstance(value, kind):
        raise MalformedProblem(
            f"{where}: field {name!r}: {kind.__name__} wanted, not {type(value).__name__}"
        )
    return value


def parsed(source: str, where: str, name: str) -> ast.Module:
    """The syntax tree of trusted code, or MalformedProblem."""
    try:
        return ast.parse(source)
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        raise MalformedProblem(f"{where}: field {name!r}: not Python ({error})") from None


def used_names(trees: Iterable[ast.AST]) -> set[str]:
    """Every name that is read somewhere in the code."""
    return {
        node.id
        for tree in trees
        for node in ast.walk(tree)
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load)
    }


def defined_names(tree: ast.Module) -> set[str]:
    """Functions, classes and variables that the code defines at top level; imports are not."""
    names: set[str] = set()
    for node in tree.body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            names.add(node.name)
        names |= {
            leaf.id
            for leaf in ast.walk(node)
            if isinstance(leaf, ast.Name) and isinstance(leaf.ctx, ast.Store)
            if isinstance(node, ast.Assign | ast.AnnAssign | ast.AugAssign)
        }
    return names


def imports_for(trees: Iterable[ast.Module]) -> str:
    """`import` lines for standard modules that the code uses without importing them itself."""
    trees = list(trees)
    bound = {
        (alias.asname or alias.name).split(".")[0]
        for tree in trees
        for node in ast.walk(tree)
        if isinstance(node, ast.Import | ast.ImportFrom)
        for alias in node.names
    }
    bound |= {name for tree in trees for name in defined_names(tree)} | set(dir(builtins))
    wanted = sorted((used_names(trees) - bound) & sys.stdlib_module_names)
    return "".join(f"import {name}\n" for name in wanted)
