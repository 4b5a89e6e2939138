"""The form of a value as text: its limits, and the two ways of not being one."""

import re
import sys
from dataclasses import dataclass
from typing import NewType

Wire = NewType("Wire", str)
"""A value as text of this codec; what Problem, Job and Report carry instead of live objects."""

REPLY_BYTES = 4 * 1024 * 1024
"""The longest reply of a solution, unless its problem allows more."""
MAX_BYTES = 16 * 1024 * 1024
"""The longest text there is, and so the most that a problem may allow a reply to have."""
MAX_DEPTH = 64
"""Levels of containers in containers."""
MAX_ITEMS = 4_000_000
"""Members of all containers together, those of a shared one as often as they are written out."""
MAX_ITERATED = 100_000
PLAIN_INT_BITS = 8_192  # beyond, an int travels as hex: decimal conversion is quadratic

DECIMAL = re.compile(r"-?(?:[0-9]{1,5000}(?:\.[0-9]{0,5000})?(?:E[+-][0-9]{1,6})?|Infinity|NaN)\Z")
FRACTION = re.compile(r"-?[0-9]{1,4000}(?:/[0-9]{1,4000})?\Z")
BETWEEN_SURROGATES = re.compile("(?<=[\ud800-\udbff])(?=[\udc00-\udfff])")
"""Where JSON would make one character of a string's two."""

BUILTIN_TYPES: dict[str, type] = {
    t.__name__: t
    for t in (int, float, str, bool, bytes, complex, list, tuple, dict, set, frozenset, object)
}


@dataclass(frozen=True, slots=True)
class Match:
    """What is carried of an `re.Match`: where it began and what it matched."""

    start: int
    text: str


@dataclass(frozen=True, slots=True)
class Digest:
    """What is carried of a value too large to send."""

    sha256: str


class Unencodable(ValueError):
    """The value cannot be carried; the text names its type or the limit it breaks."""


class UnknownClass(Unencodable):
    """The object is of a class that has no rule; it may still travel as a handle."""


class TooMany(Unencodable):
    """More items than MAX_ITEMS, or more text than MAX_BYTES: an honest giant."""


class Undecodable(ValueError):
    """The text is not a value in this form."""


def has_usual_digits() -> bool:
    """Whether this process converts integers of a few thousand digits, and none of a few thousand
    more: as every Python does whose limit nobody changed."""
    return 2_500 <= sys.get_int_max_str_digits() <= 5_000
