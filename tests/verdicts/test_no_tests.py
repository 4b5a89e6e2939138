"""What no solution can act out: problems without tests, and state that a judge itself might keep."""

from dataclasses import replace

import pytest

from judge.verdicts.judging import judge
from judge.verdicts.posed import HONEST, KINDS, pose
from problems.problem import Checker, Examined

pytestmark = pytest.mark.sandbox
NEARLY = "def halve(x):\n    return x / 2 + 1e-7\n"


@pytest.mark.parametrize("kind", ["function", "class", "program"])
def test_a_problem_without_tests_is_our_fault_and_never_accepted(kind, sandbox):
    empty = replace(pose("double", kind), examples=())
    found = judge(empty, HONEST, sandbox)
    assert (found.verdict, found.reason) == ("SE", "no_tests")


@pytest.mark.parametrize("check", ["", "pass\n", "assert True\n", "double\n", "assert double\n"])
def test_a_check_that_never_calls_the_solution_is_our_fault(check, sandbox):
    posed = pose("double", "mbpp")
    assert isinstance(posed.entry, Examined)
    idle = replace(posed, entry=replace(posed.entry, check=check), examples=())
    assert judge(idle, HONEST, sandbox).verdict == "SE"


@pytest.mark.parametrize("kind", ["function", "class", "program"])
def test_an_example_without_an_answer_is_our_fault(kind, sandbox):
    posed = pose("double", kind)
    unanswered = tuple(replace(example, accepted=()) for example in posed.examples)
    found = judge(replace(posed, examples=unanswered), HONEST, sandbox)
    assert (found.verdict, found.reason) == ("SE", "no_expected")


@pytest.mark.parametrize("kind", [kind for kind in KINDS if pose("double", kind).examples])
def test_one_example_without_tests_beside_others_is_not_passed_over(kind, sandbox):
    posed = pose("double", kind)
    *most, last = posed.examples
    partly = replace(posed, examples=(*most, replace(last, accepted=())))
    assert judge(partly, HONEST, sandbox).verdict == "SE"


def test_a_tolerance_ends_with_the_problem_that_has_it(sandbox):
    tolerant = pose("halve", "function")
    exact = replace(tolerant, checker=Checker("exact"))
    verdicts = [judge(each, NEARLY, sandbox).verdict for each in (tolerant, exact, tolerant, exact)]
    assert verdicts == ["AC", "WA", "AC", "WA"]
