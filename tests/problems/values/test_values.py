"""The codec carries exact types, both ways, and builds nothing that a hostile text asks for."""

import math
import re
import struct
import subprocess
import sys
from collections import deque
from decimal import Decimal
from fractions import Fraction
from pathlib import Path

import pytest

from problems.values import Undecodable, decode, digest, encode
from problems.values.form import MAX_BYTES, REPLY_BYTES
from problems.values.reading import Digest, Match

ROOT = Path(__file__).parents[3]


# --- exact, bit by bit ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    "value",
    [
        *(math.inf, -math.inf, 0.0, -0.0, 0.1 + 0.2, 5e-324, -5e-324, 2.2250738585072011e-308),
        *(1.7976931348623157e308, 1e16, 1e22, 123456789.123456789),
    ],
    ids=repr,
)
def test_a_float_keeps_every_bit_alone_and_among_others(value):
    for back in (decode(encode(value)), decode(encode([1, value, "a"]))[1]):
        assert struct.pack(">d", back) == struct.pack(">d", value)


def test_every_nan_is_the_one_nan_whatever_its_bits():
    odd = struct.unpack(">d", bytes.fromhex("fff8000000000001"))[0]
    assert encode(odd) == encode(math.nan) == '{"$float":"nan"}'
    back = decode(encode([odd, math.nan]))
    assert all(map(math.isnan, back)) and back[0] is not back[1]


@pytest.mark.parametrize("power", [2_400, 2_466, 2_467, 4_299, 4_300, 5_000, 1_000_000])
def test_integers_have_no_limit(power):
    huge = 2 ** int(power * math.log2(10))
    for value in (huge, -huge, [0, huge], (1, [-huge]), {huge: "a"}, {1, huge}):
        assert decode(encode(value)) == value


def test_a_million_digits_cost_in_proportion_to_their_number(cpu):
    def there_and_back(bits):
        value = (1 << bits) - 1
        return cpu(lambda: decode(encode([value])))

    assert there_and_back(6_400_000) < 30 * there_and_back(640_000) + 0.02


@pytest.mark.parametrize("limit", [0, 640, 1_000_000])
def test_a_process_that_changed_its_limit_of_digits_reads_and_writes_the_same(limit):
    values = [
        7,
        2**2_000,
        2**2_100,
        -(2**2_200),
        2**8_192,
        2**20_000,
        [2**2_200, 1, 1.5],
        [2**2_200],
    ]
    usual = [encode(value) for value in values]
    before = sys.get_int_max_str_digits()
    sys.set_int_max_str_digits(limit)
    try:
        assert [decode(encode(value)) for value in values] == values
        assert [decode(text) for text in usual] == values
        assert [digest(value) for value in values] == [digest(decode(text)) for text in usual]
        with pytest.raises(Undecodable):
            decode("1" * 4_301)
    finally:
        sys.set_int_max_str_digits(before)
    assert [digest(value) for value in values] == [digest(decode(text)) for text in usual]


def test_a_long_number_is_hex_wherever_it_stands():
    for before in range(0, 6_001, 250):
        value = ["x" * before, 10**2_466, -(10**4_200), 10**2_465, "9" * 3_000]
        text = encode(value)
        assert decode(text) == value
        assert not re.search(r"(?<![0-9\"])[0-9]{2468}", text)


@pytest.mark.parametrize(
    "value",
    [
        *("\ud83d\ude00", "\U0001f600", "a\ud83d", "\ude00\ud83d", "\ud800\udc00\ud800\udc00"),
        *("\x00", "\\ud83d\\ude00", "\udcff", "\u2028", "$tuple", "\xe9\xe9", '"', "\x7f\x1b"),
    ],
    ids=ascii,
)
def test_a_string_keeps_every_character_as_value_key_and_member(value):
    for carrier in (value, [value, 1], {value: value}, {value}, (1, {value: [value]}), [(value,)]):
        text = encode(carrier)
        assert text.isascii() and "\n" not in text and "\x00" not in text
        assert decode(text) == carrier


def test_halves_of_characters_are_told_from_whole_ones():
    assert encode("\ud83d\ude00") != encode("\U0001f600")
    assert digest("\ud83d\ude00") != digest("\U0001f600")
    assert digest(["\ud83d\ude00"]) != digest(["\U0001f600"])


def test_keys_of_all_kinds_are_kept_in_their_order():
    for keys in (
        [1, 2, "1"],
        [True, 0, "True"],
        [1.5, None, (1, "a")],
        ["$a", "b"],
        ["b", "a", ""],
    ):
        back = decode(encode(dict.fromkeys(keys, 0)))
        assert [(type(key), key) for key in back] == [(type(key), key) for key in keys]


@pytest.mark.parametrize(
    "text", ['{"$dict":[[1,2],[true,3]]}', '{"$dict":[[1,2],[1.0,3]]}', '{"$set":[0,false]}']
)
def test_keys_and_members_that_are_equal_are_twice_the_same(text):
    with pytest.raises(Undecodable, match="duplicate"):
        decode(text)


def test_a_set_that_a_literal_would_size_otherwise_keeps_its_order():
    literal = {40, 8, 2, 72, 16, 33}
    assert list(decode(encode(literal))) == list(literal)
    assert list(decode(encode(frozenset(literal)))) == list(frozenset(literal))


def test_what_the_sandbox_made_of_a_match_and_a_giant_is_carried_on():
    match = decode(encode(re.search("b+", "abbc")))
    assert match == Match(1, "bb") and decode(encode(match)) == match
    giant = decode(digest([1] * 9))
    assert type(giant) is Digest and encode(giant) == digest([1] * 9)


