"""Names in Python code, found without running it: what it uses, defines and needs imported."""

import ast
import builtins
import sys
from collections.abc import Iterable


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
