"""Writing values: which honest types are carried, flattened, or refused by name.

Theory of operation. Three steps. `_plain` turns the value into data that JSON has, looking at types
alone and leaving lists of plain members as they are. JSON's own encoder writes that. What it cannot
or must not write (nan, inf, long integers, halves of characters side by side) is rare, shows in the
text or by a ValueError, and is then put in tags by `_mended`.

Nothing is remembered on the way. A structure that gets suspiciously large or deep is looked at as a
whole, once, by `unfolded`: that tells cycles, and sharing that explodes, from honest size.
"""

import json
from collections.abc import Callable, Sequence
from json import encoder
from typing import Any

from problems.values.flattening import Tagged, flattened
from problems.values.form import (
    BETWEEN_SURROGATES,
    MAX_BYTES,
    MAX_DEPTH,
    MAX_ITEMS,
    PLAIN_INT_BITS,
    Digest,
    Match,
    TooMany,
    Unencodable,
    UnknownClass,
    Wire,
    has_usual_digits,
)
from problems.values.shapes import name_of, unfolded

Refer = Callable[[object], int]

SUSPECT = 200_000
"""Items from which on a look at the whole is worth its time."""
_OUT_OF_PROPORTION = 1_000
"""What comes to over MAX_ITEMS, and to so many times what it holds, was built to explode."""
_SAFE_INT_BITS = 2_000
"""An int that str() writes whatever limit of digits the process was given."""
_STRIDE = 2_000
"""A long number, wherever it begins, is all there is in some stretch of _STRETCH after a _STRIDE."""
_STRETCH = 400

_STR = frozenset((str,))
_PLAIN: frozenset[Any] = frozenset((str, int, bool, float, type(None)))


def _stray(value: object) -> Any:
    """JSON's encoder has met what `_plain` should not have left."""
    raise Unencodable(name_of(type(value)))


def _writer() -> Callable[[Any, int], Sequence[str]]:
    """JSON's own encoder, made once instead of for every value."""
    make = getattr(encoder, "c_make_encoder", None)
    if make is None:
        compact = json.JSONEncoder(allow_nan=False, separators=(",", ":"), default=_stray)
        return lambda data, _: compact.encode(data)
    return make(  # type: ignore[no-any-return]
        markers=None,
        default=_stray,
        encoder=encoder.encode_basestring_ascii,
        indent=None,
        key_separator=":",
        item_separator=",",
        sort_keys=False,
        skipkeys=False,
        allow_nan=False,
    )


_write = _writer()


class _Progress:
    """How far the writing of one value has come."""

    items = 0
    characters = 0
    allowed = SUSPECT

    def __init__(self, root: object, refer: Refer | None) -> None:
        self.root = root
        self.refer = refer
        self.plain = _PLAIN if has_usual_digits() else _PLAIN - {int}

    def look(self) -> None:
        """After more items than allowed: is it honest size? Raises Unencodable for cycles and for
        sharing that explodes, TooMany."""
        if self.allowed == SUSPECT and refuse_explosion(self.root) <= MAX_ITEMS:
            self.allowed = MAX_ITEMS
        if self.items > self.allowed:
            raise TooMany(f"more than {MAX_ITEMS} items")

    def spell(self, characters: int) -> None:
        """So many more characters, at least. Raises TooMany."""
        self.characters += characters
        if self.characters > MAX_BYTES:
            raise TooMany(f"text of more than {MAX_BYTES >> 20} MiB")


def refuse_explosion(value: object) -> int:
    """How many items the value has written out. Raises Unencodable for a cycle, and for sharing
    that makes the text large out of all proportion to the value."""
    total, held, shared = unfolded(value)
    if total > MAX_ITEMS and total > _OUT_OF_PROPORTION * held:
        raise Unencodable(f"shared {shared}: {total} items written out, {held} held")
    return total


def too_deep(root: object, innermost: object) -> Unencodable:
    """What to say of a value with too many levels. Raises Unencodable itself for a cycle."""
    unfolded(root)
    unfolded(innermost)  # what an iterator gave is not found from the root
    return Unencodable(f"nested deeper than {MAX_DEPTH} levels")


def encode(value: object, refer: Refer | None = None) -> Wire:
    """Write `value` as text.

    `refer` turns an object of an unknown class into a handle number; without it such an object is
    refused. Raises Unencodable, which names the type, the cycle, the sharing or the limit broken;
    TooMany where it is size alone.
    """
    kind = type(value)
    if kind is int and value.bit_length() <= _SAFE_INT_BITS:  # type: ignore[attr-defined]
        return Wire(int.__repr__(value))
    if kind is bool:
        return Wire("true" if value else "false")
    if value is None:
        return Wire("null")
    if kind is float and value - value == 0.0:  # type: ignore[operator]
        return Wire(float.__repr__(value))
    if kind is str and value.isascii() and len(value) < SUSPECT:  # type: ignore[attr-defined, arg-type]
        return Wire(encoder.encode_basestring_ascii(value))  # type: ignore[arg-type]
    try:
        text = spelled(_plain(value, 0, _Progress(value, refer)))
    except RecursionError:
        raise Unencodable(f"nested deeper than {MAX_DEPTH} levels") from None
    if len(text) > MAX_BYTES:
        raise TooMany(f"text of more than {MAX_BYTES >> 20} MiB")
    return Wire(text)


