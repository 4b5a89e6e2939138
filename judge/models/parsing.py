"""What a candidate says as Python: parsed within bounds, never run.

`ast.parse` runs on our host over hostile text, so each text and their sum are bounded and every
way it can fail is a plain "does not parse".
"""

import ast
import builtins
import re
import threading
import warnings
from collections import Counter
from collections.abc import Iterable

from problems.problem import Class, Entry, Function, Program

MAX_SOURCE = 256 * 1024  # characters of one candidate
MAX_PARSED = 2 * 1024 * 1024  # characters of all attempts at one reply

_BUILTINS = frozenset(dir(builtins)) | {"__name__", "__file__"}
_QUIET = threading.Lock()  # warnings.catch_warnings is the whole process's
_READS = re.compile(r"\binput\s{0,8}\(|\bstdin\b|\bopen\s{0,8}\(\s{0,8}(?:0|['\"]/dev/stdin)")
_RUNNERS = re.compile(r"main|_?tests?(?:_\w+)?|run(?:_\w+)?|check(?:_\w+)?|testmod|examples?")

Definition = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef


class Parser:
    """Parses the candidates of one reply within one budget."""

    def __init__(self) -> None:
        self._left = MAX_PARSED
        self.failed_at = 0

    def parse(self, source: str) -> ast.Module | None:
        """The tree, or None; then `failed_at` is the line that was at fault, 0 if unknown."""
        self.failed_at = 0
        if len(source) > min(MAX_SOURCE, self._left):
            return None
        self._left -= len(source)
        try:
            with _QUIET, warnings.catch_warnings():
                warnings.simplefilter("ignore")
                return ast.parse(source)
        except SyntaxError as error:
            self.failed_at = error.lineno or 0
        except (ValueError, RecursionError, MemoryError):  # NUL, surrogates, deep nesting
            pass
        return None


def defines(tree: ast.Module, entry: Entry) -> bool:
    """Whether running the tree would leave the entry point behind; a program only has to do
    more than state a value."""
    if isinstance(entry, Program):
        return any(not idle(node) for node in tree.body)
    if isinstance(entry, Function) and entry.owner:
        owners = (node for node in _top(tree) if isinstance(node, ast.ClassDef))
        return any(
            owner.name == entry.owner and (entry.name in _bound(owner.body) or owner.bases)
            for owner in owners
        )
    if isinstance(entry, Class):
        return any(isinstance(n, ast.ClassDef) and n.name == entry.name for n in _top(tree))
    return entry.name in _bound(_top(tree))


def answers(tree: ast.Module, entry: Entry) -> bool:
    """Whether the entry point has a body beyond its docstring."""
    name = entry_name(entry)
    found = [n for n in _top(tree) if isinstance(n, Definition) and n.name == name]
    if isinstance(entry, Function) and entry.owner:
        inner = [n for owner in found for n in owner.body if isinstance(n, Definition)]
        found = [node for node in inner if node.name == entry.name]
    return not found or any(not idle(node) for node in found[-1].body)


def reads_input(source: str) -> bool:
    """Whether a program seems to read its input."""
    return _READS.search(source) is not None


def entry_name(entry: Entry) -> str:
    """The top-level name that the sandbox looks for; empty for a program."""
    if isinstance(entry, Program):
        return ""
    return entry.owner if isinstance(entry, Function) and entry.owner else entry.name


def missing(tree: ast.Module) -> set[str]:
    """Names the code uses and neither binds nor gets from Python."""
    used: set[str] = set()
    bound: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Name):
            (used if isinstance(node.ctx, ast.Load) else bound).add(node.id)
        elif isinstance(node, Definition):
            bound.add(node.name)
        elif isinstance(node, ast.arg):
            bound.add(node.arg)
        elif isinstance(node, ast.alias):
            if node.name == "*":
                return set()
            bound.add((node.asname or node.name).split(".")[0])
        elif isinstance(node, ast.ExceptHandler | ast.MatchAs | ast.MatchStar) and node.name:
            bound.add(node.name)
    return used - bound - _BUILTINS


def offered(tree: ast.Module) -> set[str]:
    """Names the code binds at its top level."""
    return _bound(_top(tree))


