"""The codec carries exact types, both ways, and builds nothing that a hostile text asks for."""

import json
import math
import time
from collections import Counter, OrderedDict, defaultdict, deque, namedtuple
from decimal import Decimal
from enum import IntEnum
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from problems.values import Undecodable, Unencodable, decode, digest, encode

scalars = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False)
    | st.text()
    | st.binary()
    | st.complex_numbers(allow_nan=False)
)
hashables = st.recursive(
    scalars, lambda inner: st.tuples(inner, inner) | st.frozensets(inner, max_size=3), max_leaves=6
)
anything = st.recursive(
    hashables,
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.tuples(inner, inner)
        | st.sets(hashables, max_size=4)
        | st.dictionaries(hashables, inner, max_size=4)
    ),
    max_leaves=8,
)


def typed(value):
    """The value with every type spelled out, so that 1, 1.0 and True differ."""
    kind = type(value).__name__
    if isinstance(value, list | tuple):
        return (kind, [typed(item) for item in value])
    if isinstance(value, dict):
        return (kind, [(typed(k), typed(v)) for k, v in value.items()])
    if isinstance(value, set | frozenset):
        return (kind, sorted(map(repr, map(typed, value))))
    return (kind, repr(value))


@given(anything)
@settings(max_examples=300, deadline=None)
def test_a_value_comes_back_with_its_exact_types(value):
    text = encode(value)
    assert text.isascii() and "\n" not in text
    assert typed(decode(text)) == typed(value)


def test_numbers_are_bit_exact():
    for value in (math.inf, -math.inf, -0.0, 0.1 + 0.2, 5e-324, 10**5000, -(2**70)):
        back = decode(encode(value))
        assert type(back) is type(value) and back == value
        assert (str(back)[0] if back == 0 else "") == (str(value)[0] if value == 0 else "")


def test_nan_comes_back_as_nan():
    assert math.isnan(decode(encode(math.nan)))


@pytest.mark.parametrize(
    ("given", "wanted"),
    [
        (Counter("aab"), {"a": 2, "b": 1}),
        (OrderedDict(b=1, a=2), {"b": 1, "a": 2}),
        (defaultdict(list, {1: [2]}), {1: [2]}),
        (namedtuple("P", "x y")(1, 2), (1, 2)),
        (IntEnum("E", "A").A, 1),
        (deque([1, 2]), deque([1, 2])),
        (range(3), range(3)),
        ({1: 2}.keys(), [1]),
        (Decimal("1.50"), Decimal("1.50")),
        (Fraction(1, 3), Fraction(1, 3)),
    ],
)
def test_subclasses_are_flattened_to_their_base(given, wanted):
    back = decode(encode(given))
    assert type(back) is type(wanted) and back == wanted


def test_an_iterator_stays_an_iterator_and_never_equals_a_list():
    back = decode(encode(iter([1, 2])))
    assert back != [1, 2] and list(back) == [1, 2]


def test_a_lying_subclass_is_read_through_its_base():
    class Liar(list):
        def __iter__(self):
            return iter([9, 9, 9])

        def __len__(self):
            return 3

        def __eq__(self, other):
            return True

        __hash__ = None

    assert decode(encode(Liar([1]))) == [1]


def test_an_endless_iteration_does_not_hang():
    class Endless(dict):
        def items(self):
            while True:
                yield 1, 1

    assert decode(encode(Endless(a=1))) == {"a": 1}


@pytest.mark.parametrize(
    ("value", "word"),
    [
        (object(), "object"),
        (lambda: 1, "function"),
        (type("K", (), {})(), "K"),
        (type("K", (), {}), "type"),
    ],
)
def test_what_is_not_carried_is_refused_by_name(value, word):
    with pytest.raises(Unencodable, match=word):
        encode(value)


def test_a_cycle_is_refused_by_name():
    loop = []
    loop.append(loop)
    with pytest.raises(Unencodable, match="cyclic"):
        encode(loop)


def test_sharing_that_explodes_is_refused_by_name():
    block = [0] * 10
    for _ in range(20):
        block = [block, block]
    with pytest.raises(Unencodable, match="shared"):
        encode(block)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "nope",
        "NaN",
        "Infinity",
        '{"$set":[1,1]}',
        '{"$set":[[1]]}',
        '{"$set":1}',
        '{"$dict":[[1,2,3]]}',
        '{"$dict":[[1,2],[1,3]]}',
        '{"$dict":[[{"$tuple":[[]]},1]]}',
        '{"a":1,"a":2}',
        '{"$a":1,"b":2}',
        '{"$pickle":"gASVBQ"}',
        '{"$type":"int"}',
        '{"$ref":0}',
        '{"$complex":["1","2"]}',
        '{"$complex":[1,2]}',
        '{"$int":" 0x_1 "}',
        '{"$int":"0X1F"}',
        '{"$bytes":"a b"}',
        '{"$bytes":"abc"}',
        '{"$float":"infinity"}',
        '{"$range":[1,2,0]}',
        '{"$range":[1,2]}',
        '{"$decimal":"1e999999999"}',
        '{"$fraction":"1/0"}',
        '{"$sha256":"zz"}',
        '{"$match":[1]}',
        "[" * 100_000,
        "[" * 500 + "]" * 500,
        "1" * 5_000,
        "\ud800",
    ],
)
def test_what_encode_would_not_write_is_refused(text):
    with pytest.raises(Undecodable):
        decode(text)


def test_types_and_handles_are_admitted_only_where_asked_for():
    assert decode('{"$type":"int"}', types=True) is int
    assert decode('{"$ref":3}', ref=lambda number: number + 1) == 4
    with pytest.raises(Undecodable):
        decode('{"$type":"eval"}', types=True)


def test_a_flood_of_equal_hashes_costs_no_more_than_an_honest_set():
    def seconds(rows):
        text = json.dumps({"$set": [{"$tuple": row} for row in rows]})
        started = time.process_time()
        try:
            decode(text)
            refused = False
        except Undecodable:
            refused = True
        return time.process_time() - started, refused

    bits = [[-1 if number >> bit & 1 else -2 for bit in range(15)] for number in range(2**15)]
    honest = [[number >> bit & 1 for bit in range(15)] for number in range(2**15)]
    flooded, refused = seconds(bits)
    usual, kept = seconds(honest)
    assert refused and not kept
    assert flooded < 5 * usual


def test_a_set_that_a_literal_would_size_otherwise_keeps_its_order():
    literal = {40, 8, 2, 72, 16, 33}
    assert list(decode(encode(literal))) == list(literal)


@given(st.lists(st.integers(-3, 3) | st.booleans() | st.just(2.0), max_size=6))
def test_equal_values_have_equal_digests(values):
    assert digest(values) == digest([float(value) for value in values])
    assert digest(tuple(values)) != digest(values)
    assert digest(set(values)) == digest(set(reversed(values)))


def test_different_giants_have_different_digests():
    assert digest(["a"] * 1000) != digest(["a"] * 999 + ["b"])
    assert digest([1, 23]) != digest([12, 3])
    assert digest(["1", 2]) != digest([1, "2"])
