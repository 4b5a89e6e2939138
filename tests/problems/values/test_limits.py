"""Depth, items and bytes are bounded on both sides; cycles and explosions have names."""

import json
import tracemalloc
from collections import OrderedDict, defaultdict, deque

import pytest

from problems.values import Undecodable, Unencodable, decode, digest, encode
from problems.values.form import MAX_BYTES, MAX_DEPTH, MAX_ITEMS, MAX_ITERATED, TooMany

# --- depth ----------------------------------------------------------------------------------------

WRAPS = {
    "list": (lambda inner: [inner], "[%s]"),
    "tuple": (lambda inner: (inner,), '{"$tuple":[%s]}'),
    "dict": (lambda inner: {"a": inner}, '{"a":%s}'),
    "dict of pairs": (lambda inner: {1: inner}, '{"$dict":[[1,%s]]}'),
    "frozenset": (lambda inner: frozenset([inner]), '{"$frozenset":[%s]}'),
    "deque": (lambda inner: deque([inner]), '{"$deque":[%s]}'),
    "iterator": (lambda inner: iter([inner]), '{"$iterator":[%s]}'),
    "view": (lambda inner: {1: inner}.values(), "[%s]"),
    "defaultdict": (lambda inner: defaultdict(int, a=inner), '{"a":%s}'),
}


def nested(wrap, depth):
    value = 7
    for _ in range(depth):
        value = wrap(value)
    return value


@pytest.mark.parametrize("name", WRAPS)
def test_sixty_four_levels_are_carried_and_one_more_is_refused_on_either_side(name):
    wrap, form = WRAPS[name]
    text = nested(lambda inner: form % inner, MAX_DEPTH)
    assert encode(nested(wrap, MAX_DEPTH)) == text
    decode(text)
    for more in (1, 2, 70, 900):
        with pytest.raises(Unencodable, match=r"^nested deeper than 64 levels$"):
            encode(nested(wrap, MAX_DEPTH + more))
        with pytest.raises(Undecodable, match=r"^nested deeper than 64 levels$"):
            decode(nested(lambda inner: form % inner, MAX_DEPTH + more))
        with pytest.raises(Unencodable):
            digest(nested(wrap, MAX_DEPTH + more))


def test_a_key_counts_as_deep_as_a_value():
    key = nested(lambda inner: (inner,), MAX_DEPTH - 1)
    text = encode({key: 1})
    assert decode(text) == {key: 1}
    with pytest.raises(Unencodable, match="nested"):
        encode({(key,): 1})
    with pytest.raises(Undecodable, match="nested"):
        decode(f"[{text}]")


def test_brackets_in_strings_are_no_levels():
    assert decode(encode(["[" * 1_000, '{"' * 1_000])) == ["[" * 1_000, '{"' * 1_000]


# --- items and bytes ------------------------------------------------------------------------------


