"""The leniency table: what becomes of honest values whose class is not carried as it is.

`flattened` takes one step: an object of an uncommon class becomes a value of a common one (a list
for a subclass of list, an int for an IntEnum), or a tag with its content. docs/codec.md has the
table with its reasons.
"""

import re
import sys
from collections import OrderedDict, deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from itertools import islice
from typing import Any

from problems.values.form import (
    BUILTIN_TYPES,
    DECIMAL,
    FRACTION,
    MAX_ITERATED,
    Digest,
    Match,
    Unencodable,
    UnknownClass,
)
from problems.values.shapes import ITEMS, KEYS, VALUES, members, name_of

_derives = type.__subclasscheck__


@dataclass(frozen=True, slots=True)
class Tagged:
    """A tag and what stands behind it: members to be written each, or a text as it is."""

    tag: str
    body: Sequence[Any] | str


def flattened(value: Any) -> Any:
    """A plainer value, or a Tagged. Raises Unencodable with the name of the class."""
    kind = type(value)
    rule = _RULES.get(id(kind))
    if rule is not None:
        return rule(value)
    for base, read in _BASES:
        if _derives(base, kind):  # Fraction is an ABC, whose own check hashes the class
            return read(value)
    return _numpy_scalar(value, kind)


def _bytes(value: bytes) -> Tagged:
    return Tagged("$bytes", bytes.hex(value))


def _bytearray(value: bytearray) -> Tagged:
    return Tagged("$bytearray", bytearray.hex(value))


def _complex(value: complex) -> Tagged:
    exact = complex.__complex__(value)
    return Tagged("$complex", (exact.real, exact.imag))


def _range(value: range) -> Tagged:
    return Tagged("$range", (value.start, value.stop, value.step))


def _frozenset(value: frozenset[Any]) -> Tagged:
    return Tagged("$frozenset", members(value))


def _deque(value: deque[Any]) -> Tagged:
    return Tagged("$deque", members(value))


def _iterator(value: Any) -> Tagged:
    items = list(islice(value, MAX_ITERATED + 1))
    if len(items) > MAX_ITERATED:
        raise Unencodable(f"{name_of(type(value))} of more than {MAX_ITERATED} items")
    return Tagged("$iterator", items)


def _decimal(value: Decimal) -> Tagged:
    if Decimal.is_qnan(value):
        return Tagged("$decimal", "NaN")
    text = Decimal.__str__(value).replace("e", "E")  # a context may ask for small letters
    if not DECIMAL.match(text):
        raise Unencodable(f"Decimal {text if len(text) < 30 else 'of more than 5000 digits'}")
    return Tagged("$decimal", text)


def _fraction(value: Fraction) -> Tagged:
    above, below = (int(part.__get__(value)) for part in _PARTS)
    try:
        text = f"{above}" if below == 1 else f"{above}/{below}"
    except ValueError:  # longer than str() is allowed to write
        text = ""
    if not FRACTION.match(text):
        raise Unencodable("Fraction of more than 4000 digits")
    return Tagged("$fraction", text)


_PARTS: tuple[Any, ...] = (vars(Fraction)["_numerator"], vars(Fraction)["_denominator"])


def _match(value: re.Match[Any]) -> Tagged:
    return Tagged("$match", (value.start(), str(value.group())))


def _type(value: type) -> Tagged:
    name = name_of(value)
    if BUILTIN_TYPES.get(name) is value:
        return Tagged("$type", name)
    raise Unencodable("type")


def _dict(value: dict[Any, Any]) -> Tagged:
    """Keys and values, in the order that an OrderedDict gives them."""
    keys, values = list(dict.keys(value)), list(dict.values(value))
    if _derives(OrderedDict, type(value)):
        at = dict(zip(map(id, keys), zip(keys, values, strict=True), strict=True))
        ordered = [at.get(id(key)) for key in OrderedDict.__iter__(value)]
        if len(ordered) == len(keys) and all(ordered):
            keys, values = (list(part) for part in zip(*filter(None, ordered), strict=True))
    return Tagged("$dict", (keys, values))


def _numpy_scalar(value: Any, kind: type) -> Any:
    """A scalar or an array without dimensions as Python's number; numpy is never imported here."""
    numpy = sys.modules.get("numpy")
    generic, array = getattr(numpy, "generic", None), getattr(numpy, "ndarray", None)
    if isinstance(generic, type) and _derives(generic, kind):
        plainer = generic.item(value)  # type: ignore[attr-defined]
    elif isinstance(array, type) and _derives(array, kind) and not array.ndim.__get__(value):  # type: ignore[attr-defined]
        plainer = array.item(value)  # type: ignore[attr-defined]
    else:
        raise UnknownClass(name_of(kind))
    if type(plainer) is kind:  # longdouble has no plainer form
        raise Unencodable(name_of(kind))
    return plainer


_RULES: dict[int, Callable[[Any], Any]] = {
    id(kind): rule
    for kinds, rule in (
        ((bytes,), _bytes),
        ((bytearray,), _bytearray),
        ((complex,), _complex),
        ((range,), _range),
        ((frozenset,), _frozenset),
        ((deque,), _deque),
        ((Decimal,), _decimal),
        ((Fraction,), _fraction),
        ((re.Match,), _match),
        ((type,), _type),
        ((KEYS, VALUES, ITEMS), list),
        ((Match,), lambda value: Tagged("$match", (value.start, value.text))),
        ((Digest,), lambda value: Tagged("$sha256", value.sha256)),
        ((type(_ for _ in ()), map, filter, zip, enumerate, reversed), _iterator),
        (map(type, (iter([]), iter(()), iter(""), iter(range(0)), reversed([]))), _iterator),
        (map(type, (iter({}), iter({}.values()), iter({}.items()), iter(set()))), _iterator),
    )
    for kind in kinds
}
"""By identity, not by hash: a metaclass may have any."""

_BASES: tuple[tuple[type, Callable[[Any], Any]], ...] = (
    (int, int.__int__),
    (float, float.__float__),
    (str, str.__str__),
    (list, members),
    (tuple, members),
    (dict, _dict),
    (set, lambda value: Tagged("$set", members(value))),
    (frozenset, _frozenset),
    (bytes, _bytes),
    (bytearray, _bytearray),
    (complex, _complex),
    (deque, _deque),
    (Decimal, _decimal),
    (Fraction, _fraction),
)