def settled(text: Wire) -> Wire:
    """The same value with the members of its sets in an order of their own, which does not hang on
    the process that wrote them: for problems, whose digest is that of their text."""

    def settle(named: dict[str, Any]) -> dict[str, Any]:
        for tag in ("$set", "$frozenset"):
            if tag in named:
                named[tag].sort(key=spelled)
        return named

    return Wire(spelled(json.loads(text, object_hook=settle)))


def _plain(value: Any, depth: int, progress: _Progress) -> Any:
    """The value as data for JSON."""
    kind = type(value)
    if kind is list:
        return _each(value, depth, progress)
    if kind is tuple:
        return {"$tuple": _each(value, depth, progress)}
    if kind is str:
        progress.spell(len(value))
        return value
    if kind is int:
        return value if value.bit_length() <= _SAFE_INT_BITS else _long(value)
    if kind is float or kind is bool or value is None:
        return value
    if kind is dict:
        return _mapping((list(value), list(value.values())), depth, progress)
    if kind is set:
        return {"$set": _each(list(value), depth, progress)}
    return _rarer(value, depth, progress)


def _each(items: Sequence[Any], depth: int, progress: _Progress) -> Sequence[Any]:
    """Members of one container, each as data for JSON."""
    if depth >= MAX_DEPTH:
        raise too_deep(progress.root, items)
    progress.items += len(items)
    if progress.items > progress.allowed:
        progress.look()
    try:
        kinds = set(map(type, items))
    except Exception:  # noqa: BLE001 - a metaclass may refuse to be hashed
        kinds = {object}
    if kinds <= progress.plain:
        if str in kinds:
            strings = items if len(kinds) == 1 else [item for item in items if type(item) is str]
            progress.spell(sum(map(len, strings)))
        return items
    depth += 1
    return [_plain(item, depth, progress) for item in items]


def _mapping(content: Any, depth: int, progress: _Progress) -> Any:
    """A dict, given as its keys and its values."""
    keys = _each(content[0], depth, progress)
    values = _each(content[1], depth, progress)
    if _STR.issuperset(map(type, keys)) and not (
        "$" in "".join(keys) and any(key[:1] == "$" for key in keys)
    ):
        named = dict(zip(keys, values, strict=True))
        if len(named) != len(keys):
            raise Unencodable("dict with keys that are equal once flattened")
        return named
    return {"$dict": list(zip(keys, values, strict=True))}


def _long(value: int) -> Any:
    plain = value.bit_length() <= PLAIN_INT_BITS and has_usual_digits()
    return value if plain else {"$int": hex(value)}


def _rarer(value: Any, depth: int, progress: _Progress) -> Any:
    kind = type(value)
    if progress.refer is not None and (kind is Match or kind is Digest):
        return {"$ref": progress.refer(value)}  # no match, only what was carried of one
    try:
        plainer = flattened(value)
    except UnknownClass:
        if progress.refer is None:
            raise
        return {"$ref": progress.refer(value)}
    if type(plainer) is not Tagged:
        return _plain(plainer, depth, progress)
    tag, body = plainer.tag, plainer.body
    if type(body) is str:
        progress.spell(len(body))
        return {tag: body}
    if tag == "$dict":
        return _mapping(body, depth, progress)
    return {tag: _each(body, depth, progress)}


# --- what JSON's encoder cannot write -------------------------------------------------------------


def spelled(data: Any) -> str:
    """Data that JSON has, as text of this codec."""
    try:
        text = "".join(_write(data, 0))
    except Unencodable:
        raise
    except ValueError:  # nan, an infinity, an integer that str() refuses
        return "".join(_write(_mended(data), 0))
    if "\\ud" in text or (len(text) > _STRIDE and _has_long_number(text)):
        return "".join(_write(_mended(data), 0))
    return text


def _has_long_number(text: str) -> bool:
    starts = range(0, len(text), _STRIDE)
    return any(text[start : start + _STRETCH].isdecimal() for start in starts)


def _mended(data: Any) -> Any:
    """The same data with tags for what JSON would lose or refuse."""
    kind = type(data)
    if kind is str:
        parts = BETWEEN_SURROGATES.split(data)
        return data if len(parts) == 1 else {"$str": parts}
    if kind is int:
        return data if data.bit_length() <= PLAIN_INT_BITS else {"$int": hex(data)}
    if kind is float:
        return data if data - data == 0.0 else {"$float": float.__repr__(data)}
    if kind is dict:
        pairs = [(_mended(key), _mended(item)) for key, item in data.items()]
        plain = all(type(key) is str for key, _ in pairs)
        return dict(pairs) if plain else {"$dict": pairs}
    if kind is list or kind is tuple:
        return [_mended(item) for item in data]
    return data
