"""The Python source in a model's reply, and by which rule it was found.

Candidates are every fenced block, an unclosed last one, and the bare text; the last that parses
and defines the entry point is the answer. Where a block needs names that only another block
defines, the two are joined; tests and prints after the answer are cut off (`+joined`, `+trimmed`).
A continuation (completion style) is put behind its prompt first.

Rules, as recorded: `completion` · `fence` · `tail` (unclosed) · `bare` · `no_entry` (code, but
without the entry point) · `syntax` (a block that is not Python) · `no_code` · `unclosed_think`.
The last two come with an empty source. `no_entry` and `syntax` keep theirs: that such an answer
fails is the judge's to say.
"""

import ast
import re
from dataclasses import dataclass
from itertools import islice
from textwrap import dedent

from judge.models import fences, parsing
from problems.problem import Entry, Program

MAX_CUTS = 8  # how often a text is shortened to make it parse
MAX_STARTS = 8  # how many places of a bare text are tried as the beginning

_START = re.compile(
    r"^(?:(?:async[ \t]+)?def[ \t]+\w+[ \t]*\(|class[ \t]+\w+[ \t]*[(:]|@\w|import[ \t]+\w"
    r"|from[ \t]+[\w.]+[ \t]+import[ \t])",
    re.MULTILINE,
)
_PROGRAM_START = re.compile(
    _START.pattern + r"|^[A-Za-z_][\w, .\[\]]*=|^(?:for|while|if|print)\b.*[:)][ \t]*$",
    re.MULTILINE,
)
_RUN_ON = re.compile(
    r"^(?:```|if[ \t]+__name__|print[ \t]*\(|assert[ \t])|<\|(?:endoftext|endofmask|im_end)\|>|</s>",
    re.MULTILINE,
)


@dataclass(frozen=True, slots=True)
class Extracted:
    """Source ready for the sandbox (empty when there is none) and the rule that found it."""

    source: str
    rule: str


@dataclass(frozen=True, slots=True)
class _Candidate:
    source: str
    rule: str
    tree: ast.Module


def extract(text: str, entry: Entry, prefix: str = "") -> Extracted:
    """The answer in `text`. `prefix` is the code that the text continues, in completion style.

    Never raises and takes time linear in the text, whatever it holds.
    """
    parser = parsing.Parser()
    said = fences.spoken(fences.cleaned(text))
    if said is None:
        return Extracted("", "unclosed_think")
    if prefix and (found := _continued(said, entry, prefix, parser)):
        return _finish(found, [], entry, parser)
    blocks = [block for block in fences.blocks_of(said) if block.text.strip()]
    candidates = _fenced(blocks, entry, parser)
    if (found := _best(candidates, entry)) or (found := _spanning(said, entry, parser)):
        return _finish(found, candidates, entry, parser)
    if found := _bare(said, entry, parser):
        return _finish(found, candidates, entry, parser)
    if candidates:
        longest = max(candidates, key=lambda candidate: len(candidate.source))
        return Extracted(longest.source, "no_entry")
    python = [
        block.text
        for block in blocks
        if not block.foreign
        and (block.tag or _START.search(block.text))
        and parser.parse(block.text) is None  # else it is a value or prose
    ]
    if python:
        return Extracted(_whole_lines(max(python, key=len)), "syntax")
    if not blocks and (failed := _failed(said, prefix, parser)):
        return failed
    return Extracted("", "no_code")


def _failed(said: str, prefix: str, parser: parsing.Parser) -> Extracted | None:
    """Code that is not an answer, from a reply without fences."""
    whole = _parsed(said, "no_entry", parser)
    if whole and not _is_prose(whole):
        return Extracted(_whole_lines(whole.source), "no_entry")
    if prefix and said[:1] in (" ", "\t") and said.strip():
        return Extracted(_whole_lines(prefix + said), "syntax")
    begun = _START.search(said)
    return Extracted(_whole_lines(said[begun.start() :]), "syntax") if begun else None


def _best(candidates: list[_Candidate], entry: Entry) -> _Candidate | None:
    """The last that defines the entry point; of programs the last that reads, else the longest."""
    fitting = [found for found in candidates if parsing.defines(found.tree, entry)]
    if not fitting or not isinstance(entry, Program):
        return fitting[-1] if fitting else None
    reading = [found for found in fitting if parsing.reads_input(found.source)]
    return reading[-1] if reading else max(fitting, key=lambda found: len(found.source))


