"""A problem in a model's ears. The words are templates/*.txt; their hash is their version.

Only what may be known goes in: statement, signature, starter and the examples marked as shown.
Hidden examples, checks, references and wrong solutions are never read here.

A template is sections under `[name]` lines: one for each form a problem takes (`function` for all
that has a starter, `named` where only the name is known, `program`), pieces they share, and `stop`
strings. A line that is only a `$placeholder` without a value is left out, with the blank line
after it.
"""

import re
from collections.abc import Mapping
from functools import cache
from hashlib import sha256
from importlib.resources import files
from string import Template
from textwrap import indent

from judge.errors import UnknownName
from judge.models import literals
from judge.models.base import Message, Prompt, Style
from problems.problem import Class, Entry, Examined, Function, Parameter, Problem, Program

RENDERING = "1"  # raise it when this file changes what a template renders to
Sections = Mapping[str, str]


def render(problem: Problem, style: Style, template: str = "") -> Prompt:
    """What to say for this problem. `template` names a file of templates/, by default the style's.

    In completion style the message is also the prompt's `prefix`. Raises UnknownName for a
    template that is not there.
    """
    name = template or style
    sections = _sections(name)
    entry = problem.entry
    form = _form(problem)
    examples = literals.examples_of(problem, sections["example program"])
    notes = "\n".join(_notes(entry, sections))
    if style == "chat":
        starter = problem.starter.strip("\n") or _skeleton(entry)
    else:
        starter = _opening(problem, form, examples, notes)
    said = problem.statement.strip().removeprefix('"""').removesuffix('"""').strip()
    if problem.statement.strip() == problem.starter.strip():
        said = ""  # the code says it all
    if style == "completion":
        said = _quotable(said)
    values = {
        "statement": said,
        "starter": starter,
        "notes": notes,
        "name": getattr(entry, "name", ""),
        "kind": "class" if isinstance(entry, Class) or _owner(entry) else "function",
        "examples": _fill(sections["examples"], {"examples": examples}) if examples else "",
    }
    text = _fill(sections[form], values)
    stop = sections.get(f"stop {form}", sections.get("stop", ""))
    return Prompt(
        slug=problem.slug,
        messages=(Message("user", text),),
        template=template_version(name),
        prefix=text if style == "completion" else "",
        stop=tuple(line.replace("\\n", "\n") for line in stop.splitlines()),
    )


def template_version(name: str) -> str:
    """`name@hash8`: the same version renders the same problem to the same prompt.

    Raises UnknownName.
    """
    return f"{name}@{sha256((RENDERING + _read(name)).encode()).hexdigest()[:8]}"


@cache
def _read(name: str) -> str:
    folder = files("judge.models").joinpath("templates")
    known = sorted(item.name[:-4] for item in folder.iterdir() if item.name.endswith(".txt"))
    if name not in known:
        raise UnknownName(f"no prompt template {name!r}; there is {', '.join(known)}")
    return folder.joinpath(f"{name}.txt").read_text(encoding="utf-8")


@cache
def _sections(name: str) -> Sections:
    parts = re.split(r"^\[([\w ]+)\]\n", _read(name), flags=re.MULTILINE)
    return {title: body.rstrip("\n") for title, body in zip(parts[1::2], parts[2::2], strict=True)}


def _fill(section: str, values: Mapping[str, str]) -> str:
    kept: list[str] = []
    dropped = False
    for line in section.split("\n"):
        bare = line.strip()
        if bare[:1] == "$" and values.get(bare[1:]) == "":
            dropped = True
            continue
        if not (dropped and not bare):
            kept.append(line)
        dropped = False
    return Template("\n".join(kept)).safe_substitute(values)


def _form(problem: Problem) -> str:
    entry = problem.entry
    if isinstance(entry, Program):
        return "program"
    if isinstance(entry, Class) or problem.starter.strip():
        return "function"
    if isinstance(entry, Function) and (entry.parameters or entry.owner):
        return "function"
    return "named"


def _notes(entry: Entry, sections: Sections) -> list[str]:
    if isinstance(entry, Program | Examined):
        return []
    typed = " ".join(
        part
        for function in _functions(entry)
        for part in (*(item.type for item in function.parameters), function.returns)
    )
    notes = [sections[node] for node in ("ListNode", "TreeNode") if node in typed]
    if isinstance(entry, Function) and entry.in_place is not None and entry.parameters:
        changed = entry.parameters[entry.in_place].name
        notes.append(_fill(sections["in place"], {"parameter": changed}))
    return notes


def _owner(entry: Entry) -> str:
    return entry.owner if isinstance(entry, Function) else ""


def _functions(entry: Function | Class) -> tuple[Function, ...]:
    return (entry,) if isinstance(entry, Function) else entry.methods


def _signature(name: str, parameters: tuple[Parameter, ...], returns: str, *, method: bool) -> str:
    named = [f"{item.name}: {item.type}" if item.type else item.name for item in parameters]
    arrow = f" -> {returns}" if returns else ""
    return f"def {name}({', '.join(['self'] * method + named)}){arrow}:"


def _skeleton(entry: Entry, body: str = "...") -> str:
    """The code to fill in, as far as the entry tells; for a class without `body`, its head."""
    if isinstance(entry, Class):
        built = _signature("__init__", entry.parameters, "", method=True)
        heads = [built, *(_head(method, method=True) for method in entry.methods)]
        return f"class {entry.name}:\n" + "\n\n".join(f"    {head}\n        ..." for head in heads)
    if isinstance(entry, Function):
        head = _head(entry, method=bool(entry.owner))
        if entry.owner:
            return f"class {entry.owner}:\n    {head}\n        {body}"
        return f"{head}\n    {body}"
    return ""


def _head(function: Function, *, method: bool) -> str:
    return _signature(function.name, function.parameters, function.returns, method=method)


def _opening(problem: Problem, form: str, examples: str, notes: str) -> str:
    """The code that a completion continues, ending where the answer begins."""
    entry, starter = problem.entry, problem.starter
    if form == "program":
        return starter
    if form == "named":
        return f"def {getattr(entry, 'name', '')}("
    if starter.strip() == problem.statement.strip() or isinstance(entry, Examined):
        return starter if starter.endswith("\n") else starter + "\n"
    parts = [problem.statement.strip(), notes]
    if isinstance(entry, Class):
        heads = (_head(method, method=False) for method in entry.methods)
        parts.append("\n".join(head.removeprefix("def ").rstrip(":") for head in heads))
    doc = "\n\n".join(_quotable(part) for part in (*parts, examples) if part)
    if isinstance(entry, Class):
        return f"class {entry.name}:\n{_docstring(doc, 4)}\n"
    skeleton = _skeleton(entry, "").rstrip()
    return f"{skeleton}\n{_docstring(doc, 8 if _owner(entry) else 4)}\n"


def _docstring(text: str, spaces: int) -> str:
    return indent(f'"""\n{text}\n"""', " " * spaces)


def _quotable(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"""', "'''")
