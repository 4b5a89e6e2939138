"""Reading values from text that may be hostile: builtin types only, everything bounded."""

import json
import re
from collections import Counter, deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from typing import Any

from problems.values.form import BUILTIN_TYPES, MAX_BYTES, MAX_DEPTH, MAX_ITEMS, Undecodable

_HEX_INT = re.compile(r"-?0x[0-9a-f]+\Z")
_DECIMAL = re.compile(r"-?(?:[0-9]{1,5000}(?:\.[0-9]{0,5000})?(?:E[+-][0-9]{1,6})?|Infinity|NaN)\Z")
_FRACTION = re.compile(r"-?[0-9]{1,4000}(?:/[0-9]{1,4000})?\Z")
_FLOATS = ("nan", "inf", "-inf")


def decode(text: str, *, types: bool = False, ref: Callable[[int], object] | None = None) -> Any:
    """Build the value that `text` describes.

    `types` admits `$type` (arguments of trusted problems); `ref` admits `$ref` and turns its number
    into an object (examined problems). Raises Undecodable for anything `encode` would not have written, however hostile.
    """
    if len(text) > MAX_BYTES:
        raise Undecodable(f"larger than {MAX_BYTES >> 20} MiB")
    if text.count(",") > 2 * MAX_ITEMS:
        raise Undecodable(f"more than {MAX_ITEMS} items")

    def untag(pairs: list[tuple[str, Any]]) -> Any:
        if len(pairs) == 1 and pairs[0][0][:1] == "$":
            tag, body = pairs[0]
            if tag == "$type" and types and type(body) is str and body in BUILTIN_TYPES:
                return BUILTIN_TYPES[body]
            if tag == "$ref" and ref is not None and type(body) is int and body >= 0:
                return ref(body)
            build = _BUILDERS.get(tag)
            if build is None:
                raise Undecodable(f"unknown tag {tag[:20]!r}")
            return build(body)
        built = dict(pairs)
        if len(built) != len(pairs) or any(key[:1] == "$" for key in built):
            raise Undecodable("duplicate or reserved keys in an object")
        return built

    try:
        value = json.loads(text, object_pairs_hook=untag, parse_constant=_no_constant)
        if text.count("[") + text.count("{") > MAX_DEPTH:
            _bound_depth(value)
    except Undecodable:
        raise
    except RecursionError:
        raise Undecodable("nested too deeply") from None
    except (ValueError, TypeError, ArithmeticError) as error:
        raise Undecodable(f"not a value: {str(error)[:100]}") from None
    return value


def _no_constant(name: str) -> Any:
    raise Undecodable(f"bare {name}")


def _bound_depth(value: Any) -> None:
    level, depth = [value], 0
    while level:
        depth += 1
        if depth > 2 * MAX_DEPTH:
            raise Undecodable(f"nested deeper than {MAX_DEPTH} levels")
        level = [
            inner
            for outer in level
            for inner in (outer.values() if type(outer) is dict else outer)
            if type(inner) in (list, tuple, dict, deque)
        ]


def _items(body: Any) -> list[Any]:
    if type(body) is not list:
        raise Undecodable("a container without a list")
    return body


def _members(body: Any) -> list[Any]:
    """Items about to be hashed, refused when their hashes were made to collide."""
    items = _items(body)
    crowds = Counter(map(hash, items)).values()
    if sum(crowd * crowd for crowd in crowds) > 20 * len(items) + 1_000:
        raise Undecodable("members whose hashes collide")
    return items


def _set(body: Any) -> set[Any]:
    items = _members(body)
    built = set(items)
    if len(built) != len(items):
        raise Undecodable("duplicate members of a set")
    if list(built) != items:  # a literal's order: sized at once instead of grown
        resized = set(frozenset(items))
        return resized if list(resized) == items else built
    return built


def _frozenset(body: Any) -> frozenset[Any]:
    return frozenset(_set(body))


def _dict(body: Any) -> dict[Any, Any]:
    pairs = _items(body)
    if any(type(pair) is not list or len(pair) != 2 for pair in pairs):
        raise Undecodable("a dict without pairs")
    keys = _members([key for key, _ in pairs])
    built = dict(zip(keys, (value for _, value in pairs), strict=True))
    if len(built) != len(pairs):
        raise Undecodable("duplicate keys of a dict")
    return built


def _text(body: Any, form: re.Pattern[str]) -> str:
    if type(body) is not str or not form.match(body):
        raise Undecodable("a number in an unknown form")
    return body


def _float(body: Any) -> float:
    if type(body) is not str or body not in _FLOATS:
        raise Undecodable("a float in an unknown form")
    return float(body)  # a fresh one: NaN must not be equal to itself by being itself


def _complex(body: Any) -> complex:
    parts = _items(body)
    if len(parts) != 2 or any(type(part) is not float for part in parts):
        raise Undecodable("a complex number in an unknown form")
    return complex(*parts)


def _range(body: Any) -> range:
    parts = _items(body)
    if len(parts) != 3 or any(type(part) is not int for part in parts):
        raise Undecodable("a range in an unknown form")
    return range(*parts)


@dataclass(frozen=True, slots=True)
class Match:
    """What is carried of an `re.Match`: where it began and what it matched."""

    start: int
    text: str


def _match(body: Any) -> Match:
    start, text = _items(body) if len(_items(body)) == 2 else (None, None)
    if type(start) is not int or type(text) is not str:
        raise Undecodable("a match in an unknown form")
    return Match(start, text)


@dataclass(frozen=True, slots=True)
class Digest:
    """What is carried of a value too large to send."""

    sha256: str


def _digest(body: Any) -> Digest:
    if type(body) is not str or not re.fullmatch(r"[0-9a-f]{64}", body):
        raise Undecodable("a digest in an unknown form")
    return Digest(body)


def _bytes(body: Any) -> bytes:
    if type(body) is not str or not re.fullmatch(r"(?:[0-9a-f]{2})*", body):
        raise Undecodable("bytes in an unknown form")
    return bytes.fromhex(body)


def _iterator(body: Any) -> Iterator[Any]:
    return iter(_items(body))


_BUILDERS: dict[str, Callable[[Any], Any]] = {
    "$tuple": lambda body: tuple(_items(body)),
    "$set": _set,
    "$frozenset": _frozenset,
    "$dict": _dict,
    "$float": _float,
    "$int": lambda body: int(_text(body, _HEX_INT), 16),
    "$complex": _complex,
    "$bytes": _bytes,
    "$bytearray": lambda body: bytearray(_bytes(body)),
    "$range": _range,
    "$deque": lambda body: deque(_items(body)),
    "$decimal": lambda body: Decimal(_text(body, _DECIMAL)),
    "$fraction": lambda body: Fraction(_text(body, _FRACTION)),
    "$iterator": _iterator,
    "$match": _match,
    "$sha256": _digest,
}
