"""Digests of values too large to send: equal for two values exactly when `==` says they are.

The text under the hash is canonical where the wire is not: 1, 1.0 and True are one number, sets and
dicts have no order, bytes and bytearray with the same content are one. It is fed to the hash piece
by piece, so a giant needs little memory beside its own. Digests are stored with problem sets: what
is fed for a value must never change.
"""

import os
from collections.abc import Callable, Collection, Sequence
from decimal import Decimal
from fractions import Fraction
from hashlib import sha256
from typing import Any

from problems.values.flattening import Tagged, flattened
from problems.values.form import MAX_DEPTH, PLAIN_INT_BITS, Unencodable, Wire, has_usual_digits
from problems.values.writing import refuse_explosion, spelled

_AT_ONCE = 1_024
"""Members that are written in one go; strings among them may be long."""
_EASY = frozenset((int, str, type(None)))

_Update = Callable[[bytes], object]


def digest(value: object) -> Wire:
    """`{"$sha256": ..}` of the value.

    A NaN in it makes a digest that no other is equal to, as NaN is equal to nothing. Raises
    Unencodable, for iterators too: they can be read only once.
    """
    refuse_explosion(value)
    return Wire(_digest(value, 0))


def _digest(value: Any, depth: int) -> str:
    hashed = sha256()
    _feed(value, depth, hashed.update)
    return f'{{"$sha256":"{hashed.hexdigest()}"}}'


def _feed(value: Any, depth: int, update: _Update) -> None:
    kind = type(value)
    if kind is list:
        _sequence(b"[", value, b"]", depth, update)
    elif kind is tuple:
        _sequence(b"([", value, b"]", depth, update)
    elif kind is str or value is None:
        update(spelled(value).encode())
    elif kind is int or kind is float or kind is bool or kind is complex:
        update(_number(value))
    elif kind is dict:
        _crowd(b"{", value.items(), b"}", depth, update)
    elif kind is set or kind is frozenset:
        _crowd(b"<", value, b">", depth, update)
    else:
        plainer = flattened(value)
        if type(plainer) is Tagged:
            _tagged(plainer.tag, plainer.body, depth, update)
        else:
            _feed(plainer, depth, update)


def _sequence(
    opening: bytes, items: Sequence[Any], closing: bytes, depth: int, update: _Update
) -> None:
    _refuse_depth(depth)
    update(opening)
    easy = _EASY if has_usual_digits() else _EASY - {int}
    for start in range(0, len(items), _AT_ONCE):
        some = items[start : start + _AT_ONCE]
        if start:
            update(b",")
        if easy.issuperset(map(type, some)):
            update(spelled(some)[1:-1].encode())
            continue
        for index, item in enumerate(some):
            if index:
                update(b",")
            _feed(item, depth + 1, update)
    update(closing)


def _crowd(
    opening: bytes, parts: Collection[Any], closing: bytes, depth: int, update: _Update
) -> None:
    """What has no order, in the order of the digests."""
    _refuse_depth(depth)
    update(opening)
    inner = depth if opening == b"{" else depth + 1  # a dict's pairs are no level of their own
    for text in sorted([_digest(part, inner) for part in parts]):
        update(text.encode())
    update(closing)


def _refuse_depth(depth: int) -> None:
    if depth >= MAX_DEPTH:
        raise Unencodable(f"nested deeper than {MAX_DEPTH} levels")


def _tagged(tag: str, body: Any, depth: int, update: _Update) -> None:
    if tag == "$dict":
        _crowd(b"{", list(zip(*body, strict=True)), b"}", depth, update)
    elif tag in ("$set", "$frozenset"):
        _crowd(b"<", body, b">", depth, update)
    elif tag == "$deque":
        _sequence(b'{"$deque":[', body, b"]}", depth, update)
    elif tag == "$iterator":
        raise Unencodable("iterator in a value too large to send")
    elif tag == "$decimal":
        update(_number(Decimal(body)))
    elif tag == "$fraction":
        update(_number(Fraction(body)))
    elif tag == "$complex":
        update(_number(complex(*body)))
    elif tag == "$range":
        update(_range(range(*body)))
    else:
        update(spelled({"$bytes" if tag == "$bytearray" else tag: body}).encode())


def _range(value: range) -> bytes:
    """Ranges are equal when their members are, whatever made them."""
    first, step = (value.start, value.step) if value else (0, 1)
    count = max(
        0, (value.stop - value.start + value.step - (1 if value.step > 0 else -1)) // value.step
    )
    if count < 2:
        step = 1
    return spelled({"$range": [first, first + count * step, step]}).encode()


def _number(value: Any) -> bytes:
    """One text for all numbers that are equal, of whatever class."""
    if type(value) is complex:
        if value.imag != 0.0:
            parts = [value.real + 0.0, value.imag + 0.0]  # no negative zeros
            return spelled({"$complex": parts}).encode() + _salt(value)
        value = value.real
    if _is_nan(value):
        return b'{"$float":"nan"}' + _salt(value)
    if type(value) in (int, bool):
        return _integer(int(value))
    if value in (_INFINITY, -_INFINITY):
        return spelled(float(value)).encode()
    if type(value) is float and not value.is_integer():
        return float.__repr__(value).encode()
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


_INFINITY = float("inf")


def _salt(value: Any) -> bytes:
    """Something that never comes again, for a NaN."""
    return os.urandom(16) if _is_nan(value) else b""


def _is_nan(value: Any) -> bool:
    return bool(value != value)  # noqa: PLR0124 - that is what tells it, in any class of numbers


def _integer(value: int) -> bytes:
    if value.bit_length() > PLAIN_INT_BITS:
        return spelled({"$int": hex(value)}).encode()
    return str(Decimal(value)).encode()  # it knows no limit of digits
