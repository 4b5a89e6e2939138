"""The code blocks of a reply, and the reply without thoughts, escapes and odd line ends.

Every function here is linear in the text, whatever the text is.
"""

import re
from collections import deque
from dataclasses import dataclass

MAX_REPLY = 2 * 1024 * 1024  # characters that are looked at
MAX_BLOCKS = 64  # the last ones are kept

_ESCAPES = re.compile(r"\x1b(?:\[[0-?]{0,32}[ -/]{0,8}[@-~]|\][^\x07\x1b]{0,256}(?:\x07|\x1b\\))")
_THOUGHT = re.compile(r"(?:(^[ \t]*)<|<(/))(?:think|thinking|thought|reasoning)>", re.MULTILINE)
_FENCE = re.compile(r"([ \t]*)(?:(?:[-*+]|\d{1,3}[.)])[ \t]{1,4})?(`{3,}|~{3,})(.*)")
_INLINE = re.compile(r"[^`~]*[^`~ \t][ \t]*(```)[ \t]*(\w[\w+.-]*)[ \t]*")
_TAG = re.compile(r"[ \t]*\{?\.?(\w[\w+.#-]*)?")
_PYTHON = frozenset({"python", "py", "python3", "python2", "py3", "ipython", "pycon"})


@dataclass(frozen=True, slots=True)
class Block:
    """A fenced piece of a reply; `tag` is the language it claims; not `closed` at a cut-off."""

    text: str
    tag: str = ""
    closed: bool = True

    @property
    def foreign(self) -> bool:
        """Whether it claims to be something else than Python."""
        return bool(self.tag) and self.tag not in _PYTHON


def cleaned(text: str) -> str:
    """The text with plain line ends and without terminal escapes or a byte order mark."""
    bounded = text[:MAX_REPLY].replace("\r\n", "\n").replace("\r", "\n").removeprefix("\ufeff")
    return _ESCAPES.sub("", bounded)


def spoken(text: str) -> str | None:
    """The reply without what was only thought; None when a thought never ended.

    A closing tag without an opening one ends a thought that the chat template began.
    """
    kept: list[str] = []
    start, inside, seen = 0, False, False
    for tag in _THOUGHT.finditer(text):
        if not tag[2]:
            if not inside:
                kept.append(text[start : tag.start()])
            inside = seen = True
        elif inside or not seen:
            kept = kept if inside else []
            start, inside, seen = tag.end(), False, True
    if inside:
        return None
    return "".join([*kept, text[start:]])


def blocks_of(text: str) -> tuple[Block, ...]:
    """The fenced blocks in order, the last one possibly unclosed; at most the last 64.

    A fence is closed by its own kind, at least as long; a new opening fence with a language ends
    the one before, since models forget to close. The indent of the opening fence is taken off.
    """
    found: deque[Block] = deque(maxlen=MAX_BLOCKS)
    lines: list[str] = []
    mark, margin, tag = "", 0, ""
    for line in text.split("\n"):
        fence = _FENCE.match(line) if "```" in line or "~~~" in line else None
        if not mark:
            inline = None if fence else (_INLINE.fullmatch(line) if "```" in line else None)
            if fence:
                margin, mark = len(fence[1].expandtabs()), fence[2]
                tag, rest = _opened(fence[3], mark)
                if rest.endswith(mark):
                    found.append(Block(rest.removesuffix(mark).strip(), tag))
                    mark = ""
                lines = [rest] if rest else []
            elif inline:
                margin, mark, tag, lines = 0, inline[1], inline[2].lower(), []
            continue
        closing = _closes(fence, line, mark)
        if closing is None:
            lines.append(_unindented(line, margin))
            continue
        lines.append(_unindented(closing, margin))
        found.append(Block("\n".join(lines), tag))
        lines, opened = [], fence is not None and bool(fence[3].strip())
        if fence is not None and opened:
            margin, mark = len(fence[1].expandtabs()), fence[2]
            tag, rest = _opened(fence[3], mark)
            lines = [rest] if rest else []
        else:
            mark = ""
    if mark:
        found.append(Block("\n".join(lines), tag, closed=False))
    return tuple(found)


def _closes(fence: re.Match[str] | None, line: str, mark: str) -> str | None:
    """What of this line still belongs to the open block if it ends it, else None."""
    if fence is not None and fence[2][0] == mark[0]:
        info = fence[3].strip().lower()
        if not info and len(fence[2]) >= len(mark):
            return ""
        if info in _PYTHON:
            return ""
        return None
    bare = line.rstrip()
    if bare.endswith(mark) and line.count(mark) == 1 and '"""' not in line:
        return bare.removesuffix(mark)
    return None


def _opened(info: str, mark: str) -> tuple[str, str]:
    """The language of an opening fence and the code that follows it on the same line."""
    found = _TAG.match(info)
    tag = (found[1] or "").lower() if found else ""
    rest = info[found.end() :].strip() if found else ""
    if mark in rest and not rest.endswith(mark):
        return tag, ""
    if tag in _PYTHON:
        code = "" if rest.startswith(("{", "}")) or "=" in rest.split("(")[0] else rest
        return tag, code if any(char in code for char in "(=:") else ""
    return tag, ""


def _unindented(line: str, margin: int) -> str:
    if not margin:
        return line
    lead = len(line) - len(line.lstrip(" \t"))
    return line[min(lead, margin) :]
