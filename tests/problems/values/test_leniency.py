"""The leniency table of docs/codec.md: honest classes flattened, the rest refused by name, and no
class's own code run either way."""

import decimal
import enum
import re
from collections import Counter, OrderedDict, defaultdict, deque, namedtuple
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction

import pytest

from problems.values import Unencodable, decode, digest, encode

Pair = namedtuple("Pair", "x y")
Colour = enum.IntEnum("Colour", "RED")
Word = enum.StrEnum("Word", {"A": "a"})
own = {
    base: type("Own", (base,), {}) for base in (int, float, str, bytes, bytearray, complex, list)
}
own |= {base: type("Own", (base,), {}) for base in (tuple, dict, set, frozenset, deque)}
own |= {base: type("Own", (base,), {}) for base in (Decimal, Fraction)}


def moved():
    order = OrderedDict(a=1, b=2, c=3)
    order.move_to_end("a")
    return order


FLATTENED = [
    (Counter("aab"), {"a": 2, "b": 1}),
    (OrderedDict(b=1, a=2), {"b": 1, "a": 2}),
    (moved(), {"b": 2, "c": 3, "a": 1}),
    (defaultdict(list, {1: [2]}), {1: [2]}),
    (Pair(1, (2,)), (1, (2,))),
    (Colour.RED, 1),
    ({Colour.RED: [Colour.RED]}, {1: [1]}),
    (Word.A, "a"),
    ({Word.A: 1}, {"a": 1}),
    (deque([1, 2], maxlen=3), deque([1, 2])),
    (range(3), range(3)),
    ({1: 2}.keys(), [1]),
    ({1: 2}.values(), [2]),
    ({1: 2}.items(), [(1, 2)]),
    (Decimal("1.50"), Decimal("1.50")),
    (Decimal("-0E+3"), Decimal("-0E+3")),
    (Fraction(1, 3), Fraction(1, 3)),
    (Fraction(-7), Fraction(-7)),
    (bytearray(b"\x00\xff"), bytearray(b"\x00\xff")),
    (own[int](7), 7),
    (own[int](2**9_000), 2**9_000),
    (own[float](-0.0), -0.0),
    (own[float]("inf"), float("inf")),
    (own[str]("$\ud83d\ude00"), "$\ud83d\ude00"),
    (own[bytes](b"a"), b"a"),
    (own[bytearray](b"a"), bytearray(b"a")),
    (own[complex](1, -2), complex(1, -2)),
    (own[list]([1, [2]]), [1, [2]]),
    (own[tuple]((1,)), (1,)),
    (own[dict]({1: 2}), {1: 2}),
    (own[set]({1}), {1}),
    (own[frozenset]({1}), frozenset({1})),
    (own[deque]([1]), deque([1])),
    (own[Decimal]("0.1"), Decimal("0.1")),
    (own[Fraction](1, 3), Fraction(1, 3)),
]


@pytest.mark.parametrize(("given_", "wanted"), FLATTENED, ids=lambda value: ascii(value)[:30])
def test_an_honest_class_is_flattened_to_its_base(given_, wanted):
    for carrier in (
        lambda value: value,
        lambda value: [value, (value,)],
        lambda value: {"k": value},
    ):
        back = decode(encode(carrier(given_)))
        assert type(back) is type(carrier(wanted)) and repr(back) == repr(carrier(wanted))
    assert digest([given_] * 2) == digest([wanted] * 2)


def test_an_iterator_stays_an_iterator_and_never_equals_a_list():
    nothing = ((), [], "", range(0), {}, set(), {}.values(), {}.items(), reversed([1]))
    made = [
        iter([1, (2,)]),
        map(int, "1"),
        filter(None, [1]),
        zip("a"),
        enumerate("a"),
        (_ for _ in "a"),
    ]
    for iterator in [*made, *map(iter, nothing)]:
        back = decode(encode(iterator))
        assert back != list(back) and next(back, None) is None
    back = decode(encode(iter([1, (2,)])))
    assert list(back) == [1, (2,)]


def test_what_a_decimal_says_in_another_context_is_the_same():
    with decimal.localcontext(decimal.Context(capitals=0, prec=2)):
        assert decode(encode(Decimal("1.2345E+9"))) == Decimal("1.2345E+9")


