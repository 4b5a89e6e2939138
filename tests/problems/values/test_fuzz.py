"""The codec under fire: round trips of everything carried, texts nobody wrote, digests in pairs."""

import json
import math
import re
import struct
from collections import deque
from decimal import Decimal
from fractions import Fraction

from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from problems.values import Undecodable, decode, digest, encode
from problems.values.form import MAX_DEPTH
from problems.values.reading import Digest, Match

FUZZ = settings(deadline=None, suppress_health_check=list(HealthCheck), print_blob=True)

integers = st.integers() | st.builds(
    lambda sign, base, power, off: sign * (base**power + off),
    st.sampled_from([1, -1]),
    st.sampled_from([2, 10]),
    st.integers(0, 9_000),
    st.integers(-2, 2),
)
texts = st.text(st.characters(exclude_categories=()), max_size=8) | st.text(
    st.sampled_from('\ud83d\ude00\udbff\udc00a$\x00\x7f\u2028\xe9\\"ud[]{},'), max_size=8
)
decimals = st.decimals(allow_nan=False) | st.just(Decimal("-Infinity"))
scalars = (
    st.none()
    | st.booleans()
    | integers
    | st.floats()
    | texts
    | st.binary(max_size=6)
    | st.complex_numbers()
    | decimals
    | st.fractions()
    | st.builds(range, st.integers(), st.integers(), st.integers(1, 9))
)
hashables = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=3).map(tuple) | st.frozensets(inner, max_size=4),
    max_leaves=6,
)
anything = st.recursive(
    hashables | st.binary(max_size=4).map(bytearray),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.lists(inner, max_size=3).map(tuple)
        | st.lists(inner, max_size=3).map(deque)
        | st.sets(hashables, max_size=4)
        | st.dictionaries(hashables, inner, max_size=4)
        | st.dictionaries(texts, inner, max_size=3)
    ),
    max_leaves=12,
)


def bits(number):
    return "nan" if math.isnan(number) else struct.pack(">d", number).hex()


def spelled_out(value):
    """The value with every type, order and bit in it, so that `==` means the same and not equal."""
    kind = type(value)
    if kind is float:
        return ("float", bits(value))
    if kind is complex:
        return ("complex", bits(value.real), bits(value.imag))
    if kind in (list, tuple, deque):
        return (kind.__name__, [spelled_out(item) for item in value])
    if kind is dict:
        return ("dict", [(spelled_out(key), spelled_out(item)) for key, item in value.items()])
    if kind in (set, frozenset):
        return (kind.__name__, sorted(repr(spelled_out(item)) for item in value))
    if kind is int:
        return ("int", hex(value))
    if kind is str:
        return ("str", [ord(char) for char in value])
    return (kind.__name__, repr(value))


@given(anything)
@settings(FUZZ, max_examples=300)
def test_a_value_comes_back_with_its_types_its_order_and_every_bit(value):
    text = encode(value)
    assert text.isascii() and "\n" not in text
    back = decode(text)
    assert spelled_out(back) == spelled_out(value)
    assert spelled_out(decode(encode(back))) == spelled_out(value)


@given(st.sets(hashables, max_size=8) | st.dictionaries(hashables, st.none(), max_size=8))
@settings(FUZZ, max_examples=100)
def test_sets_and_dicts_are_on_the_wire_in_their_order(value):
    content = json.loads(encode(value))
    if type(value) is dict:
        members = [pair[0] for pair in content["$dict"]] if "$dict" in content else [*content]
    else:
        members = content["$set"]
    back = [decode(json.dumps(member)) for member in members]
    assert list(map(spelled_out, back)) == list(map(spelled_out, value))


# --- texts nobody wrote ---------------------------------------------------------------------------

CARRIED = {
    *(type(None), bool, int, float, complex, str, bytes, bytearray, list, tuple, dict, set),
    *(frozenset, deque, range, Decimal, Fraction, Match, Digest, type(iter([]))),
}
ODDITIES = [
    *(" ", ",", ":", '"', "\\", "[", "]", "{", "}", "null", "true", "NaN", "-Infinity", "\x00"),
    *(
        "0x_1",
        " 0x1 ",
        "1e999",
        "-0",
        "00",
        "+1",
        "1_0",
        "\uff11",
        "\u0663",
        "1.",
        ".5",
        "1e",
        "0" * 5_000,
    ),
    *('"$tuple"', '"$set"', '"$dict"', '"$int"', '"$float"', '"$str"', '"$bytes"', '"$range"'),
    *('"$type"', '"$ref"', '"$eval"', '"__class__"', '"\\u0024set"', '"\\ud83d"', '"\\udc00"'),
    *('{"$set":[1,1]}', '{"$set":[1,true]}', '{"$dict":[[1,2],[1.0,3]]}', '{"$int":"0x"}'),
    *('{"a":1,"a":2}', '{"$tuple":[],"$tuple":[]}', '{"$frozenset":[[]]}', '{"$iterator":[{}]}'),
    *("[" * 70, "]" * 70, '{"$tuple":[' * 70, '{"a":' * 70, "\ufeff", "\ud800"),
]


