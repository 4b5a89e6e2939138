"""The form of a value as text: its limits, and the two ways of not being one."""

from typing import NewType

Wire = NewType("Wire", str)
"""A value as text of this codec; what Problem, Job and Report carry instead of live objects."""

MAX_DEPTH = 64
MAX_ITEMS = 4_000_000
MAX_BYTES = 16 * 1024 * 1024
MAX_ITERATED = 100_000
PLAIN_INT_BITS = 8_192  # beyond, an int travels as hex: decimal conversion is quadratic

BUILTIN_TYPES: dict[str, type] = {
    t.__name__: t
    for t in (int, float, str, bool, bytes, complex, list, tuple, dict, set, frozenset, object)
}


class Unencodable(ValueError):
    """The value cannot be carried; the text names its type or the limit it breaks."""


class TooMany(Unencodable):
    """More items than MAX_ITEMS."""


class Undecodable(ValueError):
    """The text is not what `encode` writes."""