def test_every_decimal_nan_is_the_one_nan():
    for odd in ("NaN", "-NaN", "NaN123"):
        assert encode(Decimal(odd)) == '{"$decimal":"NaN"}'


def test_what_was_carried_of_a_match_is_not_handed_back_as_one():
    with pytest.raises(ZeroDivisionError):
        encode([decode(encode(re.match("a", "a")))], lambda _: 1 // 0)


@dataclass
class Point:
    x: int


async def coroutine():
    pass


@pytest.mark.parametrize(
    ("value", "name"),
    [
        (object(), "object"),
        (lambda: 1, "function"),
        (len, "builtin_function_or_method"),
        (Point(1), "Point"),
        (Point, "type"),
        (enum.IntEnum, "EnumType"),
        (re, "module"),
        (re.compile("a"), "Pattern"),
        (Ellipsis, "ellipsis"),
        (NotImplemented, "NotImplementedType"),
        (memoryview(b"a"), "memoryview"),
        (slice(1), "slice"),
        (ValueError("x"), "ValueError"),
        (enum.Enum("Plain", "A").A, "Plain"),
        (Decimal("sNaN"), "Decimal sNaN"),
        (Decimal("1" * 5_001), "Decimal of more than 5000 digits"),
        (Fraction(10**4_000, 3), "Fraction of more than 4000 digits"),
        ((_ for _ in range(100_001)), "generator of more than 100000 items"),
        (iter(lambda: 1, 2), "callable_iterator"),
    ],
    ids=lambda value: (
        value[:30] if isinstance(value, str) else ""
    ),  # an address is never twice the same
)
def test_what_is_not_carried_is_refused_by_name(value, name):
    for carrier in (lambda it: it, lambda it: [1, it], lambda it: {"k": (it,)}):
        with pytest.raises(Unencodable, match=f"^{name}$"):
            encode(carrier(value if "generator" not in name else (_ for _ in range(100_001))))


def test_an_unknown_class_becomes_a_handle_only_where_asked_for():
    numbers = []

    def refer(thing):
        numbers.append(thing)
        return len(numbers) - 1

    thing = Point(1)
    assert encode([thing, Pair(1, thing)], refer) == '[{"$ref":0},{"$tuple":[1,{"$ref":1}]}]'
    assert numbers == [thing, thing]
    for refused in (Point, Decimal("sNaN"), (_ for _ in range(100_001))):
        with pytest.raises(Unencodable):
            encode(refused, refer)


def test_keys_that_flattening_makes_equal_are_refused():
    class Key(str):
        __slots__ = ()
        __hash__ = object.__hash__

        def __eq__(self, other):
            return self is other

    with pytest.raises(Unencodable, match="keys"):
        encode({Key("a"): 1, Key("a"): 2})


# --- numpy, which the codec never imports ---------------------------------------------------------


def test_numpy_scalars_are_numbers_and_arrays_are_refused():
    numpy = pytest.importorskip("numpy")
    scalars = {
        numpy.int64(-7): -7,
        numpy.uint8(255): 255,
        numpy.float64(0.1): 0.1,
        numpy.float32(0.5): 0.5,
        numpy.bool_(1): True,
        numpy.str_("a"): "a",
        numpy.complex128(1j): 1j,
        numpy.array(5).sum(): 5,
    }
    for given_, wanted in scalars.items():
        for carrier in (lambda value: value, lambda value: [1, value], lambda value: {1: value}):
            back = decode(encode(carrier(given_)))
            assert back == carrier(wanted) and type(back) is type(carrier(wanted))
        assert encode(given_, lambda _: 1) == encode(wanted)
    assert encode(numpy.array(5)) == "5"
    for refused in (numpy.zeros(1), numpy.zeros((2, 2)), numpy.zeros(1).view(numpy.recarray)):
        with pytest.raises(Unencodable, match=r"^(ndarray|recarray)$"):
            encode([refused])
    for refused in (numpy.datetime64("2020-01-01"), numpy.longdouble(1)):
        with pytest.raises(Unencodable):
            encode(refused)
