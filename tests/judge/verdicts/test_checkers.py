"""Checkers say what they promise, of honest answers and of forged ones."""

import math
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from judge.verdicts.checkers import CHECKERS, UNDECIDED, matches
from problems.problem import CHECKER_NAMES, Checker
from problems.values import Undecodable, Wire, decode, digest, encode


def says(name, claimed, *accepted, **options):
    return matches(Checker(name, **options), encode(claimed), tuple(map(encode, accepted)))


@pytest.mark.parametrize(
    ("claimed", "accepted", "right"),
    [
        (1, 1, True),
        (1, 1.0, True),
        (True, 1, True),
        ([1, 2], (1, 2), False),
        ("1", 1, False),
        (None, False, False),
        ({1, 2}, {2, 1}, True),
        ({"a": 1, "b": 2}, {"b": 2, "a": 1}, True),
        ([[]], [()], False),
        (math.nan, math.nan, False),
        ([math.nan], [math.nan], False),
        (2**64, 2**64 + 1, False),
        (0.1 + 0.2, 0.3, False),
    ],
)
def test_exact_is_equality_of_exact_types(claimed, accepted, right):
    assert says("exact", claimed, accepted) is right


@pytest.mark.parametrize(
    ("claimed", "accepted", "right"),
    [
        (0.1 + 0.2, 0.3, True),
        (1e-7, 0, True),
        (1.00001, 1.0, False),
        (1_000_000.5, 1_000_000, True),
        (10**17, 10**17 + 1, False),
        (5e16, 5e16 + 8, True),
        (math.nan, math.nan, False),
        (math.inf, math.inf, True),
        (math.inf, 1.0, False),
        (1.0, math.inf, False),
        (10**400, 1.0, False),
        ([1.0, (2.0, {"a": 3.0})], [1.0, (2.0000001, {"a": 3})], True),
        ([1.0], (1.0,), False),
        ([1.0, 2.0], [1.0], False),
        ({"a": 1.0}, {"b": 1.0}, False),
        (True, 1.0000001, False),
        ("1.0", "1.0000001", True),
        ("1.0 2", "1.0000001 2", True),
        ("1.0 x", "1.0000001 y", False),
        ("nan", "1.0", False),
    ],
)
def test_floats_have_a_tolerance_and_nothing_else_has(claimed, accepted, right):
    assert says("floats", claimed, accepted, absolute=1e-6, relative=1e-6) is right


@pytest.mark.parametrize(
    ("claimed", "accepted", "depth", "right"),
    [
        ([3, 1, 2], [1, 2, 3], 1, True),
        ([1, 1, 2], [1, 2, 2], 1, False),
        ([[2, 1], [3]], [[3], [1, 2]], 2, True),
        ([[2, 1], [3]], [[3], [1, 2]], 1, False),
        ([1, 2], (2, 1), 1, False),
        ([1, 1.0, True], [True, 1, 1], 1, True),
        ([{"a": [1, 2]}], [{"a": [2, 1]}], 1, False),
        ([{1, 2}, None], [None, {2, 1}], 1, True),
        (["a", "b"], ["b", "c"], 1, False),
        (7, 7, 1, True),
    ],
)
def test_unordered_forgets_order_to_its_depth(claimed, accepted, depth, right):
    assert says("unordered", claimed, accepted, depth=depth) is right


def test_unordered_may_have_a_tolerance_too():
    assert says("unordered", [2.0, 1.0], [1.0000001, 2.0], depth=1, absolute=1e-6)
    assert not says("unordered", [2.0, 2.0], [1.0, 2.0], depth=1, absolute=1e-6)


@given(st.lists(st.integers(-5, 5) | st.text(max_size=2)), st.randoms())
def test_any_shuffle_is_the_same_multiset(items, random):
    shuffled = items[:]
    random.shuffle(shuffled)
    assert says("unordered", shuffled, items, depth=1)
    assert not says("unordered", [*shuffled, 0], items, depth=1)


@pytest.mark.parametrize(
    ("name", "claimed", "accepted", "right"),
    [
        ("tokens", "1  2\n3", "1 2 3\n", True),
        ("tokens", "12 3", "1 23", False),
        ("tokens", "1 2 3 4", "1 2 3", False),
        ("lines", "a  \nb\n\n\n", "a\nb", True),
        ("lines", "a\n\nb", "a\nb", False),
        ("lines", " a", "a", False),
        ("lines", "", "a", False),
        ("lines", "a\r\nb\r\n", "a\nb\n", True),
        ("members", [1, 2, 2], [2, 1], True),
        ("members", [1], [2], False),
        ("members", [[1]], [[1]], True),
        ("members", 7, [7], False),
        ("presence", "found", True, True),
        ("presence", None, True, False),
        ("presence", False, None, True),
        ("evalplus", 1.0000001, 1.0, True),
        ("evalplus", 1, 1.0000001, False),
        ("evalplus", [1.0], [1.0000001], True),
        ("evalplus", (1.0,), [1.0000001], False),
    ],
)
def test_the_other_checkers_keep_their_word(name, claimed, accepted, right):
    assert says(name, claimed, accepted) is right


def test_any_accepted_answer_will_do():
    assert says("exact", 2, 1, 2, 3) and not says("exact", 4, 1, 2, 3)
    assert not says("exact", 4)


@pytest.mark.parametrize("name", [*CHECKERS])
def test_no_checker_takes_a_forged_claim(name):
    for text in ("", "passed", '{"$pickle":1}', '{"$set":[1,1]}', "[" * 100_000, "1" * 10_000):
        with pytest.raises(Undecodable):
            matches(Checker(name), Wire(text), (encode(1),))


def test_a_value_too_large_to_send_is_compared_by_its_digest():
    giant = ["x"] * 1000
    assert matches(Checker(), digest(giant), (digest(list(giant)),))
    assert not matches(Checker(), digest(giant), (digest(giant[1:]),))
    assert not matches(Checker(), digest(giant), (encode(1),))
    assert matches(Checker(), digest([*giant, 2]), (encode([*giant, 2.0]),))


@given(st.integers() | st.floats(allow_nan=False) | st.text() | st.lists(st.integers()))
def test_every_checker_accepts_what_is_accepted(value):
    for name in CHECKERS:
        if name in ("tokens", "lines", "members") and not isinstance(value, str):
            continue
        assert says(name, value, decode(encode(value)))


@pytest.mark.parametrize("name", [*CHECKERS])
def test_no_claim_is_beyond_a_checker(name):
    for bomb in (range(10**12), [10**5000], 10**5000, [1e308], {1: 2}, b"x"):
        with suppress(Undecodable):
            wanted = encode(None if name == "presence" else [1.5])
            assert not matches(Checker(name, 1e-6, 1e-6, 1), encode(bomb), (wanted,))


def test_every_name_that_a_set_may_use_is_a_checker():
    assert {*CHECKERS, UNDECIDED} == set(CHECKER_NAMES)


def test_infinity_is_no_wildcard():
    assert not says("evalplus", 5.0, math.inf, absolute=1e-6, relative=1e-7)
    assert not says("evalplus", [math.inf], [1.0], absolute=1e-6, relative=1e-7)
    assert says("evalplus", math.inf, math.inf)
