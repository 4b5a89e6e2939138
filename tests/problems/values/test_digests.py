"""Digests are equal when values are, and what was stored stays what it was."""

import math
import subprocess
import sys
from decimal import Decimal
from pathlib import Path

import pytest

from problems.values import Unencodable, decode, digest, encode, settled

ROOT = Path(__file__).parents[3]


def test_stored_digests_and_texts_are_what_they_were():
    """These stand in problem sets that were stored long ago."""
    value = [1, 2.0, 0.5, True, "é", None, (1, [2]), {"a": {1, 2}}, 2**9_000, b"x", 1j, {3: "$"}]
    assert encode(value[:8] + value[9:]) == (
        '[1,2.0,0.5,true,"\\u00e9",null,{"$tuple":[1,[2]]},{"a":{"$set":[1,2]}},{"$bytes":"78"},'
        '{"$complex":[0.0,1.0]},{"$dict":[[3,"$"]]}]'
    )
    assert digest(value) == (
        '{"$sha256":"eb66233ec709f521c32e384eadfeb4287b0e61099647c06c09d16b8c282213d2"}'
    )


def test_different_giants_have_different_digests():
    assert digest(["a"] * 3_000) != digest(["a"] * 2_999 + ["b"])
    assert digest([1, 23]) != digest([12, 3])
    assert digest(["1", 2]) != digest([1, "2"])
    assert digest([1] * 2_048) != digest([1] * 2_047) and digest([[1], 2]) != digest([[1, 2]])


def test_zeros_of_either_sign_are_one():
    assert digest([0.0, complex(0.0, 1), complex(1, 0.0)]) == digest([-0.0, complex(-0.0, 1), 1])


def test_nan_makes_a_digest_that_nothing_equals_not_even_itself():
    for value in (math.nan, [math.nan] * 2, (1, {2: complex(1, math.nan)}), [Decimal("NaN")]):
        assert digest(value) != digest(value)


def test_an_iterator_is_not_digested_for_what_is_left_of_it():
    with pytest.raises(Unencodable, match="iterator"):
        digest([iter([1, 2])])


def test_a_problem_text_can_be_had_whatever_the_hash_seed():
    members = [f"w{number}" for number in range(40)]
    program = f"from problems.values import *; print(settled(encode([set({members}), {{1: 2}}])))"
    told = {
        subprocess.run(
            [sys.executable, "-c", program],
            env={"PYTHONPATH": str(ROOT), "PYTHONHASHSEED": seed},
            capture_output=True,
            check=True,
        ).stdout
        for seed in ("1", "2", "3")
    }
    assert len(told) == 1
    assert decode(told.pop().decode().strip()) == [set(members), {1: 2}]
    assert settled(encode([1.0, -0.0, "é", {(2, 1)}])) == encode([1.0, -0.0, "é", {(2, 1)}])
