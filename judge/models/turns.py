"""What is said after a reply: the reply itself quoted, and what came of it shown. Both are hostile.

Everything here is bounded, and linear in the text, whatever the text is.
"""

import re
from dataclasses import dataclass
from string import Template

from judge.models import fences

MOST_QUOTED, MOST_SHOWN = 20_000, 2_000
"""Characters of a reply that is said again, and of any one text that came of it."""
MOST_SOURCE = 50_000
"""Characters of a program that a reply asks to be run, and of its input."""

_UNSEEN = re.compile(r"[^\n\t\x20-\x7e\xa0-\ud7ff\ue000-\U0010ffff]")


@dataclass(frozen=True, slots=True)
class Trial:
    """A program that a reply asks to be run, and what it is to read."""

    source: str
    stdin: str = ""


def quoted(reply: str) -> str:
    """A reply as it is said again: without what was only thought, cut where it is very long."""
    said = (fences.spoken(fences.cleaned(reply)) or "").strip()
    return _cut(said, MOST_QUOTED) or "(no answer)"


def shown(text: str) -> str:
    """A text as it is shown: cut where it is long, without control characters."""
    return _UNSEEN.sub("\ufffd", _cut(text.strip("\n"), MOST_SHOWN)) or "(nothing)"


def fence_for(*texts: str) -> str:
    """Backticks enough that none of these texts can close them."""
    longest = max((len(run) for text in texts for run in re.findall("`+", text)), default=0)
    return "`" * max(3, longest + 1)


def trial_in(reply: str) -> Trial | None:
    """The first program that the reply asks to be run: a whole block with the info string `run`,
    and its input in a block `stdin` right after it. None where nothing is to be run."""
    said = fences.spoken(fences.cleaned(reply))
    blocks = fences.blocks_of(said) if said else ()
    for at, block in enumerate(blocks):
        if block.tag == "run" and block.closed and block.text.strip():
            after = blocks[at + 1] if at + 1 < len(blocks) else None
            stdin = after.text if after and after.tag == "stdin" and after.closed else ""
            if max(len(block.text), len(stdin)) > MOST_SOURCE:
                return None
            return Trial(block.text, stdin)
    return None


def ran(words: str, output: str, left: int) -> str:
    """What is said after a run, by a template's [ran]."""
    text = shown(output)
    return Template(words).safe_substitute(output=text, left=left, fence=fence_for(text))


def _cut(text: str, most: int) -> str:
    left = len(text) - most
    return text if left <= 0 else f"{text[:most]}\n.. ({left} more characters)"