def carried(value, depth=0):
    """Whether all of it is of exactly the types that the codec carries, and no deeper than it may."""
    kind = type(value)
    if kind not in CARRIED:
        return False
    if kind is type(iter([])):
        value = value.__reduce__()[1][0]
    elif kind is dict:
        value = [*value, *value.values()]
    elif kind not in (list, tuple, set, frozenset, deque):
        return True
    return depth < MAX_DEPTH and all(carried(item, depth + 1) for item in value)


@st.composite
def broken(draw):
    """A text that was valid before it was cut, spliced, doubled, flipped and stuffed."""
    text = encode(draw(anything))
    for _ in range(draw(st.integers(1, 4))):
        start = draw(st.integers(0, len(text)))
        end = draw(st.integers(start, min(start + 12, len(text))))
        match draw(st.integers(0, 5)):
            case 0:
                text = text[:start] + text[end:]
            case 1:
                text = text[:start] + draw(st.sampled_from(ODDITIES)) + text[end:]
            case 2:
                text = text[:start] + text[start:end] * 2 + text[end:]
            case 3:
                char = chr(ord(text[start]) ^ 1 << draw(st.integers(0, 6))) if text[start:] else ""
                text = text[:start] + char + text[start + 1 :]
            case 4:  # another tag
                tags = re.findall(r'"\$[a-z0-9]+"', text) or ['"']
                new = draw(st.sampled_from([odd for odd in ODDITIES if odd.startswith('"$')]))
                text = text.replace(draw(st.sampled_from(tags)), new, 1)
            case _:  # a piece of another text
                other = encode(draw(anything))
                text = text[:start] + other + text[end:]
    return text


@given(broken() | st.text(max_size=40) | st.lists(st.sampled_from(ODDITIES)).map("".join))
@settings(FUZZ, max_examples=500)
def test_a_broken_text_is_a_plain_value_or_is_refused(text):
    try:
        value = decode(text)
    except Undecodable:
        return
    assert carried(value)
    if '"$iterator"' in text or "$iterator" in json.dumps(json.loads(text)):
        return
    again = decode(encode(value))
    assert spelled_out(again) == spelled_out(value)


@given(broken())
@settings(FUZZ, max_examples=100)
def test_no_text_makes_a_type_or_a_handle_unless_asked_for(text):
    for given_types in (False, True):
        try:
            value = decode(text, types=given_types, ref=lambda number: number)
        except Undecodable:
            continue
        assert given_types or carried(value)


# --- digests --------------------------------------------------------------------------------------

numbers = st.sampled_from(
    [
        *(
            0,
            1,
            True,
            False,
            1.0,
            -0.0,
            0.5,
            1j,
            1 + 0j,
            0j,
            2**70,
            float(2**70),
            1e300,
            int(1e300),
        ),
        *(Decimal(1), Decimal("1.0"), Decimal("0.5"), Decimal("0.1"), Fraction(1, 2)),
        *(0.1, Fraction(1, 10), Fraction(1, 3), math.inf, Decimal("Infinity"), -math.inf),
        *(complex(0.0, -0.0), complex(-0.0, 2), complex(0, 2), 10**400, Decimal(10) ** 400),
        *(-1, -2, "1", "", None, b"", b"1", bytearray(b"1"), bytearray()),
        *(
            range(0),
            range(5, 5),
            range(0, 5, 9),
            range(1),
            range(3),
            range(0, 3, 1),
            range(0, 4, 2),
        ),
    ]
)
alike = st.recursive(
    numbers | st.sampled_from(["\ud83d\ude00", "\U0001f600", "a"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.lists(inner, max_size=2).map(tuple)
        | st.lists(inner, max_size=2).map(deque)
        | st.lists(numbers.filter(lambda n: type(n) is not bytearray), max_size=3).map(set)
        | st.lists(numbers.filter(lambda n: type(n) is not bytearray), max_size=3).map(frozenset)
        | st.dictionaries(st.sampled_from([1, 1.0, True, "a", (1,), (1.0,)]), inner, max_size=2)
    ),
    max_leaves=5,
)


@given(alike, alike)
@settings(FUZZ, max_examples=300)
def test_digests_are_equal_exactly_when_values_are(one, other):
    assert (digest(one) == digest(other)) == (one == other)


def disguised(value):
    """An equal value in other clothes: other number classes, other order."""
    kind = type(value)
    if kind is int and abs(value) < 2**50:
        return float(value)
    if kind is float and value.is_integer():
        return int(value)
    if kind is bytes:
        return bytearray(value)
    if kind in (list, tuple, deque):
        return kind(map(disguised, value))
    if kind is dict:
        return dict(reversed([(key, disguised(item)) for key, item in value.items()]))
    if kind in (set, frozenset):
        return (frozenset if kind is set else set)(reversed(list(value)))
    return value


@given(anything)
@settings(FUZZ, max_examples=200)
def test_an_equal_value_in_other_clothes_has_the_same_digest(value):
    other = disguised(value)
    assume('"nan"' not in encode(value))
    assert value == other
    assert digest(value) == digest(other) == digest(decode(encode(value)))
