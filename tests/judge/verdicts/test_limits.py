"""Verdicts on real processes of both backends: which limit speaks, and modes that read the same."""

from dataclasses import replace

import pytest

from judge.sandbox.base import Stop
from judge.verdicts.bundles import Bundle, differences, read_bundle, replay, write_bundle
from judge.verdicts.judging import Conditions, judge
from problems.problem import Example, Function, Limits, Problem, Slug
from problems.values import encode

pytestmark = pytest.mark.sandbox
PROBLEM = Problem(
    Slug("p"),
    "",
    Function("f"),
    tuple(Example(encode([n]), (encode(n),)) for n in range(5)),
    limits=Limits(cpu_seconds=0.5, memory_mb=128),
)
ONE = replace(PROBLEM, examples=PROBLEM.examples[:1])


@pytest.mark.parametrize(
    ("body", "wanted"),
    [
        # memory is full and the process burns its time: it ran out of memory. A loop is a time-out by
        # either clock: on a host with other work the wall's may be first
        ("kept = []\n while True:\n  try: kept.append(bytearray(1 << 20))\n  except MemoryError: pass", "MLE oom"),
        ("kept = []\n while True:\n  try: kept.append([0])\n  except MemoryError: pass", "MLE oom"),
        ("kept = []\n while True: kept.append(bytearray(1 << 20))", "MLE oom"),
        ("return len(' ' * 10**10)", "MLE oom"),
        ("import mmap\n return len(mmap.mmap(-1, 4 << 30, flags=mmap.MAP_PRIVATE))", "MLE oom"),
        ("import os\n kept = bytearray(115 << 20)\n os.abort()", "MLE signal:6"),
        ("import os\n os.abort()", "RE signal:6"),
        ("import os\n kept = bytearray(110 << 20)\n os._exit(0)", "RE early_exit"),
        ("kept = bytearray(60 << 20)\n return x", "AC"),
        ("kept = bytearray(95 << 20)\n return x", "AC"),
        ("while True: pass", "TLE"),
        ("import time\n time.sleep(99)", "TLE wall"),
        ("while True: print('x' * 9999)", "OLE stdout"),
    ],
)  # fmt: skip
def test_the_limit_that_was_met_speaks(each_sandbox, body, wanted):
    found = judge(ONE, f"def f(x):\n {body}\n", each_sandbox)
    said = f"{found.verdict} {found.reason}".strip()
    assert said.startswith(wanted) and found.verdict == wanted.split()[0], found
    evidence = found.evidence
    near = evidence.memory_mb >= 0.8 * 128 or found.verdict == "TLE"
    assert evidence.runs == (2 if near else 1)
    assert evidence.host == each_sandbox.host and evidence.sandbox == each_sandbox.fingerprint
    assert bool(evidence.host.image) == (each_sandbox.name == "docker")


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ("return x", "AC AC AC AC AC"),
        ("return 7 if x == 2 else x", "AC AC WA"),
        ("return x // (x != 2)", "AC AC RE"),
        ("import os\n return os._exit(3) if x == 2 else x", "AC AC RE"),
        ("return len([0] * 10**9) if x == 2 else x", "AC AC MLE"),
        ("while x == 2: pass\n return x", "AC AC TLE"),
    ],
)
def test_both_modes_read_the_same_up_to_the_first_failure(each_sandbox, body, said):
    for way in (False, True):
        conditions = Conditions(process_per_example=way, stop=Stop.FAILURE)
        found = judge(PROBLEM, f"def f(x):\n {body}\n", each_sandbox, conditions)
        rest = ["SKIP"] * (5 - len(said.split()))
        assert [one.verdict for one in found.outcomes] == [*said.split(), *rest]


def test_a_process_an_example_keeps_nothing_between_examples(each_sandbox):
    source = "seen = []\ndef f(x):\n    seen.append(x)\n    return x if len(seen) == 1 else 7\n"
    together = judge(PROBLEM, source, each_sandbox)
    apart = judge(PROBLEM, source, each_sandbox, Conditions(process_per_example=True))
    assert (together.passed, apart.passed) == (1, 5)


def test_evidence_of_one_backend_is_replayed_on_the_other(sandbox, docker_sandbox, tmp_path):
    source = "def f(x):\n    return x if x < 3 else 7\n"
    bundle = Bundle(PROBLEM, source, Conditions(), judge(PROBLEM, source, sandbox))
    write_bundle(bundle, tmp_path / "b.json")
    again = replay(read_bundle(tmp_path / "b.json"), docker_sandbox)
    assert (again.verdict, again.reason) == ("WA", "answer")
    changed = {each.what for each in differences(bundle.judgement.evidence, again.evidence)}
    assert {"backend", "image"} <= changed
