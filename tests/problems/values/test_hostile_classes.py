"""No class's own code runs while a value is written: what it overrides, what its metaclass says."""

from collections import deque

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from problems.values import Unencodable, decode, digest, encode

BASES = {
    int: (7, 7),
    float: (1.5, 1.5),
    str: ("ab", "ab"),
    bytes: (b"ab", b"ab"),
    bytearray: (b"ab", bytearray(b"ab")),
    complex: (1j, 1j),
    list: ([1, (2,)], [1, (2,)]),
    tuple: ([1, 2], (1, 2)),
    dict: ({"a": 1}, {"a": 1}),
    set: ([1], {1}),
    frozenset: ([1], frozenset({1})),
    deque: ([1], deque([1])),
}
TRAPS = [
    "__iter__",
    "__len__",
    "__getitem__",
    "__contains__",
    "__bool__",
    "__eq__",
    "__ne__",
    "__lt__",
    "__hash__",
    "__index__",
    "__int__",
    "__float__",
    "__complex__",
    "__str__",
    "__repr__",
    "__bytes__",
    "__format__",
    "__getattribute__",
    "__getattr__",
    "__class__",
    "__reduce__",
    "__reduce_ex__",
    "__copy__",
    "__deepcopy__",
    "__sizeof__",
    "__dir__",
    "__length_hint__",
    "__reversed__",
    "__call__",
    "__neg__",
    "__add__",
    "__sub__",
    "__trunc__",
    "__round__",
    "__abs__",
    "keys",
    "items",
    "values",
    "get",
    "pop",
    "copy",
    "real",
    "imag",
    "hex",
    "decode",
    "encode",
    "bit_length",
    "is_integer",
    "as_integer_ratio",
    "item",
    "shape",
    "startswith",
    "isascii",
    "__missing__",
    "__array__",
    "__fspath__",
    "__json__",
    "__getstate__",
    "append",
    "extend",
]


def trapped(base, names, faults, metaclass_names=()):
    """A subclass of `base` whose named methods and properties do something nasty."""

    def trap(name):
        def method(*_, **__):
            faults.append(name)
            raise SystemExit(name)

        return property(method) if name in ("__class__", "real", "imag", "shape") else method

    meta = type("Meta", (type,), {name: trap(name) for name in metaclass_names})
    return meta("Trapped", (base,), {name: trap(name) for name in names})


@given(st.sampled_from([*BASES]), st.sets(st.sampled_from(TRAPS)), st.booleans())
@settings(deadline=None, max_examples=200)
def test_a_hostile_subclass_is_read_through_its_base_and_runs_nothing(base, names, lonely):
    faults = []
    content, wanted = BASES[base]
    evil = trapped(base, names, faults)
    value = base.__new__(evil, content)
    if base in (list, dict, set, deque, bytearray):
        base.__init__(value, content)
    faults.clear()
    back = decode(encode(value)) if lonely else decode(encode([1, value]))[1]
    told = digest([value])
    assert faults == []
    assert type(back) is base and back == wanted and told == digest([wanted])


@given(st.sets(st.sampled_from(TRAPS)), st.booleans())
@settings(deadline=None, max_examples=100)
def test_a_hostile_object_is_refused_by_its_real_name_and_runs_nothing(names, nested):
    faults = []
    value = object.__new__(trapped(object, names, faults))
    with pytest.raises(Unencodable, match=r"^Trapped$"):
        encode({"a": [value]} if nested else value)
    with pytest.raises(Unencodable, match=r"^Trapped$"):
        digest([value])
    assert faults == []


METATRAPS = ["__instancecheck__", "__subclasscheck__", "__eq__", "__getattribute__", "__name__"]
METATRAPS += ["__call__", "__iter__", "__len__", "__bool__", "__repr__", "mro_", "__contains__"]


@given(st.sampled_from([object, *BASES]), st.sets(st.sampled_from(METATRAPS)))
@settings(deadline=None, max_examples=100)
def test_no_metaclass_is_asked(base, names):
    faults = []
    evil = trapped(base, (), faults, names)
    content, wanted = BASES.get(base, ((), None))
    value = base.__new__(evil, *(content,) if base is not object else ())
    if base in (list, dict, set, deque, bytearray):
        base.__init__(value, content)
    for carrier in (value, [1, value], {"a": value}):
        if base is object:
            with pytest.raises(Unencodable, match=r"^Trapped$"):
                encode(carrier)
        else:
            assert encode(carrier) == encode(
                [1, wanted]
                if type(carrier) is list
                else {"a": wanted}
                if type(carrier) is dict
                else wanted
            )
    assert faults == []


def test_a_class_that_says_it_is_another_is_what_it_is():
    class Seven:
        __class__ = int

        def __index__(self):
            return 7

    with pytest.raises(Unencodable, match=r"^Seven$"):
        encode([Seven()])