def without_trials(source: str, tree: ast.Module, entry: Entry) -> str:
    """The source without asserts, prints and example calls after the entry point's definition.

    They test or show the answer; left in, a wrong example of the model's own would end a right
    solution. Set-up such as `sys.setrecursionlimit(..)` stays.
    """
    name = entry_name(entry)
    tops = [index for index, node in enumerate(tree.body) if name in _bound([node])]
    if not tops:
        return source
    after = tree.body[tops[-1] + 1 :]
    kept_for = _loaded(node for node in tree.body if isinstance(node, Definition | ast.If))
    names = {name, "print"}
    trials: list[ast.stmt] = []
    for node in after:
        made = _bound([node]) if isinstance(node, ast.Assign | ast.AnnAssign) else set()
        if made and not made & kept_for and _mentions(node, names):
            names |= made
            trials.append(node)
        elif not made and _is_trial(node, names):
            trials.append(node)
    return _without(source, tree, trials)


def _without(source: str, tree: ast.Module, dropped: list[ast.stmt]) -> str:
    """The source without the lines of these top-level statements; one that shares a line stays."""
    owners = Counter(
        line for node in tree.body for line in {node.lineno, node.end_lineno or node.lineno}
    )
    gone: set[int] = set()
    for node in dropped:
        first, last = node.lineno, node.end_lineno or node.lineno
        if owners[first] == owners[last] == 1:
            gone.update(range(first, last + 1))
    if not gone:
        return source
    kept = [line for number, line in enumerate(source.split("\n"), 1) if number not in gone]
    return "\n".join(kept).rstrip() + "\n"


def _is_trial(node: ast.stmt, names: set[str]) -> bool:
    if isinstance(node, ast.Assert):
        return True
    if not isinstance(node, ast.Expr):
        return isinstance(node, ast.For | ast.While | ast.With | ast.Try) and _mentions(node, names)
    if not isinstance(node.value, ast.Call):
        return True
    called = node.value.func
    last = called.attr if isinstance(called, ast.Attribute) else getattr(called, "id", "")
    return _RUNNERS.fullmatch(last) is not None or _mentions(node, names)


def plain(tree: ast.Module) -> bool:
    """Whether running the tree only defines, imports and assigns."""
    kinds = Definition | ast.Import | ast.ImportFrom | ast.Assign | ast.AnnAssign
    return all(isinstance(node, kinds) or idle(node) for node in tree.body)


def _loaded(nodes: Iterable[ast.stmt]) -> set[str]:
    return {
        part.id
        for node in nodes
        for part in ast.walk(node)
        if isinstance(part, ast.Name) and isinstance(part.ctx, ast.Load)
    }


def _mentions(node: ast.AST, names: set[str]) -> bool:
    return any(isinstance(part, ast.Name) and part.id in names for part in ast.walk(node))


def idle(node: ast.stmt) -> bool:
    """A statement that does nothing: a value on its own, such as prose that happens to parse."""
    return isinstance(node, ast.Expr) and not any(
        isinstance(part, ast.Call | ast.Await | ast.Yield) for part in ast.walk(node)
    )


def _top(tree: ast.Module) -> list[ast.stmt]:
    """The statements of the top level, those under `if`, `try` and `with` included."""
    found: list[ast.stmt] = []
    level: list[ast.stmt] = list(tree.body)
    while level:
        found += level
        level = [
            inner
            for node in level
            if isinstance(node, ast.If | ast.Try | ast.With)
            for part in ("body", "orelse", "finalbody", "handlers")
            for outer in getattr(node, part, [])
            for inner in (outer.body if isinstance(outer, ast.ExceptHandler) else [outer])
        ]
    return found


def _bound(nodes: Iterable[ast.stmt]) -> set[str]:
    names: set[str] = set()
    for node in nodes:
        if isinstance(node, Definition):
            names.add(node.name)
        elif isinstance(node, ast.Import | ast.ImportFrom):
            names |= {(alias.asname or alias.name).split(".")[0] for alias in node.names}
        elif isinstance(node, ast.Assign | ast.AnnAssign):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            for target in targets:
                names |= {part.id for part in ast.walk(target) if isinstance(part, ast.Name)}
    return names
