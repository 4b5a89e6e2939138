"""What a text can cost is bounded by its length, whatever hashes and numbers are in it."""

import itertools
import json

import pytest

from problems.values import Undecodable, decode, encode

P = 2**61 - 1  # integers that differ by a multiple of it have one hash


def tuples(rows):
    return [{"$tuple": row} for row in rows]


def flips(bits, prefix=0):
    """Tuples of one hash: -1 and -2 have one."""
    return [[0] * prefix + list(row) for row in itertools.product((-1, -2), repeat=bits)]


def frozen(depth):
    """Eight frozensets of one hash that hold six frozensets of one hash, to the given depth: to
    compare two takes some 18 comparisons of what is in them, and they are six times as large."""
    inner = frozen(depth - 1) if depth > 1 else tuples(flips(3))
    subsets = itertools.islice(itertools.combinations(inner, 6), 8)
    return [{"$frozenset": list(subset)} for subset in subsets]


ATTACKS = {
    "tuples of one hash": {"$set": tuples(flips(15))},
    "few of one hash among many, each long": {
        "$set": [*range(200_000), *tuples(flips(11, prefix=600))]
    },
    "integers of one hash": {"$set": [number * P for number in range(20_000)]},
    "huge integers of one hash": {
        "$set": [*range(200_000), *({"$int": hex(n * P << 61 * 40)} for n in range(1, 2_000))]
    },
    "keys of one hash": {"$dict": [[key, 1] for key in tuples(flips(13))]},
    "frozensets of tuples of one hash": {
        "$set": [{"$frozenset": tuples([row])} for row in flips(13)]
    },
    "one set after another": [{"$set": tuples(flips(8))} for _ in range(200)],
    "crowds in crowds": {"$set": frozen(4)},
    "crowds in crowds, spread": {"$set": [{"$tuple": [0, each]} for each in frozen(4)]},
    "long fractions": [{"$fraction": "9" * 3_999 + "/" + "7" * 3_999}] * 200,
    "long decimals": {"$set": [{"$decimal": f"{n}" + "9" * 4_990} for n in range(300)]},
}
ATTACKS = {name: json.dumps(attack, separators=(",", ":")) for name, attack in ATTACKS.items()}
ATTACKS["a number of a million digits"] = "[" + "7" * 1_000_000 + "]"
ATTACKS["a fraction of a million digits"] = "[0." + "7" * 1_000_000 + "]"
ATTACKS["an exponent of a million digits"] = "[1e" + "9" * 1_000_000 + "]"
ATTACKS["zeros before the point"] = "[" + "[0.0" + "0" * 300 + "1],[" * 5_000 + "]]"


@pytest.mark.parametrize("name", ATTACKS)
def test_an_attack_costs_no_more_than_an_honest_text_of_its_length(name, cpu):
    attack = ATTACKS[name]
    size = len(attack)
    honest = json.dumps(
        {"$set": [{"$tuple": [n, n + 1, 0, 0, 0]} for n in range(size // 36)]},
        separators=(",", ":"),
    )

    def attempt():
        try:
            decode(attack)
        except Undecodable:
            return

    assert cpu(attempt, 1) < 20 * cpu(lambda: decode(honest)) + 0.2  # the attacks took seconds


@pytest.mark.parametrize(
    "value",
    [
        {(x, y) for x in range(-9, 9) for y in range(-9, 9)},
        set(itertools.product(range(-2, 3), repeat=4)),
        set(itertools.product((-1, -2), repeat=6)),
        dict.fromkeys(itertools.product((-2, -1, 0), repeat=4), 1),
        {frozenset(some) for some in itertools.combinations(range(-4, 4), 3)},
        {frozenset(some) for n in range(5) for some in itertools.combinations((-1, -2, 0, 1), n)},
        {frozenset([(x, y), (y, x)]) for x in range(-3, 3) for y in range(-3, 3)},
        {-1, -2, -1.5, P - 1, -(2**61)},
        {n * P + 5 for n in range(20)},
        set(range(-50_000, 50_000)),
        {f"{n}": n for n in range(10_000)},
    ],
    ids=lambda value: repr(value)[:20],
)
def test_honest_members_of_one_hash_are_taken(value):
    assert decode(encode(value)) == value
