"""Names in Python code, found without running it: what it uses, defines and needs imported."""

import ast
import builtins
import sys
import warnings
from collections.abc import Iterable


def parse(source: str) -> ast.Module:
    """The syntax tree; what the compiler would merely warn of (an odd escape, `is` with a literal)
    is nobody's business here. Raises SyntaxError, ValueError, RecursionError or MemoryError."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return ast.parse(source)


def used_names(trees: Iterable[ast.AST]) -> set[str]:
    """Every name that is read somewhere in the code."""
    return {
        node.id
        for tree in trees
        for node in ast.walk(tree)
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load)
    }


def called_names(tree: ast.AST) -> list[str]:
    """What is called by name, outer calls before the ones within their arguments."""
    return [
        node.func.id
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)
    ]


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
