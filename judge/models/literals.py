"""Shown examples as Python, the way a reader would type them."""

from collections import deque
from collections.abc import Iterator
from itertools import chain, repeat
from string import Template
from typing import Any

from problems.problem import Class, Examined, Example, Function, Problem, Program
from problems.values import decode

MAX_SHOWN = 3  # a small model loses the question behind many examples
MAX_CHARS = 600  # of one example; longer ones teach little and cost much


def examples_of(problem: Problem, program_form: str) -> str:
    """The first three shown examples, one a line (`f(1) == 2`), or empty.

    `program_form` is how a program's example is laid out (`$input`, `$output`). Examples that are
    long or have no accepted answer are left out.
    """
    shown = (example for example in problem.examples if example.shown and example.accepted)
    texts = [_example(problem, example, program_form) for example in shown]
    kept = [text for text in texts if text and len(text) <= MAX_CHARS][:MAX_SHOWN]
    return ("\n\n" if isinstance(problem.entry, Program) else "\n").join(kept)


def parts_of(problem: Problem, example: Example) -> tuple[str, str]:
    """What an example gives and what it expects, each as a reader would type it: a call and its
    answer, the calls of a class and the list of their answers, a program's input and output."""
    entry = problem.entry
    arguments = decode(example.arguments, types=True)
    answer = decode(example.accepted[0], types=True)
    if isinstance(entry, Program):
        return str(arguments), str(answer)
    if isinstance(entry, Class):
        return _life(arguments, ()), literal(answer)
    if isinstance(entry, Examined):
        return "", ""
    changed = "" if entry.in_place is None else f"  # the answer is {_changed(entry)} afterwards"
    return _called(entry, arguments) + changed, literal(answer)


def literal(value: Any) -> str:
    """A value as Python source; an iterator reads as the list of its items."""
    if isinstance(value, type):
        return value.__name__
    if isinstance(value, Iterator):
        value = list(value)
    if type(value) is list:
        return f"[{', '.join(map(literal, value))}]"
    if type(value) is tuple:
        return f"({', '.join(map(literal, value))}{',' * (len(value) == 1)})"
    if type(value) is dict:
        return f"{{{', '.join(f'{literal(k)}: {literal(v)}' for k, v in value.items())}}}"
    if type(value) is deque:
        return f"deque({literal(list(value))})"
    if type(value) is float and value - value != 0.0:
        return f"float({str(value)!r})"
    return repr(value)


def _example(problem: Problem, example: Example, program_form: str) -> str:
    entry = problem.entry
    arguments = decode(example.arguments, types=True)
    answer = decode(example.accepted[0], types=True)
    if isinstance(entry, Program):
        given = {"input": str(arguments).rstrip("\n"), "output": str(answer).rstrip("\n")}
        return Template(program_form).substitute(given)
    if isinstance(entry, Examined):
        return ""
    if isinstance(entry, Class):
        return _life(arguments, answer)
    return _call(entry, arguments, answer)


def _call(entry: Function, arguments: Any, answer: Any) -> str:
    call = _called(entry, arguments)
    if entry.in_place is None:
        return f"{call} == {literal(answer)}"
    return f"{call}  # afterwards {_changed(entry)} == {literal(answer)}"


def _called(entry: Function, arguments: Any) -> str:
    name = f"{entry.owner}().{entry.name}" if entry.owner else entry.name
    return f"{name}({', '.join(map(literal, arguments))})"


def _changed(entry: Function) -> str:
    if entry.in_place is None or not entry.parameters:
        return "the argument"
    return entry.parameters[entry.in_place].name


def _life(operations: Any, answers: Any) -> str:
    """A class's example: built, then called, with what each call returned."""
    lines = []
    all_answers = chain(answers, repeat(None))
    calls = zip(operations, all_answers, strict=False)
    for index, ((name, arguments), answer) in enumerate(calls):
        call = f"{name}({', '.join(map(literal, arguments))})"
        if index == 0:
            lines.append(f"it = {call}")
        else:
            lines.append(f"it.{call}" + (f" == {literal(answer)}" if answer is not None else ""))
    return "\n".join(lines)