def _fenced(blocks: list[fences.Block], entry: Entry, parser: parsing.Parser) -> list[_Candidate]:
    """The blocks that are Python, in the order of the text; tried from the last, for the budget."""
    found: list[_Candidate] = []
    for block in reversed(blocks):
        if block.foreign and isinstance(entry, Program):
            continue  # shell lines and sample outputs may parse
        candidate = _parsed(block.text, "fence" if block.closed else "tail", parser)
        if candidate is None and not block.closed:
            candidate = _cut(block.text, "tail", parser)
        if candidate is not None and any(not parsing.idle(node) for node in candidate.tree.body):
            found.append(candidate)
    return found[::-1]


def _parsed(text: str, rule: str, parser: parsing.Parser) -> _Candidate | None:
    first = next((line for line in text.split("\n") if line.strip()), "")
    source = dedent(text) if first[:1] in (" ", "\t") else text
    tree = parser.parse(source)
    return _Candidate(source, rule, tree) if tree is not None else None


def _cut(text: str, rule: str, parser: parsing.Parser, least: int = 0) -> _Candidate | None:
    """The text up to the last whole top-level statement before what does not parse.

    At least `least` lines stay, or there is no candidate.
    """
    lines = text.split("\n")
    for _ in range(MAX_CUTS):
        source = "\n".join(lines)
        tree = parser.parse(source)
        if tree is not None:
            return _Candidate(source, rule, tree) if lines else None
        at = min(parser.failed_at, len(lines)) - 1
        while at > least and (not lines[at].strip() or lines[at][0] in " \t)]}"):
            at -= 1
        if parser.failed_at == 0 or at <= least:
            return None
        lines = lines[:at]
    return None


def _spanning(said: str, entry: Entry, parser: parsing.Parser) -> _Candidate | None:
    """From the first fence to the last: a docstring may hold fences of its own."""
    marks = [found.start() for found in islice(re.finditer(r"^```", said, re.MULTILINE), 10_000)]
    if len(marks) < 4:
        return None
    body = said[marks[0] : marks[-1]].partition("\n")[2]
    found = _parsed(body, "fence", parser)
    return found if found and parsing.defines(found.tree, entry) else None


def _bare(said: str, entry: Entry, parser: parsing.Parser) -> _Candidate | None:
    """The text itself, or the part of it that begins like code and parses."""
    found = _parsed(said, "bare", parser)
    if found and parsing.defines(found.tree, entry) and not _is_prose(found):
        return found
    pattern = _PROGRAM_START if isinstance(entry, Program) else _START
    for start in islice(pattern.finditer(said), MAX_STARTS):
        found = _cut(said[start.start() :], "bare", parser)
        if found and parsing.defines(found.tree, entry) and not _is_prose(found):
            return found
    return None


def _is_prose(found: _Candidate) -> bool:
    return all(parsing.idle(node) for node in found.tree.body)


def _continued(said: str, entry: Entry, prefix: str, parser: parsing.Parser) -> _Candidate | None:
    """The prompt's code with the continuation behind it, up to where the model runs on."""
    name = parsing.entry_name(entry)
    text = said
    if not isinstance(entry, Program):
        again = rf"^(?:def|class)[ \t]+{re.escape(name)}\b" if name else r"(?!)"
        for pattern in (_RUN_ON.pattern, again):
            found = re.search(pattern, text, re.MULTILINE)
            if found and text[: found.start()].strip():
                text = text[: found.start()]
    elif found := re.search(r"^(?:```|\"\"\")|<\|endoftext\|>", text, re.MULTILINE):
        text = text[: found.start()]
    least = prefix.count("\n")
    forms = [prefix + text]
    if not _START.match(text.lstrip()):
        forms.append(prefix + "    " + text.lstrip())  # tokenizers lose the first indent
    for form in forms:
        candidate = _cut(form, "completion", parser, least)
        if (
            candidate
            and len(candidate.source.strip()) > len(prefix.strip())
            and parsing.defines(candidate.tree, entry)
            and parsing.answers(candidate.tree, entry)
        ):
            return candidate
    return None


def _finish(
    found: _Candidate, others: list[_Candidate], entry: Entry, parser: parsing.Parser
) -> Extracted:
    source, tree, rule = found.source, found.tree, found.rule
    wanted = parsing.missing(tree) if others else set()
    for other in reversed(others):
        offered = parsing.offered(other.tree) & wanted
        if offered and other is not found and parsing.plain(other.tree):
            joined = f"{other.source.rstrip()}\n\n\n{source}"
            both = parser.parse(joined)
            if both is not None:
                source, tree, wanted = joined, both, wanted - offered
                rule = f"{found.rule}+joined"
    if not isinstance(entry, Program):
        trimmed = parsing.without_trials(source, tree, entry)
        if trimmed != source:
            source, rule = trimmed, f"{rule}+trimmed"
    return Extracted(_whole_lines(source), rule)


def _whole_lines(source: str) -> str:
    return source.strip("\n").rstrip() + "\n"
