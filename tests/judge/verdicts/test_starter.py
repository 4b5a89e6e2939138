"""The bundled set proves itself: every reference is right, every mistake gets its verdict."""

from dataclasses import replace

import pytest

from judge.verdicts.judging import judge
from problems.importers import bundled

pytestmark = pytest.mark.sandbox
SET = bundled("starter")


@pytest.mark.parametrize("problem", SET.problems, ids=lambda problem: problem.slug)
def test_the_reference_is_right_and_every_mistake_gets_its_verdict(problem, sandbox):
    """Solutions that must run out of time get an eighth of it, which the reference lives within."""
    hurried = replace(
        problem, limits=replace(problem.limits, cpu_seconds=problem.limits.cpu_seconds / 8)
    )
    found = judge(problem, problem.reference, sandbox)
    assert found.verdict == "AC", found
    slow = [wrong for wrong in problem.wrong if wrong.verdict == "TLE"]
    if slow:
        assert judge(hurried, problem.reference, sandbox).verdict == "AC"
    for wrong in problem.wrong:
        found = judge(hurried if wrong in slow else problem, wrong.source, sandbox)
        assert found.verdict == wrong.verdict, (wrong.note, found)
