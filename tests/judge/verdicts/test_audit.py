"""What a set lacks is computed once, sealed; a reference that does not hold is named."""

from dataclasses import replace

import pytest

from judge.verdicts.audit import complete, complete_once
from problems.problem import Examined, Example, Function, Limits, Problem, ProblemSet, Slug
from problems.values import encode

pytestmark = pytest.mark.sandbox
OPEN = Problem(
    Slug("open"),
    "",
    Function("f"),
    (
        Example(encode([2]), from_reference=True),
        Example(encode([3]), (encode(0),), from_reference=True),
    ),
    reference="def f(x):\n    return x * x\n",
    limits=Limits(cpu_seconds=1.0),
)


def audited(sandbox, *problems):
    return complete(ProblemSet("s", problems), sandbox)


def test_answers_come_from_the_reference_beside_those_that_are_known(sandbox):
    examples = audited(sandbox, OPEN).problem_set.problem("open").examples
    assert [example.accepted for example in examples] == [("4",), ("9", "0")]
    assert not any(example.from_reference for example in examples)


@pytest.mark.parametrize(
    ("reference", "reason"),
    [
        ("def f(x): return 1 // 0", "ZeroDivisionError"),
        ("def f(x): return object()", "object"),
        ("def f(x):\n    while True: pass", "cpu"),
        ("", "neither answers nor a reference"),
    ],
)
def test_a_reference_that_gives_no_answers_is_a_fault_by_name(sandbox, reference, reason):
    found = audited(sandbox, replace(OPEN, reference=reference), replace(OPEN, slug=Slug("other")))
    assert [problem.slug for problem in found.problem_set.problems] == ["other"]
    assert found.faults[0].slug == "open" and reason in found.faults[0].reason


def test_a_reference_that_answers_otherwise_the_second_time_is_a_fault(sandbox):
    found = audited(
        sandbox, replace(OPEN, reference="import time\ndef f(x): return time.perf_counter_ns()")
    )
    assert found.faults[0].verdict == "WA"


def test_a_check_that_its_own_reference_fails_is_a_fault(sandbox):
    entry = Examined("f", "assert f(1) == 3", ("f",))
    wrong = replace(OPEN, entry=entry, examples=(), reference="def f(x): return 2")
    assert audited(sandbox, wrong).faults[0].verdict == "WA"
    broken = replace(wrong, entry=replace(entry, check="assert nobody(1) == 3"))
    found = audited(sandbox, broken)
    assert found.faults[0].verdict == "SE" and not found.problem_set.problems


def test_what_was_computed_is_remembered(sandbox, tmp_path):
    asked = []
    for _ in range(2):
        found = complete_once(
            ProblemSet("s", (OPEN,)), sandbox, tmp_path, lambda *at: asked.append(at)
        )
        assert found.problem_set.problem("open").examples[0].accepted == ("4",)
    assert len(asked) == 1
