"""Reading values from text that may be hostile: builtin types only, everything bounded.

Theory of operation. JSON's own scanner reads the text; it hands every object to `untag`, which looks
its tag up in a table of builders. Text is never evaluated, looked up as a name or imported. What a
text can cost is bounded by its length: items and depth are counted, long integers are hex, and
members of a set or keys of a dict are hashed only if comparing those with equal hashes is cheap
(crowds.py).
"""

import re
from collections import deque
from collections.abc import Callable, Iterator
from decimal import Decimal
from fractions import Fraction
from json import JSONDecoder
from operator import is_
from typing import Any

from problems.values.crowds import refuse_crowds
from problems.values.form import (
    BETWEEN_SURROGATES,
    BUILTIN_TYPES,
    DECIMAL,
    FRACTION,
    MAX_BYTES,
    MAX_DEPTH,
    MAX_ITEMS,
    MAX_ITERATED,
    Digest,
    Match,
    Undecodable,
    has_usual_digits,
)

__all__ = ["Digest", "Match", "decode"]

Ref = Callable[[int], object]
_Build = Callable[[Any], Any]

_HEX_INT = re.compile(r"-?0x[0-9a-f]+\Z")
_HEX = re.compile(r"[0-9a-f]*\Z")
_SHA256 = re.compile(r"[0-9a-f]{64}\Z")
_STRING = re.compile(r'"[^"\\]*(?:\\.[^"\\]*)*"')
_FLOATS = ("nan", "inf", "-inf")
_MOST_DIGITS = 4_300


def decode(text: str, *, types: bool = False, ref: Ref | None = None) -> Any:
    """Build the value that `text` describes.

    `types` admits `$type` (arguments of trusted problems); `ref` admits `$ref` and turns its number
    into an object (examined problems). Raises Undecodable for whatever is not a value in this form,
    however hostile.
    """
    _bound_size(text)
    scan = _scan_typed if types else _scan
    handles = ref is not None and ("$ref" in text or "\\u" in text)
    if handles or not has_usual_digits():
        scan = _scanner(_BUILDERS | ({"$type": _type} if types else {}), ref)
    try:
        value, end = scan(text, 0)
    except Undecodable:
        raise
    except RecursionError:
        raise Undecodable(f"nested deeper than {MAX_DEPTH} levels") from None
    except StopIteration:
        raise Undecodable("not a value: it ends or goes wrong early") from None
    except (ValueError, TypeError, ArithmeticError) as error:
        raise Undecodable(f"not a value: {str(error)[:100]}") from None
    if end != len(text):
        raise Undecodable("not a value: more text follows it")
    if text.count("[") + text.count("{") > MAX_DEPTH:
        _bound_depth(value)
    return value


def _bound_size(text: str) -> None:
    if len(text) > MAX_BYTES:
        raise Undecodable(f"larger than {MAX_BYTES >> 20} MiB")
    if not text.isascii():
        raise Undecodable("not ASCII")
    # every comma outside of a string parts two items
    if text.count(",") >= MAX_ITEMS and _STRING.sub("", text).count(",") >= MAX_ITEMS:
        raise Undecodable(f"more than {MAX_ITEMS} items")


def _bound_depth(value: Any) -> None:
    level, depth = _containers((value,)), 0
    while level:
        depth += 1
        if depth > MAX_DEPTH:
            raise Undecodable(f"nested deeper than {MAX_DEPTH} levels")
        level = [inner for outer in level for inner in _inside(outer)]


def _inside(outer: Any) -> list[Any]:
    if type(outer) is dict:
        return _containers(outer) + _containers(outer.values())
    if type(outer) is _LIST_ITERATOR:
        return _containers(outer.__reduce__()[1][0])  # its list, without reading from it
    return _containers(outer)


def _containers(parts: Any) -> list[Any]:
    if _CONTAINERS.isdisjoint(map(type, parts)):
        return []
    return [part for part in parts if type(part) in _CONTAINERS]


_LIST_ITERATOR: type = type(iter([]))
_CONTAINERS = frozenset((list, tuple, dict, set, frozenset, deque, _LIST_ITERATOR))


# --- objects and their tags -----------------------------------------------------------------------


def _scanner(builders: dict[str, _Build], ref: Ref | None = None) -> Callable[..., Any]:
    """JSON's scanner with our rules: takes text and where to begin, gives value and end."""

    def untag(pairs: list[tuple[str, Any]]) -> Any:
        if len(pairs) == 1:
            tag, body = pairs[0]
            if tag[:1] != "$":
                return {tag: body}
            if tag == "$tuple" and type(body) is list:  # by far the most frequent
                return tuple(body)
            build = builders.get(tag)
            if build is not None:
                return build(body)
            if tag == "$ref" and ref is not None and type(body) is int and body >= 0:
                return _handle(ref, body)
            raise Undecodable(f"unknown tag {tag[:20]!r}")
        built = dict(pairs)
        if len(built) != len(pairs) or any(key[:1] == "$" for key in built):
            raise Undecodable("duplicate or reserved keys in an object")
        return built

    decoder: Any = JSONDecoder(
        object_pairs_hook=untag,
        parse_constant=_no_constant,
        parse_int=int if has_usual_digits() else _integer,
    )
    return decoder.scan_once  # type: ignore[no-any-return]


