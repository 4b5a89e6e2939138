"""What a model is told of its own mistake. The words are mending.txt.

A change of the words changes what every template comes to: raise RENDERING in wording.py.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from string import Template

from judge.models.turns import fence_for, shown
from judge.models.wording import sections_of


@dataclass(frozen=True, slots=True)
class Mend:
    """A reply that is to be mended and the shown example that it fails: what is given, what is
    expected, and what the answer came to with that example alone. All texts of any length."""

    reply: str
    given: str
    expected: str
    got: str


def said(mend: Mend, *, program: bool) -> str:
    """What is said after the reply."""
    texts = {name: shown(getattr(mend, name)) for name in ("given", "expected", "got")}
    section = _words()["program" if program else "function"]
    return Template(section).substitute(texts, fence=fence_for(*texts.values()))


@cache
def _words() -> Mapping[str, str]:
    return sections_of(Path(__file__).with_name("mending.txt").read_text(encoding="utf-8"))
