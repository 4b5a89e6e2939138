"""What a set lacks is computed once, sealed; a reference that does not hold is named."""

from dataclasses import replace

import pytest

from judge.verdicts.audit import complete, complete_once
from judge.verdicts.judging import judge
from judge.verdicts.timing import Timing
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


# --- how long references take --------------------------------------------------------------------


def spinning(seconds, limit, **more):
    """A problem whose reference takes that much CPU time, on a host of any speed."""
    source = (
        f"import time\ndef f(x):\n    while time.process_time() < {seconds}: pass\n    return x\n"
    )
    examples = (Example(encode([2]), (encode(2),)),)
    limits = Limits(cpu_seconds=limit, **more)
    return replace(OPEN, examples=examples, reference=source, limits=limits)


class Watched:
    """The real sandbox, with a note of which jobs ran alone."""

    def __init__(self, sandbox):
        self.sandbox, self.alone = sandbox, []

    def __getattr__(self, name):
        return getattr(self.sandbox, name)

    def run(self, job, *, alone=False, accept=None):
        self.alone.append(alone)
        return self.sandbox.run(job, alone=alone, accept=accept)


def test_references_are_timed_in_seconds_of_the_nominal_host(sandbox):
    problem = spinning(0.3, limit=3.0)
    found = complete(ProblemSet("s", (problem,)), sandbox, speed=2.0)
    [(digest, time)] = found.references.items()
    assert digest == problem.digest and 0.6 <= time.cpu_seconds < 3.0
    assert 0.4 <= time.example_cpu_seconds <= time.cpu_seconds
    assert not complete(ProblemSet("s", (problem,)), sandbox).references


def test_a_time_is_kept_by_the_digest_of_the_completed_problem(sandbox):
    found = complete(ProblemSet("s", (OPEN,)), sandbox, speed=1.0)
    assert set(found.references) == {found.problem_set.problems[0].digest} != {OPEN.digest}


def test_only_a_time_that_raises_a_limit_is_measured_again_alone(sandbox):
    for limit, calls in ((3.0, [False]), (1.0, [False, True])):
        watched = Watched(sandbox)
        complete(ProblemSet("s", (spinning(0.4, limit=limit),)), watched, speed=1.0)
        assert watched.alone == calls
    watched = Watched(sandbox)
    each = spinning(0.4, limit=9.0, example_cpu_seconds=1.0)
    complete(ProblemSet("s", (each,)), watched, speed=1.0)
    assert watched.alone == [False, True]


def test_a_reference_slower_than_its_limit_raises_the_limit_and_is_no_fault(sandbox):
    slow = spinning(0.6, limit=0.3)
    found = complete(ProblemSet("s", (slow,)), sandbox, speed=1.0)
    assert not found.faults and found.problem_set.problems == (slow,)
    known = Timing(1.0, found.references)
    assert judge(slow, slow.reference, sandbox, timing=known).verdict == "AC"
    assert judge(slow, slow.reference, sandbox).verdict == "TLE"


def test_answers_too_may_take_a_slow_reference_longer_than_its_limit(sandbox):
    slow = spinning(0.6, limit=0.3)
    waiting = replace(slow, examples=(Example(encode([2]), from_reference=True),))
    found = complete(ProblemSet("s", (waiting,)), sandbox, speed=1.0)
    assert found.problem_set.problems[0].examples[0].accepted == ("2",)
    assert found.references


def test_a_reference_that_does_not_hold_raises_no_limit(sandbox):
    wrong = replace(spinning(0.0, limit=1.0), reference="def f(x):\n    return 3\n")
    found = complete(ProblemSet("s", (wrong,)), sandbox, speed=1.0)
    assert found.faults and not found.references