def test_items_are_counted_on_both_sides():
    most = [0] * MAX_ITEMS
    assert decode(encode(most)) == most
    for too_many in ([0] * (MAX_ITEMS + 1), [[0] * (MAX_ITEMS // 2)] * 2):
        with pytest.raises(TooMany, match="more than 4000000 items"):
            encode(too_many)
        assert digest(too_many) == digest(list(too_many))
    with pytest.raises(Undecodable, match="more than 4000000 items"):
        decode("[" + "0," * MAX_ITEMS + "0]")
    with pytest.raises(Undecodable, match="more than 4000000 items"):
        decode("[[0,0]" + ",[0,0]" * (MAX_ITEMS // 2 - 1) + ",[0,0]]")


def test_commas_in_strings_are_no_items():
    text = encode(["," * (MAX_ITEMS + 9), '",\\'])
    assert decode(text) == ["," * (MAX_ITEMS + 9), '",\\']


def test_text_is_bounded_on_both_sides_and_refused_before_it_is_written():
    most = "x" * (MAX_BYTES - 2)
    assert decode(encode(most)) == most
    with pytest.raises(TooMany, match="text of more than 16 MiB"):
        encode(most + "x")
    with pytest.raises(Undecodable, match="larger than 16 MiB"):
        decode(f'"{most}x"')
    with pytest.raises(TooMany, match="16 MiB"):
        encode(b"x" * (MAX_BYTES // 2))
    page = "x" * 100_000
    for giant in (
        [page] * 10_000,
        [(page, 1)] * 10_000,
        {1: [page] * 500},
        dict.fromkeys("ab", [page] * 90),
    ):
        tracemalloc.start()
        with pytest.raises(TooMany, match="16 MiB"):
            encode(giant)
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        assert peak < MAX_BYTES


def test_an_iterator_is_read_only_so_far():
    def endless():
        while True:
            yield 1

    assert len(list(decode(encode(iter([1] * MAX_ITERATED))))) == MAX_ITERATED
    with pytest.raises(Unencodable, match="generator of more than 100000 items"):
        encode(endless())
    with pytest.raises(Undecodable, match="iterator of more than 100000"):
        decode('{"$iterator":[0' + ",0" * MAX_ITERATED + "]}")


# --- cycles and sharing ---------------------------------------------------------------------------


def cyclic(kind):
    """A container that holds itself, a few levels down."""
    if kind in (list, deque):
        loop = kind([1])
        loop.append((loop, 2))
    else:
        loop = kind(a=1)
        loop["b"] = {"c": [loop]}
    return loop


@pytest.mark.parametrize("kind", [list, deque, dict, defaultdict, OrderedDict])
def test_a_cycle_is_refused_by_name(kind):
    kind = (lambda **content: defaultdict(int, content)) if kind is defaultdict else kind
    for loop in (cyclic(kind), [cyclic(kind)], {"a": (cyclic(kind),)}):
        for write in (encode, digest):
            with pytest.raises(
                Unencodable, match=r"^cyclic (list|deque|dict|defaultdict|OrderedDict)$"
            ):
                write(loop)


def test_a_cycle_of_many_members_or_many_levels_is_refused_by_name_soon(cpu):
    wide = [0] * 100_000
    wide.append([wide, wide])
    long = innermost = []
    for _ in range(50_000):
        innermost.append([])
        innermost = innermost[0]
    innermost.append(long)
    short = []
    short.append(short)
    for loop in (wide, long, short):
        with pytest.raises(Unencodable, match=r"^cyclic list$"):
            encode(loop)

    def refused():
        with pytest.raises(Unencodable):
            encode(wide)

    assert cpu(refused) < 40 * cpu(lambda: encode([0] * 100_000)) + 0.02


def exploding(kind, levels=60):
    block = kind([0] * 10)
    for _ in range(levels):
        block = kind([block, block])
    return block


HARMLESS = [
    [[0] * 3] * 3,
    [[[]] * 3] * 3,
    [[0] * 1_000] * 1_000,
    [[[0] * 100] * 100] * 100,
    (row := [1, 2], {"a": row, "b": [row, (row,)]}),
    [{"a": 1}] * 50_000,
    [({1}, {1: 2})] * 10_000,
    dict.fromkeys(range(1_000), [[0] * 10] * 10),
    exploding(list, 15),
]


@pytest.mark.parametrize("value", HARMLESS, ids=lambda value: repr(value[0])[:20])
def test_harmless_sharing_is_written_out(value):
    """Real answers have it: [[0] * 3] * 3, a list put into its own copy."""
    text = encode(value)
    assert decode(text) == value
    assert len(text) < 4 * 2**20
    assert digest(value) == digest(decode(text))


def test_views_that_make_their_members_anew_are_not_taken_for_sharing():
    first, rest = {1: [[0] * 5_000]}, [{1: [[number]]} for number in range(60_000)]
    text = encode([first.items(), *(each.items() for each in rest)])
    assert decode(text) == [[(1, [[0] * 5_000])], *([(1, [[number]])] for number in range(60_000))]


BOMBS = {
    "lists": lambda: exploding(list),
    "few": lambda: exploding(list, 20),
    "tuples": lambda: exploding(tuple),
    "deques": lambda: exploding(deque),
    "dicts": lambda: exploding(lambda items: dict(enumerate(items))),
    "views": lambda: exploding(lambda items: dict(enumerate(items)).values()),
    "own": lambda: exploding(type("Own", (list,), {})),
    "within": lambda: [1, {"a": exploding(list)}],
    "beside": lambda: [[0] * 9_999, exploding(list)],
    "before": lambda: [exploding(list, 30), [0] * 9_999],
}


REFUSAL = r"^shared \w+: \d+ items written out, \d+ held$"


@pytest.mark.parametrize("write", [encode, digest])
@pytest.mark.parametrize("name", BOMBS)
def test_sharing_that_explodes_is_refused_by_name_and_soon(write, name, cpu):
    bomb = BOMBS[name]()
    honest = [[0] * 10] * 50_000

    def refused():
        with pytest.raises(Unencodable, match=REFUSAL) as caught:
            write(bomb)
        assert type(caught.value) is not TooMany  # such a thing is not worth a digest

    assert cpu(refused, 1) < 20 * cpu(lambda: write(honest), 1) + 0.1


def test_sharing_that_explodes_is_refused_in_little_memory():
    bomb = exploding(list)
    tracemalloc.start()
    with pytest.raises(Unencodable, match=REFUSAL):
        encode(bomb)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 40 * 2**20


def test_what_was_read_shares_nothing():
    text = json.dumps([[0, 0]] * 3)
    back = decode(text)
    back[0][0] = 1
    assert back == [[1, 0], [0, 0], [0, 0]]
    for tag in ("$shared", "$id", "$py/id", "$back"):
        with pytest.raises(Undecodable):
            decode(f'[[],{{"{tag}":0}}]')
