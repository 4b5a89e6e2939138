"""The exact-type codec: Python values as ASCII JSON, without executing anything on the way back.

Theory of operation. The same file serves three readers: problem files (expected values), the
host (what a solution claims to have returned) and the sandbox, where it is shipped beside the
runner; so it imports the standard library only.

`encode` runs in the solution's process when it writes a result. There it is the attacker's: it
may be patched, skipped or lied to. It therefore promises leniency only: which honest types are
carried, which are flattened, which are refused by name. Subclasses are read through the methods
of their *base* (`list.__iter__(o)`, never `o.__iter__()`), so a lying subclass cannot loop us.

`decode` runs on the host or in the examiner and trusts nothing: it builds builtin values only,
bounded in size, depth and count, and refuses whatever `encode` would not have written, hash
floods included. All safety is here.

The form: None, bool, int, finite float, str and list stand for themselves; everything else is an
object with one key, its tag: `$tuple`, `$set`, `$frozenset`, `$dict` (pairs, in order), `$bytes`
(hex), `$bytearray`, `$complex`, `$float` (nan, inf, -inf), `$int` (hex, for huge ones), `$range`,
`$deque`, `$decimal`, `$fraction`, `$iterator` (a generator's items), `$type` (a builtin type; in
arguments only) and `$ref` (a handle to an object in the solution; examiner only). A dict whose
keys are all plain strings without `$` may be written as a JSON object.
"""

import json
import re
from collections import Counter, deque
from collections.abc import Callable, Iterator
from decimal import Decimal
from fractions import Fraction
from itertools import islice
from typing import Any, NewType

Wire = NewType("Wire", str)
"""A value as text of this codec; what Problem, Job and Report carry instead of live objects."""

MAX_DEPTH = 64
MAX_ITEMS = 1_000_000
MAX_BYTES = 4 * 1024 * 1024
MAX_ITERATED = 100_000
PLAIN_INT_BITS = 8_192  # beyond, an int travels as hex: decimal conversion is quadratic

BUILTIN_TYPES: dict[str, type] = {
    t.__name__: t
    for t in (int, float, str, bool, bytes, complex, list, tuple, dict, set, frozenset, object)
}


class Unencodable(ValueError):
    """The value cannot be carried; the text names its type or the limit it breaks."""


class Undecodable(ValueError):
    """The text is not what `encode` writes."""


# --- writing -------------------------------------------------------------------------------------

_dumps = json.JSONEncoder(ensure_ascii=True, allow_nan=False, separators=(",", ":")).encode
_NONE = type(None)
_ITERATORS: tuple[type, ...] = (
    type(_ for _ in ()),
    map,
    filter,
    zip,
    enumerate,
    reversed,
    type(iter([])),
    type(iter(())),
    type(iter("")),
    type(iter(range(0))),
    type(iter({})),
    type(iter(set())),
    type(reversed([])),
)


def encode(value: object, refer: Callable[[object], int] | None = None) -> Wire:
    """Write `value` as text.

    `refer` turns an object of an unknown class into a handle number; without it such an object is
    refused. Raises Unencodable (naming the type, a cycle or the limit broken).
    """
    kind = type(value)
    if kind is int or kind is str or kind is bool or kind is _NONE:
        if kind is not int or value.bit_length() <= PLAIN_INT_BITS:  # type: ignore[attr-defined]
            return Wire(_dumps(value))
    try:
        return Wire(_dumps(_plain(value, 0, [0], refer)))
    except RecursionError:
        raise Unencodable("nested too deeply") from None


def _plain(value: Any, depth: int, count: list[int], refer: Callable[[object], int] | None) -> Any:
    """The value as JSON-ready data; `count` is the number of items seen so far."""
    kind = type(value)
    if kind is str or kind is bool or kind is _NONE:
        return value
    if kind is int:
        return value if value.bit_length() <= PLAIN_INT_BITS else {"$int": hex(value)}
    if kind is float:
        return value if value - value == 0.0 else {"$float": repr(value)}
    if depth > MAX_DEPTH:
        raise Unencodable(f"nested deeper than {MAX_DEPTH} levels, or cyclic")
    if kind is list:
        return _each(value, depth, count, refer)
    if kind is tuple:
        return {"$tuple": _each(value, depth, count, refer)}
    if kind is dict:
        return _mapping(value.items(), depth, count, refer)
    if kind is set or kind is frozenset:
        return {"$" + kind.__name__: _each(value, depth, count, refer)}
    return _rarer(value, kind, depth, count, refer)


