"""Writing values: which honest types are carried, flattened, or refused by name."""

import json
import re
from collections import deque
from collections.abc import Callable
from decimal import Decimal
from fractions import Fraction
from hashlib import sha256
from itertools import islice
from typing import Any

from problems.values.form import (
    BUILTIN_TYPES,
    MAX_DEPTH,
    MAX_ITEMS,
    MAX_ITERATED,
    PLAIN_INT_BITS,
    TooMany,
    Unencodable,
    Wire,
)

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
    if kind is str or kind is bool or kind is _NONE:
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
        raise TooMany(f"more than {MAX_ITEMS} items (or the same ones, shared, again and again)")
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
    """Types off the beaten track."""

    def again(base: Any) -> Any:
        return _plain(base, depth, count, refer)

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
    if kind is re.Match:
        return {"$match": [value.start(), str(value.group())]}
    if isinstance(value, type) and kind is type:
        if BUILTIN_TYPES.get(value.__name__) is value:
            return {"$type": value.__name__}
        raise Unencodable("type")
    return _flattened(value, kind, depth, count, refer)


def _flattened(
    value: Any, kind: type, depth: int, count: list[int], refer: Callable[[object], int] | None
) -> Any:
    """Subclasses of builtins, read through their base's own methods; then handles, then refusal."""

    def again(base: Any) -> Any:
        return _plain(base, depth, count, refer)

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


# --- digests of values too large to send ----------------------------------------------------------


def digest(value: object) -> Wire:
    """`{"$sha256": ..}` over a text that is the same for values that `==` takes for equal: 1, 1.0
    and True are one number, sets and dicts have no order. Raises Unencodable."""
    hashed = sha256()
    _feed(value, 0, hashed.update)
    return Wire(_dumps({"$sha256": hashed.hexdigest()}))


def _short(items: Any) -> bool:
    """Whether no integer among them travels as hex."""
    return all(type(item) is str or item.bit_length() <= PLAIN_INT_BITS for item in items)


def _feed(value: Any, depth: int, update: Callable[[bytes], object]) -> None:
    kind = type(value)
    if depth > MAX_DEPTH:
        raise Unencodable(f"nested deeper than {MAX_DEPTH} levels, or cyclic")
    if kind is list or kind is tuple:
        update(b"[" if kind is list else b"([")
        if set(map(type, value)) <= {int, str} and _short(value):  # the usual giant, in one go
            update(_dumps(list(value))[1:-1].encode())
        else:
            for index, item in enumerate(value):
                update(b"," if index else b"")
                _feed(item, depth + 1, update)
        update(b"]")
    elif kind is dict or kind is set or kind is frozenset:
        parts = value.items() if kind is dict else value
        update(b"{" if kind is dict else b"<")
        for text in sorted(digest(part) for part in parts):
            update(text.encode())
        update(b">")
    elif kind is bool or (kind is float and value.is_integer()):
        update(str(int(value)).encode())
    else:
        update(_dumps(_plain(value, depth, [0], None)).encode())
