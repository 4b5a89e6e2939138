"""A problem in a model's ears. The words are templates/*.txt; their hash is their version.

Only what may be known goes in: statement, signature, starter, limits and the examples marked as
shown. Hidden examples, checks, references and wrong solutions are never read here.

What a template is made of stands in wording.py. A line that is only a `$placeholder` without a
value is left out, with the blank line after it.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from string import Template
from textwrap import indent

from judge.errors import UsageError
from judge.models import literals, mending
from judge.models.base import Message, Prompt, Style
from judge.models.mending import Mend
from judge.models.turns import quoted
from judge.models.wording import Wording, template_version, want_style
from problems.problem import Class, Entry, Examined, Function, Parameter, Problem, Program

__all__ = ["Conversation", "conversation", "render", "template_version"]

Sections = Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Conversation:
    """All that is said for one draw: `first`, and each of `then` after the reply to what was said
    before. Where `runs` is not 0, a reply may ask for so many programs to be run instead; `ran`
    (`$output`, `$left`) is said after each, `enough` after the last."""

    first: Prompt
    then: tuple[str, ...] = ()
    runs: int = 0
    ran: str = ""
    enough: str = ""

    @property
    def calls(self) -> int:
        """How often the model is called for one draw, at most."""
        return 1 + len(self.then) + self.runs


def render(problem: Problem, style: Style, template: str = "") -> Prompt:
    """What to say first for this problem. `template` names a template, by default the style's.

    In completion style the message is also the prompt's `prefix`. Raises UnknownName for a
    template that is not there, UsageError for one of the other style.
    """
    return conversation(problem, style, template).first


def conversation(
    problem: Problem, style: Style, template: str = "", mend: Mend | None = None
) -> Conversation:
    """What to say for this problem; with `mend`, to a model that gave that reply before: it is then
    asked once more, without a cascade. Raises as `render`."""
    wording = want_style(template, style)
    sections = wording.sections
    form = _form(problem)
    values = _values(problem, style, form, sections)
    text = _fill(sections[_title(form, problem.entry, sections)], values)
    stop = sections.get(f"stop {form}", sections.get("stop", ""))
    first = Prompt(
        slug=problem.slug,
        messages=(Message("user", text),),
        template=wording.version,
        prefix=text if style == "completion" else "",
        stop=tuple(line.replace("\\n", "\n") for line in stop.splitlines()),
    )
    said = _begun(first, wording, form, values)
    if mend is None:
        return said
    if style != "chat":
        raise UsageError("a model of the completion style mends nothing; leave repairs out")
    told = mending.said(mend, program=form == "program")
    turns = (Message("assistant", quoted(mend.reply)), Message("user", told))
    return replace(said, first=replace(first, messages=(*first.messages, *turns)), then=())


def _begun(first: Prompt, wording: Wording, form: str, values: Mapping[str, str]) -> Conversation:
    sections = wording.sections
    titles = (f"then {number}" for number in range(1, wording.then + 1))
    return Conversation(
        first=first,
        then=tuple(
            _fill(sections.get(f"{title} {form}", sections[title]), values) for title in titles
        ),
        runs=wording.runs,
        ran=sections.get("ran", ""),
        enough=sections.get("ran last", ""),
    )


def _values(problem: Problem, style: Style, form: str, sections: Sections) -> Mapping[str, str]:
    """What the placeholders stand for."""
    entry = problem.entry
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
    limits = problem.limits
    return {
        "statement": said,
        "starter": starter,
        "notes": notes,
        "name": getattr(entry, "name", ""),
        "kind": "class" if isinstance(entry, Class) or _owner(entry) else "function",
        "examples": _fill(sections["examples"], {"examples": examples}) if examples else "",
        "packages": ", ".join(problem.packages) or "no packages",
        "compared": sections.get(f"compared {problem.checker.name}", ""),
        "cpu_seconds": f"{limits.cpu_seconds:g}",
        "memory_mb": str(limits.memory_mb),
    }


def _title(form: str, entry: Entry, sections: Sections) -> str:
    """The section that is taken: one for classes and methods alone, where there is one."""
    own = "class" if isinstance(entry, Class) else "method" if _owner(entry) else form
    return own if form == "function" and own in sections else form


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
