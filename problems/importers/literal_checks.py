"""Checks that are nothing but `assert f(literals) == literal`, read as data without running them.

Such a check says the same whether it runs in the examiner or its calls are made by the runner and
their answers compared on the host; the second needs one process less. Anything else (a loop, a
helper, a tolerance, a comparison the other way) is left to the examiner: `as_examples` returns ().
"""

import ast
from typing import Any

from problems.names import parse
from problems.problem import Example
from problems.values import Unencodable, encode, settled


def as_examples(check: str, name: str, *, calls_check: bool) -> tuple[Example, ...]:
    """The check's asserts as examples, or () when some part of it is more than that.

    With `calls_check` the asserts are the body of `def check(candidate)`; otherwise the module's.
    """
    tree = parse(check)
    if not calls_check:
        return _asserts(tree.body, name)
    functions = [node for node in tree.body if isinstance(node, ast.FunctionDef)]
    others = [node for node in tree.body if node not in functions]
    if len(functions) != 1 or functions[0].name != "check" or not all(map(_inert, others)):
        return ()
    function = functions[0]
    plain = not function.decorator_list and len(function.args.args) == 1
    return _asserts(function.body, function.args.args[0].arg) if plain else ()


def _asserts(body: list[ast.stmt], name: str) -> tuple[Example, ...]:
    examples = []
    for statement in body:
        if _inert(statement):
            continue
        example = _example(statement, name)
        if example is None:
            return ()
        examples.append(example)
    return tuple(examples)


def _inert(statement: ast.stmt) -> bool:
    """Docstrings, `assert True` and constants such as METADATA decide nothing."""
    match statement:
        case ast.Expr(value=ast.Constant()) | ast.Pass():
            return True
        case ast.Assert(test=ast.Constant(value=True)):
            return True
        case ast.Assign(targets=[ast.Name(id="METADATA")], value=value):
            return _literal(value) is not None
        case _:
            return False


def _example(statement: ast.stmt, name: str) -> Example | None:
    match statement:
        case ast.Assert(
            test=ast.Compare(
                left=ast.Call(func=ast.Name(id=called), args=arguments, keywords=[]),
                ops=[ast.Eq()],
                comparators=[right],
            )
        ) if called == name:
            given = [_literal(argument) for argument in arguments]
            answer = _literal(right)
            if answer is None or any(value is None for value in given):
                return None
            try:
                wanted = settled(encode(answer[0]))
                return Example(settled(encode([value[0] for value in given if value])), (wanted,))
            except Unencodable:
                return None
        case _:
            return None


def _literal(node: ast.expr) -> tuple[Any] | None:
    """The value in a box, since it may be None itself; or None for what is no literal."""
    try:
        return (ast.literal_eval(node),)
    except (ValueError, TypeError, SyntaxError, MemoryError, RecursionError):
        return None