def _handle(ref: Ref, number: int) -> object:
    try:
        return ref(number)
    except LookupError:
        raise Undecodable(f"unknown handle {number}") from None


def _no_constant(name: str) -> Any:
    raise Undecodable(f"bare {name}")


def _integer(digits: str) -> int:
    """An integer where the process reads longer or shorter ones than usual: as usual."""
    if len(digits.lstrip("-")) > _MOST_DIGITS:
        raise Undecodable("a number of too many digits")
    return int(Decimal(digits))


def _items(body: Any) -> list[Any]:
    if type(body) is not list:
        raise Undecodable("a container without a list")
    return body


def _hashable(items: list[Any]) -> list[Any]:
    hashes = list(map(hash, items))
    if len(set(hashes)) != len(hashes):
        refuse_crowds(items, hashes)
    return items


def _set(body: Any) -> set[Any]:
    built: set[Any] = _in_order(_hashable(_items(body)), set, frozenset)
    return built


def _frozenset(body: Any) -> frozenset[Any]:
    built: frozenset[Any] = _in_order(_hashable(_items(body)), frozenset, set)
    return built


def _in_order(items: list[Any], kind: Any, by_way_of: Any) -> Any:
    """A set in the order of its items if it can be had: from a table that grew, or from one that
    was sized at once."""
    built = kind(items)
    if len(built) != len(items):
        raise Undecodable("duplicate members of a set")
    if all(map(is_, built, items)):
        return built
    resized = kind(by_way_of(items))
    return resized if all(map(is_, resized, items)) else built


def _dict(body: Any) -> dict[Any, Any]:
    pairs = _items(body)
    if pairs and (set(map(type, pairs)) != {list} or set(map(len, pairs)) != {2}):
        raise Undecodable("a dict without pairs")
    built = dict(
        zip(_hashable([key for key, _ in pairs]), [item for _, item in pairs], strict=True)
    )
    if len(built) != len(pairs):
        raise Undecodable("duplicate keys of a dict")
    return built


def _text(body: Any, form: re.Pattern[str]) -> str:
    if type(body) is not str or not form.match(body):
        raise Undecodable("text in an unknown form")
    return body


def _parts(body: Any, *kinds: type) -> list[Any]:
    parts = _items(body)
    if list(map(type, parts)) != list(kinds):
        raise Undecodable("parts of unknown number or type")
    return parts


def _str(body: Any) -> str:
    """Halves of characters that JSON would have joined."""
    parts = _items(body)
    if len(parts) < 2 or any(type(part) is not str for part in parts):
        raise Undecodable("a str without parts")
    joined = "".join(parts)
    if BETWEEN_SURROGATES.split(joined) != parts:
        raise Undecodable("a str in the wrong parts")
    return joined


def _float(body: Any) -> float:
    if type(body) is not str or body not in _FLOATS:
        raise Undecodable("a float in an unknown form")
    return float(body)  # a fresh one: NaN must not be equal to itself by being itself


def _iterator(body: Any) -> Iterator[Any]:
    items = _items(body)
    if len(items) > MAX_ITERATED:
        raise Undecodable(f"an iterator of more than {MAX_ITERATED} items")
    return iter(items)


def _type(body: Any) -> type:
    found = BUILTIN_TYPES.get(body) if type(body) is str else None
    if found is None:
        raise Undecodable("an unknown type")
    return found


_BUILDERS: dict[str, _Build] = {
    "$tuple": lambda body: tuple(_items(body)),
    "$set": _set,
    "$frozenset": _frozenset,
    "$dict": _dict,
    "$str": _str,
    "$float": _float,
    "$int": lambda body: int(_text(body, _HEX_INT), 16),
    "$complex": lambda body: complex(*_parts(body, float, float)),
    "$bytes": lambda body: bytes.fromhex(_text(body, _HEX)),
    "$bytearray": lambda body: bytearray.fromhex(_text(body, _HEX)),
    "$range": lambda body: range(*_parts(body, int, int, int)),
    "$deque": lambda body: deque(_items(body)),
    "$decimal": lambda body: Decimal(_text(body, DECIMAL)),
    "$fraction": lambda body: Fraction(_text(body, FRACTION)),
    "$iterator": _iterator,
    "$match": lambda body: Match(*_parts(body, int, str)),
    "$sha256": lambda body: Digest(_text(body, _SHA256)),
}
_scan = _scanner(_BUILDERS)
_scan_typed = _scanner(_BUILDERS | {"$type": _type})