def _each(
    items: Any, depth: int, count: list[int], refer: Callable[[object], int] | None
) -> list[Any]:
    count[0] += len(items)
    if count[0] > MAX_ITEMS:
        raise Unencodable(
            f"more than {MAX_ITEMS} items (or the same ones, shared, again and again)"
        )
    deeper = depth + 1
    return [_plain(item, deeper, count, refer) for item in items]


def _mapping(
    pairs: Any, depth: int, count: list[int], refer: Callable[[object], int] | None
) -> dict[str, Any]:
    flat = [part for pair in pairs for part in pair]
    parts = _each(flat, depth, count, refer)
    keys, values = parts[::2], parts[1::2]
    if all(type(key) is str and not key.startswith("$") for key in keys):
        return dict(zip(keys, values, strict=True))
    return {"$dict": [list(pair) for pair in zip(keys, values, strict=True)]}


def _rarer(
    value: Any, kind: type, depth: int, count: list[int], refer: Callable[[object], int] | None
) -> Any:
    """Types off the beaten track, then subclasses of builtins, flattened by their base."""
    again = lambda base: _plain(base, depth, count, refer)  # noqa: E731 - five short uses below
    if kind is bytes or kind is bytearray:
        return {"$" + kind.__name__: value.hex()}
    if kind is complex:
        return {"$complex": [again(value.real), again(value.imag)]}
    if kind is range:
        return {"$range": [again(part) for part in (value.start, value.stop, value.step)]}
    if kind is Decimal or kind is Fraction:
        return {"$" + kind.__name__.lower(): str(value)}
    if kind is deque:
        return {"$deque": _each(list(value), depth, count, refer)}
    if kind in (type({}.keys()), type({}.values()), type({}.items())):
        return _each(list(value), depth, count, refer)
    if kind in _ITERATORS:
        items = list(islice(value, MAX_ITERATED + 1))
        if len(items) > MAX_ITERATED:
            raise Unencodable(f"{kind.__name__} of more than {MAX_ITERATED} items")
        return {"$iterator": _each(items, depth, count, refer)}
    if kind is type:
        if BUILTIN_TYPES.get(value.__name__) is value:
            return {"$type": value.__name__}
        raise Unencodable("type")
    if issubclass(kind, bool | int):
        return again(int.__int__(value))
    if issubclass(kind, float):
        return again(float.__float__(value))
    if issubclass(kind, complex):
        return again(
            complex(
                complex.__getattribute__(value, "real"), complex.__getattribute__(value, "imag")
            )
        )
    if issubclass(kind, str):
        return str.__str__(value)
    if issubclass(kind, bytes):
        return {"$bytes": bytes.hex(value)}
    if issubclass(kind, list):
        return _each(list.__getitem__(value, slice(None)), depth, count, refer)
    if issubclass(kind, tuple):
        return {"$tuple": _each(tuple.__getitem__(value, slice(None)), depth, count, refer)}
    if issubclass(kind, dict):
        return _mapping(dict.items(value), depth, count, refer)
    if issubclass(kind, set):
        return {"$set": _each(set.copy(value), depth, count, refer)}
    if issubclass(kind, frozenset):
        return {"$frozenset": _each(list(frozenset.__iter__(value)), depth, count, refer)}
    if refer is not None:
        return {"$ref": refer(value)}
    if kind.__module__ == "numpy" and getattr(value, "shape", None) == ():
        return again(value.item())
    raise Unencodable(kind.__name__)


# --- reading -------------------------------------------------------------------------------------

_HEX_INT = re.compile(r"-?0x[0-9a-f]+\Z")
_DECIMAL = re.compile(r"-?(?:[0-9]{1,5000}(?:\.[0-9]{0,5000})?(?:E[+-][0-9]{1,6})?|Infinity|NaN)\Z")
_FRACTION = re.compile(r"-?[0-9]{1,4000}(?:/[0-9]{1,4000})?\Z")
_FLOATS = {"nan": float("nan"), "inf": float("inf"), "-inf": float("-inf")}


def decode(
    text: str, *, types: bool = False, ref: Callable[[int], object] | None = None
) -> Any:
    """Build the value that `text` describes.

    `types` admits `$type` (arguments of trusted problems); `ref` admits `$ref` and turns its number
    into an object (examined problems). Raises Undecodable for anything `encode` would not have written, however hostile.
    """
    if len(text) > 4 * MAX_BYTES:
        raise Undecodable("larger than 16 MiB")
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
    except (ValueError, TypeError, OverflowError) as error:
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
    if len(items) > 1_000:
        crowds = Counter(map(hash, items)).values()
        if sum(crowd * crowd for crowd in crowds) > 100 * len(items) + 1_000_000:
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
    return _FLOATS[body]


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
}