# --- texts ----------------------------------------------------------------------------------------


REFUSED = [
    r"nope",
    r"NaN",
    r"-Infinity",
    r"tru",
    r"01",
    r"1.",
    r"+1",
    r"0x1",
    r"1_0",
    r"[1,]",
    r"[1|2]",
    r"1|1",
    r"|1",
    r"1|",
    r'{"a":1,}',
    r"{1:2}",
    r"\u0031",
    r'{"$set":[1,1]}',
    r'{"$set":[[1]]}',
    r'{"$set":1}',
    r'{"$set":{"a":1}}',
    r'{"$tuple":"ab"}',
    r'{"$frozenset":[{}]}',
    r'{"$dict":[[1,2,3]]}',
    r'{"$dict":["ab"]}',
    r'{"$dict":[[1,2],[1,3]]}',
    r'{"$dict":{"a":1}}',
    r'{"$dict":[[{"$tuple":[[]]},1]]}',
    r'{"$dict":[{"$tuple":[1,2]}]}',
    r'{"$set":[0,false]}',
    r'{"a":1,"a":2}',
    r'{"$a":1,"b":2}',
    r'{"b":2,"$a":1}',
    r'{"$tuple":[1],"$tuple":[2]}',
    r'{"$pickle":"gASVBQ"}',
    r'{"$type":"int"}',
    r'{"$ref":0}',
    r'{"$":1}',
    r'{"$Tuple":[]}',
    r'{"$complex":["1","2"]}',
    r'{"$complex":[1,2]}',
    r'{"$complex":[1.0]}',
    r'{"$complex":1.0}',
    r'{"$int":"|0x_1|"}',
    r'{"$int":"0X1F"}',
    r'{"$int":"0x"}',
    r'{"$int":31}',
    r'{"$int":"0x1\n"}',
    r'{"$int":"\uff11"}',
    r'{"$bytes":"a|b"}',
    r'{"$bytes":"abc"}',
    r'{"$bytes":"AB"}',
    r'{"$bytes":[1]}',
    r'{"$bytearray":"0"}',
    r'{"$float":"infinity"}',
    r'{"$float":"1.5"}',
    r'{"$float":1.5}',
    r'{"$float":"NaN"}',
    r'{"$range":[1,2,0]}',
    r'{"$range":[1,2]}',
    r'{"$range":[1,2.0,1]}',
    r'{"$range":[1,true,1]}',
    r'{"$decimal":"1e999999999"}',
    r'{"$decimal":"sNaN"}',
    r'{"$decimal":"1E+9999999"}',
    r'{"$decimal":"|1"}',
    r'{"$decimal":1}',
    r'{"$fraction":"1/0"}',
    r'{"$fraction":"1.5"}',
    r'{"$fraction":"\uff11"}',
    r'{"$str":["a","b"]}',
    r'{"$str":["\ud83d"]}',
    r'{"$str":"a"}',
    r'{"$str":["\ud83d",1]}',
    r'{"$sha256":"zz"}',
    r'{"$match":[1]}',
    r'{"$match":["1","a"]}',
    r'{"$match":[true,"a"]}',
    r'{"$iterator":{"a":1}}',
]
"""Parted by white space; a bar stands for a space within."""


@pytest.mark.parametrize(
    "text",
    [text.replace("|", " ") for text in REFUSED]
    + ["", '"\x00"', '"\n"', '"\xe9"', "[\uff11]", "\ud800", '{"$sha256":"' + "0" * 65 + '"}']
    + ["[" * 100_000, "1" * 5_000, "[" * 500 + "]" * 500],
    ids=lambda text: ascii(text)[:40],
)
def test_what_encode_would_not_write_is_refused(text):
    with pytest.raises(Undecodable):
        decode(text)


def test_types_and_handles_are_admitted_only_where_asked_for():
    assert decode('{"$type":"int"}', types=True) is int
    assert decode('[{"$ref":3}]', ref=lambda number: number + 1) == [4]
    assert decode('[{"\\u0024ref":3}]', ref=lambda number: number + 1) == [4]
    for text in ('{"$type":"eval"}', '{"$type":["int"]}', '{"$type":"type"}', '{"$ref":3}'):
        with pytest.raises(Undecodable):
            decode(text, types=True)
    for text in ('{"$ref":-1}', '{"$ref":true}', '{"$ref":"0"}', '{"$ref":9}', '{"$type":"int"}'):
        with pytest.raises(Undecodable):
            decode(text, ref=[].__getitem__)


def test_reading_executes_imports_and_opens_nothing():
    """Heard by an audit hook in a process of its own; one event while reading and it exits with 1."""
    program = """
import os, sys
from problems.values import Undecodable, decode
armed = []
sys.addaudithook(lambda event, _: armed and os._exit(1))
for text in eval(sys.stdin.read()):
    armed.append(1)
    try:
        decode(text, types=True, ref=lambda number: number)
    except Undecodable:
        pass
    armed.clear()
"""
    texts = [text.replace("|", " ") for text in REFUSED]
    texts += [encode(each) for each in (Decimal(1), Fraction(1, 3), deque([1]), {1: {2}}, 2**9_000)]
    done = subprocess.run(
        [sys.executable, "-c", program],
        input=ascii(texts),
        text=True,
        cwd=ROOT,
        env={"PYTHONPATH": str(ROOT)},
        check=False,
    )
    assert done.returncode == 0


def test_replies_are_capped_at_four_mebibytes_and_sixteen_at_most():
    assert (REPLY_BYTES, MAX_BYTES) == (4 * 2**20, 16 * 2**20)
