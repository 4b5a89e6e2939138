"""Digests of values too large to send: equal for two values exactly when `==` says they are.

The text under the hash is canonical where the wire is not: 1, 1.0 and True are one number, sets and
dicts have no order, bytes and bytearray with the same content are one. It is fed to the hash piece
by piece, so a giant needs little memory beside its own. Digests are stored with problem sets: what
is fed for a value must never change.
"""

import math
import os
from collections.abc import Collection, Sequence
from decimal import Decimal
from fractions import Fraction
from hashlib import sha256
from typing import Any

from problems.values.flattening import Tagged, flattened
from problems.values.form import (
    MAX_DEPTH,
    PLAIN_INT_BITS,
    Unencodable,
    Wire,
    has_usual_digits,
)
from problems.values.writing import SUSPECT, refuse_explosion, spelled, too_deep

_AT_ONCE = 1_024
"""Members that are written in one go; strings among them may be long."""
_EASY = frozenset((int, str, type(None)))


class _Hash:
    """The hash of one value, or of a part of one; all parts count into one tally."""

    def __init__(self, tally: "_Tally") -> None:
        self._sha = sha256()
        self.update = self._sha.update
        self.tally = tally

    def text(self) -> str:
        """What stands for the value."""
        return f'{{"$sha256":"{self._sha.hexdigest()}"}}'


class _Tally:
    """Items fed; the first time that they are very many, the value is looked at as a whole."""

    def __init__(self, root: object) -> None:
        self.items = 0
        self.root = root
        self.allowed: float = SUSPECT

    def add(self, items: int) -> None:
        """Raises Unencodable for a cycle or for sharing that explodes."""
        self.items += items
        if self.items > self.allowed:
            self.allowed = math.inf
            refuse_explosion(self.root)


def digest(value: object) -> Wire:
    """`{"$sha256": ..}` of the value.

    A NaN in it makes a digest that no other is equal to, as NaN is equal to nothing. Raises
    Unencodable, for iterators too: they can be read only once.
    """
    hashed = _Hash(_Tally(value))
    _feed(value, 0, hashed)
    return Wire(hashed.text())


def _feed(value: Any, depth: int, into: _Hash) -> None:
    kind = type(value)
    if kind is list:
        _sequence(b"[", value, b"]", depth, into)
    elif kind is tuple:
        _sequence(b"([", value, b"]", depth, into)
    elif kind is str or value is None:
        into.update(spelled(value).encode())
    elif kind is int or kind is float or kind is bool or kind is complex:
        into.update(_number(value))
    elif kind is dict:
        _crowd(b"{", value.items(), depth, into)
    elif kind is set or kind is frozenset:
        _crowd(b"<", value, depth, into)
    else:
        plainer = flattened(value)
        if type(plainer) is Tagged:
            _tagged(plainer.tag, plainer.body, depth, into)
        else:
            _feed(plainer, depth, into)


def _sequence(
    opening: bytes, items: Sequence[Any], closing: bytes, depth: int, into: _Hash
) -> None:
    _enter(items, depth, into)
    into.update(opening)
    for start in range(0, len(items), _AT_ONCE):
        if start:
            into.update(b",")
        _some(items[start : start + _AT_ONCE], depth, into)
    into.update(closing)


def _some(items: Sequence[Any], depth: int, into: _Hash) -> None:
    if set(map(type, items)) <= _EASY and has_usual_digits():
        into.update(spelled(items)[1:-1].encode())
        return
    for index, item in enumerate(items):
        if index:
            into.update(b",")
        _feed(item, depth + 1, into)


def _crowd(opening: bytes, parts: Collection[Any], depth: int, into: _Hash) -> None:
    """What has no order, in the order of the digests."""
    _enter(parts, depth, into)
    texts = []
    for part in parts:
        inner = _Hash(into.tally)
        # the pairs of a dict are no level of their own
        _feed(part, depth if opening == b"{" else depth + 1, inner)
        texts.append(inner.text())
    into.update(opening)
    into.update("".join(sorted(texts)).encode())
    into.update(b">")


def _enter(parts: Collection[Any], depth: int, into: _Hash) -> None:
    if depth >= MAX_DEPTH:
        raise too_deep(into.tally.root, parts)
    into.tally.add(len(parts))


def _tagged(tag: str, body: Any, depth: int, into: _Hash) -> None:
    if tag == "$dict":
        _crowd(b"{", list(zip(*body, strict=True)), depth, into)
    elif tag in ("$set", "$frozenset"):
        _crowd(b"<", body, depth, into)
    elif tag == "$deque":
        _sequence(b'{"$deque":[', body, b"]}", depth, into)
    elif tag == "$iterator":
        raise Unencodable("iterator in a value too large to send")
    elif tag == "$decimal":
        into.update(_number(Decimal(body)))
    elif tag == "$fraction":
        into.update(_number(Fraction(body)))
    elif tag == "$complex":
        into.update(_number(complex(*body)))
    elif tag == "$range":
        into.update(_range(range(*body)))
    else:
        into.update(spelled({"$bytes" if tag == "$bytearray" else tag: body}).encode())


def _range(value: range) -> bytes:
    """Ranges are equal when their members are, whatever made them."""
    if not value:
        value = range(0)
    elif value[0] == value[-1]:
        value = range(value[0], value[0] + 1)
    else:
        value = range(value[0], value[-1] + value.step, value.step)
    return spelled({"$range": [value.start, value.stop, value.step]}).encode()


def _number(value: Any) -> bytes:
    """One text for all numbers that are equal, of whatever class."""
    if type(value) is float and not value.is_integer() and value - value == 0.0:
        return float.__repr__(value).encode()
    if type(value) is complex:
        if value.imag != 0.0:
            parts = [value.real + 0.0, value.imag + 0.0]  # no negative zeros
            return spelled({"$complex": parts}).encode() + _salt(value)
        value = value.real
    if _is_nan(value):
        return b'{"$float":"nan"}' + _salt(value)
    if type(value) in (int, bool):
        return _integer(int(value))
    if value in (math.inf, -math.inf):
        return spelled(float(value)).encode()
    exact = Fraction(value)
    if exact.denominator == 1:
        return _integer(exact.numerator)
    try:
        near = float(exact)
    except OverflowError:
        near = 0.0
    if near == exact:
        return float.__repr__(near).encode()
    return b'{"$fraction":"%b/%b"}' % (_integer(exact.numerator), _integer(exact.denominator))


def _salt(value: Any) -> bytes:
    """Something that never comes again, for a NaN."""
    return os.urandom(16) if _is_nan(value) else b""


def _is_nan(value: Any) -> bool:
    return bool(value != value)  # noqa: PLR0124 - that is what tells it, in any class of numbers


def _integer(value: int) -> bytes:
    if value.bit_length() > PLAIN_INT_BITS:
        return spelled({"$int": hex(value)}).encode()
    return str(Decimal(value)).encode()  # it knows no limit of digits
