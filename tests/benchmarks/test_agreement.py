"""The same verdict whoever judges: both backends, one worker and two, an idle machine and a busy one.

Judged are all answers of the real data (each distinct one once), the reference solutions of the sets,
and the wrong solutions of the bundled one, under one CPU limit that keeps endless loops short. A busy
machine is one with two processes that spin. Every difference is listed; none is the target.
JUDGE_BENCH_SHARE takes every n-th solution only.
"""

import contextlib
import os
import subprocess
import sys
import threading
import time
from collections import Counter
from dataclasses import dataclass, replace

import pytest

from judge.cli.score import COMMON_PREAMBLE
from judge.models.answers import Form, read_answers
from judge.models.extraction import extract
from judge.verdicts.judging import Conditions, judge
from problems.importers import bundled, read_any
from problems.problem import Problem
from tests.benchmarks.contenders import read_tasks

pytestmark = [
    pytest.mark.benchmark,
    pytest.mark.data,
    pytest.mark.sandbox,
    pytest.mark.timeout(5400),
]
SHARE = int(os.environ.get("JUDGE_BENCH_SHARE", "1"))
WAYS = [(workers, busy) for workers in (1, 2) for busy in (False, True)]
CPU_SECONDS = 1.5
AS_RECORDED = Conditions(preamble=COMMON_PREAMBLE, helpers="solution", cpu_seconds=CPU_SECONDS)
ANSWERS = {
    "humaneval/HumanEval.jsonl.gz": (
        "ldb-humaneval/gpt-3.5-turbo-0613.jsonl.gz",
        "ldb-humaneval/starcoder.jsonl.gz",
        "mapcoder-chatgpt-cot-humaneval/answers.jsonl.gz",
        "llm-humaneval-8",
    ),
    "apps-150/selected150.jsonl.gz": ("mapcoder-chatgpt-direct-apps/answers.jsonl.gz",),
}


@dataclass(frozen=True)
class Posed:
    """A solution to a problem, and where it is from."""

    name: str
    problem: Problem
    source: str
    conditions: Conditions = AS_RECORDED


def answers_of(data):
    for set_file, files in ANSWERS.items():
        problem_set = read_any(data / set_file)
        paths = [data / "answers" / name for name in files]
        paths = [each for path in paths for each in (sorted(path.glob("*.gz")) or [path])]
        for path in paths:
            columns = ("", "source_codes") if "mapcoder" in str(path) else ("",)
            for answer in (one for column in columns for one in read_answers(path, column)):
                problem = problem_set.problem(answer.task)
                source = answer.text
                if answer.form is Form.COMPLETION:
                    source = problem.starter + source
                elif answer.form is Form.REPLY:
                    source = extract(source, problem.entry).source
                yield Posed(f"{path.parent.name}/{path.stem} {answer.task}", problem, source)


def references(data):
    plain = Conditions(cpu_seconds=CPU_SECONDS)
    examined = replace(plain, examiner=True)
    for task in read_tasks(data):
        yield Posed("reference, as data", task.as_data, task.source, plain)
        yield Posed("reference, examined", task.whole, task.source, examined)
    for name in ("mbpp/mbpp.jsonl.gz", "apps-150/selected150.jsonl.gz"):
        for problem in read_any(data / name).problems:
            if problem.reference:
                yield Posed("reference", problem, problem.reference, plain)
    for problem in bundled("starter").problems:
        yield Posed("reference", problem, problem.reference, plain)
        for wrong in problem.wrong:
            yield Posed(f"wrong: {wrong.note}", problem, wrong.source, plain)


@pytest.fixture(scope="module")
def posed(data):
    """Everything once."""
    found = {}
    for each in (*answers_of(data), *references(data)):
        found.setdefault((each.problem.digest, each.source, each.conditions), each)
    return list(found.values())[::SHARE]


@contextlib.contextmanager
def busy_loops(count):
    """So many processes that spin."""
    with contextlib.ExitStack() as stack:
        for _ in range(count):
            spin = subprocess.Popen([sys.executable, "-I", "-S", "-c", "while True: pass"])
            stack.callback(spin.wait)
            stack.callback(spin.kill)
        yield


def verdicts_of(sandbox, posed):
    """A judgement for each, in their order, by as many threads as keep the sandbox busy."""
    found, left = [None] * len(posed), iter(range(len(posed)))

    def work():
        for index in left:
            each = posed[index]
            found[index] = judge(each.problem, each.source, sandbox, each.conditions)

    threads = [threading.Thread(target=work) for _ in range(sandbox.callers)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return found


def test_every_backend_gives_the_same_verdicts_at_any_load(backends, posed):
    found = {}
    for name, open_for in backends.items():
        for workers, busy in WAYS:
            way = f"{name}, {workers} workers, {'busy' if busy else 'idle'}"
            started = time.monotonic()
            with busy_loops(2 if busy else 0):
                found[way] = verdicts_of(open_for(workers), posed)
            came = Counter(str(each.verdict) for each in found[way])
            unstable = [p.name for p, each in zip(posed, found[way], strict=True) if each.unstable]
            print(
                f"\n{way}: {len(posed):,} solutions in {time.monotonic() - started:.0f} s, "
                f"{dict(came.most_common())}; unstable: {unstable or 'none'}"
            )
    first, *others = found
    differences = [
        f"{each.name} ({each.problem.slug}): {first} {one.verdict} {one.reason}, "
        f"{way} {other.verdict} {other.reason}"
        for way in others
        for each, one, other in zip(posed, found[first], found[way], strict=True)
        if one.verdict != other.verdict
    ]
    print(f"\ndifferences: {len(differences)}", *differences, sep="\n  ")
    assert differences == []
