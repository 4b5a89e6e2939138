"""The files that prompts are made of: ours in templates/, yours in the folder of JUDGE_PROMPTS.

A file is sections under `[name]` lines. `function`, `named` and `program` are what is said of a
problem (prompts.py tells which is taken), with `class` and `method` where those want other words
than a function. `then 1`, `then 2` and so on make a cascade: each is said after the reply to what
was said before, and may end in the name of a form (`then 1 program`). `ran` makes the sandbox a
tool: it is said after a run of a program that the reply asked for, `ran last` after the last one.
A file with `stop` strings is continued by a model of the completion style, any other is answered
in chat style. Pieces that a file leaves out are those of `chat`.

The hash of all that a file renders with is its version: results of two versions are never pooled.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from hashlib import sha256
from pathlib import Path

from judge.errors import UnknownName, UsageError
from judge.models.base import Style
from judge.settings import read_settings

RENDERING = "1"  # raise it when prompts.py or mending.txt changes what a template renders to
FORMS = ("function", "named", "program")
PIECES = ("examples", "example program", "ListNode", "TreeNode", "in place")
MAX_CALLS, MAX_RUNS = 6, 4

_NAME = re.compile(r"[a-z0-9-]{1,64}")
_TITLE = re.compile(r"^\[([\w ]+)\]\n", re.MULTILINE)
_OURS = Path(__file__).with_name("templates")


@dataclass(frozen=True, slots=True)
class Wording:
    """A template that was read. `version` is `name@hash8`, `then` how often more is said after the
    first reply, `runs` how many programs a model may have run before it answers."""

    name: str
    version: str
    style: Style
    sections: Mapping[str, str]
    then: int = 0
    runs: int = 0

    @property
    def calls(self) -> int:
        """How often a model is called for one draw, at most."""
        return 1 + self.then + self.runs


def names() -> list[str]:
    """Every template that can be asked with."""
    return sorted({*_named(_OURS), *_named(_yours())})


def wording(name: str) -> Wording:
    """The template of this name; ours comes first. Raises UnknownName, or UsageError for a file that cannot
    be used, saying what it lacks."""
    if _NAME.fullmatch(name):
        file = f"{name}.txt"
        if _OURS.joinpath(file).is_file():
            return _read(_OURS, name)
        if (yours := _yours()).joinpath(file).is_file():
            return _read(yours, name)
    raise UnknownName(f"no prompt template {name!r}; there is {', '.join(names())}")


def template_version(name: str) -> str:
    """`name@hash8`: the same version renders the same problem to the same prompt. Raises as
    `wording`."""
    return wording(name).version


def want_style(name: str, style: Style) -> Wording:
    """The template, for a model of this style; empty for the style's own. Raises UsageError for one
    that the style cannot be asked with, and as `wording`."""
    found = wording(name or style)
    if found.style != style:
        fitting = ", ".join(each for each in names() if _style_of(each) == style)
        raise UsageError(
            f"prompt {name!r} is for models of style {found.style!r}, and this one has style "
            f"{style!r}; ask it with one of {fitting}"
        )
    return found


def sections_of(text: str) -> Mapping[str, str]:
    """What stands under each `[name]` line."""
    parts = _TITLE.split(text)
    return {title: body.rstrip("\n") for title, body in zip(parts[1::2], parts[2::2], strict=True)}


def _style_of(name: str) -> str:
    try:
        return wording(name).style
    except UsageError:
        return ""  # a broken file of yours is told of when it is asked with


def _yours() -> Path:
    return read_settings().prompts_folder


def _named(folder: Path) -> list[str]:
    try:
        found = [item.name.removesuffix(".txt") for item in folder.iterdir()]
        return [
            name
            for name in found
            if _NAME.fullmatch(name) and folder.joinpath(f"{name}.txt").is_file()
        ]
    except OSError:
        return []


@cache  # so that what is rendered and what it is called stay one while the process lasts
def _read(folder: Path, name: str) -> Wording:
    try:
        text = folder.joinpath(f"{name}.txt").read_text(encoding="utf-8")
    except (OSError, ValueError) as error:
        raise UsageError(f"prompt {name!r} cannot be read: {error}") from None
    sections = sections_of(text)
    if lacking := [form for form in FORMS if form not in sections]:
        raise UsageError(f"prompt {name!r} has no section [{lacking[0]}]; write one")
    if not set(PIECES) <= set(sections):
        chat = _OURS.joinpath("chat.txt").read_text(encoding="utf-8")
        text += chat
        sections = {piece: sections_of(chat)[piece] for piece in PIECES} | dict(sections)
    then = sum(f"then {number}" in sections for number in range(1, MAX_CALLS))
    style: Style = "completion" if "stop" in sections else "chat"
    _check(name, sections, then, style)
    return Wording(
        name=name,
        version=f"{name}@{sha256((RENDERING + text).encode()).hexdigest()[:8]}",
        style=style,
        sections=sections,
        then=then,
        runs=MAX_RUNS if "ran" in sections else 0,
    )


def _check(name: str, sections: Mapping[str, str], then: int, style: Style) -> None:
    numbered = {title.split(" ")[1] for title in sections if title.startswith("then ")}
    if numbered != {str(number) for number in range(1, then + 1)}:
        raise UsageError(
            f"prompt {name!r}: number its sections [then 1], [then 2] and so on, "
            f"{MAX_CALLS - 1} at most"
        )
    if "ran" in sections and (then or "ran last" not in sections):
        raise UsageError(f"prompt {name!r}: [ran] wants a [ran last] and no [then 1] beside it")
    if style == "completion" and (then or "ran" in sections):
        raise UsageError(f"prompt {name!r}: a text with [stop] is continued once, without turns")
